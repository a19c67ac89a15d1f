"""Measures a map of streets beside protomaps-leaflet on the same tiles: a new place, and dragging.

The contender is a page with Leaflet, its markers, that library and its labels, and nothing else; ours is the map panel
with reports on it, whose tiles come from the program.
"""

from __future__ import annotations

import base64
import json
import random
import sys
import tempfile
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from api_client.decoding import decode
from tests.helpers.vector_tiles import AREA, EXTENT, LINE, command, feature, layer, numbers
from tools.bench.child import output_of, tell
from tools.bench.pan import Pan, drag

if TYPE_CHECKING:
    from PySide6.QtWidgets import QApplication

_SIZE = (1920, 1080)
_ZOOM, _DATA_ZOOM = 15, 14
_PLACES = [(-6.21 + 0.1 * step, 106.83) for step in range(7)]
_REPORTS = 300
_TILES = 4
_STREETS = 24
_BEND = 90
"""In units of a tile: how far a street's points lie off its line."""
_CLASSES = ("motorway", "primary", "secondary", "tertiary", "tertiary") + ("local",) * 11 + ("gang",) * 8
_NAMES = ("Melati", "Kenanga", "Anggrek", "Cempaka", "Dahlia")
_LIBRARY = Path(__file__).parents[1] / "web" / "node_modules" / "protomaps-leaflet" / "dist" / "protomaps-leaflet.js"
_AT_MOST_MS = 120_000

_PAGE = """<!doctype html><style>CSS html, body, #map { margin: 0; height: 100%; background: #1A2128 }</style>
<div id="map"></div><script>LEAFLET</script><script>PROTOMAPS</script><script>
const tiles = TILES.map((one) => Uint8Array.from(atob(one), (letter) => letter.charCodeAt(0)));
window.fetch = async (url) => {
  const [x, y] = String(url).split("/").slice(-2).map(Number);
  return new Response(tiles[(x + 2 * y) % tiles.length]);
};
const still = {zoomControl: false, attributionControl: false, zoomAnimation: false, fadeAnimation: false};
const map = L.map("map", {preferCanvas: true, ...still});
const { LineSymbolizer, PolygonSymbolizer, LineLabelSymbolizer } = protomapsL;
const roads = {gang: 2, local: 3, tertiary: 4, secondary: 5, primary: 6, motorway: 8};
const text = {labelProps: ["name"], fill: "#97A4B1", stroke: "#12171C", width: 2, font: "11px sans-serif"};
const rules = [{dataLayer: "area", symbolizer: new PolygonSymbolizer({fill: "#1C2727"})},
  ...Object.entries(roads).map(([kind, width], index) => ({dataLayer: "road", filter: (_, one) => one.props.k === kind,
    symbolizer: new LineSymbolizer({color: `rgb(${40 + 8 * index}, ${50 + 8 * index}, ${60 + 8 * index})`, width})}))];
const labels = [{dataLayer: "road", symbolizer: new LineLabelSymbolizer(text)}];
map.setView(PLACES[0], ZOOM);
for (const point of POINTS) L.circleMarker(point, {radius: 7, weight: 2}).addTo(map);
window.first = {ms: [], done: false};
(async () => {
  for (const place of PLACES) {
    map.setView(place, ZOOM, {animate: false});
    const layer = protomapsL.leafletLayer({url: "/tiles/{z}/{x}/{y}", maxDataZoom: DATA, levelDiff: 1, noWrap: true,
      paintRules: rules, labelRules: labels, backgroundColor: "#1A2128", attribution: "", keepBuffer: 1});
    const began = performance.now(), loaded = new Promise((resolve) => layer.on("load", resolve));
    layer.addTo(map);
    await loaded;
    await new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
    window.first.ms.push(performance.now() - began);
    if (place !== PLACES.at(-1)) layer.remove();
  }
  window.first.done = true;
})();
</script>"""


class StreetRun(msgspec.Struct, frozen=True):
    """From a new place to its streets on the screen, in ms; then dragging."""

    first_ms: list[float]
    pan: Pan


def streets_console() -> StreetRun:
    """The map panel, in a child process."""
    return decode(output_of("tools.bench.streets", "console"), StreetRun)


def streets_protomaps() -> StreetRun:
    """The contender; raises ModuleNotFoundError where it is not installed (`make set-up-checks`)."""
    if not _LIBRARY.is_file():
        raise ModuleNotFoundError("No module named 'protomaps-leaflet'")
    return decode(output_of("tools.bench.streets", "protomaps"), StreetRun)


@cache
def _tile(number: int) -> bytes:
    """A tile of an invented dense city: streets along and across, some parks; about as heavy as a real one."""
    chance = random.Random(number)
    roads, values = [], list(dict.fromkeys(_CLASSES))
    for along in (True, False):
        for index in range(_STREETS):
            middle = round((index + 0.5) * EXTENT / _STREETS)
            points = [(round(step * EXTENT / 16), middle + chance.randint(-_BEND, _BEND)) for step in range(17)]
            values.append(f"Jalan {_NAMES[index % len(_NAMES)]} {number}{index}")
            tags = (0, values.index(_CLASSES[index]), 1, len(values) - 1)
            roads.append(feature(LINE, _line(points if along else [(y, x) for x, y in points]), numbers(*tags)))
    corners = [(x + dx, y + dy) for x, y in [(600, 900), (2900, 2500)] for dx, dy in [(0, 0), (400, 0), (400, 300)]]
    parks = [feature(AREA, _line(corners[at : at + 3]) + numbers(command(7, 1)), numbers(0, 0)) for at in (0, 3)]
    return layer("road", roads, ["k", "name"], values) + layer("area", parks, ["k"], ["park"])


def _line(points: list[tuple[int, int]]) -> bytes:
    steps = [(x - a, y - b) for (x, y), (a, b) in zip(points, [(0, 0), *points], strict=False)]
    moves = [2 * abs(value) - (value < 0) for step in steps for value in step]
    return numbers(command(1, 1), *moves[:2], command(2, len(points) - 1), *moves[2:])


def _tile_at(x: int, y: int) -> bytes:
    return _tile((x + 2 * y) % _TILES)


def _points() -> list[tuple[float, float]]:
    """Where reports are: so many around each place."""
    chance = random.Random(5)
    around = [(chance.uniform(-0.02, 0.02), chance.uniform(-0.04, 0.04)) for _ in range(_REPORTS)]
    return [(round(lat + up, 5), round(lon + right, 5)) for lat, lon in _PLACES for up, right in around]


def _application() -> QApplication:
    from PySide6.QtCore import QCoreApplication, Qt
    from PySide6.QtWidgets import QApplication

    from widgets.map.scheme import register_scheme

    register_scheme()
    QCoreApplication.setAttribute(Qt.ApplicationAttribute.AA_ShareOpenGLContexts)
    return QApplication(["streets"])


def _console() -> None:
    app = _application()
    from console.tasks import Tasks
    from widgets.map.__main__ import TokenTheme, inter, pack_answer
    from widgets.map.panel import MapPanel

    tasks = Tasks("streets", 2)
    reports = [(row, lat, lon, 3, 0, 0) for row, (lat, lon) in enumerate(_points(), 1)]
    handlers = {
        "reports": lambda asked: pack_answer(
            asked.number,
            [],
            [one for one in reports if asked.south < one[1] < asked.north and asked.west < one[2] < asked.east],
        ),
        "tiles": lambda asked: _tile_at(asked.x, asked.y),
    }
    symbols = (files("resources") / "symbols.json").read_text("utf-8")
    panel = MapPanel(TokenTheme("dark"), symbols, handlers, tasks.submit, fonts=inter())
    panel.resize(*_SIZE)
    first_ms: list[float] = []
    number, awaited = 0, False

    def view() -> None:
        nonlocal number, awaited
        number, awaited = number + 1, True
        panel.set_view(number)

    def go() -> None:
        panel.set_tiles(None)
        panel.go_to(*_PLACES[len(first_ms)], _ZOOM)
        view()

    def on_drawn(shown: int) -> None:
        nonlocal awaited
        if shown != number or not awaited:
            return
        awaited = False
        if number % 2:  # the place, without streets
            clock.start()
            panel.set_tiles("vector", _DATA_ZOOM, _DATA_ZOOM)
            view()
            return
        first_ms.append(clock.nsecsElapsed() / 1e6)
        if len(first_ms) < len(_PLACES):
            go()
        else:
            drag(app, panel.page, lambda pan: _end(app, StreetRun(first_ms, pan)))

    from PySide6.QtCore import QElapsedTimer

    clock = QElapsedTimer()
    panel.bridge.page_ready.connect(go)
    panel.drawn.connect(on_drawn)
    panel.show()
    _run(app)
    tasks.shutdown()
    panel.shut()


def _protomaps() -> None:
    app = _application()
    from PySide6.QtCore import QTimer, QUrl
    from PySide6.QtWebEngineWidgets import QWebEngineView

    leaflet = files("resources") / "web" / "vendor" / "leaflet"
    page = _PAGE.replace("ZOOM", str(_ZOOM)).replace("DATA", str(_DATA_ZOOM)).replace("PLACES", json.dumps(_PLACES))
    page = page.replace("POINTS", json.dumps(_points()))
    page = page.replace("TILES", json.dumps([base64.b64encode(_tile(number)).decode() for number in range(_TILES)]))
    page = page.replace("CSS", (leaflet / "leaflet.css").read_text("utf-8"))
    page = page.replace("LEAFLET", (leaflet / "leaflet.js").read_text("utf-8"))
    page = page.replace("PROTOMAPS", _LIBRARY.read_text("utf-8"))
    with tempfile.TemporaryDirectory(prefix="sigap-bench-") as folder:
        file = Path(folder) / "page.html"
        file.write_text(page, encoding="utf-8")
        view = QWebEngineView()
        view.resize(*_SIZE)
        view.load(QUrl.fromLocalFile(str(file)))
        view.show()
        asking = QTimer(app, interval=100)

        def take(found: Any) -> None:
            if found and asking.isActive():
                asking.stop()
                first_ms = json.loads(found)["ms"]
                drag(app, view.page(), lambda pan: _end(app, StreetRun(first_ms, pan)))

        ask = "window.first && window.first.done ? JSON.stringify(window.first) : ''"
        asking.timeout.connect(lambda: view.page().runJavaScript(ask, take))
        asking.start()
        _run(app)


def _end(app: QApplication, result: StreetRun) -> None:
    tell(result)
    app.exit()


def _run(app: QApplication) -> None:
    from PySide6.QtCore import QTimer

    QTimer.singleShot(_AT_MOST_MS, app.quit)
    app.exec()


if __name__ == "__main__":
    {"console": _console, "protomaps": _protomaps}[sys.argv[1]]()

"""Measures dragging the map, beside Leaflet with its own markers: time per frame, and time the page was blocked."""

from __future__ import annotations

import contextlib
import json
import sqlite3
import sys
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from statistics import quantiles
from typing import TYPE_CHECKING, Any

import msgspec

from api_client.decoding import decode
from tools.bench.child import busy_city, output_of, tell
from tools.bench.window import make_window

if TYPE_CHECKING:
    from PySide6.QtWebEngineCore import QWebEnginePage
    from PySide6.QtWidgets import QApplication

_SIZE = (910, 670)
_MARKERS = 20_000
_FRAMES, _DRAGS = 180, 6
_ASK_MS = 100

_DRAG = """
(() => {
  const map = document.querySelector("#map"), box = map.getBoundingClientRect(), channel = new MessageChannel();
  const send = (on, type, x) => on.dispatchEvent(new MouseEvent(type, {
    bubbles: true, cancelable: true, view: window, clientX: x, clientY: box.top + 200, button: 0, buttons: 1}));
  const middle = box.left + box.width / 2;
  let number = 0, before = 0, began = 0, x = middle;
  window.pan = {frames_ms: [], tasks_ms: [], done: false};
  channel.port1.onmessage = () => window.pan.tasks_ms.push(performance.now() - began);
  const frame = (now) => {
    if (before) window.pan.frames_ms.push(now - before);
    before = now;
    began = performance.now();
    if (number % (FRAMES / DRAGS) === 0) {
      if (number) send(map, "mouseup", x);
      x = middle;
      send(map, "mousedown", x);
    }
    x += 8 * (number % (2 * FRAMES / DRAGS) < FRAMES / DRAGS ? 1 : -1);
    send(map, "mousemove", x);
    channel.port2.postMessage(0);  // arrives when the frame is painted
    if (++number < FRAMES) requestAnimationFrame(frame);
    else { send(map, "mouseup", x); window.pan.done = true; }
  };
  requestAnimationFrame(frame);
})()
""".replace("FRAMES", str(_FRAMES)).replace("DRAGS", str(_DRAGS))

_LEAFLET = """<!doctype html><style>CSS html, body, #map { margin: 0; height: 100% }</style><div id="map"></div>
<script>LEAFLET</script><script>
const map = L.map("map", {preferCanvas: true, zoomControl: false, attributionControl: false});
map.fitBounds([[-6.37, 106.68], [-6.08, 106.98]]);
for (const point of POINTS) L.circleMarker(point, {radius: 5, weight: 1}).addTo(map);
</script>"""


class Pan(msgspec.Struct, frozen=True):
    """The worst of each drag, in ms: from one frame to the next, and what kept the page in one frame.

    `p95_ms` is how long 95 of 100 frames of all drags took at most.
    """

    frames_ms: list[float]
    tasks_ms: list[float]
    p95_ms: list[float]


def pan_console(folder: Path) -> Pan:
    """The map of the real window on `folder`/cache.db, in a child process."""
    return decode(output_of("tools.bench.pan", "console", str(folder)), Pan)


def pan_leaflet(table: Path) -> Pan:
    """Leaflet with a marker on its canvas for each open report of a plain table, 20,000 at most."""
    return decode(output_of("tools.bench.pan", "leaflet", str(table)), Pan)


def _console(folder: Path) -> None:
    app, console = make_window(folder, busy_city(0))
    dragging: list[bool] = []

    def end(pan: Pan) -> None:
        tell(pan)
        app.exit()

    def begin() -> None:
        if console.window_state.view is not None and not dragging:
            dragging.append(True)
            drag(app, console.map.page, end)

    console.map.drawn.connect(begin)
    console.open()
    app.exec()
    console.leave()
    console.close()


def _leaflet(table: Path) -> None:
    from PySide6.QtCore import QCoreApplication, Qt
    from PySide6.QtWebEngineWidgets import QWebEngineView
    from PySide6.QtWidgets import QApplication

    QCoreApplication.setAttribute(Qt.ApplicationAttribute.AA_ShareOpenGLContexts)
    app = QApplication(["leaflet"])
    with contextlib.closing(sqlite3.connect(f"file:{table}?mode=ro", uri=True)) as database:
        found = database.execute(
            "SELECT lat, lon FROM reports WHERE open AND lat IS NOT NULL AND lon IS NOT NULL LIMIT ?", (_MARKERS,)
        )
        points = [(round(lat, 5), round(lon, 5)) for lat, lon in found]
    vendor = files("resources") / "web" / "vendor" / "leaflet"
    page = _LEAFLET.replace("CSS", (vendor / "leaflet.css").read_text("utf-8"))
    page = page.replace("LEAFLET", (vendor / "leaflet.js").read_text("utf-8")).replace("POINTS", json.dumps(points))
    view = QWebEngineView()
    view.resize(*_SIZE)

    def end(pan: Pan) -> None:
        tell(pan)
        app.exit()

    view.loadFinished.connect(lambda _: drag(app, view.page(), end))
    view.setHtml(page)
    view.show()
    app.exec()


def drag(app: QApplication, page: QWebEnginePage, done: Callable[[Pan], None]) -> None:
    """Drag the map of a page to and fro; `done` gets the outcome."""
    from PySide6.QtCore import QTimer

    asking = QTimer(app, interval=_ASK_MS)

    def take(found: Any) -> None:
        if found and asking.isActive():
            asking.stop()
            told = json.loads(found)
            p95_ms = quantiles(told["frames_ms"], n=20)[-1]
            done(Pan(_worst(told["frames_ms"]), _worst(told["tasks_ms"]), [p95_ms]))

    asking.timeout.connect(
        lambda: page.runJavaScript("window.pan && window.pan.done ? JSON.stringify(window.pan) : ''", take)
    )
    page.runJavaScript(_DRAG)
    asking.start()


def _worst(samples: list[float]) -> list[float]:
    size = _FRAMES // _DRAGS
    return [max(samples[first : first + size]) for first in range(0, len(samples), size)]


if __name__ == "__main__":
    {"console": _console, "leaflet": _leaflet}[sys.argv[1]](Path(sys.argv[2]))

"""The background drawn from vector tiles: streets, water and names, whatever the tiles are like."""

from __future__ import annotations

import json
import random
import threading
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any

import pytest
from PySide6.QtGui import QColor

from tests.helpers.vector_tiles import (
    AREA,
    LINE,
    POINT,
    TileFeature,
    command,
    feature,
    layer,
    message,
    numbers,
    tile,
    varint,
)
from tests.page.conftest import LAT, LON, TIMEOUT_MS, Console, MapRig
from widgets.map.routes import Request

NORTH, SOUTH, EAST = LAT + 0.004, LAT - 0.004, LON + 0.006
FAR_WEST, FAR_EAST = LON - 0.03, LON + 0.03
Layers = Mapping[str, Sequence[TileFeature]]


def across(lat: float) -> list[tuple[float, float]]:
    """A street from west to east."""
    return [(lat, FAR_WEST), (lat, FAR_EAST)]


def block(lat: float, lon: float, half: float = 0.001) -> list[tuple[float, float]]:
    """A square."""
    return [(lat + half, lon - half), (lat + half, lon + half), (lat - half, lon + half), (lat - half, lon - half)]


OURS: Layers = {
    "area": [
        TileFeature(AREA, block(SOUTH, LON), {"k": "park"}),
        TileFeature(AREA, block(SOUTH, EAST), {"k": "water"}),
    ],
    "water": [TileFeature(LINE, across(LAT + 0.002), {"k": "river"})],
    "road": [
        TileFeature(LINE, across(LAT), {"k": "motorway"}),
        TileFeature(LINE, across(NORTH), {"k": "primary"}),
        TileFeature(LINE, across(LAT - 0.002), {"k": "local"}),
    ],
}
PROTOMAPS: Layers = {
    "landuse": [TileFeature(AREA, block(SOUTH, LON), {"kind": "park"})],
    "water": [
        TileFeature(AREA, block(SOUTH, EAST), {"kind": "lake"}),
        TileFeature(LINE, across(LAT + 0.002), {"kind": "river"}),
    ],
    "roads": [
        TileFeature(LINE, across(LAT), {"kind": "highway", "kind_detail": "motorway"}),
        TileFeature(LINE, across(NORTH), {"kind": "major_road", "kind_detail": "primary"}),
        TileFeature(LINE, across(LAT - 0.002), {"kind": "minor_road", "kind_detail": "residential"}),
    ],
}
OPENMAPTILES: Layers = {
    "park": [TileFeature(AREA, block(SOUTH, LON), {"class": "national_park"})],
    "water": [TileFeature(AREA, block(SOUTH, EAST), {"class": "lake"})],
    "waterway": [TileFeature(LINE, across(LAT + 0.002), {"class": "river"})],
    "transportation": [
        TileFeature(LINE, across(LAT), {"class": "motorway"}),
        TileFeature(LINE, across(NORTH), {"class": "primary"}),
        TileFeature(LINE, across(LAT - 0.002), {"class": "minor", "subclass": "residential"}),
    ],
}


def show(rig: MapRig, layers: Layers, zoom: float = 15) -> list[Request]:
    """The map with these features in every tile; what it asked for."""
    asked: list[Request] = []

    def answer(request: Request) -> bytes:
        asked.append(request)
        return tile(request.z, request.x, request.y, layers)

    rig.tile = answer
    rig.panel.set_tiles("vector", 8, 14)
    rig.show(zoom)
    return asked


def road_px(rig: MapRig, lat: float, token: str) -> int:
    """How many pixels of a colour lie above one another where a street crosses the middle."""
    picture, middle = rig.picture(), rig.point(lat, LON)
    wanted = QColor(rig.theme.hex(token)).name()
    return sum(picture.pixelColor(middle.x(), middle.y() + dy).name() == wanted for dy in range(-40, 41))


@pytest.mark.parametrize("layers", [OURS, PROTOMAPS, OPENMAPTILES], ids=["ours", "protomaps", "openmaptiles"])
def test_one_look_whatever_the_tiles_call_things(rig: MapRig, layers: Layers, console: Console) -> None:
    show(rig, layers)
    assert rig.colour(LAT, LON) == rig.theme.hex("map.toll")
    assert rig.colour(NORTH, LON) == rig.theme.hex("map.road")
    assert rig.colour(LAT - 0.002, LON) == rig.theme.hex("map.street-local")
    assert rig.colour(LAT + 0.002, LON) == rig.theme.hex("map.river-wide")
    assert rig.colour(SOUTH, LON) == rig.theme.hex("map.park")
    assert rig.colour(SOUTH, EAST) == rig.theme.hex("map.water")
    assert rig.colour(LAT + 0.003, LON) == rig.theme.hex("map.land")
    assert console.lines == []


def test_where_tiles_say_what_is_land_all_else_is_not(rig: MapRig) -> None:
    show(rig, {"earth": [TileFeature(AREA, block(LAT, LON, 0.003), {"kind": "earth"})]})
    assert rig.colour(LAT, LON) == rig.theme.hex("map.land")
    assert rig.colour(LAT + 0.005, LON) == rig.theme.hex("map.land-outside")


def test_a_ring_within_a_ring_is_a_hole(rig: MapRig) -> None:
    inner = list(reversed(block(LAT, LON, 0.002)))
    show(rig, {"water": [TileFeature(AREA, block(LAT, LON, 0.004)), TileFeature(AREA, inner)]})
    assert rig.colour(LAT, LON) == rig.theme.hex("map.land"), "an island"
    assert rig.colour(LAT + 0.003, LON) == rig.theme.hex("map.water")


def test_past_the_last_zoom_of_the_tiles_they_are_drawn_larger(rig: MapRig) -> None:
    asked = show(rig, OURS, 15)
    near = road_px(rig, LAT, "map.toll")
    rig.panel.go_to(LAT, LON, 17)
    rig.draw()
    assert rig.colour(LAT, LON) == rig.theme.hex("map.toll")
    assert road_px(rig, LAT, "map.toll") > 1.8 * near
    assert {request.z for request in asked} == {14}


def test_a_worker_paints_and_without_it_the_page_does(rig: MapRig) -> None:
    rig.tile = lambda request: tile(request.z, request.x, request.y, OURS)
    rig.show(15)
    widths = []
    rig.js("window.asked = 0; window.made = []; window.Engine = window.Worker; 0")
    rig.js(
        "window.Worker = class extends Engine { constructor(...all) { super(...all); made.push(this); }"
        " postMessage(...all) { asked++; super.postMessage(...all); } }; 0"
    )
    for before in ("0", "for (const one of made) one.postMessage = () => setTimeout(() => one.onerror?.(), 20); 0"):
        rig.js(before)
        rig.panel.set_tiles("vector", 8, 14)
        rig.draw()
        widths.append(road_px(rig, LAT, "map.toll"))
        rig.panel.set_tiles(None)
        rig.draw()
    assert rig.js("made.length") == min(2, rig.js("navigator.hardwareConcurrency")), "those of before paint again"
    assert rig.js("asked") > 0
    assert widths[0] == widths[1] > 0


def test_half_zooms_are_drawn_in_their_own_width(rig: MapRig) -> None:
    show(rig, OURS, 15)
    widths = []
    for zoom in (15, 15.5, 16.4):
        rig.panel.go_to(LAT, LON, zoom)
        rig.draw()
        widths.append(road_px(rig, LAT, "map.toll"))
    assert widths == sorted(set(widths))


def test_zooming_never_shows_empty_ground(rig: MapRig) -> None:
    """Until the tiles of the new zoom have come those of the old one stay."""
    come, wanted = threading.Event(), threading.Event()

    def answer(request: Request) -> bytes:
        if request.z == 13:
            wanted.set()
            come.wait(30)
        return tile(request.z, request.x, request.y, OURS)

    rig.tile = answer
    rig.panel.set_tiles("vector", 8, 14)
    rig.show(13)
    try:
        rig.panel.go_to(LAT, LON, 14)
        rig.qtbot.waitUntil(lambda: wanted.is_set() and rig.panel.last_view[1] == 14, timeout=TIMEOUT_MS)  # type: ignore[index]
        assert rig.count_near(LAT, LON, "map.toll", 10, off_by=12) > 20
    finally:
        come.set()
    rig.draw()
    assert rig.count_near(LAT, LON, "map.toll", 10, off_by=3) > 20


def letters(rig: MapRig, lat: float, off_by: int = 60) -> int:
    """How many pixels of a street's name stand along a street."""
    picture, y = rig.picture(), rig.point(lat, LON).y()
    wanted: Any = QColor(rig.theme.hex("map.street-label")).getRgb()

    def like(x: int, at: int) -> bool:
        seen: Any = picture.pixelColor(x, at).getRgb()
        return bool(max(abs(a - b) for a, b in zip(seen, wanted, strict=True)) <= off_by)

    return sum(like(x, at) for x in range(picture.width()) for at in range(y - 12, y + 13))


NAMED: Layers = {"road": [TileFeature(LINE, across(LAT), {"k": "local", "name": "Jalan Melati Raya"})]}


def test_names_stand_on_their_streets_and_nowhere_twice(rig: MapRig) -> None:
    show(rig, NAMED, 16)
    on_the_street = letters(rig, LAT)
    assert on_the_street > 100
    rig.panel.go_to(LAT, LON, 13)
    rig.draw()
    assert letters(rig, LAT) < on_the_street / 10, "too small a street"


def test_names_keep_clear_of_reports(rig: MapRig) -> None:
    show(rig, NAMED, 17)
    step = 0.00018  # 17 px at this zoom: no gap for a name
    rig.symbols = [(row, LAT, LON + (row - 200) * step, 3, 0, 0) for row in range(1, 400)]
    rig.draw()
    assert letters(rig, LAT, 6) == 0
    rig.symbols = []
    rig.draw()
    assert letters(rig, LAT, 6) > 5


def test_a_street_of_many_short_lines_has_its_name(rig: MapRig) -> None:
    cuts = [FAR_WEST + (FAR_EAST - FAR_WEST) * step / 200 for step in range(201)]
    pieces = [[(LAT, west), (LAT, east)] for west, east in pairwise(cuts)]
    random.Random(5).shuffle(pieces)
    turned = [piece[::-1] if index % 2 else piece for index, piece in enumerate(pieces)]
    show(rig, {"road": [TileFeature(LINE, one, {"k": "local", "name": "Jalan Melati Raya"}) for one in turned]}, 16)
    assert letters(rig, LAT) > 100


def test_names_are_as_large_as_the_window_s_texts(rig: MapRig) -> None:
    from widgets.map.__main__ import TokenTheme

    show(rig, NAMED, 16)
    small = letters(rig, LAT)
    rig.theme = TokenTheme("dark", 2.0)
    rig.panel.set_theme(rig.theme)
    rig.draw()
    assert letters(rig, LAT) > 1.8 * small


def test_one_feature_may_be_at_several_places(rig: MapRig) -> None:
    """Our own tiles put what has the same name into one."""
    both = [(LAT, LON - 0.01), (LAT, LON + 0.01)]
    show(rig, {"poi": [TileFeature(POINT, both, {"k": "station", "name": "Stasiun"})]}, 15)
    for lat, lon in both:
        assert rig.count_near(lat, lon, "map.label", 8) > 8, "its mark"


def test_a_toll_road_is_one_whatever_its_class(rig: MapRig) -> None:
    show(rig, {"road": [TileFeature(LINE, across(LAT), {"k": "primary", "toll": "yes"})]}, 16)
    assert rig.colour(LAT, LON) == rig.theme.hex("map.toll")


def test_names_of_places_stand_where_the_city_has_no_areas(rig: MapRig) -> None:
    show(rig, {"place": [TileFeature(POINT, [(LAT, LON)], {"k": "suburb", "name": "Tebet"})]}, 13)
    assert rig.count_near(LAT, LON, "map.label-strong", 30, off_by=60) > 30
    area = {"type": "Point", "coordinates": [LON, LAT + 0.01]}
    named = {
        "type": "Feature",
        "geometry": area,
        "properties": {"name": "Tebet", "level": 1, "lat": LAT + 0.01, "lon": LON},
    }
    rig.areas = json.dumps({"type": "FeatureCollection", "features": [named]}).encode()
    rig.panel.set_areas(1)
    rig.draw()
    assert rig.count_near(LAT, LON, "map.label-strong", 30, off_by=60) == 0


def test_streets_and_names_change_with_the_theme(rig: MapRig) -> None:
    from widgets.map.__main__ import TokenTheme

    show(rig, {**OURS, "road": [*OURS["road"], *NAMED["road"]]}, 16)
    rig.theme = TokenTheme("light")
    rig.panel.set_theme(rig.theme)
    rig.draw()
    assert rig.colour(LAT + 0.0008, LON) == rig.theme.hex("map.land")
    assert letters(rig, LAT) > 100


# --- tiles that are not what they should be

STREET = numbers(command(1, 1), 0, 4096, command(2, 1), 8192, 0)
KEYS, VALUES = ("k", "name"), ("local", "Jalan Melati")


def road(geometry: bytes, *tags: int, values: Sequence[str] = VALUES, times: int = 1) -> bytes:
    """A tile with nothing but roads of this geometry."""
    return layer("road", [feature(LINE, geometry, numbers(*tags))] * times, KEYS, values)


HOSTILE: dict[str, Callable[[], bytes]] = {
    "random": lambda: bytes(random.Random(1).randrange(256) for _ in range(4000)),
    "cut off": lambda: road(STREET, 0, 0)[:-9],
    "a number without an end": lambda: b"\x1a\x0b" + b"\xff" * 11,
    "a length of 4 billion": lambda: b"\x1a" + varint(2**32 - 1) + b"\x00" * 50,
    "4 billion points": lambda: road(numbers(command(1, 1), 2, 2, 2**32 - 6), 0, 0),
    "points beyond all reach": lambda: road(numbers(command(1, 1), 2, 2, command(2, 1), 2**31, 2**31), 0, 0),
    "an unknown command": lambda: road(numbers(command(5, 3), 2, 2), 0, 0),
    "a line without a beginning": lambda: road(numbers(command(2, 1), 2, 2), 0, 0),
    "words that it has not": lambda: road(STREET, 7, 9000),
    "a value that it has not": lambda: road(STREET, 0, 9000),
    "half a pair of tags": lambda: road(STREET, 0),
    "no extent": lambda: road(STREET, 0, 0).replace(b"\x28" + varint(4096), b"\x28\x80\x00"),
    "200,000 empty features": lambda: road(b"", times=200_000),
    "100,000 values": lambda: road(STREET, 0, 0, values=["local"] * 100_000),
    "a name of 3 MB": lambda: road(STREET, 0, 0, 1, 1, values=("local", "Jalan " + "e\u0301" * 1_000_000)),
    "a name that hides": lambda: road(STREET, 0, 0, 1, 1, values=("local", "\u202emoor \u0000\u200b\ue000")),
    "a scribble": lambda: road(
        numbers(command(1, 1), 0, 0, command(2, 199_998)) + numbers(8000, 8000, 7999, 7999) * 99_999, 0, 0, 1, 1
    ),
    "too large": lambda: road(STREET, 0, 0) + message(4, bytes(9 * 2**20)),
}
"""Made when they are asked for: the large ones take half a second, and each worker of a run reads this file."""


@pytest.mark.parametrize("name", HOSTILE)
def test_no_tile_stops_the_map(rig: MapRig, console: Console, name: str) -> None:
    body = HOSTILE[name]()
    rig.tile = lambda _: body
    rig.symbols = [(1, LAT, LON, 1, 0, 0)]
    rig.panel.set_tiles("vector", 8, 14)
    rig.show(16)
    assert rig.colour(LAT, LON) == rig.theme.hex("priority.p1")
    assert console.lines == []


_READ = """
window.found = "";
Promise.all([
  import("sigap://map/js/vector_tile.js"), fetch("sigap://map/tiles/14/1/1").then((one) => one.arrayBuffer()),
]).then(([{ readTile, RUN, NAMED }, buffer]) => {
  const one = readTile(buffer);
  window.found = JSON.stringify({
    runs: one.runs.reduce((sum, runs) => sum + runs.length / RUN, 0),
    named: one.named.length / NAMED,
    names: one.names.length,
    longest: Math.max(0, ...one.names.map((name) => name.length)),
    name: one.names[0] ?? "",
  });
});
0"""


def read(rig: MapRig, body: bytes) -> dict[str, int]:
    """What the page's reader makes of a tile."""
    rig.tile = lambda _: body
    rig.js(_READ)
    rig.wait_js("window.found !== ''")
    return dict(json.loads(rig.js("window.found")))


def test_what_a_tile_may_have_has_a_limit(rig: MapRig) -> None:
    rig.show()
    assert read(rig, road(b"", 0, 0, times=120_000) + road(STREET, 0, 0))["runs"] == 0, "features"
    thousand = numbers(command(1, 1), 0, 0, command(2, 999), *[2, 2] * 999)
    assert read(rig, road(thousand, 0, 0, times=300))["runs"] == 200, "points"
    assert read(rig, HOSTILE["a scribble"]())["runs"] == 0, "length"
    names = [f"Jalan {number}" for number in range(9000)]
    short = numbers(command(1, 1), 0, 0, command(2, 1), 800, 0)
    named = [feature(LINE, short, numbers(0, 0, 1, number + 1)) for number in range(9000)]
    found = read(rig, layer("road", named, KEYS, ["local", *names]))
    assert (found["runs"], found["names"]) == (9000, 5000)
    found = read(rig, HOSTILE["a name of 3 MB"]())
    assert found["longest"] <= 60
    assert read(rig, HOSTILE["too large"]())["runs"] == 0
    assert read(rig, HOSTILE["a name that hides"]())["name"] == "moor"


def test_what_is_right_in_a_damaged_tile_is_drawn(rig: MapRig) -> None:
    rig.show()
    good = feature(LINE, STREET, numbers(0, 0, 1, 1))
    bad = feature(LINE, numbers(command(6, 1), 2, 2), numbers(0, 0))
    roads = layer("road", [good, bad, good], KEYS, VALUES)
    found = read(rig, roads + layer("water", [good], KEYS, ("river", "Kali")))
    assert (found["runs"], found["named"]) == (2, 2), "what comes before the fault, and the layers after it"


_CHANGED = """
window.found = "";
Promise.all([
  import("sigap://map/js/vector_tile.js"), import("sigap://map/js/tile_painter.js"),
  fetch("sigap://map/tiles/14/1/1").then((one) => one.arrayBuffer()),
]).then(([{ readTile }, { paintTile }, buffer]) => {
  let seed = 7;
  const chance = (below) => { seed = (seed * 48271) % 2147483647; return seed % below; };
  const context = document.createElement("canvas").getContext("2d");
  const look = { colors: new Proxy({}, { get: () => "#102030" }), ownBorders: false };
  for (let turn = 0; turn < 3000; turn++) {
    const bytes = new Uint8Array(buffer.slice(0));
    for (let change = 0; change < 4; change++) bytes[chance(bytes.length)] = chance(256);
    const tile = readTile(bytes.buffer.slice(0, 1 + chance(bytes.length)));
    paintTile(context, tile, { zoom: 16, side: 300, left: 0, top: 0, ratio: 1 }, look);
  }
  window.found = "done";
}).catch((error) => { window.found = String(error.stack); });
0"""


def test_bytes_that_were_changed_by_chance_are_read_without_an_error(rig: MapRig, console: Console) -> None:
    rig.show()
    city = TileFeature(POINT, [(LAT, LON)], {"k": "city", "name": "Jakarta"})
    whole = tile(14, 1, 1, {**OURS, "road": [*OURS["road"], *NAMED["road"]], "place": [city]})
    rig.tile = lambda _: whole
    rig.js(_CHANGED)
    rig.wait_js("window.found !== ''")
    assert rig.js("window.found") == "done"
    assert console.lines == []

"""Look at the map with invented reports: `python -m widgets.map [--screenshot FILE] [--size WxH] [--tiles FILE]`."""

from __future__ import annotations

import argparse
import gzip
import json
import math
import os
import random
import struct
import sys
from collections.abc import Callable, Sequence
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import Any

MAGIC = 0x53494741
CENTRE = (-6.2185, 106.85)


class TokenTheme:
    """The least a page needs of a theme, straight from tokens.json."""

    def __init__(self, name: str, scale: float = 1.0) -> None:
        self.name, self.scale = name, scale
        self._tokens: dict[str, Any] = json.loads((files("resources") / "tokens.json").read_text("utf-8"))[name]

    def hex(self, token: str) -> str:
        """A colour as #RRGGBB."""
        group, name = token.split(".")
        return str(self._tokens[group][name])


def pack_answer(
    view: int,
    cells: Sequence[tuple[float, float, int, int]] = (),
    symbols: Sequence[tuple[int, float, float, int, int, int]] = (),
    outside: int = 0,
    placeless: int = 0,
    flags: int = 0,
) -> bytes:
    """The binary map answer: cells are (lat, lon, count, flags), symbols (row, lat, lon, priority, status, flags)."""
    counted = sum(cell[2] for cell in cells)
    head = struct.pack("<8I", MAGIC, view, len(cells), len(symbols), counted, outside, placeless, flags)
    body = [struct.pack("<iiII", round(lon * 1e7), round(lat * 1e7), n, flags) for lat, lon, n, flags in cells]
    body += [
        struct.pack("<iiiBBBB", row, round(lon * 1e7), round(lat * 1e7), priority, status, flags, 0)
        for row, lat, lon, priority, status, flags in symbols
    ]
    return head + b"".join(body)


class InventedCity:
    """Reports around a centre, thick in the middle, answered as a real board would."""

    def __init__(self, seed: int, reports: int) -> None:
        chance = random.Random(seed)  # noqa: S311 - for looking at, not for secrets
        self.reports = [
            (
                row,
                CENTRE[0] + chance.gauss(0, 0.035),
                CENTRE[1] + chance.gauss(0, 0.045),
                chance.choices((1, 2, 3, 4), (1, 8, 500, 480))[0],
                chance.randrange(6),
                0,
            )
            for row in range(1, reports + 1)
        ]

    def answer(self, request: Any) -> bytes:
        """Squares of 78 px below zoom 15, symbols from there on."""
        inside = [
            one
            for one in self.reports
            if request.south <= one[1] <= request.north and request.west <= one[2] <= request.east
        ]
        symbols = [one for one in inside if one[3] <= 2 or request.zoom >= 15]
        grid: dict[tuple[int, int], list[tuple[float, float]]] = {}
        for one in inside if request.zoom < 15 else ():
            if one[3] > 2:
                x = int((one[2] - request.west) / (request.east - request.west) * request.width / 78)
                y = int((one[1] - request.south) / (request.north - request.south) * request.height / 78)
                grid.setdefault((x, y), []).append((one[1], one[2]))
        cells = [(sum(p[0] for p in at) / len(at), sum(p[1] for p in at) / len(at), len(at), 0) for at in grid.values()]
        return pack_answer(request.number, cells, symbols, len(self.reports) - len(inside), 9)


UNITS = [
    {"id": "1", "code": "SDA-07", "state_key": "free", "lat": -6.2262, "lon": 106.8530, "chosen": False},
    {"id": "2", "code": "KBR 2", "state_key": "assigned", "lat": -6.2350, "lon": 106.8530},
    {"id": "3", "code": "SDA-11", "state_key": "enroute", "lat": -6.2130, "lon": 106.8300},
    {"id": "4", "code": "DSH-12", "state_key": "enroute", "lat": -6.2160, "lon": 106.8420},
    {"id": "5", "code": "PLM 1", "state_key": "onscene", "lat": -6.2080, "lon": 106.8580, "beside": True},
    {"id": "6", "code": "TMN-05", "state_key": "break", "lat": -6.2040, "lon": 106.8400},
    {"id": "7", "code": "PCR 3", "state_key": "free", "lat": -6.2400, "lon": 106.8360},
    {"id": "8", "code": "SDA-15", "state_key": "onscene", "lat": -6.2250, "lon": 106.8790, "stale": True},
]
ROUTE = [(-6.2262, 106.8530), (-6.2262, 106.8565), (-6.2290, 106.8572), (-6.2318, 106.8608)]
TEXTS = {
    "p1": "P1 hazard",
    "p2": "P2 urgent",
    "p3": "P3 routine",
    "p4": "P4 minor",
    "unit_free": "Available",
    "unit_enroute": "En route",
    "unit_onscene": "On scene",
    "unit_stale": "Stale",
    "fill": "Fill:",
}


def inter() -> dict[str, Path]:
    """The font of the design, where its package is installed."""
    spec = find_spec("fontpkg_inter")
    for folder in (spec.submodule_search_locations if spec else None) or []:
        for path in Path(folder, "files").glob("Inter*.ttf"):
            if "Italic" not in path.name:
                return {"Inter": path}
    return {}


def tile_reader(path: Path) -> Callable[[Any], bytes | None]:
    """Vector tiles of a PMTiles file, for looking only."""
    from pmtiles.reader import MmapSource, Reader

    reader: Any = Reader(MmapSource(path.open("rb")))  # type: ignore[no-untyped-call]

    def tile(request: Any) -> bytes | None:
        packed = reader.get(request.z, request.x, request.y)
        return gzip.decompress(packed) if packed else None

    return tile


def main() -> int:
    """Show the map, or save its picture when it says it is complete."""
    arguments = argparse.ArgumentParser(prog="python -m widgets.map")
    arguments.add_argument("--screenshot", type=Path)
    arguments.add_argument("--size", default="910x720")
    arguments.add_argument("--theme", default="dark", choices=("dark", "light"))
    arguments.add_argument("--scale", type=float, default=1.0)
    arguments.add_argument("--zoom", type=float, default=13.5)
    arguments.add_argument("--reports", type=int, default=1284)
    arguments.add_argument("--tiles", type=Path)
    arguments.add_argument("--areas", type=Path)
    options = arguments.parse_args()
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen" if options.screenshot else "")
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        os.environ.setdefault("QTWEBENGINE_DISABLE_SANDBOX", "1")

    from widgets.map.scheme import register_scheme

    register_scheme()
    from PySide6.QtWidgets import QApplication

    from widgets.map.panel import MapPanel

    app = QApplication(sys.argv[:1])
    city = InventedCity(7, options.reports)
    handlers: dict[str, Callable[[Any], bytes | None]] = {"reports": city.answer}
    if options.tiles:
        handlers["tiles"] = tile_reader(options.tiles)
    if options.areas:
        handlers["areas"] = lambda _: options.areas.read_bytes()
    symbols = (files("resources") / "symbols.json").read_text("utf-8")
    theme = TokenTheme(options.theme, options.scale)
    panel = MapPanel(theme, symbols, handlers, lambda work, done: done(work()), fonts=inter())
    panel.set_texts(TEXTS)
    if options.tiles:
        panel.set_tiles("vector", 8, 14)
    else:
        panel.set_background_state("Map background unavailable. Reports and units are drawn from this computer.")
    if options.areas:
        panel.set_areas(1)
    panel.set_units(UNITS, ROUTE)
    chosen = (1, -6.2318, 106.8608, 2, 5, 8)
    city.reports[0] = chosen
    city.reports[1] = (2, -6.2410, 106.8650, 1, 0, 4)
    panel.set_selection(1, chosen[1], chosen[2], "928214 Saluran")
    span = 0.2 / 2 ** (options.zoom - 13.5)
    panel.set_city((CENTRE[1] - span / 4, CENTRE[0] - span / 4, CENTRE[1] + span / 4, CENTRE[0] + span / 4))
    panel.set_view(1, "© OpenStreetMap contributors", "units 4 s")
    panel.go_to(*CENTRE, options.zoom)
    panel.resize(*map(int, options.size.split("x")))
    panel.bridge.page_ready.connect(lambda: panel.go_to(*CENTRE, options.zoom))
    if options.screenshot:

        def save(_: int) -> None:
            if math.isfinite(options.zoom) and panel.locked:
                panel.grab().save(str(options.screenshot))
                app.quit()

        panel.drawn.connect(save)
    panel.show()
    return app.exec()


if __name__ == "__main__":
    sys.exit(main())

"""Write places.db: every named street, place and landmark of a city, its house numbers, the words to find them by."""

from __future__ import annotations

import contextlib
import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from console.city_map.folding import fold
from console.city_map.osm_reader import OsmData, Points
from console.city_map.progress import Progress
from console.city_map.road_kinds import ROADS
from console.city_map.spelling import variants

PLACE_WEIGHTS = {
    "city": 10,
    "town": 9,
    "borough": 9,
    "suburb": 8,
    "quarter": 7,
    "village": 7,
    "neighbourhood": 5,
    "hamlet": 5,
}
_OTHER_WEIGHT = 4
_DISTRICT_KINDS = frozenset({"city", "town", "borough", "suburb", "quarter", "village", "neighbourhood"})
HOUSE_CELLS = 500
"""Look-up cells of houses a degree: one is about 220 m."""
_CHUNK = 5_000

_SCHEMA = """
CREATE TABLE place (
    id INTEGER PRIMARY KEY, kind TEXT NOT NULL, name TEXT NOT NULL, area TEXT NOT NULL, lat REAL NOT NULL,
    lon REAL NOT NULL, weight INTEGER NOT NULL, folded TEXT NOT NULL, area_folded TEXT NOT NULL
);
CREATE TABLE house (
    street TEXT NOT NULL, number TEXT NOT NULL, lat REAL NOT NULL, lon REAL NOT NULL, cell_lat INTEGER NOT NULL,
    cell_lon INTEGER NOT NULL
);
CREATE TABLE spelling (variant TEXT NOT NULL, word TEXT NOT NULL, PRIMARY KEY (variant, word)) WITHOUT ROWID;
CREATE VIRTUAL TABLE place_text USING fts5 (
    folded, area_folded, content='place', content_rowid='id', tokenize='unicode61 remove_diacritics 2', prefix='2 3'
);
CREATE VIRTUAL TABLE place_word USING fts5vocab ('place_text', 'row');
"""
_INDEXES = """
CREATE INDEX house_in_cell ON house (cell_lat, cell_lon);
CREATE INDEX house_of_street ON house (street, number);
"""

_Row = tuple[str, str, str, float, float, int, str, str]


def write_places(path: Path, data: OsmData, progress: Progress) -> int:
    """Write the file. Returns how many places it has, houses not counted. Raises sqlite3.Error."""
    district_of = _Districts(data)
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.executescript("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;")
        database.executescript(_SCHEMA)
        database.execute("BEGIN")
        count = 0
        for rows in (_streets(data, district_of), _points(data, district_of), _areas(data, district_of)):
            for chunk in _chunks(rows):
                count += len(chunk)
                database.executemany(
                    "INSERT INTO place (kind, name, area, lat, lon, weight, folded, area_folded) "
                    "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                    chunk,
                )
                progress(f"places: {count:,}", 0.5 * (1 - 1 / (1 + count / 50_000)))
        for houses in _chunks(_houses(data.houses)):
            database.executemany("INSERT INTO house VALUES (?, ?, ?, ?, ?, ?)", houses)
        progress(f"places: {count:,}, now their words", 0.5)
        database.execute("INSERT INTO place_text (place_text) VALUES ('rebuild')")
        words = [word for (word,) in database.execute("SELECT term FROM place_word")]
        for pairs in _chunks((variant, word) for word in words for variant in variants(word)):
            database.executemany("INSERT OR IGNORE INTO spelling VALUES (?, ?)", pairs)
        database.execute("INSERT INTO place_text (place_text) VALUES ('optimize')")
        database.executescript(_INDEXES)
        if database.in_transaction:
            database.execute("COMMIT")
        progress(f"places: {count:,}, packing", 0.9)
        database.execute("VACUUM")
    return count


class _Districts:
    """Which part of the city a place lies in: the smallest administrative area around it, else the nearest centre."""

    def __init__(self, data: OsmData) -> None:
        self._areas = shapely.from_wkb(np.array(data.districts.wkb, object))
        self._names = data.districts.names
        self._sizes = shapely.area(self._areas)
        self._tree = shapely.STRtree(self._areas)
        centres = [at for at, kind in enumerate(data.places.kinds) if kind in _DISTRICT_KINDS]
        self._centre_names = [data.places.names[at] for at in centres]
        # One name for everything says nothing.
        self._centres = shapely.STRtree(shapely.points(data.places.degrees()[centres])) if len(centres) > 1 else None

    def of(self, degrees: NDArray[Any]) -> list[str]:
        """The district of each place (lon, lat); "" where it is not known."""
        points = shapely.points(degrees)
        found = [""] * len(points)
        if self._centres is not None and len(points):
            found = [self._centre_names[at] for at in self._centres.nearest(points).tolist()]
        inside, area = self._tree.query(points, predicate="within")
        order = np.argsort(-self._sizes[area], kind="stable")
        for point, at in zip(inside[order].tolist(), area[order].tolist(), strict=True):
            found[point] = self._names[at]
        return found


def _streets(data: OsmData, districts: _Districts) -> Iterator[_Row]:
    """A street once in each district that it passes through, at the middle of its middle part there."""
    roads = data.roads
    named = [at for at, name in enumerate(roads.names) if name]
    if not named:
        return
    lines = shapely.from_wkb(np.array(roads.wkb, object)[named])
    middles = shapely.get_coordinates(shapely.line_interpolate_point(lines, 0.5, normalized=True))
    groups: dict[tuple[str, str], list[int]] = defaultdict(list)
    for at, area in enumerate(districts.of(middles)):
        groups[roads.names[named[at]], area].append(at)
    for (name, area), found in groups.items():
        lon, lat = middles[found[len(found) // 2]].tolist()
        weight = max(ROADS[roads.kinds[named[at]]].weight for at in found)
        yield "street", name, area, lat, lon, weight, fold(name), fold(area)


def _points(data: OsmData, districts: _Districts) -> Iterator[_Row]:
    for points in (data.places, data.pois):
        degrees = points.degrees()
        for at, area in enumerate(districts.of(degrees)):
            name, kind = points.names[at], points.kinds[at]
            lon, lat = degrees[at].tolist()
            area = "" if area == name else area
            weight = PLACE_WEIGHTS.get(kind, _OTHER_WEIGHT) if points is data.places else _OTHER_WEIGHT
            yield kind, name, area, lat, lon, weight, fold(name), fold(area)


def _areas(data: OsmData, districts: _Districts) -> Iterator[_Row]:
    """Parks, lakes and districts that have a name, at a point within them."""
    for areas, weight in ((data.areas, _OTHER_WEIGHT), (data.districts, PLACE_WEIGHTS["suburb"])):
        named = [at for at, name in enumerate(areas.names) if name]
        if not named:
            continue
        inside = shapely.get_coordinates(shapely.point_on_surface(shapely.from_wkb(np.array(areas.wkb, object)[named])))
        for at, (lon, lat), area in zip(named, inside.tolist(), districts.of(inside), strict=True):
            name = areas.names[at]
            area = "" if area == name else area
            yield areas.kinds[at], name, area, lat, lon, weight, fold(name), fold(area)


def _houses(houses: Points) -> Iterator[tuple[str, str, float, float, int, int]]:
    for street, number, lat, lon in zip(houses.streets, houses.names, houses.lat, houses.lon, strict=True):
        yield fold(street), number, lat, lon, *house_cell(lat, lon)


def house_cell(lat: float, lon: float) -> tuple[int, int]:
    """The look-up cell of a place."""
    return int(np.floor(lat * HOUSE_CELLS)), int(np.floor(lon * HOUSE_CELLS))


def _chunks(rows: Iterable[Any]) -> Iterator[list[Any]]:
    chunk: list[Any] = []
    for row in rows:
        chunk.append(row)
        if len(chunk) == _CHUNK:
            yield chunk
            chunk = []
    if chunk:
        yield chunk

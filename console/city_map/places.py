"""Write places.db: every named street, place and landmark of a city, its house numbers, the words to find them by."""

from __future__ import annotations

import contextlib
import re
import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from console.city_map.folding import fold
from console.city_map.osm_reader import Lines, OsmData, Points
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
CREATE TABLE bounds (west REAL NOT NULL, south REAL NOT NULL, east REAL NOT NULL, north REAL NOT NULL);
CREATE TABLE line (place INTEGER PRIMARY KEY, wkb BLOB NOT NULL);
CREATE TABLE post (road INTEGER NOT NULL, km REAL NOT NULL, lat REAL NOT NULL, lon REAL NOT NULL);
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
CREATE INDEX post_at ON post (km);
"""
_BRIDGE_WEIGHT, _RIVER_WEIGHT = 3, 5
_ONE_STREET = 0.01
"""In degrees: parts of a street that are farther from one another are another street."""
_POSTED = frozenset({"motorway", "trunk", "primary"})
_POST_BESIDE = 0.001
"""In degrees: so far from its road a kilometre post stands at most."""
_ALSO_CALLED = {"bus_stop": "halte", "station": "stasiun", "halt": "stasiun", "subway_entrance": "stasiun"}
"""What callers say before the name of a landmark of this kind, where the name does not."""

_Row = tuple[str, str, str, float, float, int, str, str, bytes | None]


def write_places(path: Path, data: OsmData, progress: Progress) -> int:
    """Write the file. Returns how many places it has, houses not counted. Raises sqlite3.Error."""
    district_of = _Districts(data)
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.executescript("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;")
        database.executescript(_SCHEMA)
        database.execute("BEGIN")
        count = 0
        named = _Named(data, district_of)
        for rows in (
            named.streets(),
            named.rivers(),
            named.bridges(),
            _points(data, district_of),
            _areas(data, district_of),
        ):
            for chunk in _chunks(rows):
                numbered = list(enumerate(chunk, count + 1))
                count += len(chunk)
                database.executemany(
                    "INSERT INTO place VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", [(id_, *row[:-1]) for id_, row in numbered]
                )
                database.executemany(
                    "INSERT INTO line VALUES (?, ?)", [(id_, row[-1]) for id_, row in numbered if row[-1] is not None]
                )
                progress(f"places: {count:,}", 0.5 * (1 - 1 / (1 + count / 50_000)))
        database.execute("INSERT INTO bounds VALUES (?, ?, ?, ?)", data.bounds)
        database.executemany("INSERT INTO post VALUES (?, ?, ?, ?)", named.posts())
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


class _Named:
    """Streets and rivers with a name, each once in every part of the city that it runs through."""

    def __init__(self, data: OsmData, districts: _Districts) -> None:
        self._data, self._districts = data, districts
        self._roads = _Runs(data.roads, districts)
        self._rivers = _Runs(data.rivers, districts)

    def streets(self) -> Iterator[_Row]:
        """At the middle of its middle part there."""
        kinds = self._data.roads.kinds
        for (name, area, _), found, line in self._roads.all():
            weight = max(ROADS[kinds[self._roads.named[at]]].weight for at in found)
            at = self._roads.middle(found)
            yield "street", name, area, *at, weight, fold(name), fold(area), line

    def rivers(self) -> Iterator[_Row]:
        """Rivers and canals."""
        for (name, area, _), found, line in self._rivers.all():
            at = self._rivers.middle(found)
            yield "river", name, area, *at, _RIVER_WEIGHT, f"sungai {fold(name)}", fold(area), line

    def bridges(self) -> Iterator[_Row]:
        """Where a named street crosses a named river."""
        if not len(self._roads.lines) or not len(self._rivers.lines):
            return
        tree = shapely.STRtree(self._roads.lines)
        waters, roads = tree.query(self._rivers.lines, predicate="intersects")
        seen: set[tuple[str, str, str]] = set()
        at = shapely.intersection(self._rivers.lines[waters], self._roads.lines[roads])
        there = ~shapely.is_empty(at)  # what only touches may be lost to rounding
        waters, roads = waters[there], roads[there]
        places = shapely.get_coordinates(shapely.point_on_surface(at[there]))
        areas = self._districts.of(places)
        for (lon, lat), area, water, road in zip(places.tolist(), areas, waters.tolist(), roads.tolist(), strict=True):
            street, river = self._roads.name(road), self._rivers.name(water)
            if (street, river, area) not in seen:  # two carriageways are one bridge
                seen.add((street, river, area))
                said = f"jembatan {fold(street)} sungai {fold(river)}"
                yield "bridge", f"{street} / {river}", area, lat, lon, _BRIDGE_WEIGHT, said, fold(area), None

    def posts(self) -> Iterator[tuple[int, float, float, float]]:
        """Kilometre posts with the number of their road as a place: the nearest large one."""
        posts, kinds = self._data.posts, self._data.roads.kinds
        large = [at for at, road in enumerate(self._roads.named) if kinds[road] in _POSTED]
        if not posts.names or not large:
            return
        id_of = {}
        for id_, found in enumerate(self._roads.groups.values(), 1):
            id_of.update(dict.fromkeys(found, id_))
        tree = shapely.STRtree(self._roads.lines[large])
        points, roads = tree.query_nearest(
            shapely.points(posts.degrees()), max_distance=_POST_BESIDE, all_matches=False
        )
        for point, road in zip(points.tolist(), roads.tolist(), strict=True):
            if (km := _kilometres(posts.names[point])) is not None:
                yield id_of[large[road]], km, posts.lat[point], posts.lon[point]


class _Runs:
    """The named ones among some lines, and which of them make one place: those of a name in a part of the city."""

    def __init__(self, lines: Lines, districts: _Districts) -> None:
        self.named = [at for at, name in enumerate(lines.names) if name]
        self.lines = shapely.from_wkb(np.array(lines.wkb, object)[self.named]) if self.named else np.array([])
        self._names = lines.names
        self._middles = np.zeros((0, 2))
        if self.named:
            middles = shapely.line_interpolate_point(self.lines, 0.5, normalized=True)
            self._middles = shapely.get_coordinates(middles)
        together: dict[tuple[str, str], list[int]] = defaultdict(list)
        for at, area in enumerate(districts.of(self._middles)):
            together[self.name(at), area].append(at)
        self.groups = {
            (*key, number): part for key, found in together.items() for number, part in enumerate(self._apart(found))
        }

    def all(self) -> Iterator[tuple[tuple[str, str, int], list[int], bytes]]:
        """(name, area and number; its lines; where it runs, as WKB) of each place."""
        for (key, found), shape in zip(self.groups.items(), self._shapes(), strict=True):
            yield key, found, shape

    def name(self, at: int) -> str:
        """The name of a line."""
        return self._names[self.named[at]]

    def middle(self, found: Sequence[int]) -> tuple[float, float]:
        """(lat, lon) of the middle of the middle one of some lines."""
        lon, lat = self._middles[found[len(found) // 2]].tolist()
        return lat, lon

    def _apart(self, found: list[int]) -> list[list[int]]:
        """Lines of one name that lie far from one another are several streets."""
        if len(found) < 2 or np.ptp(self._middles[found], axis=0).max() <= _ONE_STREET:
            return [found]
        near = shapely.STRtree(self.lines[found]).query(self.lines[found], predicate="dwithin", distance=_ONE_STREET)
        count, part_of = connected_components(coo_array((np.ones(near.shape[1]), near), shape=(len(found), len(found))))
        parts: list[list[int]] = [[] for _ in range(count)]
        for at, part in zip(found, part_of.tolist(), strict=True):
            parts[part].append(at)
        return parts

    def _shapes(self) -> list[bytes]:
        if not self.groups:
            return []
        order = [at for found in self.groups.values() for at in found]
        group = np.repeat(np.arange(len(self.groups)), [len(found) for found in self.groups.values()])
        shapes = shapely.line_merge(shapely.multilinestrings(self.lines[order], indices=group))
        return list(shapely.to_wkb(shapes, output_dimension=2))


def _kilometres(text: str) -> float | None:
    """What stands on a kilometre post, as "12", "12.4 km", "12+400"; None where it is no figure."""
    found = re.fullmatch(r"(?:km\s*)?(\d{1,4})(?:[.,](\d{1,3})|\+(\d{3}))?\s*(?:km)?", text.strip(), re.IGNORECASE)
    if found is None:
        return None
    return float(f"{found[1]}.{found[2] or found[3] or 0}")


def _points(data: OsmData, districts: _Districts) -> Iterator[_Row]:
    for points in (data.places, data.pois):
        degrees = points.degrees()
        for at, area in enumerate(districts.of(degrees)):
            name, kind = points.names[at], points.kinds[at]
            lon, lat = degrees[at].tolist()
            area = "" if area == name else area
            weight = PLACE_WEIGHTS.get(kind, _OTHER_WEIGHT) if points is data.places else _OTHER_WEIGHT
            folded, called = fold(name), _ALSO_CALLED.get(kind, "")
            folded = folded if called in folded else f"{called} {folded}"
            yield kind, name, area, lat, lon, weight, folded, fold(area), None


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
            yield areas.kinds[at], name, area, lat, lon, weight, fold(name), fold(area), None


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

"""Read a file of OpenStreetMap data into what a city map is made of: lines, areas, points, turn restrictions.

Everything in it is a stranger's: names are cleaned, lines that lie nowhere or are no city's are left out and counted.
"""

from __future__ import annotations

import re
from array import array
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import compress
from pathlib import Path
from typing import Any

import numpy as np
import osmium
import shapely
from numpy.typing import NDArray
from osmium.osm.types import Area, Node, Relation, TagList, Way

from console.city_map.errors import DamagedOsmFile, MoreThanACity, NothingInIt, OutOfMemory
from console.city_map.manifest import Bounds
from console.city_map.progress import Progress
from console.city_map.road_kinds import ROADS

INVENTED = "(invented)"
"""Stands in the file's `generator` where its streets are made up."""

MOST_NAME = 120
_UNWANTED = re.compile(
    r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff\ufeff\ufff9-\uffff"
    r"\U000e0000-\U000e0fff]"
)
_MOST_POINTS = 10_000
"""OpenStreetMap itself has at most 2,000 points a line."""
_WIDEST_ROAD, _WIDEST_MAP = 0.5, 6.0
"""In degrees: about 55 km, and 660."""
_MOST_LINES = 4_000_000
_EVERY = 20_000

_WATERWAYS = frozenset({"river", "canal", "stream", "drain"})
_RAILWAYS = frozenset({"rail", "light_rail", "subway"})
_PARKS = frozenset({"park", "garden", "nature_reserve"})
_GREEN = frozenset({"forest", "grass", "cemetery", "recreation_ground", "village_green"})
_POI_KEYS = (
    "amenity", "shop", "railway", "aeroway", "leisure", "office", "tourism", "historic", "healthcare", "man_made",
    "public_transport",
)  # fmt: skip
_STOPS = frozenset({"bus_stop", "platform"})
"""Of a point's highway: it is named for who waits there, and no part of a street."""
_READ = (
    "highway", "waterway", "railway", "natural", "leisure", "landuse", "place", "amenity", "shop", "office", "tourism",
    "public_transport", "addr:housenumber", "restriction", "boundary", "aeroway", "historic", "healthcare", "man_made",
)  # fmt: skip
_AREAS = ("natural", "leisure", "landuse", "waterway", "boundary")
_AREA_LEVELS = frozenset({"6", "7", "8", "9", "10"})
"""Of a boundary's admin_level: what is smaller than a city."""
_ONE_WAY = {"yes": 1, "true": 1, "1": 1, "-1": -1, "reverse": -1}
_CLOSED_ACCESS = frozenset({"no", "private"})
_NO_CARS = frozenset({"no", "private", "forestry", "agricultural"})
_MPH = 1.609


@dataclass
class Lines:
    """Lines of one sort, column by column."""

    wkb: list[str] = field(default_factory=list)
    kinds: list[str] = field(default_factory=list)
    names: list[str] = field(default_factory=list)

    def add(self, wkb: str, kind: str, name: str) -> None:
        """One more."""
        self.wkb.append(wkb)
        self.kinds.append(kind)
        self.names.append(name)

    def shapes(self) -> NDArray[Any]:
        """Shapely's lines, in degrees."""
        shapes: NDArray[Any] = shapely.from_wkb(np.array(self.wkb, object))
        return shapes


@dataclass
class Roads(Lines):
    """Roads; `kinds` are values of `highway`."""

    ways: array[int] = field(default_factory=lambda: array("q"))
    """The id of each road's way: the parts of one that was cut have the same."""
    nodes: array[int] = field(default_factory=lambda: array("q"))
    """The ids of all points, road after road."""
    one_ways: array[int] = field(default_factory=lambda: array("b"))
    """1 along the line, -1 against it, 0 both."""
    limits_kmh: array[int] = field(default_factory=lambda: array("B"))
    """What a sign allows; 0 unknown."""
    tolls: array[int] = field(default_factory=lambda: array("b"))
    drivable: array[int] = field(default_factory=lambda: array("b"))
    sizes: array[int] = field(default_factory=lambda: array("i"))
    """How many points each has."""

    def keep(self, kept: NDArray[Any]) -> None:
        """Drop the others; `kept` says yes or no for each."""
        self.nodes = array("q", np.array(self.nodes)[np.repeat(kept, np.array(self.sizes))].tobytes())
        which = kept.tolist()
        for column in ("wkb", "kinds", "names"):
            setattr(self, column, list(compress(getattr(self, column), which)))
        for column in ("ways", "one_ways", "limits_kmh", "tolls", "drivable", "sizes"):
            values = getattr(self, column)
            setattr(self, column, array(values.typecode, compress(values, which)))


@dataclass
class Areas:
    """Areas of one sort."""

    wkb: list[str] = field(default_factory=list)
    kinds: list[str] = field(default_factory=list)
    names: list[str] = field(default_factory=list)


@dataclass
class Points:
    """Points with a name or a number: `places` (city, suburb …), `pois` (school, station …), `houses`."""

    lon: array[float] = field(default_factory=lambda: array("d"))
    lat: array[float] = field(default_factory=lambda: array("d"))
    kinds: list[str] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    streets: list[str] = field(default_factory=list)
    """Of houses; `names` are their numbers."""

    def add(self, lon: float, lat: float, kind: str, name: str, street: str = "") -> None:
        """One more."""
        self.lon.append(lon)
        self.lat.append(lat)
        self.kinds.append(kind)
        self.names.append(name)
        self.streets.append(street)

    def degrees(self) -> NDArray[Any]:
        """(lon, lat) of each."""
        return np.stack([np.array(self.lon), np.array(self.lat)], 1)


@dataclass(frozen=True)
class TurnRestriction:
    """At the node `via`, coming along the way `came`, the way `goes` is forbidden, or (`only`) the one allowed."""

    came: int
    via: int
    goes: int
    only: bool


@dataclass
class OsmData:
    """What one file gives."""

    generator: str = ""
    dated: str = ""
    """When the data was taken, as ISO 8601; empty where the file does not tell."""
    bounds: Bounds = (0.0, 0.0, 0.0, 0.0)
    roads: Roads = field(default_factory=Roads)
    rivers: Lines = field(default_factory=Lines)
    rails: Lines = field(default_factory=Lines)
    coasts: Lines = field(default_factory=Lines)
    areas: Areas = field(default_factory=Areas)
    """Water and parks."""
    districts: Areas = field(default_factory=Areas)
    """Administrative areas smaller than a city."""
    places: Points = field(default_factory=Points)
    pois: Points = field(default_factory=Points)
    houses: Points = field(default_factory=Points)
    posts: Points = field(default_factory=Points)
    """Kilometre posts; `names` are what stands on them."""
    restrictions: list[TurnRestriction] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)
    """How much of what was not taken, by what it was."""


def read_osm(path: Path, box: Bounds | None, scratch: Path, progress: Progress) -> OsmData:
    """Everything of the file that a map shows or uses; of the part around `box` alone, if one is given.

    `scratch` is a folder for a copy of that part. Raises MapBuildError, OSError.
    """
    try:
        if box is not None:
            part = scratch / "part.osm.pbf"
            _write_part(path, box, part, progress)
            data = _OsmReading(path, progress).read(part)
            part.unlink()
        else:
            data = _OsmReading(path, progress).read(path)
    except MemoryError as error:
        raise OutOfMemory(
            f"{path.name} needs more memory than a city's map may have: choose a part (--box)."
        ) from error
    except (
        RuntimeError,
        ValueError,
        IndexError,
        OverflowError,
        UnicodeDecodeError,
    ) as error:  # as the reader raises them
        raise DamagedOsmFile(f"{path.name} is damaged, or was made to do harm: it can't be read to its end.") from error
    _drop_wide(data.roads, data.left_out)
    if not data.roads.wkb:
        where = " in this part" if box else ""
        raise NothingInIt(f"{path.name} has no street{where}: there is nothing to make a map of.")
    data.bounds = _bounds(data, box)
    width, height = data.bounds[2] - data.bounds[0], data.bounds[3] - data.bounds[1]
    # protects: no-wider-than-a-city
    if max(width, height) > _WIDEST_MAP:
        raise MoreThanACity(
            f"{path.name} covers {width:.0f} by {height:.0f} degrees, more than a city. "
            "Choose a part of it: --box WEST,SOUTH,EAST,NORTH in degrees."
        )
    return data


def clean_name(text: str) -> str:
    """A name without what cannot be shown or turns the writing around, on one line, at most 120 characters."""
    return " ".join(_UNWANTED.sub("", text[: 8 * MOST_NAME]).split())[:MOST_NAME].strip()


def _drop_wide(roads: Roads, left_out: Counter[str]) -> None:
    """Leave out the roads that lead out of any city: one alone would make the map as wide as it is."""
    if not roads.wkb:
        return
    bounds = shapely.bounds(roads.shapes())
    kept = np.maximum(bounds[:, 2] - bounds[:, 0], bounds[:, 3] - bounds[:, 1]) <= _WIDEST_ROAD
    # protects: no-line-across-the-world
    if not kept.all():
        left_out["roads longer than a city"] += int((~kept).sum())
        roads.keep(kept)


def _bounds(data: OsmData, box: Bounds | None) -> Bounds:
    """The frame of all roads (a file's own is often missing or wrong), within `box`."""
    west, south, east, north = (float(value) for value in shapely.total_bounds(data.roads.shapes()))
    if box is not None:
        return max(west, box[0]), max(south, box[1]), min(east, box[2]), min(north, box[3])
    return west, south, east, north


class _OsmReading:
    """One pass over a file."""

    def __init__(self, source: Path, progress: Progress) -> None:
        """`source` is the file that the operator named, whose header counts."""
        self._source, self._progress = source, progress
        self._name = source.name
        self._data = OsmData()
        self._wkb = osmium.geom.WKBFactory()
        self._newest = ""

    def read(self, path: Path) -> OsmData:
        """All of it. Raises RuntimeError and others where the file is damaged."""
        data = self._data
        reader = osmium.io.Reader(str(self._source), osmium.osm.NOTHING)
        header = reader.header()
        data.generator = clean_name(header.get("generator"))
        data.dated = clean_name(header.get("osmosis_replication_timestamp") or header.get("timestamp"))
        reader.close()
        objects = osmium.FileProcessor(str(path)).with_areas(osmium.filter.KeyFilter(*_AREAS))
        for at, found in enumerate(objects.with_filter(osmium.filter.KeyFilter(*_READ))):
            if at % _EVERY == 0:
                # How many there are is known at the end only.
                self._progress(f"reading {self._name}: {len(data.roads.wkb):,} streets", 1 - 1 / (1 + at / 200_000))
                self._stay_small()
            if isinstance(found, Way):
                self._way(found)
            elif isinstance(found, Node):
                self._node(found)
            elif isinstance(found, Area):
                self._area(found)
            elif isinstance(found, Relation):
                self._relation(found)
        data.dated = data.dated or self._newest
        return data

    def _stay_small(self) -> None:
        data = self._data
        count = len(data.roads.wkb) + len(data.rivers.wkb) + len(data.areas.wkb)
        count += len(data.houses.names) + len(data.pois.names)
        if count > _MOST_LINES:
            raise MoreThanACity(f"{self._name} holds more than a city. Choose a part: --box WEST,SOUTH,EAST,NORTH.")

    def _way(self, way: Way) -> None:
        data, tags = self._data, way.tags
        kind = tags.get("highway")
        if kind in ROADS:
            self._road(way, kind)
        elif (river := tags.get("waterway")) in _WATERWAYS:
            self._add(data.rivers, way, river)
        elif (rail := tags.get("railway")) in _RAILWAYS:
            self._add(data.rails, way, rail)
        elif tags.get("natural") == "coastline":
            self._add(data.coasts, way, "coast")
        if way.is_closed():
            self._building(way)

    def _add(self, lines: Lines, way: Way, kind: str) -> None:
        name = clean_name(_tag(way.tags, "name"))
        for wkb, _ in self._parts(way):
            lines.add(wkb, kind, name)

    def _road(self, way: Way, kind: str) -> None:
        roads, tags = self._data.roads, way.tags
        name = clean_name(_tag(tags, "name") or (_tag(tags, "ref") if ROADS[kind].numbered else ""))
        if not self._data.dated and (when := way.timestamp).year > 1970:
            self._newest = max(self._newest, f"{when:%Y-%m-%dT%H:%M:%SZ}")
        for wkb, nodes in self._parts(way):
            roads.add(wkb, kind, name)
            roads.ways.append(way.id)
            roads.nodes.extend(nodes)
            roads.sizes.append(len(nodes))
            roads.one_ways.append(_one_way(kind, tags))
            roads.limits_kmh.append(_limit(_tag(tags, "maxspeed")))
            roads.tolls.append(tags.get("toll") == "yes")
            roads.drivable.append(_drivable(kind, tags))

    def _parts(self, way: Way) -> Iterator[tuple[str, list[int]]]:
        """(shape, ids of its points) of the way; of its parts, where points of it are not in the file."""
        nodes = way.nodes
        # protects: no-endless-line
        if len(nodes) > _MOST_POINTS:
            self._data.left_out["lines with too many points"] += 1
            return
        try:
            wkb = self._wkb.create_linestring(way, osmium.geom.use_nodes.ALL)
        except (RuntimeError, osmium.InvalidLocationError):
            yield from self._whole_parts(way)
            return
        yield wkb, [node.ref for node in nodes]

    def _whole_parts(self, way: Way) -> Iterator[tuple[str, list[int]]]:
        self._data.left_out["lines of which points are missing"] += 1
        run: list[tuple[int, float, float]] = []
        for node in [*way.nodes, None]:
            if node is not None and node.location.valid():
                run.append((node.ref, node.lon, node.lat))
                continue
            places = np.array([one[1:] for one in run])
            if len(run) > 1:
                yield shapely.to_wkb(shapely.linestrings(places), hex=True), [one[0] for one in run]
            run = []

    def _building(self, way: Way) -> None:
        """A house, a school and the like that is drawn as an outline: it stands in the middle of that."""
        tags = way.tags
        number, name = tags.get("addr:housenumber"), tags.get("name")
        if not number and not (name and any(key in tags for key in _POI_KEYS)):
            return
        places = [(node.lon, node.lat) for node in way.nodes if node.location.valid()]
        if len(places) < 3 or len(places) > _MOST_POINTS:
            return
        lon, lat = np.mean(np.array(places[:-1]), axis=0).tolist()
        self._point(tags, lon, lat)

    def _node(self, node: Node) -> None:
        tags, place = node.tags, node.location
        if not place.valid():
            return
        if tags.get("highway") == "milestone":
            if post := clean_name(_tag(tags, "distance")):
                self._data.posts.add(place.lon, place.lat, "milestone", post)
        elif "place" in tags or "name" in tags or "addr:housenumber" in tags:
            self._point(tags, place.lon, place.lat)

    def _point(self, tags: TagList, lon: float, lat: float) -> None:
        data = self._data
        name, place = clean_name(_tag(tags, "name")), tags.get("place")
        # Parks have a name of their own as areas.
        kind = next((value for key in _POI_KEYS if (value := tags.get(key)) and value not in _PARKS), "")
        highway = tags.get("highway")
        if name and place:
            data.places.add(lon, lat, clean_name(place), name)
        elif name and highway in _STOPS:
            data.pois.add(lon, lat, "bus_stop", name)
        elif name and kind and highway is None:
            data.pois.add(lon, lat, clean_name(kind), name)
        if number := clean_name(_tag(tags, "addr:housenumber")):
            street = clean_name(_tag(tags, "addr:street") or _tag(tags, "addr:place"))
            data.houses.add(lon, lat, "house", number, street)

    def _area(self, area: Area) -> None:
        tags = area.tags
        kind = ""
        if tags.get("natural") == "water" or tags.get("waterway") == "riverbank":
            kind = "water"
        elif tags.get("leisure") in _PARKS or tags.get("landuse") in _GREEN:
            kind = "park"
        name = clean_name(_tag(tags, "name"))
        district = tags.get("boundary") == "administrative" and tags.get("admin_level") in _AREA_LEVELS and name
        if not kind and not district:
            return
        try:
            wkb = self._wkb.create_multipolygon(area)
        except RuntimeError:
            self._data.left_out["areas that are not closed"] += 1
            return
        for wanted, into in ((kind, self._data.areas), (district, self._data.districts)):
            if wanted:
                into.wkb.append(wkb)
                into.kinds.append(kind or "district")
                into.names.append(name)

    def _relation(self, relation: Relation) -> None:
        tags = relation.tags
        says = _tag(tags, "restriction")
        if tags.get("type") != "restriction" or not says.startswith(("no_", "only_")):
            return
        if {"motorcar", "motor_vehicle"} & set(re.split(r"[;, ]+", _tag(tags, "except"))):
            return
        if len(relation.members) > 20:
            self._data.left_out["turn restrictions"] += 1
            return
        came = [one.ref for one in relation.members if one.role == "from" and one.type == "w"]
        goes = [one.ref for one in relation.members if one.role == "to" and one.type == "w"]
        via = [one.ref for one in relation.members if one.role == "via" and one.type == "n"]
        only = says.startswith("only_")
        # One that goes over a way, or forbids an entry from several, is not told by a node and two ways.
        if len(via) != 1 or not came or not goes or (only and len(goes) > 1):
            self._data.left_out["turn restrictions"] += 1
            return
        self._data.restrictions += [TurnRestriction(one, via[0], other, only) for one in came for other in goes]


def _tag(tags: TagList, key: str) -> str:
    return tags.get(key) or ""


def _one_way(kind: str, tags: TagList) -> int:
    said = _tag(tags, "oneway")
    if said in _ONE_WAY:
        return _ONE_WAY[said]
    return int(said != "no" and (kind == "motorway" or tags.get("junction") in ("roundabout", "circular")))


def _drivable(kind: str, tags: TagList) -> bool:
    if not ROADS[kind].speed_kmh:
        return False
    cars = _tag(tags, "motor_vehicle") or _tag(tags, "vehicle")
    return cars not in _NO_CARS if cars else _tag(tags, "access") not in _CLOSED_ACCESS


def _limit(text: str) -> int:
    """The km/h of a speed limit; 0 where it is none in figures."""
    found = re.fullmatch(r"(\d{1,3})(?: ?(mph|km/h|kmh))?", text[:20])
    if found is None:
        return 0
    return min(255, round(int(found[1]) * (_MPH if found[2] == "mph" else 1)))


def _write_part(path: Path, box: Bounds, part: Path, progress: Progress) -> None:
    """Copy what touches `box`, whole, with all that it is made of. Raises RuntimeError, MapBuildError."""
    west, south, east, north = box
    wanted = osmium.IdTracker()
    for at, node in enumerate(osmium.FileProcessor(str(path), osmium.osm.NODE)):
        assert isinstance(node, Node)
        place = node.location
        if place.valid() and west <= place.lon <= east and south <= place.lat <= north:
            wanted.add_node(node.id)
        if at % 1_000_000 == 0:
            progress(f"choosing: {at // 1_000_000} million points looked at", 0.0)
    keys = osmium.filter.KeyFilter(*_READ)
    inside = wanted.contains_filter()
    for kind, add in ((osmium.osm.WAY, wanted.add_way), (osmium.osm.RELATION, wanted.add_relation)):
        found = [one.id for one in osmium.FileProcessor(str(path), kind).with_filter(keys).with_filter(inside)]
        for id_ in found:
            add(id_)
    wanted.complete_backward_references(str(path), relation_depth=1)
    with osmium.SimpleWriter(str(part), overwrite=True) as out:
        for one in osmium.FileProcessor(str(path)).with_filter(wanted.id_filter()):
            out.add(one)

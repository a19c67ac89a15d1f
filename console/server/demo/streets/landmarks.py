"""What stands along the invented streets: houses, stations, stops, public buildings, shops, posts, names of areas."""

from __future__ import annotations

import math
import random
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import shapely

from console.server.demo.areas import Ward
from console.server.demo.house_numbers import house_number
from console.server.demo.streets.facts import ROADS, TOLL_ROAD, StreetFacts
from console.server.demo.streets.network import CityStreets
from console.server.demo.streets.plane import Point, Points, to_metres
from console.server.demo.streets.ways import InventedWay

_BUILDINGS = (
    ("amenity", "townhall", "Kantor Kelurahan {}"),
    ("amenity", "clinic", "Puskesmas {}"),
    ("amenity", "marketplace", "Pasar {}"),
    ("amenity", "school", "SDN {} 01"),
    ("amenity", "school", "SDN {} 03"),
    ("amenity", "place_of_worship", "Masjid Raya {}"),
    ("amenity", "police", "Pos Polisi {}"),
    ("amenity", "fire_station", "Pos Damkar {}"),
    ("amenity", "fuel", "SPBU {}"),
    ("amenity", "pharmacy", "Apotek {}"),
    ("shop", "convenience", "Minimarket {}"),
    ("shop", "convenience", "Minimarket {} Baru"),
)
_BUILDINGS_A_WARD = 7
_SET_BACK_M, _MAIN_SET_BACK_M = 8.0, 18.0
_HOUSES_EVERY_M, _MAIN_HOUSES_EVERY_M = 200.0, 80.0
_LONG_STREET_M = 220.0
_STOPS_EVERY_M, _POSTS_EVERY_M = 700.0, 1000.0


@dataclass(frozen=True)
class Landmark:
    """A point with its tags, as OpenStreetMap writes them."""

    place: Point
    tags: dict[str, str]


def make_landmarks(wards: Sequence[Ward], facts: StreetFacts, streets: CityStreets, seed: int) -> tuple[Landmark, ...]:
    """All points of the city, in a fixed order."""
    return (
        *_stations(facts),
        *_area_names(wards),
        *_buildings(wards, streets, seed),
        *_station_shops(facts, streets),
        *_shops_and_schools(wards, streets, seed),
        *_stops(streets),
        *_posts(streets),
        *(house for way in streets.ways for house in _houses(way, streets.nodes)),
    )


def _stations(facts: StreetFacts) -> Iterator[Landmark]:
    for spot in facts.spots_of("station"):
        yield Landmark(to_metres(spot.lat, spot.lon), {"railway": "station", "name": f"Stasiun {spot.name}"})
    for spot in facts.spots_of("airport"):
        yield Landmark(to_metres(spot.lat, spot.lon), {"aeroway": "aerodrome", "name": f"Bandara {spot.name}"})


def _area_names(wards: Sequence[Ward]) -> Iterator[Landmark]:
    """The names of kelurahan, kecamatan and kota, where they are."""
    districts: dict[str, list[Ward]] = defaultdict(list)
    cities: dict[str, list[Ward]] = defaultdict(list)
    for ward in wards:
        yield Landmark(to_metres(ward.lat, ward.lon), {"place": "quarter", "name": ward.name, "ref": ward.code})
        districts[ward.district_code].append(ward)
        cities[ward.city_code].append(ward)
    for inside in districts.values():
        yield Landmark(_middle(inside), {"place": "suburb", "name": f"Kecamatan {inside[0].district}"})
    for inside in cities.values():
        yield Landmark(_middle(inside), {"place": "city", "name": inside[0].city})


def _middle(wards: Sequence[Ward]) -> Point:
    east, north = np.mean([to_metres(ward.lat, ward.lon) for ward in wards], axis=0).tolist()
    return east, north


def _buildings(wards: Sequence[Ward], streets: CityStreets, seed: int) -> Iterator[Landmark]:
    """Some public buildings and shops of each ward, beside its streets."""
    of_ward: dict[str, list[InventedWay]] = defaultdict(list)
    for way in streets.ways:
        if way.ward and way.is_whole and not way.is_bridge and way.kind != "living_street":
            of_ward[way.ward].append(way)
    for ward in wards:
        ways = of_ward.get(ward.code)
        if not ways:
            continue
        chance = random.Random(f"{seed}/{ward.code}/buildings")  # noqa: S311  a made-up city, no secret
        for key, value, name in chance.sample(_BUILDINGS, _BUILDINGS_A_WARD):
            way = chance.choice(ways)
            at = chance.randrange(len(way.nodes) - 1)
            start, end = streets.nodes[way.nodes[at : at + 2]].tolist()
            place = _beside(start, end, _SET_BACK_M, on_left=chance.random() < 0.5)
            yield Landmark(place, {key: value, "name": name.format(ward.name)})


def _station_shops(facts: StreetFacts, streets: CityStreets) -> Iterator[Landmark]:
    """A shop in the dead end that is the nearest to each station."""
    lanes = [way for way in streets.ways if way.ward and way.name.startswith("Gang Buntu")]
    starts = np.array([streets.nodes[way.nodes[0]] for way in lanes]).reshape(-1, 2)
    for spot in facts.spots_of("station") if lanes else ():
        way = lanes[int(np.hypot(*(starts - to_metres(spot.lat, spot.lon)).T).argmin())]
        start, end = streets.nodes[way.nodes[:2]].tolist()
        place = _beside(start, end, _SET_BACK_M, on_left=True)
        yield Landmark(place, {"shop": "convenience", "name": "Alfamart"})


def _shops_and_schools(wards: Sequence[Ward], streets: CityStreets, seed: int) -> Iterator[Landmark]:
    """What callers name most: a shop of either chain, and state schools, in each ward."""
    ways_of = defaultdict(list)
    for way in streets.ways:
        if way.ward and way.is_whole and not way.is_bridge:
            ways_of[way.ward].append(way)
    for ward in wards:
        ways = ways_of.get(ward.code)
        if not ways:
            continue
        chance = random.Random(f"{seed}/{ward.code}/shops")  # noqa: S311  a made-up city, no secret
        shop = {"shop": "convenience"}
        for name in ("Alfamart", "Indomaret"):
            yield _stands_at(chance.choice(ways), streets.nodes, chance, shop | {"name": name})
        for kind, number in (("SMPN", chance.randrange(1, 9)), ("SMAN", chance.randrange(1, 9))):
            school = {"amenity": "school", "name": f"{kind} {number} {ward.name}"}
            yield _stands_at(chance.choice(ways), streets.nodes, chance, school)


def _stands_at(way: InventedWay, nodes: Points, chance: random.Random, tags: dict[str, str]) -> Landmark:
    """A landmark beside some piece of a street."""
    at = chance.randrange(len(way.nodes) - 1)
    start, end = nodes[way.nodes[at : at + 2]].tolist()
    return Landmark(_beside(start, end, _SET_BACK_M, on_left=chance.random() < 0.5), tags)


def _stops(streets: CityStreets) -> Iterator[Landmark]:
    """Bus stops along main roads, numbered from where the road begins."""
    for stretch in streets.main_roads:
        name = stretch.name.removeprefix("Jl. ")
        for number, (place, ahead) in enumerate(_every(stretch.places, _STOPS_EVERY_M), 1):
            stop = _beside(place, ahead, _MAIN_SET_BACK_M, on_left=number % 2 == 1)
            yield Landmark(stop, {"highway": "bus_stop", "name": f"Halte {name} {number}"})


def _posts(streets: CityStreets) -> Iterator[Landmark]:
    """Kilometre posts of the toll roads, beside the carriageway that runs away from kilometre 0."""
    posted = set()
    for way in streets.ways:
        if way.kind == TOLL_ROAD and way.name and way.name not in posted:
            posted.add(way.name)
            for number, (place, _) in enumerate(_every(streets.nodes[way.nodes], _POSTS_EVERY_M), 1):
                yield Landmark(place, {"highway": "milestone", "distance": str(number)})


def _every(places: Points, step_m: float) -> Iterator[tuple[Point, Point]]:
    """(a place, one a little ahead of it) on a line after each step."""
    line = shapely.LineString(places)
    for number in range(1, int(line.length / step_m) + 1):
        here, ahead = (line.interpolate(number * step_m + off_m) for off_m in (-1.0, 0.0))
        yield (here.x, here.y), (ahead.x, ahead.y)


def _houses(way: InventedWay, nodes: Points) -> Iterator[Landmark]:
    """House numbers along main roads on both sides, along other streets now here, now there; none in lanes."""
    is_main = way.kind in ROADS
    if not is_main and way.kind not in ("tertiary", "residential"):
        return
    places = nodes[way.nodes]
    lengths = np.hypot(*np.diff(places, axis=0).T)
    if not is_main and lengths.sum() < _LONG_STREET_M:
        return
    every_m = _MAIN_HOUSES_EVERY_M if is_main else _HOUSES_EVERY_M
    along_m, next_m, on_left = 0.0, every_m / 2, True
    for start, end, length in zip(places.tolist(), places[1:].tolist(), lengths.tolist(), strict=False):
        middle_m = along_m + length / 2
        if middle_m >= next_m:
            next_m = middle_m + every_m
            for left in (True, False) if is_main else (on_left,):
                place = _beside(start, end, _MAIN_SET_BACK_M if is_main else _SET_BACK_M, on_left=left)
                number = house_number(way.from_m + middle_m, on_left=left)
                yield Landmark(place, {"addr:housenumber": str(number), "addr:street": way.name})
            on_left = not on_left
        along_m += length


def _beside(start: Point, end: Point, away_m: float, *, on_left: bool) -> Point:
    """A point beside the middle of a piece of a street."""
    (ax, ay), (bx, by) = start, end
    length = max(math.hypot(bx - ax, by - ay), 1e-6)
    side = away_m / length if on_left else -away_m / length
    return (ax + bx) / 2 - (by - ay) * side, (ay + by) / 2 + (bx - ax) * side

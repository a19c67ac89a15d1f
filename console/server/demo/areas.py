"""The areas of the demo city: Jakarta's 267 kelurahan with approximate cells around their centres, kecamatan, kota."""

from __future__ import annotations

import csv
import io
import math
import random
from collections.abc import Sequence
from importlib import resources

import msgspec

from console.domain.report import Area

CITY, DISTRICT, WARD = 1, 2, 3
"""Levels: kota, kecamatan, kelurahan."""

_KM_LAT = 110.57
_NORTH_SHORE = -6.0905
"""No cell of the mainland reaches farther north; the sea begins about here."""
_ISLANDS = "31.01."

Point = tuple[float, float]


class Ward(msgspec.Struct, frozen=True):
    """A kelurahan: its facts and the corners (lat, lon) of its approximate cell, convex, counter-clockwise."""

    code: str
    name: str
    district: str
    city: str
    lat: float
    lon: float
    cell: tuple[Point, ...]

    @property
    def district_code(self) -> str:
        """The code of the kecamatan."""
        return self.code[:8]

    @property
    def city_code(self) -> str:
        """The code of the kota."""
        return self.code[:5]


def read_wards() -> list[Ward]:
    """The kelurahan of the project's own table, with cells computed around the centres."""
    text = resources.files("resources").joinpath("demo/areas.csv").read_text("utf-8")
    rows = list(csv.DictReader(io.StringIO(text)))
    centres = [(float(row["lat"]), float(row["lon"])) for row in rows]
    wards = []
    for at, row in enumerate(rows):
        shore = None if row["code"].startswith(_ISLANDS) else _NORTH_SHORE
        city = row["kota"].removeprefix("Kota Administrasi ").removeprefix("Kabupaten Administrasi ")
        cell = tuple(_cell(at, centres, shore))
        wards.append(Ward(row["code"], row["kelurahan"], row["kecamatan"], city, *centres[at], cell))
    return wards


def make_areas(wards: Sequence[Ward]) -> list[Area]:
    """Areas of all three levels; only the kelurahan have a border, and it is labelled approximate."""
    cities: dict[str, list[Ward]] = {}
    districts: dict[str, list[Ward]] = {}
    for ward in wards:
        cities.setdefault(ward.city_code, []).append(ward)
        districts.setdefault(ward.district_code, []).append(ward)
    areas = [Area(code, inside[0].city, CITY, None, *_middle(inside), approximate=True)
             for code, inside in cities.items()]  # fmt: skip
    areas += [
        Area(code, inside[0].district, DISTRICT, code[:5], *_middle(inside), approximate=True)
        for code, inside in districts.items()
    ]
    for ward in wards:
        ring = [[round(lon, 6), round(lat, 6)] for lat, lon in (*ward.cell, ward.cell[0])]
        geometry = {"type": "Polygon", "coordinates": [ring]}
        areas.append(
            Area(ward.code, ward.name, WARD, ward.district_code, ward.lat, ward.lon, geometry, approximate=True)
        )
    return areas


def point_in(ward: Ward, chance: random.Random) -> Point:
    """A point anywhere in the cell of a ward, a little away from its border."""
    corners = ward.cell
    triangles = [(corners[0], corners[i], corners[i + 1]) for i in range(1, len(corners) - 1)]
    a, b, c = chance.choices(triangles, weights=[abs(_cross(*triangle)) for triangle in triangles])[0]
    u, v = chance.random(), chance.random()
    if u + v > 1:
        u, v = 1 - u, 1 - v
    lat = a[0] + u * (b[0] - a[0]) + v * (c[0] - a[0])
    lon = a[1] + u * (b[1] - a[1]) + v * (c[1] - a[1])
    return ward.lat + 0.96 * (lat - ward.lat), ward.lon + 0.96 * (lon - ward.lon)


def metres(here: Point, there: Point) -> float:
    """The distance of two near points."""
    north = (there[0] - here[0]) * _KM_LAT
    east = (there[1] - here[1]) * _KM_LAT * math.cos(math.radians(here[0]))
    return 1000 * math.hypot(north, east)


def _middle(wards: Sequence[Ward]) -> Point:
    return (
        round(sum(ward.lat for ward in wards) / len(wards), 5),
        round(sum(ward.lon for ward in wards) / len(wards), 5),
    )


def _cell(at: int, centres: Sequence[Point], shore: float | None) -> list[Point]:
    """The points nearer to this centre than to any other, within a radius fit to the neighbours."""
    here = centres[at]
    near = sorted((metres(here, there), there) for i, there in enumerate(centres) if i != at)[:24]
    radius_m = min(3200.0, max(600.0, 1.2 * sum(distance for distance, _ in near[:5]) / 5))
    if shore is None:
        radius_m = min(radius_m, 1500.0)
    corners = [
        _moved(here, radius_m * math.cos(turn), radius_m * math.sin(turn))
        for turn in (2 * math.pi * (i + 0.5) / 16 for i in range(16))
    ]
    for distance, there in near:
        if distance < 2 * radius_m:
            corners = _clipped(corners, here, there)
    if shore is not None:
        corners = _clipped(corners, (shore - 0.01, here[1]), (shore + 0.01, here[1]))
    return corners


def _moved(here: Point, east_m: float, north_m: float) -> Point:
    return (
        here[0] + north_m / 1000 / _KM_LAT,
        here[1] + east_m / 1000 / _KM_LAT / math.cos(math.radians(here[0])),
    )


def _clipped(corners: Sequence[Point], near: Point, far: Point) -> list[Point]:
    """The part of a convex polygon that is nearer to `near` than to `far`."""
    stretch = math.cos(math.radians(near[0])) ** 2
    north, east = far[0] - near[0], (far[1] - near[1]) * stretch
    limit = north * (near[0] + far[0]) / 2 + east * (near[1] + far[1]) / 2

    def side(point: Point) -> float:
        return north * point[0] + east * point[1] - limit

    kept: list[Point] = []
    for this, following in zip(corners, (*corners[1:], corners[0]), strict=True):
        a, b = side(this), side(following)
        if a <= 0:
            kept.append(this)
        if (a < 0 < b) or (b < 0 < a):
            part = a / (a - b)
            kept.append((this[0] + part * (following[0] - this[0]), this[1] + part * (following[1] - this[1])))
    return kept


def _cross(a: Point, b: Point, c: Point) -> float:
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])

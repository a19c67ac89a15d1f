"""The wards of the demo city: Jakarta's 267 kelurahan with approximate cells around their centres."""

from __future__ import annotations

import math
import random

import msgspec
from msgspec.structs import replace

from console.server.demo.facts import demo_facts

WARD = 3
"""The level of a kelurahan; 1 is a kota, 2 a kecamatan."""

_KM_LAT = 110.57

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
    """The kelurahan of the demo city's folder."""
    areas = demo_facts().areas
    names = {area.code: area.name for area in areas}
    wards = []
    for area in areas:
        if area.level != WARD or area.geometry is None or area.lat is None or area.lon is None:
            continue
        cell = tuple((lat, lon) for lon, lat in area.geometry["coordinates"][0][:-1])
        ward = Ward(area.code, area.name, "", "", area.lat, area.lon, cell)
        wards.append(replace(ward, district=names[ward.district_code], city=names[ward.city_code]))
    return wards


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


def _cross(a: Point, b: Point, c: Point) -> float:
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])

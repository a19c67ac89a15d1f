"""The wards of the demo city: Jakarta's 267 kelurahan and their centres."""

from __future__ import annotations

import math
from zoneinfo import ZoneInfo

import msgspec
from msgspec.structs import replace

from console.server.demo.facts import demo_facts

ZONE = ZoneInfo("Asia/Jakarta")
"""The city's own time."""
WARD = 3
"""The level of a kelurahan; 1 is a kota, 2 a kecamatan."""

_KM_LAT = 110.57

Point = tuple[float, float]


class Ward(msgspec.Struct, frozen=True):
    """A kelurahan: what it is called, what it belongs to, and its centre."""

    code: str
    name: str
    district: str
    city: str
    lat: float
    lon: float

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
        ward = Ward(area.code, area.name, "", "", area.lat, area.lon)
        wards.append(replace(ward, district=names[ward.district_code], city=names[ward.city_code]))
    return wards


def metres(here: Point, there: Point) -> float:
    """The distance of two near points."""
    north = (there[0] - here[0]) * _KM_LAT
    east = (there[1] - here[1]) * _KM_LAT * math.cos(math.radians(here[0]))
    return 1000 * math.hypot(north, east)

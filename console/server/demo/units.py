"""The 60 crews of the demo city: codes, skills, areas, shifts and where they start."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from console.domain.report import Unit
from console.domain.status import UnitState
from console.server.demo.areas import Ward, point_in

_CREWS: tuple[tuple[str, str, int, tuple[tuple[str, ...], ...]], ...] = (
    ("SDA", "Pasukan Biru", 15, (("pump", "sandbags"), ("pump",), ("drain", "pump"), ("drain", "sandbags"))),
    ("DSH", "Dishub", 12, (("traffic",), ("traffic", "tow"), ("tow",))),
    ("TMN", "Pertamanan", 5, (("saw", "garden"), ("saw",))),
    ("BMG", "Bina Marga", 7, (("asphalt",), ("asphalt", "paving"), ("lamp",), ("lamp", "paving"))),
    ("LH", "Lingkungan Hidup", 4, (("truck",),)),
    ("DMK", "Gulkarmat", 3, (("fire", "pump", "saw"),)),
    ("PLN", "Regu PLN", 2, (("electric",),)),
)
_WARD_CREWS: tuple[tuple[str, str, str, int], ...] = (
    ("KBR", "Tebet", "Kebon Baru", 2),
    ("PLM", "Matraman", "Palmeriam", 1),
    ("MTG", "Menteng", "Menteng", 1),
    ("PCR", "Pancoran", "Pancoran", 3),
    ("CWG", "Kramatjati", "Cawang", 1),
    ("KMY", "Jatinegara", "Kampung Melayu", 2),
    ("SBD", "Setiabudi", "Setia Budi", 1),
    ("PLT", "Penjaringan", "Pluit", 2),
    ("CKR", "Cengkareng", "Cengkareng Barat", 1),
    ("KMG", "Mampang Prapatan", "Kuningan Barat", 1),
    ("GGL", "Grogol Petamburan", "Grogol", 1),
    ("KLD", "Duren Sawit", "Klender", 1),
)
_AT_HOME = {"SDA-07": "Kebon Baru", "SDA-11": "Setia Budi", "DSH-12": "Menteng Atas", "TMN-05": "Menteng",
            "BMG-04": "Rawa Bunga", "SDA-15": "Cipinang Besar Selatan"}  # fmt: skip
_SKILLS = {"SDA-07": ("pump", "sandbags", "drain"), "SDA-11": ("pump", "drain"), "BMG-04": ("asphalt", "paving")}
_SHIFTS = ((time(7), time(15)), (time(15), time(23)), (time(23), time(7)))
_WARD_SHIFTS = ((time(6), time(16)), (time(16), time(22)), (time(22), time(6)))

POSITION_LOST = "sda-15"
"""This crew's radio went silent half an hour ago."""


def make_units(wards: Sequence[Ward], chance: random.Random, now: datetime, zone: ZoneInfo) -> list[Unit]:
    """All crews, available, at their posts, in the shift of `now`."""
    by_name = {ward.name: ward for ward in wards}
    mainland = [ward for ward in wards if ward.city_code != "31.01"]
    cities = sorted({ward.city_code for ward in mainland})
    units = []
    for agency, name, count, skills in _CREWS:
        for number in range(1, count + 1):
            code = f"{agency}-{number:02d}"
            home = by_name[_AT_HOME[code]] if code in _AT_HOME else None
            if home is None:
                city = cities[number % len(cities)]
                home = chance.choice([ward for ward in mainland if ward.city_code == city])
            can = _SKILLS.get(code, skills[(number - 1) % len(skills)])
            units.append(_unit(code, f"{name} {number}", agency, (home.city_code,), can, home, chance, now, zone))
    for short, district, ward_name, number in _WARD_CREWS:
        home = next(ward for ward in wards if ward.district == district and ward.name == ward_name)
        can = ("drain", "saw", "paving") if number % 2 == 0 else ("drain", "truck")
        name = f"PPSU {ward_name} {number}"
        code = f"PPSU-{short} {number}"
        units.append(_unit(code, name, "PPSU", (home.district_code,), can, home, chance, now, zone))
    return units


def shift_end(agency: str | None, now: datetime, zone: ZoneInfo) -> datetime:
    """When the shift that runs at `now` ends."""
    local = now.astimezone(zone)
    shifts = _WARD_SHIFTS if agency == "PPSU" else _SHIFTS
    ends = []
    for _, end in shifts:
        at = local.replace(hour=end.hour, minute=0, second=0, microsecond=0)
        ends.append(at if at > local else at + timedelta(days=1))
    return min(ends).astimezone(now.tzinfo)


def _unit(
    code: str,
    name: str,
    agency: str,
    areas: tuple[str, ...],
    skills: tuple[str, ...],
    home: Ward,
    chance: random.Random,
    now: datetime,
    zone: ZoneInfo,
) -> Unit:
    lat, lon = point_in(home, chance)
    return Unit(
        id=code.casefold().replace(" ", "-"),
        code=code,
        state=UnitState.AVAILABLE,
        state_since=now - timedelta(seconds=chance.randint(120, 2400)),
        name=name,
        agency=agency,
        areas=areas,
        skills=skills,
        shift_end=shift_end(agency, now, zone),
        lat=lat,
        lon=lon,
        position_at=now - timedelta(seconds=chance.randint(1, 20)),
    )

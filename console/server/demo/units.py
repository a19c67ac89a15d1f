"""The crews of the demo city on duty: in their shifts, and where they start."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from api_client.model import Unit, UnitState
from console.server.admin.setup import UnitRecord
from console.server.demo.areas import Ward
from console.server.demo.street_samples import street_places

_POSTS = {
    "SDA-07": "31.74.01.1004",
    "SDA-11": "31.74.02.1001",
    "SDA-15": "31.75.03.1007",
    "DSH-12": "31.74.02.1005",
    "TMN-05": "31.71.06.1001",
    "BMG-04": "31.75.03.1004",
    "PPSU-KBR 2": "31.74.01.1004",
    "PPSU-PLM 1": "31.75.01.1004",
    "PPSU-MTG 1": "31.71.06.1001",
    "PPSU-PCR 3": "31.74.08.1001",
    "PPSU-CWG 1": "31.75.04.1007",
    "PPSU-KMY 2": "31.75.03.1001",
    "PPSU-SBD 1": "31.74.02.1001",
    "PPSU-PLT 2": "31.72.01.1005",
    "PPSU-CKR 1": "31.73.01.1001",
    "PPSU-KMG 1": "31.74.03.1005",
    "PPSU-GGL 1": "31.73.02.1001",
    "PPSU-KLD 1": "31.75.07.1003",
}
"""Crews that begin in a certain kelurahan; the others somewhere in their kota."""
_SHIFTS = ((time(7), time(15)), (time(15), time(23)), (time(23), time(7)))
_WARD_SHIFTS = ((time(6), time(16)), (time(16), time(22)), (time(22), time(6)))

POSITION_LOST = "sda-15"
"""This crew's radio went silent half an hour ago."""


def make_units(
    records: Sequence[UnitRecord], wards: Sequence[Ward], chance: random.Random, now: datetime, zone: ZoneInfo
) -> list[Unit]:
    """All crews, available, at their posts, in the shift of `now`."""
    by_code = {ward.code: ward for ward in wards}
    units = []
    for record in records:
        home = by_code.get(_POSTS.get(record.code, ""))
        if home is None:
            home = chance.choice([ward for ward in wards if ward.city_code == record.areas[0]])
        units.append(_unit(record, home, chance, now, zone))
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


def _unit(record: UnitRecord, home: Ward, chance: random.Random, now: datetime, zone: ZoneInfo) -> Unit:
    place = street_places().draw(home, chance)
    return Unit(
        id=record.id,
        code=record.code,
        state=UnitState.AVAILABLE,
        state_since=now - timedelta(seconds=chance.randint(120, 2400)),
        name=record.name,
        agency=record.agency,
        areas=record.areas,
        skills=record.skills,
        shift_end=shift_end(record.agency, now, zone),
        lat=place.lat,
        lon=place.lon,
        position_at=now - timedelta(seconds=chance.randint(1, 20)),
    )

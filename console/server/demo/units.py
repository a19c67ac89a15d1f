"""The crews of the demo city on duty: in their shifts, and where they start."""

from __future__ import annotations

import random
import zlib
from collections.abc import Sequence
from datetime import datetime, timedelta
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
_SHIFT_S, _STEP_S = 8 * 3600, 1800
_STEPS = _SHIFT_S // _STEP_S

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


def shift_end(unit: str, now: datetime, zone: ZoneInfo) -> datetime:
    """When the shift of a crew that runs at `now` ends. Shifts have eight hours and end at different times of day."""
    first_s = zlib.crc32(unit.encode()) % _STEPS * _STEP_S
    local = now.astimezone(zone)
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
    since_s = (local - midnight).total_seconds() - first_s
    return (midnight + timedelta(seconds=first_s + (since_s // _SHIFT_S + 1) * _SHIFT_S)).astimezone(now.tzinfo)


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
        shift_end=shift_end(record.id, now, zone),
        lat=place.lat,
        lon=place.lon,
        position_at=now - timedelta(seconds=chance.randint(1, 20)),
    )

"""Shifts of units: which hours run now, and who comes on and goes off when they begin and end."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from msgspec.structs import replace

from api_client.decoding import decode
from api_client.model import Calendar, Unit, UnitState
from console.rules.sla import hours_on
from console.server.city import schema
from console.server.city.city import City
from console.server.city.numbered import put_things

_SEARCHED_DAYS = 370
_ON_DUTY = frozenset({UnitState.AVAILABLE, UnitState.BREAK})
"""Who goes off when the shift ends; a unit with a job goes on with it, and what a unit said of itself stays."""


class Shift(NamedTuple):
    """Working hours of one day."""

    begin: datetime
    end: datetime


def shift_at(calendar: Calendar, now: datetime) -> Shift | None:
    """The shift that runs now, else the next one; None when there is none for a year."""
    day = now.astimezone(ZoneInfo(calendar.timezone)).date() - timedelta(days=1)
    for _ in range(_SEARCHED_DAYS):
        hours = hours_on(calendar, day)
        if hours is not None and hours[1] > now:
            return Shift(*hours)
        day += timedelta(days=1)
    return None


def on_roster(unit: Unit, calendar: Calendar | None, now: datetime) -> Unit:
    """A unit as it begins with a shift: available in its hours, else off shift; without a shift always available."""
    shift = shift_at(calendar, now) if calendar is not None else None
    works = calendar is None or (shift is not None and shift.begin <= now)
    state = UnitState.AVAILABLE if works else UnitState.OFF_SHIFT
    return replace(unit, state=state, state_since=now, shift_end=shift.end if shift is not None else None)


def turned_over(unit: Unit, calendar: Calendar, now: datetime, *, busy: bool) -> Unit:
    """The unit as its shift leaves it now; the same object if no shift has begun or ended.

    A unit that went off duty within its hours stays off until its next shift. A state dated in the future, by a clock
    that was ahead, does not count as within these hours.
    """
    shift = shift_at(calendar, now)
    end = shift.end if shift is not None else None
    over = unit.shift_end is not None and unit.shift_end <= now
    changed = unit
    if shift is not None and shift.begin <= now:
        # protects: no-shift-is-missed-for-a-clock-ahead
        if unit.state is UnitState.OFF_SHIFT and not shift.begin <= unit.state_since <= now:
            changed = replace(unit, state=UnitState.AVAILABLE, state_since=now, reason=None)
    elif over and unit.state in _ON_DUTY and not busy:
        changed = replace(unit, state=UnitState.OFF_SHIFT, state_since=now, reason=None)
    if unit.shift_end != end and not (over and busy):
        changed = replace(changed, shift_end=end)
    return changed if changed is unit else replace(changed, version=unit.version + 1)


def turn_shifts(city: City, now: datetime) -> int:
    """Let units come on and go off by their shifts; returns how many changed. Harmless to do by several servers."""
    with city.database.read() as connection:
        bodies = connection.execute(sa.select(schema.units.c.body)).scalars()
        wanted = [unit.id for unit in (decode(body, Unit) for body in bodies) if _has_shift(unit)]
    if not wanted:
        return 0
    with city.database.read() as connection:
        if not _turned(city, connection, wanted, now):
            return 0
    with city.database.write() as connection:
        changed = _turned(city, connection, wanted, now, lock=True)
        last = put_things(city.database, connection, changed)
    if last is not None:
        city.database.announce(last, users=False)
    return len(changed)


def _turned(
    city: City, connection: sa.Connection, wanted: Iterable[str], now: datetime, *, lock: bool = False
) -> list[Unit]:
    """Those of the units whose shift has begun or ended."""
    table = schema.units
    query = sa.select(table.c.body).where(table.c.id.in_(list(wanted))).order_by(table.c.id)
    units = [decode(body, Unit) for body in connection.execute(query.with_for_update() if lock else query).scalars()]
    jobs = schema.assignments
    busy = set(connection.execute(sa.select(jobs.c.unit).where(jobs.c.live == 1)).scalars())
    rows = connection.execute(sa.select(schema.calendars.c.body)).scalars()
    calendars = {one.id: one for one in (decode(body, Calendar) for body in rows)}
    changed = []
    for unit in units:
        calendar = calendars.get(unit.shift or "")
        if calendar is not None and _has_shift(unit):
            after = turned_over(unit, calendar, now, busy=unit.id in busy)
            if after is not unit:
                changed.append(after)
    return changed


def _has_shift(unit: Unit) -> bool:
    return unit.shift is not None and unit.valid_to is None

"""What a client compares its copy with: for each day the count and hash of its reports, and the numbers of a day."""

from __future__ import annotations

from datetime import date

import sqlalchemy as sa

from api_client.model import DayReports, Digest
from console.rules.digest import date_of, day_of, days_of
from console.server.city import schema
from console.server.city.database import Database, present_number
from console.server.city.meta import read_meta
from console.server.errors import Invalid

MOST_DAYS = 400
_DAY_US = 86_400_000_000


def digest(database: Database, first: date, last: date) -> Digest:
    """Both days included, in UTC. Raises Invalid for more than 400 days at once."""
    if not 0 <= day_of(last) - day_of(first) < MOST_DAYS:
        raise Invalid(f"Ask for 1 to {MOST_DAYS} days at once, the first before the last.")
    table = schema.reports
    with database.read() as connection:
        known, present = read_meta(connection), present_number(connection)
        rows = connection.execution_options(yield_per=5000).execute(
            sa.select(table.c.id, table.c.seq, table.c.created).where(_made_on(first, last))
        )
        days = days_of((key, seq, created // _DAY_US) for key, seq, created in rows)
        before = connection.scalar(sa.select(sa.func.max(table.c.created)).where(_made_before(first)))
    earlier = None if before is None else date_of(before // _DAY_US)
    return Digest(known["epoch"], present, tuple(days), earlier)


def reports_of_day(database: Database, day: date) -> DayReports:
    """The reports made on a day (UTC)."""
    table = schema.reports
    with database.read() as connection:
        known, present = read_meta(connection), present_number(connection)
        rows = connection.execute(sa.select(table.c.id, table.c.seq).where(_made_on(day, day)))
        return DayReports(known["epoch"], present, {row.id: row.seq for row in rows})


def _made_on(first: date, last: date) -> sa.ColumnElement[bool]:
    created = schema.reports.c.created
    return sa.and_(created >= _start_of(first), created < _start_of(last) + _DAY_US)


def _made_before(first: date) -> sa.ColumnElement[bool]:
    """Reports of before year 1, which a city may hold from earlier, are of no day that could be asked for."""
    created = schema.reports.c.created
    return sa.and_(created >= _start_of(date.min), created < _start_of(first))


def _start_of(day: date) -> int:
    return day_of(day) * _DAY_US

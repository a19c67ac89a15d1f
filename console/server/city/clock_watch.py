"""Whether the clock of this computer may be believed when it says that something is old enough to be dropped."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

import sqlalchemy as sa

from console.rules.moments import AHEAD
from console.server.city import schema
from console.server.city.database import Database
from console.server.city.feed import read_meta

log = logging.getLogger(__name__)
_STEP = timedelta(minutes=30), timedelta(hours=2)
_STEPS = 48
"""A clock that is doubted is believed once it was seen to go on so many times by about an hour: for two days."""
_SEEN, _DOUBTED = "clock", "clock_doubted"


def clock_is_steady(database: Database, connection: sa.Connection, now: datetime) -> bool:
    """Look at the clock, within a writing transaction, and note what it says; to be called every hour.

    False when it has gone further AHEAD since the last look, or since the last row of the audit log: a wrong
    clock at one start must not cost what can never be got again.
    """
    known = read_meta(connection)
    last = _last_seen(connection, known)
    if last is None or now - last <= AHEAD:
        if _DOUBTED in known:
            log.warning("the clock is right again: %s", now.isoformat(timespec="minutes"))
        _note(database, connection, now)
        return True
    count, at = _doubt(known)
    if at is None:
        log.warning(
            "the clock has gone from %s to %s since it was looked at last: nothing that is kept for a while only is "
            "dropped until the clock has gone on steadily for two days",
            last.isoformat(timespec="minutes"),
            now.isoformat(timespec="minutes"),
        )
    elif _STEP[0] <= now - at <= _STEP[1]:
        count += 1
    elif timedelta(0) <= now - at < _STEP[0]:  # another start, or another server of this city
        return False
    else:
        count = 0
    if count < _STEPS:
        doubt = f"{count} {schema.micros(now)}"
        database.upsert(connection, schema.meta, [{"key": _DOUBTED, "value": doubt}])
        return False
    log.warning("the clock has gone on steadily and is believed: %s", now.isoformat(timespec="minutes"))
    _note(database, connection, now)
    return True


def _last_seen(connection: sa.Connection, known: dict[str, str]) -> datetime | None:
    """When the clock was looked at last; in a city of before that, when something was done last."""
    if _SEEN in known:
        return schema.moment(int(known[_SEEN]))
    at = connection.scalar(sa.select(schema.audit.c.at).order_by(schema.audit.c.number.desc()).limit(1))
    return schema.moment(at) if at is not None else None


def _doubt(known: dict[str, str]) -> tuple[int, datetime | None]:
    """How often it was seen to go on since it is doubted, and what it said last."""
    count, _, at = known.get(_DOUBTED, "0 ").partition(" ")
    return int(count), schema.moment(int(at)) if at else None


def _note(database: Database, connection: sa.Connection, now: datetime) -> None:
    database.upsert(connection, schema.meta, [{"key": _SEEN, "value": str(schema.micros(now))}])
    connection.execute(sa.delete(schema.meta).where(schema.meta.c.key == _DOUBTED))

"""Whether the computer's clock can be trusted when it says that something is old enough to be deleted."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

import sqlalchemy as sa

from console.rules.moments import AHEAD
from console.server.city import schema
from console.server.city.database import Database
from console.server.city.meta import read_meta

log = logging.getLogger(__name__)
_STEP = timedelta(minutes=30), timedelta(hours=2)
_STEPS = 48
"""A clock that is doubted is believed once it was seen to go on so many times by about an hour: for two days."""
_SEEN, _DOUBTED = "clock", "clock_doubted"
_LAST_DEEDS = (
    sa.select(schema.audit_waiting.c.at).order_by(schema.audit_waiting.c.id.desc()),
    sa.select(schema.audit.c.at).order_by(schema.audit.c.number.desc()),
)


def clock_is_steady(database: Database, connection: sa.Connection, now: datetime) -> bool:
    """Compare the clock with the time noted at the last call, and note it; call it every hour, in a writing
    transaction.

    False when it has gone on by more than AHEAD since then, or since the last row of the audit log: because of a wrong
    clock at one start, data must not be deleted for good.
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
    """The time noted last; in a city that has noted none, the time of the last row of the audit log."""
    if _SEEN in known:
        return schema.moment(int(known[_SEEN]))
    for query in _LAST_DEEDS:
        if (at := connection.scalar(query.limit(1))) is not None:
            return schema.moment(at)
    return None


def _doubt(known: dict[str, str]) -> tuple[int, datetime | None]:
    """How many times the clock was seen to go on steadily since it is doubted, and its time then."""
    count, _, at = known.get(_DOUBTED, "0 ").partition(" ")
    return int(count), schema.moment(int(at)) if at else None


def _note(database: Database, connection: sa.Connection, now: datetime) -> None:
    database.upsert(connection, schema.meta, [{"key": _SEEN, "value": str(schema.micros(now))}])
    connection.execute(sa.delete(schema.meta).where(schema.meta.c.key == _DOUBTED))

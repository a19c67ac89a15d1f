"""Who last changed a field or a unit, when, and on which device: what a conflict tells."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import sqlalchemy as sa

from api_client.decoding import decode
from api_client.model import AssignmentState, Entry, Kind, Report, Unit
from console.rules import pending
from console.server.city import schema

_CLOCKS_DIFFER = timedelta(seconds=2)


class Origin(NamedTuple):
    """The user and the device that made an edit; two consoles of one user do not know of each other's edits."""

    who: str
    device: str | None

    def is_origin_of(self, other: Origin) -> bool:
        """Whether the other edit was made by this user on this device, so that its author knows of it.

        An edit that names no device may come from anywhere, so the answer is False. An older entry without a device
        counts as this device's: before migration 0005 none was kept, and edits that waited in an outbox over that
        upgrade rest on such entries. So a console may overlook what another console of the same user did before the
        upgrade, or what he did by a program that names no device; it never overlooks what another user did.
        """
        return bool(self.device) and self.who == other.who and other.device in (None, "", self.device)


def field_value(report: Report, name: str) -> Any:
    """A versioned field of a report, in the form in which an edit carries it."""
    if name == "claim":
        return report.claim.who if report.claim is not None else None
    return pending.field_value(report, name)


def last_changes(connection: sa.Connection, report: Report, names: Iterable[str]) -> dict[str, dict[str, Any]]:
    """{field: {value, who, at}} of the present values; who and at are None where the history does not tell."""
    table = schema.entries
    changes: dict[str, dict[str, Any]] = {}
    for name in names:
        body = connection.scalar(
            sa.select(table.c.body).where(table.c.report == report.id, table.c.version == report.versions.get(name, 0))
        )
        entry = decode(body, Entry) if body is not None else None
        changes[name] = {
            "value": field_value(report, name),
            "who": entry.author if entry else None,
            "at": entry.at if entry else None,
        }
    return changes


def others_since(connection: sa.Connection, report: str, seen: int, origin: Origin) -> list[Entry]:
    """The entries of a report after the version that an operator saw, without his own; the oldest first."""
    table = schema.entries
    later = sa.and_(table.c.report == report, table.c.version > seen)
    rows = connection.execute(sa.select(table.c.body, table.c.device).where(later).order_by(table.c.version))
    found = [(decode(body, Entry), device) for body, device in rows]
    return [entry for entry, device in found if not origin.is_origin_of(Origin(entry.author, device))]


def changed_by(connection: sa.Connection, report: Report, name: str) -> Origin | None:
    """The origin of a field's present value; None where the history does not tell."""
    table = schema.entries
    version = report.versions.get(name, 0)
    row = connection.execute(
        sa.select(table.c.body, table.c.device).where(table.c.report == report.id, table.c.version == version)
    ).first()
    return Origin(decode(row[0], Entry).author, row[1]) if row is not None else None


def version_at(connection: sa.Connection, report: Report, at: datetime) -> int:
    """The version that a report had at a time."""
    table = schema.entries
    then = sa.and_(table.c.report == report.id, table.c.at <= schema.micros(at))
    return connection.scalar(sa.select(sa.func.max(table.c.version)).where(then)) or 0


def last_done(connection: sa.Connection, report: Report) -> tuple[int, bytes | None] | None:
    """The version of the report at which a job there was last reported done, and its entry's `Before` as JSON; None
    when none was.
    """
    table = schema.entries
    its_own = sa.and_(table.c.report == report.id, table.c.version.is_not(None))
    columns = sa.select(table.c.body, table.c.version, table.c.before)
    for body, version, before in connection.execute(columns.where(its_own).order_by(table.c.version.desc())):
        entry = decode(body, Entry)
        done = entry.kind == Kind.PROGRESS and entry.data.get("state") == AssignmentState.DONE
        if done and entry.undone_by is None:
            return int(version), before
    return None


def newest_moment(connection: sa.Connection) -> datetime | None:
    """The latest time in all histories; None without any. It is later than now where the clock was ahead once."""
    at = connection.scalar(sa.select(sa.func.max(schema.entries.c.at)))
    return schema.moment(at) if at is not None else None


def later_word(connection: sa.Connection, unit: Unit, than: datetime, now: datetime) -> tuple[Entry, Origin] | None:
    """The last entry that set this unit's own state, and its origin, if it was made after `than`; None otherwise.

    An entry that is dated later than `now`, by a clock that was ahead, does not count.
    """
    table = schema.entries
    later = sa.and_(table.c.report.is_(None), table.c.at > schema.micros(than))  # no word was said after it came
    rows = connection.execute(sa.select(table.c.body, table.c.device).where(later).order_by(table.c.seq.desc()))
    for body, device in rows:
        entry = decode(body, Entry)
        if entry.kind == Kind.UNIT_STATE and entry.unit == unit.id:
            said = than < (entry.occurred_at or entry.at) <= now
            return (entry, Origin(entry.author, device)) if said else None
    return None


def later_work(connection: sa.Connection, unit: Unit, than: datetime, now: datetime) -> Entry | None:
    """The last entry by which the unit went on with a job after `than`, plus two seconds, as two consoles know the time
    to a second each; None when there is none.
    """
    than += _CLOCKS_DIFFER
    table, jobs = schema.entries, schema.assignments
    worked_on = sa.select(jobs.c.report).where(jobs.c.unit == unit.id)
    later = sa.and_(table.c.report.in_(worked_on), table.c.at > schema.micros(than))
    for body in connection.scalars(sa.select(table.c.body).where(later).order_by(table.c.seq.desc())):
        entry = decode(body, Entry)
        counts = entry.kind == Kind.PROGRESS and entry.unit == unit.id and entry.undone_by is None
        if counts and than < (entry.occurred_at or entry.at) <= now:
            return entry
    return None

"""Who changed which field or unit last, for those who meet a conflict."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import msgspec
import sqlalchemy as sa

from console.domain.decoding import decode
from console.domain.edit import Kind
from console.domain.report import Entry, Report, Unit
from console.server import schema


def field_value(report: Report, name: str) -> Any:
    """A versioned field of a report, in the form in which an edit carries it."""
    if name == "place":
        return {"lat": report.lat, "lon": report.lon, "address": report.address}
    if name == "claim":
        return report.claim.who if report.claim is not None else None
    return msgspec.to_builtins(getattr(report, name))


def last_changes(connection: sa.Connection, report: Report, names: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Field -> its present value, and who changed it when (None where the history does not tell)."""
    table = schema.entries
    told: dict[str, dict[str, Any]] = {}
    for name in names:
        body = connection.scalar(
            sa.select(table.c.body).where(table.c.report == report.id, table.c.version == report.versions.get(name, 0))
        )
        entry = decode(body, Entry) if body is not None else None
        told[name] = {
            "value": field_value(report, name),
            "who": entry.author if entry else None,
            "at": entry.at if entry else None,
        }
    return told


def entries_since(connection: sa.Connection, report: str, seen: int) -> list[Entry]:
    """The entries of a report after the version that an operator saw, the oldest first."""
    table = schema.entries
    later = sa.and_(table.c.report == report, table.c.version > seen)
    bodies = connection.scalars(sa.select(table.c.body).where(later).order_by(table.c.seq))
    return [decode(body, Entry) for body in bodies]


def newest_moment(connection: sa.Connection) -> datetime | None:
    """The latest time in all histories: what this city's clock has said before, where it was set back since."""
    at = connection.scalar(sa.select(sa.func.max(schema.entries.c.at)))
    return schema.moment(at) if at is not None else None


def later_word(connection: sa.Connection, unit: Unit, than: datetime) -> Entry | None:
    """The last entry that gave a unit its own word, where that was said after a time."""
    if unit.state_since <= than:
        return None
    table = schema.entries
    later = sa.and_(table.c.report.is_(None), table.c.at > schema.micros(than))  # no word was said after it came
    for body in connection.scalars(sa.select(table.c.body).where(later).order_by(table.c.seq.desc())):
        entry = decode(body, Entry)
        if entry.kind == Kind.UNIT_STATE and entry.unit == unit.id:
            return entry if (entry.occurred_at or entry.at) > than else None
    return None

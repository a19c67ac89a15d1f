"""Who changed which field last, for those who meet a conflict."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec
import sqlalchemy as sa

from console.domain.report import Entry, Report
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
        entry = msgspec.json.decode(body, type=Entry) if body is not None else None
        told[name] = {
            "value": field_value(report, name),
            "who": entry.author if entry else None,
            "at": entry.at if entry else None,
        }
    return told

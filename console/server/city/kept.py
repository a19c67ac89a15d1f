"""What a city would keep no longer if it kept it for less time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from console.server.city import schema
from console.server.city.erasure import count_due
from console.server.city.handovers import old_handovers
from console.server.city.messages import old_messages
from console.server.city.retention import Retention


def of_old_reports(at: datetime) -> sa.ColumnElement[bool]:
    """Whether contacts are those of a report that was closed before `at`."""
    reports = schema.reports
    return schema.contacts.c.report.in_(sa.select(reports.c.id).where(reports.c.closed_at < schema.micros(at)))


def kept_no_longer(connection: sa.Connection, before: Retention, after: Retention, now: datetime) -> dict[str, int]:
    """How many of each are kept no longer at `now` that are kept for less time than before: by the field of Retention;
    none of a kind is left out.
    """
    counts: dict[str, Callable[[datetime], int]] = {
        "contacts_days": lambda at: _count(connection, sa.select(schema.contacts.c.id).where(of_old_reports(at))),
        "texts_days": lambda at: count_due(connection, at),
        "messages_days": lambda at: _count(connection, old_messages(at)),
        "handovers_days": lambda at: _count(connection, old_handovers(at)),
        "positions_days": lambda at: _count(
            connection, sa.select(schema.positions.c.unit).where(schema.positions.c.at < schema.micros(at))
        ),
    }
    found = {}
    for field, count in counts.items():
        days, days_before = getattr(after, field), getattr(before, field)
        if days is not None and (days_before is None or days < days_before):
            found[field] = count(now - timedelta(days=days))
    return {field: number for field, number in found.items() if number}


def _count(connection: sa.Connection, query: sa.Select[Any]) -> int:
    return connection.scalar(sa.select(sa.func.count()).select_from(query.subquery())) or 0

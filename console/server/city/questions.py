"""When a service began to ask otherwise: who was asked before that cannot have answered it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from api_client.decoding import decode
from api_client.model import Service
from console.server.city import schema
from console.server.city.database import Database
from console.server.city.meta import meta_value

_CHANGED = "asks_otherwise_since:"


def note_questions(database: Database, connection: sa.Connection, services: Sequence[Service], now: datetime) -> None:
    """Note that of these services, which are about to be written, some ask otherwise from now on. New ones do not:
    nobody was asked before.
    """
    table = schema.services
    bodies = connection.scalars(sa.select(table.c.body).where(table.c.id.in_([one.code for one in services])))
    asked = {one.code: _demands(one) for one in (decode(body, Service) for body in bodies)}
    changed = [one.code for one in services if one.code in asked and _demands(one) != asked[one.code]]
    rows = [{"key": f"{_CHANGED}{code}", "value": str(schema.micros(now))} for code in changed]
    if rows:
        database.upsert(connection, schema.meta, rows)


def asks_otherwise_since(connection: sa.Connection, code: str) -> datetime | None:
    """Since when a service asks what it asks now; None where it never asked otherwise, or nobody knows."""
    at = meta_value(connection, f"{_CHANGED}{code}")
    return schema.moment(int(at)) if at is not None else None


def _demands(service: Service) -> Any:
    """What an answer may be refused for: words that explain a question are not of it."""
    return {
        one.code: (one.datatype, one.required, frozenset(value.key for value in one.values))
        for one in service.questions
        if one.variable
    }

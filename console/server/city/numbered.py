"""Write and delete numbered objects in a transaction, so that they appear in the feed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import msgspec
import sqlalchemy as sa

from api_client.model import ApiObject
from console.server.city import schema
from console.server.city.database import Database, next_numbers


def put_things(database: Database, connection: sa.Connection, things: Iterable[ApiObject]) -> int | None:
    """Number these objects and write them, replacing those of the same id; the last number, None for no objects."""
    latest = {(schema.KIND_OF[type(thing)], schema.key_of(thing)): thing for thing in things}
    if not latest:
        return None
    last = next_numbers(connection, len(latest))
    rows: dict[str, list[dict[str, Any]]] = {}
    for seq, ((kind, _), thing) in enumerate(latest.items(), start=last - len(latest) + 1):
        rows.setdefault(kind, []).append(schema.row_of(thing, seq))
    for kind, listed in rows.items():
        database.upsert(connection, schema.TABLES[kind], listed)
    return last


def drop_things(database: Database, connection: sa.Connection, kind: str, keys: Sequence[str], now: datetime) -> int:
    """Delete objects; each gets a `gone` item in the feed. Returns the last feed number, 0 when none was there."""
    table = schema.TABLES[kind]
    dropped = [key for key in keys if connection.execute(sa.delete(table).where(table.c.id == key)).rowcount]
    if not dropped:
        return 0
    last = next_numbers(connection, len(dropped))
    rows = [
        {
            "id": f"{kind}/{key}",
            "seq": seq,
            "at": schema.micros(now),
            "body": msgspec.json.encode({"kind": kind, "id": key}),
        }
        for seq, key in enumerate(dropped, start=last - len(dropped) + 1)
    ]
    database.upsert(connection, schema.gone, rows)
    return last

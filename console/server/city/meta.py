"""The city's own facts, each a text under a key: epoch, name, time zone, what the city has set."""

from __future__ import annotations

from typing import TypeVar

import msgspec
import sqlalchemy as sa

from api_client.decoding import decode
from console.server.city import schema

T = TypeVar("T")
LANGUAGE = "language"
"""The language of the city's plain names, "" where nobody has said it."""
_ALL = sa.select(schema.meta.c.key, schema.meta.c.value)
_ONE = sa.select(schema.meta.c.value).where(schema.meta.c.key == sa.bindparam("asked"))


def read_meta(connection: sa.Connection) -> dict[str, str]:
    """All of them, by key."""
    return dict(connection.execute(_ALL).all())


def meta_value(connection: sa.Connection, key: str) -> str | None:
    """The one of this key; None where there is none."""
    return connection.scalar(_ONE, {"asked": key})


def read_setting(connection: sa.Connection, key: str, kind: type[T]) -> T:
    """What the city has set under a key; as the type has it where the city has set nothing."""
    value = meta_value(connection, key)
    return decode(value, kind) if value is not None else kind()


def setting_row(key: str, setting: msgspec.Struct) -> dict[str, str]:
    """The row of what the city sets under a key."""
    return {"key": key, "value": msgspec.json.encode(setting).decode()}

"""Telephone numbers."""

from __future__ import annotations

from typing import Any

import msgspec
import sqlalchemy as sa
from alembic import op

from api_client.decoding import decode
from api_client.model import Contact
from console.rules.phone import phone_tail

revision = "0010"
down_revision = "0009"

_AT_A_TIME = 1_000


def upgrade() -> None:
    """Make it so."""
    op.add_column("contacts", sa.Column("phone_tail", sa.Text(), nullable=True))
    op.create_index(op.f("ix_contacts_phone_tail"), "contacts", ["phone_tail"], unique=False)
    connection, last = op.get_bind(), ""
    table = sa.table(
        "contacts", sa.column("id", sa.Text), sa.column("body", sa.LargeBinary), sa.column("phone_tail", sa.Text)
    )
    page = sa.select(table.c.id, table.c.body).order_by(table.c.id).limit(_AT_A_TIME)
    put = sa.update(table).where(table.c.id == sa.bindparam("key")).values(phone_tail=sa.bindparam("tail"))
    while rows := connection.execute(page.where(table.c.id > last)).all():
        last = rows[-1][0]
        found: list[dict[str, Any]] = [{"key": key, "tail": phone_tail(_phone(body))} for key, body in rows]
        if tails := [one for one in found if one["tail"]]:
            connection.execute(put, tails)


def _phone(body: bytes) -> str:
    try:
        contact = decode(body, Contact | None)
    except msgspec.DecodeError:  # whatever stands there was never read: a city's upgrade does not end at it
        return ""
    return contact.phone if contact is not None else ""

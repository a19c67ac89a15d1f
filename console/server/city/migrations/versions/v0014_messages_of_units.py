"""The messages to and from a unit are found without looking through all."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

from api_client.decoding import decode
from api_client.model import Message

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    """Make it so."""
    op.add_column("messages", sa.Column("unit", sa.Text(), nullable=True))
    op.create_index("messages_unit", "messages", ["unit", "at"], unique=False)
    table = sa.table(
        "messages", sa.column("id", sa.Text), sa.column("body", sa.LargeBinary), sa.column("unit", sa.Text)
    )
    put = sa.update(table).where(table.c.id == sa.bindparam("key")).values(unit=sa.bindparam("of"))
    connection = op.get_bind()
    there = [decode(body, Message) for body in connection.execute(sa.select(table.c.body)).scalars()]
    found: list[dict[str, Any]] = [{"key": one.id, "of": one.to.unit or one.unit} for one in there]
    if units := [one for one in found if one["of"]]:
        connection.execute(put, units)

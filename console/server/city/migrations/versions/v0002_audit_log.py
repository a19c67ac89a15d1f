"""The audit log; who read a reporter's data before there was one begins its chain."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make it so."""
    op.create_table(
        "audit",
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("via", sa.Text(), nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("object", sa.Text(), nullable=True),
        sa.Column("edit", sa.Text(), nullable=True),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("previous", sa.Text(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("number"),
    )
    op.create_index("audit_what", "audit", ["what", "edit"], unique=False)
    op.create_index(op.f("ix_audit_object"), "audit", ["object"], unique=False)
    op.create_table(
        "audit_head",
        sa.Column("id", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    _take_over_reads(op.get_bind())
    op.drop_table("contact_reads")


def _take_over_reads(connection: sa.Connection) -> None:
    reads = connection.execute(sa.text("SELECT at, who, report FROM contact_reads ORDER BY at, id")).all()
    previous = "0" * 64
    rows: list[dict[str, Any]] = []
    for number, (at, who, report) in enumerate(reads, start=1):
        row = {"number": number, "at": at, "who": who, "role": "", "via": "", "what": "reveal", "object": report}
        row |= {"edit": None, "detail": "{}", "previous": previous}
        previous = hashlib.sha256(
            json.dumps(row, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
        ).hexdigest()
        rows.append(row | {"hash": previous})
    if rows:
        names = list(rows[0])
        op.bulk_insert(sa.table("audit", *(sa.column(name) for name in names)), rows)
    head = sa.table("audit_head", *(sa.column(name) for name in ("id", "number", "hash")))
    op.bulk_insert(head, [{"id": 1, "number": len(rows), "hash": previous}])

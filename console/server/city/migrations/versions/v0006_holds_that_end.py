"""When a report's hold ends by itself stands beside it, so that those that are over are found at once."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

_AT_A_TIME = 1_000
_HOLDS = b'"hold":{'
_reports = sa.table(
    "reports",
    sa.column("id", sa.Text),
    sa.column("closed", sa.SmallInteger),
    sa.column("body", sa.LargeBinary),
    sa.column("hold_until", sa.BigInteger),
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def upgrade() -> None:
    """Make it so."""
    op.add_column("reports", sa.Column("hold_until", sa.BigInteger(), nullable=True))
    there = sa.text("hold_until IS NOT NULL")
    op.create_index("reports_hold", "reports", ["hold_until"], unique=False, sqlite_where=there, postgresql_where=there)
    connection, columns = op.get_bind(), _reports.c
    last = ""
    while True:
        query = sa.select(columns.id, columns.body).where(columns.id > last, columns.closed == 0).order_by(columns.id)
        rows = connection.execute(query.limit(_AT_A_TIME)).all()
        if not rows:
            return
        last = rows[-1][0]
        for key, body in rows:
            until = _until(body) if _HOLDS in body else None
            if until is not None:
                connection.execute(sa.update(_reports).where(columns.id == key).values(hold_until=until))


def _until(body: bytes) -> int | None:
    hold = msgspec.json.decode(body).get("hold")
    if not hold or not hold.get("until"):
        return None
    since = datetime.fromisoformat(hold["until"]) - _EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds

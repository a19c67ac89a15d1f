"""Replies that are there already keep the names under which they were told to duplicates."""

from __future__ import annotations

from alembic import op

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    """Make it so."""
    op.execute(
        "INSERT INTO meta (key, value) SELECT 'update_ids_with_dots_until', CAST(newest AS TEXT) "
        "FROM (SELECT MAX(at) AS newest FROM entries) AS known WHERE newest IS NOT NULL"
    )

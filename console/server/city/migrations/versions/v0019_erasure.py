"""What was erased on request is listed, and what a city keeps no longer is found."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    """Make it so."""
    op.create_table(
        "erasures",
        sa.Column("report", sa.Text(), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("report"),
    )
    op.create_table(
        "removed_photos",
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("sha256"),
    )
    op.add_column("reports", sa.Column("erased", sa.BigInteger(), nullable=True))
    not_erased = sa.text("closed_at IS NOT NULL AND (erased IS NULL OR erased < updated)")
    op.create_index(
        "reports_not_erased", "reports", ["closed_at"], sqlite_where=not_erased, postgresql_where=not_erased
    )

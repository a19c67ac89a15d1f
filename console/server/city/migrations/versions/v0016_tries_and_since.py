"""Wrong PINs are counted by desk, and since when somebody is connected is known."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    """Make it so."""
    op.create_table(
        "pin_tries",
        sa.Column("user", sa.Text(), nullable=False),
        sa.Column("desk", sa.Text(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("wait_until", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("user", "desk"),
    )
    op.add_column("looking", sa.Column("since", sa.BigInteger(), nullable=False, server_default="0"))

"""Rates of API clients."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"


def upgrade() -> None:
    """Make it so."""
    op.add_column("api_clients", sa.Column("rate", sa.Text(), nullable=True))

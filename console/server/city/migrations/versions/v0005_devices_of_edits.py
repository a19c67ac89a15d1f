"""On which device an edit was made: two consoles of one user do not know of each other's edits."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Make it so."""
    op.add_column("entries", sa.Column("device", sa.Text(), nullable=True))

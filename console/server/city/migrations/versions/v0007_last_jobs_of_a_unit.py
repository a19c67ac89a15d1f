"""The last jobs of a unit are found at once, however many it has had."""

from __future__ import annotations

from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Make it so."""
    op.drop_index("assignments_unit", table_name="assignments")
    op.create_index("assignments_unit", "assignments", ["unit", "live", "seq"], unique=False)

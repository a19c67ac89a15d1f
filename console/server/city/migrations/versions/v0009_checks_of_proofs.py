"""Checks of proofs."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Make it so."""
    op.create_table(
        "photo_facts",
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("picture_hash", sa.LargeBinary(), nullable=False),
        sa.Column("taken", sa.BigInteger(), nullable=True),
        sa.Column("lat", sa.Float(), nullable=True),
        sa.Column("lon", sa.Float(), nullable=True),
        sa.PrimaryKeyConstraint("sha256"),
    )
    op.create_table(
        "proof_photos",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("report", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("picture_hash", sa.LargeBinary(), nullable=True),
        sa.Column("known", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_proof_photos_known"), "proof_photos", ["known"], unique=False)
    op.create_index(op.f("ix_proof_photos_sha256"), "proof_photos", ["sha256"], unique=False)

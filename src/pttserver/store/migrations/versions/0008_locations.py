"""Positions and fences, whose changes raise `standing_changes`; entries of the audit log are found by subject."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.create_table(
        "positions",
        sa.Column("id", sa.Integer, primary_key=True),
        _tenant(),
        sa.Column("subject", sa.Text),
        sa.Column("place", sa.LargeBinary),
        sa.Column("motion", sa.LargeBinary),
        sa.Column("at_ms", sa.BigInteger, nullable=False),
    )
    op.create_index("ix_positions_tenant_id_at_ms", "positions", ["tenant_id", "at_ms"])
    op.create_index("ix_positions_subject_at_ms", "positions", ["subject", "at_ms"])
    op.create_table(
        "fences",
        sa.Column("id", sa.Text, primary_key=True),
        _tenant(),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("shape", sa.Text, nullable=False),
        sa.Column("dwell_s", sa.Integer, nullable=False),
        sa.Column("changed_ms", sa.BigInteger, nullable=False),
        sa.UniqueConstraint("tenant_id", "name"),
    )
    op.create_index("ix_audit_entries_subject", "audit_entries", ["subject"])
    raising = "UPDATE standing_changes SET number = number + 1"
    for happening in ("INSERT", "UPDATE", "DELETE"):
        op.execute(f"CREATE TRIGGER fences_{happening.lower()} AFTER {happening} ON fences BEGIN {raising}; END")


def _tenant() -> sa.Column[str]:
    owner = sa.ForeignKey("tenants.id", ondelete="CASCADE")
    return sa.Column("tenant_id", sa.Text, owner, nullable=False)

"""What dispatchers noted about an alert while it was open."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    op.create_table(
        "alert_notes",
        _part_of("alerts", primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True),
        _part_of("tenants"),
        sa.Column("subject", sa.Text),
        sa.Column("text", sa.LargeBinary),
        sa.Column("at_ms", sa.BigInteger, nullable=False),
    )
    op.create_index("ix_alert_notes_tenant_id_at_ms", "alert_notes", ["tenant_id", "at_ms"])
    op.create_index("ix_alert_notes_subject", "alert_notes", ["subject"])


def _part_of(table: str, *, primary_key: bool = False) -> sa.Column[str]:
    owner = sa.ForeignKey(f"{table}.id", ondelete="CASCADE")
    return sa.Column(f"{table[:-1]}_id", sa.Text, owner, nullable=False, primary_key=primary_key)

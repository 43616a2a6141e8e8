"""Where somebody was while an alert was open."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.create_table(
        "alert_points",
        sa.Column("id", sa.Integer, primary_key=True),
        _part_of("alerts"),
        _part_of("tenants"),
        sa.Column("subject", sa.Text),
        sa.Column("place", sa.LargeBinary),
        sa.Column("at_ms", sa.BigInteger, nullable=False),
        sa.UniqueConstraint("alert_id", "at_ms"),
    )
    op.create_index("ix_alert_points_tenant_id_at_ms", "alert_points", ["tenant_id", "at_ms"])
    op.create_index("ix_alert_points_subject", "alert_points", ["subject"])


def _part_of(table: str) -> sa.Column[str]:
    owner = sa.ForeignKey(f"{table}.id", ondelete="CASCADE")
    return sa.Column(f"{table[:-1]}_id", sa.Text, owner, nullable=False)

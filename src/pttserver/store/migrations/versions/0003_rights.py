"""Roles, and what the organisation allows each subscriber; who has no row has the rights of everybody."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_table(
        "rights",
        sa.Column("subscriber_id", sa.Text, nullable=False),
        sa.Column("role", sa.Text, nullable=False),
        sa.Column("alerts_allowed", sa.Boolean),
        sa.Column("location_allowed", sa.Boolean, nullable=False),
        sa.Column("location_wanted", sa.Boolean, nullable=False),
        sa.PrimaryKeyConstraint("subscriber_id", name="pk_rights"),
        sa.ForeignKeyConstraint(
            ["subscriber_id"], ["subscribers.id"], name="fk_rights_subscriber_id", ondelete="CASCADE"
        ),
    )
    raising = "UPDATE standing_changes SET number = number + 1"
    for happening in ("INSERT", "UPDATE", "DELETE"):
        op.execute(f"CREATE TRIGGER rights_{happening.lower()} AFTER {happening} ON rights BEGIN {raising}; END")

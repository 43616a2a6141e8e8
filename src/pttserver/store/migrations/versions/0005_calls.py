"""Devices that a dispatcher disabled or wiped."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.create_table(
        "device_controls",
        sa.Column("device_id", sa.Text, nullable=False),
        sa.Column("stunned_ms", sa.BigInteger),
        sa.Column("wiped_ms", sa.BigInteger),
        sa.PrimaryKeyConstraint("device_id", name="pk_device_controls"),
        sa.ForeignKeyConstraint(["device_id"], ["devices.id"], name="fk_device_controls_device_id", ondelete="CASCADE"),
    )
    raising = "UPDATE standing_changes SET number = number + 1"
    for happening in ("INSERT", "UPDATE"):
        name = f"device_controls_{happening.lower()}"
        op.execute(f"CREATE TRIGGER {name} AFTER {happening} ON device_controls BEGIN {raising}; END")

"""An event of retention notes when it was recorded: what the operator said of it ages from then, not from the event.

Of what was recorded before, only when it happened is known. A migration is a snapshot: it does not import the schema,
which moves on.
"""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"

_INDEX = "ix_retention_events_tenant_id_subject_id"


def upgrade() -> None:
    op.drop_index(_INDEX, "retention_events")
    op.rename_table("retention_events", "old_retention_events")
    op.create_table(
        "retention_events",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("tenant_id", sa.Text, sa.ForeignKey("tenants.id", ondelete="CASCADE"), nullable=False),
        sa.Column("subject_id", sa.Text, sa.ForeignKey("subjects.id", ondelete="CASCADE")),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("at_ms", sa.BigInteger, nullable=False),
        sa.Column("recorded_ms", sa.BigInteger, nullable=False),
        sa.Column("actor", sa.LargeBinary),
        sa.Column("reason", sa.LargeBinary),
    )
    op.execute(
        "INSERT INTO retention_events SELECT id, tenant_id, subject_id, kind, at_ms, at_ms, actor, reason"
        " FROM old_retention_events"
    )
    op.drop_table("old_retention_events")  # with its trigger
    op.create_index(_INDEX, "retention_events", ["tenant_id", "subject_id"])
    raising = "UPDATE standing_changes SET number = number + 1"
    op.execute(f"CREATE TRIGGER events_recorded AFTER INSERT ON retention_events BEGIN {raising}; END")

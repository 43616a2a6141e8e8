"""Since when people are located: when a right was turned last, and which policies locate people at the same times.

A migration is a snapshot: it does not import the schema, which goes on changing after it.
"""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"

_TRIGGERS = sa.text(
    "SELECT sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name IN ('rights', 'policy_versions')"
)
_RIGHTS = "subscriber_id, role, alerts_allowed, location_allowed, location_wanted"
_VERSIONS = "id, tenant_id, text, digest, acknowledged, published, actor, reason, at_ms, replaced_ms"


def upgrade() -> None:
    triggers = list(op.get_bind().scalars(_TRIGGERS))  # they go with the tables that are made anew
    _rights()
    _policy_versions()
    for trigger in triggers:
        op.execute(trigger)


def _rights() -> None:
    op.rename_table("rights", "rights_before")
    op.create_table(
        "rights",
        sa.Column("subscriber_id", sa.Text, sa.ForeignKey("subscribers.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("role", sa.Text, nullable=False),
        sa.Column("alerts_allowed", sa.Boolean),
        sa.Column("location_allowed", sa.Boolean, nullable=False),
        sa.Column("location_wanted", sa.Boolean, nullable=False),
        sa.Column("location_since_ms", sa.BigInteger, nullable=False, server_default="0"),
    )
    _move("rights", _RIGHTS)


def _policy_versions() -> None:
    op.drop_index("ix_policy_versions_tenant_id_id", "policy_versions")
    op.rename_table("policy_versions", "policy_versions_before")
    op.create_table(
        "policy_versions",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("tenant_id", sa.Text, sa.ForeignKey("tenants.id", ondelete="CASCADE"), nullable=False),
        sa.Column("text", sa.LargeBinary),
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("acknowledged", sa.Text, nullable=False),
        sa.Column("published", sa.Boolean, nullable=False),
        sa.Column("locating", sa.Text),
        sa.Column("actor", sa.LargeBinary),
        sa.Column("reason", sa.LargeBinary),
        sa.Column("at_ms", sa.BigInteger, nullable=False),
        sa.Column("replaced_ms", sa.BigInteger),
    )
    _move("policy_versions", _VERSIONS)
    op.create_index("ix_policy_versions_tenant_id_id", "policy_versions", ["tenant_id", "id"])


def _move(table: str, columns: str) -> None:
    op.execute(f"INSERT INTO {table} ({columns}) SELECT {columns} FROM {table}_before")  # noqa: S608 - names of this file
    op.drop_table(f"{table}_before")

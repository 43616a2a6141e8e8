"""Values note their form, policies are sealed, and an event of retention is noticed by a server that runs.

A value of before has no form that could be known: a policy that demands one has it rewritten. A migration is a
snapshot: it does not import the schema, which moves on.
"""

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from alembic import context, op

revision = "0004"
down_revision = "0003"

_FORMED = {
    "subscribers": ("identifier", "display_name"),
    "subscriber_fields": ("contact", "extra"),
    "devices": ("label", "device_type"),
    "takeovers": ("from_device_id", "to_device_id"),
    "calls": ("initiator_address",),
}
_RAISING = "UPDATE standing_changes SET number = number + 1"


def upgrade() -> None:
    _note_unknown_forms()
    _let_parts_be_shared()
    _seal_policies(op.get_bind())
    for name, happening in (("policies_added", "policy_versions"), ("events_recorded", "retention_events")):
        op.execute(f"CREATE TRIGGER {name} AFTER INSERT ON {happening} BEGIN {_RAISING}; END")


def _note_unknown_forms() -> None:
    for table, columns in _FORMED.items():
        for column in columns:
            noted = f"CAST(x'00000000' || {column} AS BLOB)"
            op.execute(f"UPDATE {table} SET {column} = {noted} WHERE {column} IS NOT NULL")  # noqa: S608 - our own names


def _let_parts_be_shared() -> None:
    """Of identifiers of which only a part is kept several may be equal."""
    name = "uq_subscribers_tenant_id_identifier_index"
    op.drop_index(name, "subscribers")
    op.create_index(
        name,
        "subscribers",
        ["tenant_id", "identifier_index"],
        unique=True,
        sqlite_where=sa.text("removed_ms IS NULL AND substr(identifier, 1, 1) <> x'74'"),
    )


def _seal_policies(sql: sa.Connection) -> None:
    op.drop_index("ix_policy_versions_tenant_id_id", "policy_versions")
    op.rename_table("policy_versions", "old_policy_versions")
    owner = sa.ForeignKey("tenants.id", ondelete="CASCADE")
    op.create_table(
        "policy_versions",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("tenant_id", sa.Text, owner, nullable=False),
        sa.Column("text", sa.LargeBinary),
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("acknowledged", sa.Text, nullable=False),
        sa.Column("published", sa.Boolean, nullable=False),
        sa.Column("actor", sa.LargeBinary),
        sa.Column("reason", sa.LargeBinary),
        sa.Column("at_ms", sa.BigInteger, nullable=False),
        sa.Column("replaced_ms", sa.BigInteger),
    )
    rows = list(_sealed(sql))
    if rows:
        target = sa.table("policy_versions", *(sa.column(name) for name in rows[0]))
        sql.execute(sa.insert(target), rows)
    op.drop_table("old_policy_versions")  # secure_delete overwrites what stood in clear
    op.create_index("ix_policy_versions_tenant_id_id", "policy_versions", ["tenant_id", "id"])


def _sealed(sql: sa.Connection) -> Iterator[dict[str, Any]]:
    """Each under the key that its tenant has for itself; replaced when the next one was given."""
    vault = context.config.attributes["vault"]
    following = (
        "SELECT p.*, k.master_id, k.wrapped AS tenant_wrapped, s.wrapped, lead(p.at_ms) OVER mine AS replaced_ms"
        " FROM old_policy_versions p JOIN tenant_keys k ON k.tenant_id = p.tenant_id"
        " JOIN subjects s ON s.id = p.tenant_id WINDOW mine AS (PARTITION BY p.tenant_id ORDER BY p.id)"
    )
    for row in sql.execute(sa.text(following)).mappings():
        key = vault.open_tenant(row["tenant_id"], row["master_id"], row["tenant_wrapped"])
        text = key.subject(row["tenant_id"], row["wrapped"]).seal(row["text"], "audit_log")
        others = ("id", "tenant_id", "digest", "acknowledged", "published", "actor", "reason", "at_ms", "replaced_ms")
        yield {"text": text, **{name: row[name] for name in others}}

"""Remarks of the audit log and reasons of holds are sealed under the key of whom they are about.

Until now they were under the organisation's key, and outlived the person. The chain of the log cannot be written anew:
what stands in entries of before stays there until they are over. A migration is a snapshot: it does not import the
schema, which moves on.
"""

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from alembic import context, op

from pttserver.crypto.sealing import TenantKey

revision = "0016"
down_revision = "0015"

_INDEX, _BEFORE = "ix_audit_entries_subject", "audit_entries_before"
_COLUMNS = "tenant_id, sequence, at_ms, operation, subject, actor, details, previous, digest"
_CATEGORY = "audit_log"
_HOLDS = (
    "SELECT h.id, h.tenant_id, h.reason, k.master_id, k.wrapped AS tenant_wrapped, t.wrapped AS own, s.id AS subject,"
    " s.wrapped FROM holds h JOIN tenant_keys k ON k.tenant_id = h.tenant_id JOIN subjects t ON t.id = h.tenant_id"
    " JOIN subjects s ON s.id = h.subject_id WHERE h.reason IS NOT NULL"
)


def upgrade() -> None:
    _give_the_log_remarks()
    resealed = list(_reasons(op.get_bind()))
    if resealed:
        put = sa.text("UPDATE holds SET reason = :reason WHERE id = :hold")
        op.get_bind().execute(put, resealed)


def _give_the_log_remarks() -> None:
    op.drop_index(_INDEX, "audit_entries")
    op.rename_table("audit_entries", _BEFORE)
    op.create_table(
        "audit_entries",
        sa.Column(
            "tenant_id", sa.Text, sa.ForeignKey("tenants.id", ondelete="CASCADE"), nullable=False, primary_key=True
        ),
        sa.Column("sequence", sa.Integer, nullable=False, primary_key=True),
        sa.Column("at_ms", sa.BigInteger, nullable=False),
        sa.Column("operation", sa.Text, nullable=False),
        sa.Column("subject", sa.Text),
        sa.Column("actor", sa.LargeBinary),
        sa.Column("details", sa.LargeBinary),
        sa.Column("remarks", sa.LargeBinary),
        sa.Column("previous", sa.LargeBinary, nullable=False),
        sa.Column("digest", sa.LargeBinary, nullable=False),
    )
    op.execute(f"INSERT INTO audit_entries ({_COLUMNS}) SELECT {_COLUMNS} FROM {_BEFORE}")  # noqa: S608 - own names
    op.drop_table(_BEFORE)
    op.create_index(_INDEX, "audit_entries", ["subject"])


def _reasons(sql: sa.Connection) -> Iterator[dict[str, Any]]:
    for row in sql.execute(sa.text(_HOLDS)).mappings():
        tenant: TenantKey = context.config.attributes["vault"].open_tenant(
            row["tenant_id"], row["master_id"], row["tenant_wrapped"]
        )
        reason = tenant.subject(row["tenant_id"], row["own"]).open(row["reason"], _CATEGORY)
        yield {"hold": row["id"], "reason": tenant.subject(row["subject"], row["wrapped"]).seal(reason, _CATEGORY)}

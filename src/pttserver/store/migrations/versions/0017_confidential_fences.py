"""Names and shapes of fences are sealed for their organisation; until now whoever had the file could read them.

A migration is a snapshot: it does not import the schema, which moves on.
"""

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from alembic import context, op

from pttserver.crypto.sealing import SubjectKey

revision = "0017"
down_revision = "0016"

_TRIGGERS = sa.text("SELECT sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'fences'")
_BEFORE = sa.text("SELECT id, tenant_id, name, shape, dwell_s, changed_ms FROM fences_before")
_KEYS = sa.text(
    "SELECT s.id, s.wrapped, k.master_id, k.wrapped AS tenant_wrapped"
    " FROM subjects s JOIN tenant_keys k ON k.tenant_id = s.tenant_id WHERE s.id = s.tenant_id"
)
_NAME, _SHAPE = "confidential/fence.name", "confidential/fence.shape"


def upgrade() -> None:
    sql = op.get_bind()
    triggers = list(sql.scalars(_TRIGGERS))  # they go with the table
    op.rename_table("fences", "fences_before")
    made = op.create_table(
        "fences",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("tenant_id", sa.Text, sa.ForeignKey("tenants.id", ondelete="CASCADE"), nullable=False),
        sa.Column("name", sa.LargeBinary, nullable=False),
        sa.Column("name_index", sa.LargeBinary, nullable=False),
        sa.Column("shape", sa.LargeBinary, nullable=False),
        sa.Column("dwell_s", sa.Integer, nullable=False),
        sa.Column("changed_ms", sa.BigInteger, nullable=False),
        sa.UniqueConstraint("tenant_id", "name_index"),
    )
    op.bulk_insert(made, list(_sealed(sql)))
    op.drop_table("fences_before")  # secure_delete overwrites what stood there
    for trigger in triggers:
        op.execute(trigger)


def _sealed(sql: sa.Connection) -> Iterator[dict[str, Any]]:
    """What nobody is left for whom it could be sealed goes."""
    keys = dict(_keys(sql))
    for row in sql.execute(_BEFORE).mappings():
        if (key := keys.get(row["tenant_id"])) is not None:
            yield {
                **row,
                "name": key.seal(row["name"], _NAME),
                "name_index": key.blind_index(row["name"], _NAME),
                "shape": key.seal(row["shape"], _SHAPE),
            }


def _keys(sql: sa.Connection) -> Iterator[tuple[str, SubjectKey]]:
    """Of each tenant, the one that it has for itself."""
    vault = context.config.attributes["vault"]
    for row in sql.execute(_KEYS).mappings():
        tenant = vault.open_tenant(row["id"], row["master_id"], row["tenant_wrapped"])
        yield row["id"], tenant.subject(row["id"], row["wrapped"])

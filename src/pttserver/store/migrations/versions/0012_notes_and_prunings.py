"""What was said with a step of an alert is sealed for the person who raised it; prunings of the audit log are signed.

Until now it was the organisation's unless it was a note, and could be read in old copies of the database when that
person had been erased. A migration is a snapshot: it does not import the schema, which moves on.
"""

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from alembic import context, op

from pttserver.crypto.sealing import SubjectKey

revision = "0012"
down_revision = "0011"

_FORM_BYTES, _UNKNOWN = 4, bytes(4)
_SAID = (
    "SELECT alert_id, number, tenant_id, subject, note, at_ms FROM alert_steps"
    " WHERE note IS NOT NULL AND subject IS NOT NULL ORDER BY tenant_id"
)
_KEYS = (
    "SELECT s.id, s.wrapped, k.tenant_id, k.master_id, k.wrapped AS tenant_wrapped"
    " FROM subjects s JOIN tenant_keys k ON k.tenant_id = s.tenant_id WHERE k.tenant_id = :tenant"
)


def upgrade() -> None:
    _seal_for_the_raisers(op.get_bind())
    op.drop_column("alert_steps", "note")  # secure_delete overwrites what stood there
    op.create_table(
        "audit_prunings",
        sa.Column(
            "tenant_id", sa.Text, sa.ForeignKey("tenants.id", ondelete="CASCADE"), nullable=False, primary_key=True
        ),
        sa.Column("sequence", sa.Integer, nullable=False),
        sa.Column("at_ms", sa.BigInteger, nullable=False),
        sa.Column("signature", sa.LargeBinary, nullable=False),
    )


def _seal_for_the_raisers(sql: sa.Connection) -> None:
    rows = list(_resealed(sql))
    if rows:
        target = sa.table("alert_notes", *(sa.column(name) for name in rows[0]))
        sql.execute(sa.insert(target), rows)


def _resealed(sql: sa.Connection) -> Iterator[dict[str, Any]]:
    """What nobody is left for whom it could be sealed goes."""
    tenant, names = "", dict[str, SubjectKey]()
    for row in sql.execute(sa.text(_SAID)).mappings():
        if row["tenant_id"] != tenant:
            tenant, names = row["tenant_id"], _names(sql, row["tenant_id"])
        if (raiser := names.get(row["subject"])) is None:
            continue
        form, octets = row["note"][:_FORM_BYTES], row["note"][_FORM_BYTES:]
        what = "alert" if form == _UNKNOWN else f"alert/{form.hex()}"
        text = form + raiser.seal(names[tenant].open(octets, what), what)
        yield {"text": text, **{name: row[name] for name in ("alert_id", "number", "tenant_id", "subject", "at_ms")}}


def _names(sql: sa.Connection, tenant_id: str) -> dict[str, SubjectKey]:
    """Keys of the tenant's subjects by all that they go by in histories, and the tenant's own by its identifier."""
    names: dict[str, SubjectKey] = {}
    for row in sql.execute(sa.text(_KEYS), {"tenant": tenant_id}).mappings():
        vault = context.config.attributes["vault"]
        tenant = vault.open_tenant(row["tenant_id"], row["master_id"], row["tenant_wrapped"])
        key = names[row["id"]] = tenant.subject(row["id"], row["wrapped"])
        plain, pseudonym = key.reference("history"), key.reference("history/pseudonym")
        names |= dict.fromkeys((plain, pseudonym, pseudonym.replace("ref_", "psr_")), key)
    return names

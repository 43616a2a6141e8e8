"""Whom an identifier means: whoever has it, or else those of whom no more than its beginning is kept.

A subscriber is found by a keyed digest of what is kept of the identifier. Where the policy of the time let only a part
be kept, several may have the same, so whoever asks must expect several.
"""

from sqlalchemy import ColumnElement, Connection, func, literal, or_, select, type_coerce
from sqlalchemy.types import LargeBinary

from pttserver.errors import InvalidValue
from pttserver.ids import TenantId
from pttserver.privacy.categories import Category
from pttserver.privacy.forms import CUT
from pttserver.store.schema import subscribers
from pttserver.store.vault import Vault

LONGEST = 64
"""Characters of an identifier (services/naming.py)."""
PART: ColumnElement[bool] = func.substr(type_coerce(subscribers.c.identifier, LargeBinary), 1, 1) == literal(
    CUT, LargeBinary
)
"""Only a part of the row's identifier is kept."""


def known_as(
    sql: Connection,
    vault: Vault,
    tenant_id: TenantId,
    identifier_or_id: str,
    *among: ColumnElement[bool],
    exactly: bool = False,
) -> set[str]:
    """Ids of subscribers, removed ones too; `among`: conditions on their rows. Raises NotFound: no such tenant.

    `exactly`: what cannot be taken back is not done to somebody whose number begins like this only: raises
    InvalidValue.
    """
    tenant = vault.tenant(sql, tenant_id)

    def index(text: str) -> bytes:
        return tenant.blind_index(text, Category.IDENTIFIER.value)

    row = subscribers.c
    rows = select(row.id).where(row.tenant_id == tenant_id, *among)
    exact = or_(row.identifier_index == index(identifier_or_id), row.id == identifier_or_id)
    found = set(sql.scalars(rows.where(exact)))
    if found:
        return found
    beginnings = [identifier_or_id[:length] for length in range(1, min(len(identifier_or_id), LONGEST))]
    found = set(sql.scalars(rows.where(row.identifier_index.in_(map(index, beginnings)), PART)))
    if exactly and len(found) == 1:
        (likely,) = found
        raise InvalidValue(f"only the beginning of identifiers is kept: it may be somebody else; give {likely} instead")
    return found

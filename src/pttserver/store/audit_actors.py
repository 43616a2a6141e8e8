"""Who acts, in the audit log: a subscriber stands there under a name that dies with its key, as subjects do.

1. the number of a subscriber of the tenant is written as that person's reference, inside the sealed actor
2. the number of somebody who was erased in the meantime is not written at all
3. whoever else acts, an operator or the server itself, is written as it calls itself
4. who reads asks the living subjects whose reference it is; with the key, whom it meant is gone from every copy
"""

import re
from collections.abc import Collection, Mapping

from sqlalchemy import Connection, bindparam, select

from pttserver.crypto.sealing import REFERENCE_BYTES
from pttserver.ids import Personal, TenantId
from pttserver.store.schema import subscribers
from pttserver.store.vault import AUDIT, FOLLOWED, KEY_COLUMNS, SubjectVault, Vault, with_keys

_NUMBER = re.compile(r"sub_[0-9a-f]{16}")
_REFERENCE = re.compile(rf"{FOLLOWED}[0-9a-f]{{{2 * REFERENCE_BYTES}}}")
_NAMED = (
    select(subscribers.c.id, subscribers.c.display_name, *KEY_COLUMNS)
    .select_from(with_keys(subscribers, subscribers.c.id))
    .where(subscribers.c.id.in_(bindparam("some", expanding=True)))
)
Names = Mapping[str, SubjectVault]  # references in the audit log, and the keys of the subjects that they mean


def written(sql: Connection, vault: Vault, tenant_id: TenantId, actor: Personal) -> Personal | None:
    """What the log keeps of who acts; None: the person was erased in the meantime."""
    text = actor.reveal()
    keys = vault.subject_of(sql, tenant_id, text)
    if keys is not None:
        return Personal(keys.reference(AUDIT))
    return None if _NUMBER.fullmatch(text) else actor


def names_of(sql: Connection, vault: Vault, tenant_id: TenantId) -> Names:
    """Of everybody whose key is there."""
    return {keys.reference(AUDIT): keys for keys in vault.of_tenant(sql, tenant_id)}


def read(actor: Personal | None, names: Names) -> Personal | None:
    """The number of a subscriber, or how an operator called itself; None: somebody whose key is gone."""
    if actor is None or not _REFERENCE.fullmatch(actor.reveal()):
        return actor
    keys = names.get(actor.reveal())
    return None if keys is None else Personal(keys.subject_id)


def display_names(sql: Connection, vault: Vault, numbers: Collection[str]) -> dict[str, Personal]:
    """By number, of those that have a name that may be shown. Raises SealBroken."""
    rows = sql.execute(_NAMED, {"some": sorted(numbers)})
    shown = {row.id: vault.keys(row).shown_text(row.display_name) for row in rows}
    return {number: name for number, name in shown.items() if name is not None}

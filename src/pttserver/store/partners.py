"""Who must stay for the sake of somebody else: whose own rows a held person has a part in.

Such a row (an alert, a message) goes with its subject's key, and is sealed under it. A call stays without its subject.
"""

from functools import cache
from typing import Any

from sqlalchemy import Connection, Table, Text, bindparam, select, type_coerce

from pttserver.ids import TenantId
from pttserver.store.columns import Happening, Shared
from pttserver.store.shredding import OWN
from pttserver.store.sparing import Sparing
from pttserver.store.vault import Vault

_NAMES = bindparam("names", type_=Text, expanding=True)


def partners(sql: Connection, vault: Vault, tenant_id: TenantId, sparing: Sparing) -> frozenset[str]:
    """The subjects; nobody if nobody is held."""
    found: set[str] = set()
    for table, shared in _own_and_shared():
        people = vault.subjects(sql, sorted(sparing.whom(shared.covers)))
        names = [name for keys in people.values() for name in keys.references()]
        if names:
            found.update(sql.scalars(_owners(table, shared), {"names": names}))
    if not found:
        return frozenset()
    known = vault.of_tenant(sql, tenant_id)
    return frozenset(keys.subject_id for keys in known if not found.isdisjoint(keys.references()))


@cache
def _own_and_shared() -> list[tuple[Table, Shared]]:
    records = [(column.table, column.table.info["happening"].shared) for column in OWN]
    return [(table, shared) for table, shared in records if shared is not None]


@cache
def _owners(table: Table, how: Shared) -> Any:
    """From the held person's rows on, which an index finds: it takes as long as there are of these."""
    record: Happening = table.info["happening"]
    other = table.metadata.tables[how.table].alias()
    joined = other.join(table, table.c[how.key] == other.c[how.by])
    owner = type_coerce(table.c[record.subject], Text)
    theirs = (other.c[how.subject].in_(_NAMES), owner.is_not(None))
    return select(owner).select_from(joined).where(*theirs).distinct()

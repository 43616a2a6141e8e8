"""Whom somebody may write to and see by name: nobody of another tenant, nobody whose account is over."""

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import Connection, select

from pttserver.ids import Personal, SubscriberId, TenantId
from pttserver.privacy.categories import Category
from pttserver.privacy.cutoffs import Cutoffs
from pttserver.privacy.policy import Policy
from pttserver.store.events import events_of
from pttserver.store.schema import subscribers
from pttserver.store.vault import KEY_COLUMNS, SubjectVault, Vault, with_keys

PRESENT = subscribers.c.removed_ms.is_(None)
_PERSON = subscribers.c
_PEOPLE = select(_PERSON.id, _PERSON.display_name, _PERSON.created_ms, *KEY_COLUMNS).select_from(
    with_keys(subscribers, _PERSON.id)
)


@dataclass(frozen=True, slots=True)
class Reader:
    """Who asks, when, and by which policy."""

    policy: Policy
    tenant_id: TenantId
    subscriber_id: SubscriberId
    now_ms: int


@dataclass(frozen=True, slots=True)
class Person:
    """`name` is empty if there is none to be shown."""

    keys: SubjectVault
    name: Personal


class People:
    """The people of the reader's tenant, within a transaction."""

    def __init__(self, sql: Connection, vault: Vault, reader: Reader) -> None:
        self._sql = sql
        self._vault = vault
        self._tenant_id = reader.tenant_id
        self.cutoffs = Cutoffs(reader.policy, reader.now_ms, events_of(sql, reader.tenant_id))

    def of(self, ids: Collection[SubscriberId]) -> dict[SubscriberId, Person]:
        """Those of them who are there."""
        query = _PEOPLE.where(_PERSON.tenant_id == self._tenant_id, _PERSON.id.in_(ids), PRESENT)
        found: dict[SubscriberId, Person] = {}
        for row in self._sql.execute(query):
            over_ms = self.cutoffs.gone(self.cutoffs.account, row.id)
            if over_ms is None or row.created_ms > over_ms:
                keys = self._vault.keys(row)
                hidden = self.cutoffs.is_hidden(Category.SUBSCRIBER_NAME, row.created_ms, row.id)
                name = None if hidden else keys.shown_text(row.display_name)
                found[row.id] = Person(keys, name or Personal(""))
        return found

"""Which messages a hold or a restriction keeps: what is said between two people is spared for the sake of either."""

from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, case, exists, false, null, or_, select, true

from pttserver.ids import TenantId
from pttserver.privacy.categories import Category
from pttserver.store.message_schema import deliveries, messages
from pttserver.store.sparing import Sparing
from pttserver.store.vault import Vault

_AT, _SAID = deliveries.c, messages.c
_CONTENT = frozenset({Category.MESSAGE_METADATA, Category.MESSAGE_CONTENT, Category.ATTACHMENT})


class MessageSparing:
    """Within one transaction of a tenant, by what lasts at `now_ms`."""

    def __init__(self, sql: Connection, vault: Vault, tenant_id: TenantId, now_ms: int) -> None:
        sparing = Sparing.at(sql, tenant_id, now_ms)
        self._sql = sql
        self._all = sparing.of_everybody(_CONTENT)
        people = vault.subjects(sql, sorted(sparing.whom(_CONTENT)))
        self._names = [name for keys in people.values() for name in keys.references()]

    def covers(self, message_id: str) -> bool:
        """Whether its author or anybody to whom it was delivered is spared."""
        theirs = select(_AT.message_id).where(_AT.message_id == message_id, _AT.subject.in_(self._names))
        said = select(_SAID.id).where(_SAID.id == message_id, _SAID.subject.in_(self._names))
        return self._all or any(self._sql.execute(each).first() is not None for each in (theirs, said))

    @property
    def wrapped(self) -> ColumnElement[Any]:
        """What becomes of the keys of a delivery that is given up: none, or the same as before."""
        said = exists(select(_SAID.id).where(and_(_SAID.id == _AT.message_id, _SAID.subject.in_(self._names))))
        theirs = or_(_AT.subject.in_(self._names), said.correlate(deliveries)) if self._names else false()
        return case((true() if self._all else theirs, _AT.wrapped), else_=null())

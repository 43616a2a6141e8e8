"""The history of calls, read: only what is not over, and only who may be named."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, bindparam, or_, select

from pttserver.ids import CallId, GroupId, Personal, SubscriberId, TenantId
from pttserver.privacy.categories import Category
from pttserver.privacy.cutoffs import Cutoffs
from pttserver.store.columns import Reference
from pttserver.store.database import Database
from pttserver.store.schema import call_participants, calls
from pttserver.store.vault import SubjectVault

CALLS_AT_ONCE = 200
_CALL, _PRESENT = calls.c, call_participants.c
_NEWEST_FIRST = select(calls).where(_CALL.tenant_id == bindparam("tenant")).order_by(_CALL.started_ms.desc(), _CALL.id)
_PRESENT_IN = select(call_participants).where(_PRESENT.call_id.in_(bindparam("calls", expanding=True)))
Names = Mapping[str, SubjectVault]


@dataclass(frozen=True, slots=True)
class PastCall:
    """None where it is not kept, over, of an erased subject, or of one whose data must not be used."""

    call_id: CallId
    group_id: GroupId
    started_ms: int
    ended_ms: int
    initiator: SubscriberId | None
    initiator_address: Personal | None
    participants: tuple[SubscriberId, ...]


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which calls: of a group, with a subscriber, since a time; None: all."""

    group_id: GroupId | None = None
    subscriber_id: SubscriberId | None = None
    since_ms: int | None = None
    limit: int = 100


class CallRecords:
    """Raises StoreUnavailable if the database fails."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def calls(self, tenant_id: TenantId, cutoffs: Cutoffs, wanted: Wanted) -> list[PastCall]:
        """Newest first."""
        vault = self._database.vault

        def work(sql: Connection) -> list[PastCall]:
            known = [keys for keys in vault.of_tenant(sql, tenant_id) if not keys.restricted]
            return _Reading(sql, cutoffs, {keys.reference(): keys for keys in known}).calls(tenant_id, wanted)

        return await self._database.read(work)


class _Reading:
    def __init__(self, sql: Connection, cutoffs: Cutoffs, names: Names) -> None:
        self._sql = sql
        self._cutoffs = cutoffs
        self._names = names

    def calls(self, tenant_id: TenantId, wanted: Wanted) -> list[PastCall]:
        query = _NEWEST_FIRST
        if wanted.group_id is not None:
            query = query.where(_CALL.group_id == wanted.group_id)
        if wanted.since_ms is not None:
            query = query.where(_CALL.started_ms >= wanted.since_ms)
        if wanted.subscriber_id is not None:
            query = query.where(self._with(wanted.subscriber_id))
        found: list[PastCall] = []
        for some in self._served(query, tenant_id):
            found += self._opened(some)
            if len(found) >= wanted.limit:
                break
        return found[: wanted.limit]

    def _with(self, subscriber_id: SubscriberId) -> ColumnElement[bool]:
        names = [name for name, keys in self._names.items() if keys.subject_id == subscriber_id]
        as_initiator = _CALL.initiator.in_(names)
        present = select(_PRESENT.call_id).where(_PRESENT.subject.in_(names))
        hidden_ms = self._cutoffs.hidden(Category.PARTICIPANTS, subscriber_id)
        of_somebody = or_(as_initiator, _CALL.id.in_(present))
        return of_somebody if hidden_ms is None else of_somebody & (_CALL.started_ms > hidden_ms)

    def _served(self, query: Select[Any], tenant_id: TenantId) -> Iterator[list[Any]]:
        result = self._sql.execute(query, {"tenant": tenant_id})
        while some := result.fetchmany(CALLS_AT_ONCE):
            yield [row for row in some if not self._hidden(Category.CALL_RECORD, row.started_ms, row.initiator)]

    def _opened(self, rows: Sequence[Any]) -> list[PastCall]:
        present = self._participants([row.id for row in rows])
        return [self._call(row, tuple(present.get(row.id, ()))) for row in rows]

    def _call(self, row: Any, participants: tuple[SubscriberId, ...]) -> PastCall:
        keys = self._keys(row.initiator)
        address = None
        if keys is not None and not self._hidden(Category.IP_ADDRESS, row.started_ms, row.initiator):
            address = keys.text(row.initiator_address)
        who = self._shown(row.started_ms, row.initiator)
        return PastCall(row.id, row.group_id, row.started_ms, row.ended_ms, who, address, participants)

    def _participants(self, call_ids: Sequence[str]) -> dict[str, list[SubscriberId]]:
        found: dict[str, list[SubscriberId]] = {}
        for row in self._sql.execute(_PRESENT_IN, {"calls": call_ids}):
            who = self._shown(row.started_ms, row.subject)
            if who is not None:
                found.setdefault(row.call_id, []).append(who)
        return found

    def _shown(self, recorded_ms: int, name: Reference | None) -> SubscriberId | None:
        keys = self._keys(name)
        if keys is None or self._hidden(Category.PARTICIPANTS, recorded_ms, name):
            return None
        return SubscriberId(keys.subject_id)

    def _hidden(self, category: Category, recorded_ms: int, name: Reference | None) -> bool:
        keys = self._keys(name)
        return self._cutoffs.is_hidden(category, recorded_ms, keys.subject_id if keys else None)

    def _keys(self, name: Reference | None) -> SubjectVault | None:
        return self._names.get(name.text) if name is not None else None

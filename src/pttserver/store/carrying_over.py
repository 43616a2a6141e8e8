"""Carries over what a tenant instructed since a backup: out of the database in place, into the one that was restored.

Theory of operation. Both databases are of one line, so what was recorded in the one means the same in the other: ids,
and what is sealed under the tenant's key, as octets. Records are never mixed (calls, messages, the audit log).
 1. Policies, holds with their ends, and events were given at a time: what the restored database has not is put there.
 2. Restrictions and rights are states. If the log of the restored database is the beginning of the log in place, then
    the state in place is the newer one and is taken. If that cannot be told, the stricter of both is.
 3. What is about somebody whom the backup did not know yet, or who is gone, is left out: nothing of theirs is there.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from hmac import compare_digest
from typing import Any

from sqlalchemy import Connection, Table, func, insert, select, update

from pttserver.ids import SubscriberId, TenantId
from pttserver.roles import Rights
from pttserver.store.audit_chain import last_entry
from pttserver.store.database import Database
from pttserver.store.governance_schema import (
    audit_entries,
    audit_prunings,
    holds,
    policy_versions,
    retention_events,
    subjects,
)
from pttserver.store.policies import replace_policy
from pttserver.store.rights import change_rights, rights_of
from pttserver.store.schema import rights, subscribers, tenants
from pttserver.store.subscribers import take_away

Row = Mapping[str, Any]
Person = Any
"""A row of `_people`."""
_VERSION, _HOLD, _EVENT, _ENTRY = policy_versions.c, holds.c, retention_events.c, audit_entries.c


@dataclass(frozen=True, slots=True)
class Carried:
    """How many were carried over. `certain`: the database in place goes on from the backup, as far as can be told."""

    policies: int = 0
    holds: int = 0
    events: int = 0
    restrictions: int = 0
    rights: int = 0
    removals: int = 0
    certain: bool = True

    def counts(self) -> dict[str, int]:
        """By what they are."""
        return {of.name: getattr(self, of.name) for of in fields(self) if of.name != "certain"}

    def __add__(self, other: "Carried") -> "Carried":
        sums = {name: count + getattr(other, name) for name, count in self.counts().items()}
        return Carried(**sums, certain=self.certain and other.certain)


@dataclass(frozen=True, slots=True)
class _InPlace:
    """What the database in place says of a tenant. `goes_on`: None if there is no log by which it could be told."""

    known: bool
    goes_on: bool | None
    policies: Sequence[Row] = field(default=(), repr=False)
    holds: Sequence[Row] = field(default=(), repr=False)
    events: Sequence[Row] = field(default=(), repr=False)
    people: Mapping[str, Person] = field(default_factory=dict, repr=False)


async def carry_over(standing: Database, restored: Database, tenant_id: TenantId) -> Carried:
    """`standing`: the database in place. Raises StoreUnavailable."""
    last = await restored.read(lambda sql: last_entry(sql, tenant_id))
    found = await standing.read(lambda sql: _read(sql, tenant_id, last))
    return await restored.write(lambda sql: _put(sql, tenant_id, found))


# The database in place -----------------------------------------------------------------------------------------------


def _read(sql: Connection, tenant_id: TenantId, last: tuple[int, bytes] | None) -> _InPlace:
    if sql.execute(select(tenants.c.id).where(tenants.c.id == tenant_id)).first() is None:
        return _InPlace(known=False, goes_on=None)
    return _InPlace(
        known=True,
        goes_on=None if last is None else _goes_on(sql, tenant_id, *last),
        policies=_rows(sql, policy_versions, tenant_id, _VERSION.id),
        holds=_rows(sql, holds, tenant_id, _HOLD.since_ms),
        events=_rows(sql, retention_events, tenant_id, _EVENT.id),
        people=_people(sql, tenant_id),
    )


def _goes_on(sql: Connection, tenant_id: TenantId, sequence: int, digest: bytes) -> bool:
    """Whether the entry is there too, or was pruned since."""
    at = (_ENTRY.tenant_id == tenant_id) & (_ENTRY.sequence == sequence)
    found = sql.scalar(select(_ENTRY.digest).where(at))
    if found is not None:
        return compare_digest(found, digest)
    pruned = sql.scalar(select(audit_prunings.c.sequence).where(audit_prunings.c.tenant_id == tenant_id))
    return pruned is not None and pruned >= sequence


def _rows(sql: Connection, table: Table, tenant_id: TenantId, order: Any) -> list[Row]:
    query = select(table).where(table.c.tenant_id == tenant_id).order_by(order)
    return [dict(row._mapping) for row in sql.execute(query)]


def _people(sql: Connection, tenant_id: TenantId) -> dict[str, Person]:
    """Everybody's restriction, rights, and when the account was removed."""
    joined = subjects.outerjoin(subscribers, subscribers.c.id == subjects.c.id)
    query = (
        select(
            subjects.c.id,
            subjects.c.restricted_ms,
            subjects.c.restriction,
            subscribers.c.id.label("account"),
            subscribers.c.removed_ms,
            *rights.c,
        )
        .select_from(joined.outerjoin(rights, rights.c.subscriber_id == subjects.c.id))
        .where(subjects.c.tenant_id == tenant_id)
    )
    return {row.id: row for row in sql.execute(query)}


# The restored database -----------------------------------------------------------------------------------------------


def _put(sql: Connection, tenant_id: TenantId, found: _InPlace) -> Carried:
    if not found.known:
        return Carried(certain=False)
    here = _people(sql, tenant_id)
    exact, both = found.goes_on is True, [(here[who], there) for who, there in found.people.items() if who in here]
    return Carried(
        policies=_put_policies(sql, tenant_id, found.policies),
        holds=_put_holds(sql, tenant_id, found.holds, here),
        events=_put_events(sql, tenant_id, found.events, here),
        restrictions=sum(_restrict(sql, mine, there, exact) for mine, there in both),
        rights=sum(_put_rights(sql, mine, there, exact) for mine, there in both),
        removals=sum(_remove(sql, mine, there) for mine, there in both),
        certain=found.goes_on is not False,
    )


def _put_policies(sql: Connection, tenant_id: TenantId, there: Sequence[Row]) -> int:
    """Those after the newest that is here. If the same is in force as in place, its file stands as it did."""
    here = _rows(sql, policy_versions, tenant_id, _VERSION.id)
    newer = _after(here[-1], there) if here else there
    for row in newer:
        replace_policy(sql, tenant_id, row["at_ms"])
        sql.execute(insert(policy_versions), {**row, "id": None, "replaced_ms": None})
    newest = (newer or here)[-1:]
    if there and newest and _given(newest[0]) == _given(there[-1]):
        in_force = select(func.max(_VERSION.id)).where(_VERSION.tenant_id == tenant_id).scalar_subquery()
        same = {"published": there[-1]["published"]}
        sql.execute(update(policy_versions).where(_VERSION.id == in_force).values(same))
    return len(newer)


def _given(version: Row) -> tuple[int, str]:
    return version["at_ms"], version["digest"]


def _after(newest: Row, there: Sequence[Row]) -> Sequence[Row]:
    """By its place in the log, whatever the clock said; by time if the log in place does not have it."""
    for number, row in enumerate(there):
        if _given(row) == _given(newest):
            return there[number + 1 :]
    return [row for row in there if row["at_ms"] > newest["at_ms"]]


def _put_holds(sql: Connection, tenant_id: TenantId, there: Sequence[Row], people: Mapping[str, Person]) -> int:
    """A hold that was ended in either stays ended."""
    here, changed = {row["id"]: row["until_ms"] for row in _rows(sql, holds, tenant_id, _HOLD.id)}, 0
    for row in _about(there, people):
        until_ms = row["until_ms"]
        if row["id"] not in here:
            sql.execute(insert(holds), row)
        elif until_ms is not None and until_ms < (here[row["id"]] or until_ms + 1):
            sql.execute(update(holds).where(_HOLD.id == row["id"]).values(until_ms=until_ms))
        else:
            continue
        changed += 1
    return changed


def _put_events(sql: Connection, tenant_id: TenantId, there: Sequence[Row], people: Mapping[str, Person]) -> int:
    here = Counter(_event(row) for row in _rows(sql, retention_events, tenant_id, _EVENT.id))
    put = 0
    for row in _about(there, people):
        if here[_event(row)]:
            here[_event(row)] -= 1
        else:
            sql.execute(insert(retention_events), {**row, "id": None})
            put += 1
    return put


def _event(row: Row) -> tuple[str | None, str, int]:
    return row["subject_id"], row["kind"], row["at_ms"]


def _about(rows: Iterable[Row], people: Mapping[str, Person]) -> list[Row]:
    return [row for row in rows if row["subject_id"] is None or row["subject_id"] in people]


def _restrict(sql: Connection, here: Person, there: Person, exact: bool) -> bool:
    if (here.restricted_ms, here.restriction) == (there.restricted_ms, there.restriction):
        return False
    if not exact and (there.restricted_ms is None or here.restricted_ms is not None):
        return False
    new = {"restricted_ms": there.restricted_ms, "restriction": there.restriction}
    sql.execute(update(subjects).where(subjects.c.id == here.id).values(new))
    return True


def _put_rights(sql: Connection, here: Person, there: Person, exact: bool) -> bool:
    """Who has no row in place has none since nothing was ever said, or since its period is over: ours stays."""
    if there.subscriber_id is None or here.account is None:
        return False
    mine = rights_of(here)
    new = rights_of(there) if exact else _less_located(mine, rights_of(there))
    if new == mine:
        return False
    no_moment_of_ours = 0  # since when somebody is located comes with the rights
    return change_rights(sql, SubscriberId(here.id), lambda _: new, no_moment_of_ours) is not None


def _less_located(mine: Rights, there: Rights) -> Rights:
    allowed, wanted = mine.location_allowed and there.location_allowed, mine.location_wanted and there.location_wanted
    since_ms = max(mine.location_since_ms, there.location_since_ms)
    return replace(mine, location_allowed=allowed, location_wanted=wanted, location_since_ms=since_ms)


def _remove(sql: Connection, here: Person, there: Person) -> bool:
    """The event of the removal was carried over with the others."""
    return there.removed_ms is not None and take_away(sql, SubscriberId(here.id), there.removed_ms)

"""The record of sweeps: what was erased when, by which policy, whether it is proven, and when the clock was doubted.

A sweep is proven once the write-ahead log was emptied after it: until then pages of before may still lie there.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import Connection, ScalarSelect, Select, Table, bindparam, delete, func, insert, select, update

import pttserver.store.location_schema  # noqa: F401 - its tables are part of the schema
from pttserver.ids import TenantId
from pttserver.store.database import Database
from pttserver.store.governance_schema import sweeps
from pttserver.store.schema import tenants
from pttserver.store.tables import metadata

KEPT_PER_TENANT = 1000
HAPPENINGS = {table: table.info["happening"] for table in metadata.sorted_tables if "happening" in table.info}
HAPPENING_CATEGORIES = tuple(dict.fromkeys(record.category for record in HAPPENINGS.values()))
_SWEEP = sweeps.c
_NOTHING = "{}"


def _oldest_of(table: Table, since: str) -> ScalarSelect[int]:
    """Over all tenants, each by its index."""
    of_one = select(func.min(table.c[since])).where(table.c.tenant_id == tenants.c.id)
    return select(func.min(of_one.scalar_subquery())).select_from(tenants).scalar_subquery()


_OLDEST = select(*(_oldest_of(table, record.since) for table, record in HAPPENINGS.items()))


class Outcome(StrEnum):
    """How a sweep ended, or why none was made."""

    RUNNING = "running"
    UNPROVEN = "not proven yet"
    """Done, but erased rows may still be in the write-ahead log."""
    DONE = "done"
    INTERRUPTED = "interrupted"
    """The process ended in its midst; the next sweep went on."""
    FAILED = "failed"
    HALTED = "halted"
    """The clock is doubted: nothing is erased until somebody confirms the time."""
    TIME_CONFIRMED = "time confirmed"
    RESTORED = "restored"
    """From a backup, without what was instructed since: nothing is erased until somebody says it was given again."""
    RESTORE_CONFIRMED = "restore confirmed"


@dataclass(frozen=True, slots=True)
class Sweep:
    """`erased`: rows and values by category, as store/counting.py counts."""

    number: int
    tenant_id: TenantId
    started_ms: int
    ended_ms: int | None
    policy_digest: str
    erased: Mapping[str, int]
    outcome: Outcome


_LAST_TIME = select(func.coalesce(_SWEEP.ended_ms, _SWEEP.started_ms)).order_by(_SWEEP.id.desc()).limit(1)
_HALTS = {Outcome.RESTORED: Outcome.RESTORE_CONFIRMED, Outcome.HALTED: Outcome.TIME_CONFIRMED}
"""What each is ended by."""
_LAST_TOLD = (
    select(_SWEEP.outcome).where(_SWEEP.outcome.in_(bindparam("either", expanding=True))).order_by(_SWEEP.id.desc())
).limit(1)
_OPEN_ENDED = _SWEEP.outcome.in_([Outcome.UNPROVEN.value, Outcome.RUNNING.value, Outcome.FAILED.value])
_WAITING = select(_SWEEP.id, _SWEEP.outcome).where(_OPEN_ENDED)
_EMPTY = (_SWEEP.erased == _NOTHING) & (_SWEEP.outcome == Outcome.DONE.value)


_KEPT = select(_SWEEP.id).where(_SWEEP.tenant_id == bindparam("tenant")).order_by(_SWEEP.id.desc())
_TOO_OLD = delete(sweeps).where(
    _SWEEP.tenant_id == bindparam("tenant"), _SWEEP.id.not_in(_KEPT.limit(KEPT_PER_TENANT - 1)) | _EMPTY
)


class Sweeps:
    """Every method raises StoreUnavailable if the database fails."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def begin(self, tenant_id: TenantId, policy_digest: str, now_ms: int) -> int:
        """Gives the sweep's number. Raises NotFound if there is no such tenant."""
        row = _new(tenant_id, now_ms, None, policy_digest, Outcome.RUNNING)
        return await self._database.write(lambda sql: _put(sql, row))

    async def nothing_due(self, tenant_id: TenantId, policy_digest: str, now_ms: int) -> int:
        """A sweep that found nothing; it takes the place of earlier ones that found nothing."""
        row = _new(tenant_id, now_ms, now_ms, policy_digest, Outcome.DONE)
        return await self._database.write(lambda sql: _put(sql, row))

    async def end(self, number: int, erased: Mapping[str, int], outcome: Outcome, now_ms: int) -> None:
        new = {"ended_ms": now_ms, "erased": json.dumps(erased, sort_keys=True), "outcome": outcome.value}
        await self._database.write(lambda sql: sql.execute(update(sweeps).where(_SWEEP.id == number).values(new)))

    async def unproven(self) -> int:
        """How many sweeps erased something that is not proven to be gone; those that never ended are among them."""
        return len(await self.waiting())

    async def waiting(self) -> dict[int, Outcome]:
        """The sweeps that a proof is for: those that erased by now, and those that never ended; by number."""
        return await self._database.read(lambda sql: {row.id: Outcome(row.outcome) for row in sql.execute(_WAITING)})

    async def prove(self, waiting: Mapping[int, Outcome]) -> None:
        """The write-ahead log was emptied after they had been read; one that went on since is not proven by it."""

        def work(sql: Connection) -> None:
            for number, outcome in waiting.items():
                proven = Outcome.DONE if outcome is Outcome.UNPROVEN else Outcome.INTERRUPTED
                row = update(sweeps).where(_SWEEP.id == number, _SWEEP.outcome == outcome.value)
                sql.execute(row.values(outcome=proven.value))

        await self._database.write(work)

    async def newest(self) -> list[Sweep]:
        """The last of each tenant."""
        last = select(func.max(_SWEEP.id)).group_by(_SWEEP.tenant_id)
        return await self._read(select(sweeps).where(_SWEEP.id.in_(last)).order_by(_SWEEP.id))

    async def of_tenant(self, tenant_id: TenantId, limit: int = 20) -> list[Sweep]:
        """Newest first."""
        query = select(sweeps).where(_SWEEP.tenant_id == tenant_id).order_by(_SWEEP.id.desc())
        return await self._read(query.limit(limit))

    async def last_time(self) -> int | None:
        """The time of the newest record: the clock cannot be earlier."""
        return await self._database.read(lambda sql: sql.scalar(_LAST_TIME))

    async def halted_by(self) -> Outcome | None:
        """RESTORED or HALTED, until it is confirmed. It outlives the process, and holds for all processes."""

        def work(sql: Connection) -> Outcome | None:
            for halt, end in _HALTS.items():
                if sql.scalar(_LAST_TOLD, {"either": [halt.value, end.value]}) == halt.value:
                    return halt
            return None

        return await self._database.read(work)

    async def note(self, outcome: Outcome, now_ms: int) -> None:
        """A halt or its end, for every tenant."""

        def work(sql: Connection) -> None:
            for tenant_id in sql.scalars(select(tenants.c.id)).all():
                sql.execute(insert(sweeps), _new(tenant_id, now_ms, now_ms, "", outcome))

        await self._database.write(work)

    async def oldest_ms(self) -> dict[str, int]:
        """When the oldest row of each category of happenings was recorded, over all tenants."""

        def work(sql: Connection) -> dict[str, int]:
            found: dict[str, int] = {}
            for record, first in zip(HAPPENINGS.values(), sql.execute(_OLDEST).one(), strict=True):
                if first is not None:
                    found[record.category.value] = min(first, found.get(record.category.value, first))
            return found

        return await self._database.read(work)

    async def _read(self, query: Select[tuple[object, ...]]) -> list[Sweep]:
        def work(sql: Connection) -> list[Sweep]:
            return [
                Sweep(
                    row.id,
                    TenantId(row.tenant_id),
                    row.started_ms,
                    row.ended_ms,
                    row.policy_digest,
                    json.loads(row.erased),
                    Outcome(row.outcome),
                )
                for row in sql.execute(query)
            ]

        return await self._database.read(work)


def _put(sql: Connection, row: dict[str, str | int | None]) -> int:
    sql.execute(_TOO_OLD, {"tenant": row["tenant_id"]})
    number: int = sql.execute(insert(sweeps), row).inserted_primary_key[0]  # type: ignore[index]
    return number


def _new(
    tenant_id: str, started_ms: int, ended_ms: int | None, digest: str, outcome: Outcome
) -> dict[str, str | int | None]:
    return {
        "tenant_id": tenant_id,
        "started_ms": started_ms,
        "ended_ms": ended_ms,
        "policy_digest": digest,
        "erased": _NOTHING,
        "outcome": outcome.value,
    }

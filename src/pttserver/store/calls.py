"""What has happened: finished calls and their participants, talk bursts, takeovers."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Table, select
from sqlalchemy.dialects.sqlite import insert

from pttserver.store.database import Database
from pttserver.store.records import Burst, Call, CallParticipant, Takeover
from pttserver.store.schema import bursts, call_participants, calls, takeovers, tenants

Row = Mapping[str, Any]


class CallHistory:
    """Every method raises StoreUnavailable if the database fails.

    Records of a tenant that was removed in the meantime are left out: they must not spoil the others' batch.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def write_calls(
        self, finished: Sequence[Call], participants: Sequence[CallParticipant], spoken: Sequence[Burst]
    ) -> None:
        """One transaction. What is there already stays, so a batch may be written again after a failure.

        `participants` are of the calls in `finished`, or of calls written before; others are left out.
        """

        def work(sql: Connection) -> None:
            named = {call.tenant_id for call in finished} | {burst.tenant_id for burst in spoken}
            living = _present(sql, tenants, named)
            _put_calls(sql, [_call(call) for call in finished if call.tenant_id in living])
            written = _present(sql, calls, {participant.call_id for participant in participants})
            _put(sql, call_participants, [_participant(p) for p in participants if p.call_id in written])
            _put(sql, bursts, [_burst(burst) for burst in spoken if burst.tenant_id in living])

        await self._database.write(work)

    async def record_takeover(self, takeover: Takeover) -> None:
        row = {
            "tenant_id": takeover.tenant_id,
            "subscriber_id": takeover.subscriber_id,
            "from_device_id": takeover.from_device_id,
            "to_device_id": takeover.to_device_id,
            "at_ms": takeover.at_ms,
        }

        def work(sql: Connection) -> None:
            if _present(sql, tenants, {takeover.tenant_id}):
                sql.execute(insert(takeovers), row)

        await self._database.write(work)


def _present(sql: Connection, table: Table, ids: Iterable[str]) -> set[str]:
    return set(sql.scalars(select(table.c.id).where(table.c.id.in_(ids))))


def _put(sql: Connection, table: Table, rows: Sequence[Row]) -> None:
    if rows:
        sql.execute(insert(table).on_conflict_do_nothing(), rows)


def _put_calls(sql: Connection, rows: Sequence[Row]) -> None:
    """A call is written with its first burst and again with each later one: a crash leaves its end so far."""
    row = insert(calls)
    if rows:
        sql.execute(row.on_conflict_do_update(index_elements=["id"], set_={"ended_ms": row.excluded.ended_ms}), rows)


def _call(call: Call) -> Row:
    return {
        "id": call.call_id,
        "tenant_id": call.tenant_id,
        "group_id": call.group_id,
        "initiator_id": call.initiator_id,
        "initiator_address": call.initiator_address,
        "started_ms": call.started_ms,
        "ended_ms": call.ended_ms,
    }


def _participant(participant: CallParticipant) -> Row:
    return {"call_id": participant.call_id, "subscriber_id": participant.subscriber_id}


def _burst(burst: Burst) -> Row:
    return {
        "id": burst.burst_id,
        "call_id": burst.call_id,
        "tenant_id": burst.tenant_id,
        "group_id": burst.group_id,
        "subscriber_id": burst.subscriber_id,
        "started_ms": burst.started_ms,
        "duration_ms": burst.duration_ms,
        "packets": burst.packets,
        "end_reason": burst.end_reason,
    }

"""What has happened: calls and their participants, talk bursts, takeovers."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Table, select
from sqlalchemy.dialects.sqlite import insert

from pttserver.store.database import Database
from pttserver.store.records import Burst, Call, CallParticipant, Takeover
from pttserver.store.schema import bursts, call_participants, calls, takeovers, tenants
from pttserver.store.vault import SubjectVault

Row = Mapping[str, Any]
Keys = Mapping[str, SubjectVault]


class CallHistory:
    """Every method raises StoreUnavailable if the database fails.

    Records of a tenant that was removed in the meantime are left out: they must not spoil the others' batch. So are
    those of a subject that was erased: its records stay without it.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def write_calls(
        self, finished: Sequence[Call], participants: Sequence[CallParticipant], spoken: Sequence[Burst]
    ) -> None:
        """One transaction. What is there already stays, so a batch may be written again after a failure."""
        people: set[str] = {call.initiator_id for call in finished} | {burst.talker_id for burst in spoken}
        people |= {participant.subject.subject_id for participant in participants}
        named = {record.tenant_id for records in (finished, participants, spoken) for record in records}
        vault = self._database.vault

        def work(sql: Connection) -> None:
            living, keys = _present(sql, tenants, named), vault.subjects(sql, sorted(people))
            _put_calls(sql, [_call(call, keys) for call in finished if call.tenant_id in living])
            present = [_participant(p, keys) for p in participants if p.tenant_id in living]
            _put(sql, call_participants, [row for row in present if row["subject"] is not None])
            _put(sql, bursts, [_burst(burst, keys) for burst in spoken if burst.tenant_id in living])

        await self._database.write(work)

    async def record_takeover(self, takeover: Takeover) -> None:
        vault = self._database.vault

        def work(sql: Connection) -> None:
            keys = vault.subject(sql, takeover.subscriber_id)
            if keys is None:
                return
            row = {
                "tenant_id": takeover.tenant_id,
                "subject": keys.refer(takeover.subject),
                "from_device_id": keys.seal(takeover.from_device_id),
                "to_device_id": keys.seal(takeover.to_device_id),
                "at_ms": takeover.at_ms,
            }
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


def _call(call: Call, keys: Keys) -> Row:
    """An address that no reference leads to could never be opened, so it is not kept."""
    initiator = keys.get(call.initiator_id)
    name = initiator.refer(call.initiator) if initiator else None
    return {
        "id": call.call_id,
        "tenant_id": call.tenant_id,
        "group_id": call.group_id,
        "initiator": name,
        "initiator_address": initiator.seal(call.initiator_address) if initiator and name else None,
        "started_ms": call.started_ms,
        "ended_ms": call.ended_ms,
    }


def _participant(participant: CallParticipant, keys: Keys) -> Row:
    who = keys.get(participant.subject.subject_id)
    return {
        "call_id": participant.call_id,
        "tenant_id": participant.tenant_id,
        "subject": who.refer(participant.subject) if who else None,
        "started_ms": participant.started_ms,
    }


def _burst(burst: Burst, keys: Keys) -> Row:
    talker = keys.get(burst.talker_id)
    return {
        "id": burst.burst_id,
        "call_id": burst.call_id,
        "tenant_id": burst.tenant_id,
        "group_id": burst.group_id,
        "subject": talker.refer(burst.talker) if talker else None,
        "started_ms": burst.started_ms,
        "duration_ms": burst.duration_ms,
        "packets": burst.packets,
        "end_reason": burst.end_reason,
    }

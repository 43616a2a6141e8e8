"""What has happened, as rows: written once, whole, whatever was removed in the meantime."""

import pytest
from sqlalchemy import text

from pttserver.errors import StoreUnavailable
from pttserver.ids import CallId, Personal, SubscriberId, TenantId
from pttserver.privacy.categories import Category
from pttserver.privacy.purposes import Purpose
from pttserver.store.calls import CallHistory
from pttserver.store.records import Burst, Call, CallParticipant, Takeover
from pttserver.store.schema import calls
from pttserver.store.shredding import shred_tenant
from store.organisation import GATE, VAULT, subscriber


@pytest.fixture
def history(database):
    return CallHistory(database)


def recorded(who, ms):
    return GATE.release(Category.CALL_RECORD, Purpose.OPERATIONS, who, ms)


def person(who):
    return GATE.release(Category.PARTICIPANTS, Purpose.OPERATIONS, who, who)


def call(acme, number=1, tenant_id=None):
    who, tenant = acme.anna, tenant_id or acme.tenant_id
    address = GATE.release(Category.IP_ADDRESS, Purpose.SECURITY, who, Personal("203.0.113.7"))
    times = recorded(who, 1), recorded(who, 2)
    return Call(CallId(f"cal_{number}"), tenant, acme.group_id, who, person(who), address, *times)


def participant(acme, who, number=1, tenant_id=None):
    started = GATE.release(Category.PARTICIPANTS, Purpose.OPERATIONS, who, 1)
    return CallParticipant(CallId(f"cal_{number}"), tenant_id or acme.tenant_id, person(who), started)


def burst(acme, number=1, tenant_id=None, end_reason="released"):
    who, tenant = acme.anna, tenant_id or acme.tenant_id
    times = recorded(who, 1), recorded(who, 500)
    return Burst(f"bur_{number}", CallId("cal_1"), tenant, acme.group_id, who, person(who), *times, 25, end_reason)


def takeover(acme, tenant_id):
    def released(value):
        return GATE.release(Category.ACTIVITY_LOG, Purpose.SECURITY, acme.anna, value)

    devices = released(acme.radio), released(acme.radio)
    return Takeover(tenant_id, acme.anna, released(acme.anna), *devices, released(1))


async def counts(database):
    tables = ("calls", "call_participants", "bursts", "takeovers")
    query = ", ".join(f"(SELECT count(*) FROM {table})" for table in tables)
    return await database.read(lambda sql: tuple(sql.execute(text(f"SELECT {query}")).one()))


async def test_a_batch_may_be_written_again(acme, database, history):
    batch = ([call(acme)], [participant(acme, acme.anna)], [burst(acme), burst(acme, 2)])
    await history.write_calls(*batch)
    await history.write_calls(*batch)
    assert await counts(database) == (1, 1, 2, 0)
    row, anna = await database.read(lambda sql: (sql.execute(calls.select()).one(), VAULT.subject(sql, acme.anna)))
    assert anna.text(row.initiator_address).reveal() == "203.0.113.7"
    assert row.initiator.text == anna.reference()


async def test_a_burst_may_come_before_its_call_and_participants_after(acme, database, history):
    await history.write_calls([], [], [burst(acme)])
    await history.write_calls([call(acme)], [], [])
    await history.write_calls([], [participant(acme, acme.bert)], [])
    assert await counts(database) == (1, 1, 1, 0)


async def test_a_removed_tenant_does_not_spoil_the_batch(acme, database, history):
    gone = TenantId("ten_gone")
    await history.write_calls(
        [call(acme), call(acme, 2, gone)],
        [participant(acme, acme.anna), participant(acme, acme.anna, 2, gone)],
        [burst(acme), burst(acme, 2, gone)],
    )
    assert await counts(database) == (1, 1, 1, 0)


async def test_history_outlives_group_and_subscriber_but_not_the_tenant(acme, database, history):
    await history.write_calls([call(acme)], [participant(acme, acme.anna)], [burst(acme)])
    await history.record_takeover(takeover(acme, acme.tenant_id))
    await acme.groups.remove(acme.group_id, 9)
    await acme.subscribers.remove(acme.anna, 50)
    assert await counts(database) == (1, 1, 1, 1)
    await database.write(lambda sql: shred_tenant(sql, acme.tenant_id))
    assert await counts(database) == (0, 0, 0, 0)


async def test_a_batch_is_whole_or_not_there(acme, database, history):
    broken = burst(acme, 2, end_reason=None)
    with pytest.raises(StoreUnavailable):
        await history.write_calls([call(acme)], [], [burst(acme), broken])
    assert await counts(database) == (0, 0, 0, 0)


async def test_a_big_batch(acme, database, history):
    for number in range(40):
        await acme.subscribers.add(subscriber(SubscriberId(f"sub_{number}"), f"unit {number}"))
    people = [participant(acme, SubscriberId(f"sub_{n % 40}"), n) for n in range(3000)]
    await history.write_calls([call(acme, n) for n in range(3000)], people, [burst(acme, n) for n in range(4000)])
    assert await counts(database) == (3000, 3000, 4000, 0)


async def test_an_erased_subject_is_left_out_and_the_others_keep_theirs(acme, database, history):
    await database.write(lambda sql: VAULT.destroy(sql, acme.anna))
    await history.write_calls([call(acme)], [participant(acme, acme.anna), participant(acme, acme.bert)], [burst(acme)])
    await history.record_takeover(takeover(acme, acme.tenant_id))
    assert await counts(database) == (1, 1, 1, 0)
    row = await database.read(lambda sql: sql.execute(calls.select()).one())
    assert (row.initiator, row.initiator_address, row.started_ms) == (None, None, 1)

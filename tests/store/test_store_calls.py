"""What has happened, as rows: written once, whole, whatever was removed in the meantime."""

import pytest
from sqlalchemy import text

from pttserver.errors import StoreUnavailable
from pttserver.ids import CallId, Personal, SubscriberId, TenantId
from pttserver.store.calls import CallHistory
from pttserver.store.records import Burst, Call, CallParticipant, Takeover


@pytest.fixture
def history(database):
    return CallHistory(database)


def call(acme, number=1, tenant_id=None):
    address = Personal("203.0.113.7")
    return Call(CallId(f"cal_{number}"), tenant_id or acme.tenant_id, acme.group_id, acme.anna, address, 1, 2)


def burst(acme, number=1, tenant_id=None):
    tenant = tenant_id or acme.tenant_id
    return Burst(f"bur_{number}", CallId("cal_1"), tenant, acme.group_id, acme.anna, 1, 500, 25, "released")


async def counts(database):
    tables = ("calls", "call_participants", "bursts", "takeovers")
    query = ", ".join(f"(SELECT count(*) FROM {table})" for table in tables)
    return await database.read(lambda sql: tuple(sql.execute(text(f"SELECT {query}")).one()))


async def test_a_batch_may_be_written_again(acme, database, history):
    batch = ([call(acme)], [CallParticipant(CallId("cal_1"), acme.anna)], [burst(acme), burst(acme, 2)])
    await history.write_calls(*batch)
    await history.write_calls(*batch)
    assert await counts(database) == (1, 1, 2, 0)
    row = await database.read(lambda sql: sql.execute(text("SELECT * FROM calls")).one())
    assert row.initiator_address == "203.0.113.7"


async def test_a_burst_may_come_before_its_call_and_participants_after(acme, database, history):
    await history.write_calls([], [], [burst(acme)])
    await history.write_calls([call(acme)], [], [])
    await history.write_calls([], [CallParticipant(CallId("cal_1"), acme.bert)], [])
    assert await counts(database) == (1, 1, 1, 0)


async def test_a_removed_tenant_does_not_spoil_the_batch(acme, database, history):
    gone = TenantId("ten_gone")
    await history.write_calls(
        [call(acme), call(acme, 2, gone)],
        [CallParticipant(CallId("cal_1"), acme.anna), CallParticipant(CallId("cal_2"), acme.anna)],
        [burst(acme), burst(acme, 2, gone)],
    )
    await history.record_takeover(Takeover(gone, acme.anna, acme.radio, acme.radio, 1))
    assert await counts(database) == (1, 1, 1, 0)


async def test_history_outlives_group_and_subscriber_but_not_the_tenant(acme, database, history):
    await history.write_calls([call(acme)], [CallParticipant(CallId("cal_1"), acme.anna)], [burst(acme)])
    await history.record_takeover(Takeover(acme.tenant_id, acme.anna, acme.radio, acme.radio, 1))
    await acme.groups.remove(acme.group_id)
    await acme.subscribers.remove(acme.anna)
    assert await counts(database) == (1, 1, 1, 1)
    await acme.tenants.remove(acme.tenant_id)
    assert await counts(database) == (0, 0, 0, 0)


async def test_a_batch_is_whole_or_not_there(acme, database, history):
    broken = Burst("bur_2", CallId("cal_1"), acme.tenant_id, acme.group_id, acme.anna, 1, 1, 1, None)  # type: ignore[arg-type]
    with pytest.raises(StoreUnavailable):
        await history.write_calls([call(acme)], [], [burst(acme), broken])
    assert await counts(database) == (0, 0, 0, 0)


async def test_a_big_batch(acme, database, history):
    people = [CallParticipant(CallId(f"cal_{n}"), SubscriberId(f"sub_{n}")) for n in range(3000)]
    await history.write_calls([call(acme, n) for n in range(3000)], people, [burst(acme, n) for n in range(4000)])
    assert await counts(database) == (3000, 3000, 4000, 0)

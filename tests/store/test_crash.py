"""T-119: a writer killed at a random moment loses nothing that it acknowledged, and leaves nothing half-done."""

import asyncio
import multiprocessing
import random
import time

import pytest
from sqlalchemy import text

from pttserver.ids import CallId, GroupId, SubscriberId, TenantId
from pttserver.store.calls import CallHistory
from pttserver.store.database import Database
from pttserver.store.records import Burst, Call, CallParticipant, Tenant
from pttserver.store.tenants import Tenants

ROUNDS = 30
PARTS = 20
TENANT, GROUP, SUBSCRIBER = TenantId("ten_1"), GroupId("grp_1"), SubscriberId("sub_1")


async def write_for_ever(file, first, acknowledge):
    """Each transaction writes a call, 20 participants and 20 bursts; its number is sent once it is committed."""
    database = await Database.open(file)
    history = CallHistory(database)
    for n in range(first, first + 1_000_000):
        call = CallId(f"cal_{n}")
        await history.write_calls(
            [Call(call, TENANT, GROUP, SUBSCRIBER, None, n, n)],
            [CallParticipant(call, SubscriberId(f"sub_{part}")) for part in range(PARTS)],
            [Burst(f"{n}.{part}", call, TENANT, GROUP, SUBSCRIBER, n, 1, 1, "released") for part in range(PARTS)],
        )
        acknowledge.send(n)


def run_writer(file, first, acknowledge):
    asyncio.run(write_for_ever(file, first, acknowledge))


def acknowledged_until_killed(spawn, file, first, seconds):
    receiver, sender = spawn.Pipe(duplex=False)
    writer = spawn.Process(target=run_writer, args=(file, first, sender), daemon=True)
    writer.start()
    sender.close()
    done = [receiver.recv()]  # it is in full swing
    time.sleep(seconds)
    writer.kill()
    writer.join()
    try:
        while True:
            done.append(receiver.recv())
    except EOFError:
        return done


@pytest.mark.timeout(120)
async def test_t119_killed_writers(file):
    spawn = multiprocessing.get_context("forkserver")
    spawn.set_forkserver_preload(["pttserver.store.calls", "pttserver.store.tenants", "aiosqlite"])
    database = await Database.open(file)
    await Tenants(database).add(Tenant(TENANT, "ACME", 50, 1))
    chance, acknowledged = random.Random(119), set()
    for number in range(ROUNDS):
        done = await asyncio.to_thread(
            acknowledged_until_killed, spawn, file, number * 10_000_000, chance.uniform(0, 0.06)
        )
        acknowledged.update(done)
        assert await database.read(lambda sql: sql.scalar(text("PRAGMA integrity_check"))) == "ok"
    await database.close()
    await check(file, acknowledged)


async def check(file, acknowledged):
    database = await Database.open(file)
    written = await database.read(lambda sql: set(sql.scalars(text("SELECT started_ms FROM calls"))))
    assert acknowledged <= written
    assert len(written - acknowledged) <= ROUNDS  # at most the one that was on its way
    for table in ("call_participants", "bursts"):
        query = text(f"SELECT count(*) FROM {table} GROUP BY call_id")
        counts = await database.read(lambda sql, query=query: list(sql.scalars(query)))
        assert counts == [PARTS] * len(written)
    assert await database.read(lambda sql: sql.execute(text("PRAGMA foreign_key_check")).all()) == []
    await database.close()

"""T-119: a sweep that is killed at a random moment leaves whole rows, is never taken for done, and is gone on with."""

import asyncio
import multiprocessing
import random
import time
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, text

from pttserver.config import PrivacySettings
from pttserver.crypto.sealing import MasterKey
from pttserver.ids import CallId, GroupId, Personal, SubscriberId, TenantId
from pttserver.privacy.categories import Category
from pttserver.privacy.purposes import Purpose
from pttserver.services.retention import Retention
from pttserver.store.calls import CallHistory
from pttserver.store.database import Database
from pttserver.store.erasure_ledger import ErasureLedger
from pttserver.store.erasures import Erasures
from pttserver.store.records import Call, CallParticipant, Tenant
from pttserver.store.schema import call_participants, calls
from pttserver.store.subscribers import Subscribers
from pttserver.store.sweeps import Outcome
from pttserver.store.tenants import Tenants
from pttserver.store.vault import Vault
from store.organisation import ANNA, GATE, MASTER, TENANT, VAULT, first_policy, subscriber
from thorough import tries

DAY = 86_400_000
NOW_MS = 1_800_000_000_000
ROUNDS = tries(6, 12)
START_TIMEOUT_S = 30
OVER, LIVING = 3000, 300
GROUP = GroupId("grp_1")
PEOPLE = [SubscriberId(f"sub_{number}") for number in range(40)]  # their subscriptions end too: keys are destroyed


class StandingClock:
    def now(self) -> float:
        return 1.0

    def utc_ms(self) -> int:
        return NOW_MS


def engine(database: Database, file: Path) -> Retention:
    erasures = Erasures(database, file, ErasureLedger(file.with_name("erasures.ledger")))
    return Retention(database, StandingClock(), PrivacySettings(sweep_batch_rows=20), erasures, bytes)  # type: ignore[arg-type]


def run_sweep(file: Path, master: MasterKey, progress: Any) -> None:
    """Tells of every batch that it erased."""

    async def sweep() -> None:
        database = await Database.open(file, Vault(lambda: [master]))
        await engine(database, file).round(report=lambda _, rows: progress.send(rows))
        await database.close()

    asyncio.run(sweep())


def killed_while_sweeping(spawn: Any, file: Path, after_batches: int, after_s: float) -> None:
    """A moment after it erased so many batches, so in the midst of one; or when it ended before."""
    receiver, sender = spawn.Pipe(duplex=False)
    sweeper = spawn.Process(target=run_sweep, args=(file, MASTER, sender), daemon=True)
    sweeper.start()
    sender.close()
    try:
        for _ in range(after_batches):
            assert receiver.poll(START_TIMEOUT_S)
            receiver.recv()
        time.sleep(after_s)
    except EOFError:
        pass  # nothing was left to erase
    sweeper.kill()
    sweeper.join()


async def fill(database: Database) -> None:
    """Old calls that are over, new ones that are not, and subscribers whose subscription ended."""
    await Tenants(database).add(Tenant(TENANT, "ACME", 1), first_policy(TENANT))
    for who in (ANNA, *PEOPLE):
        await Subscribers(database).add(subscriber(who, who))
    address = GATE.release(Category.IP_ADDRESS, Purpose.SECURITY, ANNA, Personal("203.0.113.9"))
    person = GATE.release(Category.PARTICIPANTS, Purpose.OPERATIONS, ANNA, ANNA)
    made, present = [], []
    for number in range(OVER + LIVING):
        at_ms = NOW_MS - (100 * DAY if number < OVER else DAY)
        at = GATE.release(Category.CALL_RECORD, Purpose.OPERATIONS, ANNA, at_ms)
        since = GATE.release(Category.PARTICIPANTS, Purpose.OPERATIONS, ANNA, at_ms)
        assert at is not None
        assert since is not None
        assert person is not None
        call_id = CallId(f"cal_{number}")
        made.append(Call(call_id, TenantId(TENANT), GROUP, ANNA, person, address, at, at))
        present.append(CallParticipant(call_id, TenantId(TENANT), person, since))
    await CallHistory(database).write_calls(made, present, [])
    for who in PEOPLE:
        await Subscribers(database).remove(who, NOW_MS - DAY)


async def left(database: Database, table: Any) -> tuple[int, int]:
    """Rows that are over, and rows that are not."""
    times = await database.read(lambda sql: list(sql.scalars(select(table.c.started_ms))))
    living = sum(at_ms > NOW_MS - 90 * DAY for at_ms in times)
    return len(times) - living, living


async def whole(database: Database) -> None:
    """What must hold at every moment."""
    assert await database.read(lambda sql: sql.scalar(text("PRAGMA integrity_check"))) == "ok"
    assert await database.read(lambda sql: sql.execute(text("PRAGMA foreign_key_check")).all()) == []
    for table in (calls, call_participants):
        assert (await left(database, table))[1] == LIVING
    # a subscriber is there with its key, or neither is
    lost = text("SELECT count(*) FROM subscribers WHERE id NOT IN (SELECT id FROM subjects)")
    assert await database.read(lambda sql: sql.scalar(lost)) == 0


@pytest.mark.timeout(120)
async def test_t119_killed_sweeps(tmp_path: Path) -> None:
    file = tmp_path / "data" / "pttserver.sqlite3"
    spawn = multiprocessing.get_context("forkserver")
    spawn.set_forkserver_preload(["pttserver.services.retention", "aiosqlite"])
    database = await Database.open(file, VAULT)
    await fill(database)
    chance, progress = random.Random(119), [2 * OVER]
    for _ in range(ROUNDS):
        await asyncio.to_thread(killed_while_sweeping, spawn, file, chance.randint(1, 20), chance.uniform(0, 0.01))
        await whole(database)
        over = (await left(database, calls))[0] + (await left(database, call_participants))[0]
        newest = await engine(database, file).sweeps.newest()
        done = bool(newest) and newest[0].outcome is Outcome.DONE
        assert not (done and over)  # what was killed is never taken for done
        progress.append(over)
    assert progress == sorted(progress, reverse=True)
    assert 0 < progress[-1] < 2 * OVER  # every sweep got somewhere, and none to the end
    (swept,) = await engine(database, file).round()
    assert swept.outcome is Outcome.DONE
    await whole(database)
    assert (await left(database, calls))[0] == (await left(database, call_participants))[0] == 0
    assert await database.read(lambda sql: sql.scalar(text("SELECT count(*) FROM subscribers"))) == 1
    assert await engine(database, file).sweeps.unproven() == 0
    await database.close()

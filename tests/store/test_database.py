"""What the database promises whatever happens: cancelled callers, locks, full disks, foreign eyes, old libraries."""

import asyncio
import os
import stat
import time

import pytest
from sqlalchemy import text
from sqlcipher3 import dbapi2

from pttserver.errors import AlreadyExists, NotFound, StoreUnavailable
from pttserver.store import sqlite
from pttserver.store.database import Database
from store.organisation import VAULT

PAIR = (text("INSERT INTO tenants VALUES (:a, :a, 1)"), text("INSERT INTO tenants VALUES (:b, :b, 1)"))


def write_pair(n):
    def work(sql):
        sql.execute(PAIR[0], {"a": f"{n}a"})
        sql.execute(PAIR[1], {"b": f"{n}b"})

    return work


async def names(database):
    return await database.read(lambda sql: sorted(sql.scalars(text("SELECT name FROM tenants"))))


def foreign_connection(file):
    """Another process's connection. Same library: two copies of SQLite in one process would undo each other's locks."""
    return dbapi2.connect(str(file), timeout=0, isolation_level=None, check_same_thread=False)


async def test_files_are_private(database, file):
    await database.write(write_pair(1))
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in file.parent.iterdir()}
    assert modes.pop(file.name) == 0o600
    assert set(modes.values()) <= {0o600}
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700


@pytest.mark.parametrize("mode", [0o755, 0o701, 0o750])
async def test_t133_refuses_an_open_folder(file, mode):
    file.parent.mkdir()
    file.parent.chmod(mode)
    with pytest.raises(StoreUnavailable, match=f"chmod 700 {file.parent}"):
        await Database.open(file, VAULT)


async def test_t133_refuses_an_open_file(file):
    await (await Database.open(file, VAULT)).close()
    file.chmod(0o644)
    with pytest.raises(StoreUnavailable, match=f"chmod 600 {file}"):
        await Database.open(file, VAULT)


def test_t125_refuses_a_library_that_corrupts():
    with pytest.raises(StoreUnavailable, match=r"SQLite 3\.51\.2 can corrupt.*pip install --upgrade sqlcipher3"):
        sqlite.refuse_old_sqlite((3, 51, 2))
    sqlite.refuse_old_sqlite((3, 51, 3))


async def test_t125_the_library_in_use_is_the_one_that_was_checked(database):
    version = await database.read(lambda sql: sql.scalar(text("SELECT sqlite_version()")))
    assert tuple(map(int, version.split("."))) == dbapi2.sqlite_version_info >= sqlite.OLDEST_SQLITE


@pytest.mark.parametrize(
    ("pragma", "value"),
    [("journal_mode", "wal"), ("synchronous", 2), ("foreign_keys", 1), ("secure_delete", 1), ("query_only", 0)],
)
async def test_pragmas_of_the_writer(database, pragma, value):
    assert await database.write(lambda sql: sql.exec_driver_sql(f"PRAGMA {pragma}").scalar()) == value


async def test_readers_cannot_write(database):
    with pytest.raises(StoreUnavailable):
        await database.read(write_pair(1))
    assert await names(database) == []


async def test_a_failing_function_leaves_nothing(database):
    def work(sql):
        sql.execute(PAIR[0], {"a": "x"})
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await database.write(work)
    await database.write(write_pair(1))
    assert await names(database) == ["1a", "1b"]


async def test_conflicts_have_names(database):
    await database.write(write_pair(1))
    with pytest.raises(AlreadyExists, match="taken indeed"):
        await database.write(write_pair(1), taken="taken indeed")
    with pytest.raises(NotFound):
        await database.write(lambda sql: sql.execute(text("INSERT INTO groups VALUES ('g', 'no', 'n', 1)")))


async def test_errors_show_no_values(database):
    await database.write(write_pair("Anna"))
    with pytest.raises(AlreadyExists) as caught:
        await database.write(write_pair("Anna"))
    assert "Anna" not in f"{caught.value!r} {caught.value.__cause__!r} {caught.value.__cause__}"


async def test_t124_a_cancelled_caller_leaves_all_or_nothing(database):
    for n in range(120):
        caller = asyncio.create_task(database.write(write_pair(n)))
        if n % 2:
            for _ in range(n // 2):
                await asyncio.sleep(0)
        else:
            await asyncio.sleep(n / 40_000)
        caller.cancel()
        await asyncio.gather(caller, return_exceptions=True)
    await database.write(write_pair("last"))
    there = await names(database)
    assert {name[:-1] for name in there if name.endswith("a")} == {n[:-1] for n in there if n.endswith("b")}
    assert "lasta" in there


class CancelledAt:
    """Runs a coroutine and throws CancelledError into it at its n-th await."""

    def __init__(self, coroutine, n):
        self.coroutine, self.n, self.happened = coroutine, n, False

    def __await__(self):
        inner = self.coroutine.__await__()
        waiting = inner.send(None)
        while True:
            self.n -= 1
            if self.n == 0:
                self.happened = True
                waiting = inner.throw(asyncio.CancelledError())
            try:
                value = yield waiting
            except BaseException as error:
                waiting = inner.throw(error)
            else:
                waiting = inner.send(value)


async def test_t124_cancelled_at_every_await_nothing_is_left_for_the_next_write(database):
    for n in range(1, 200):
        attempt = CancelledAt(database.write(write_pair(n)), n)

        async def run(attempt=attempt):
            await attempt

        result = (await asyncio.gather(asyncio.create_task(run()), return_exceptions=True))[0]
        await database.write(lambda sql, n=n: sql.execute(PAIR[0], {"a": f"next{n}"}))
        if not attempt.happened:
            break
        assert isinstance(result, asyncio.CancelledError), n
    assert n > 1
    there = await names(database)
    ours = [name for name in there if not name.startswith("next")]
    assert {x[:-1] for x in ours if x.endswith("a")} == {x[:-1] for x in ours if x.endswith("b")}
    assert len(there) - len(ours) == n


async def test_t123_a_lock_of_another_process_blocks_no_one_but_the_writer(database, file):
    await database.write(write_pair(1))
    lags, other = [], foreign_connection(file)
    other.execute("BEGIN IMMEDIATE")

    async def watch_the_loop():
        while True:
            start = time.perf_counter()
            await asyncio.sleep(0.005)
            lags.append(time.perf_counter() - start - 0.005)

    watching = asyncio.create_task(watch_the_loop())
    start = time.perf_counter()
    with pytest.raises(StoreUnavailable, match="another process keeps the database locked"):
        await database.write(write_pair(2))
    assert 0.4 < time.perf_counter() - start < 3
    assert await names(database) == ["1a", "1b"]
    watching.cancel()
    other.execute("ROLLBACK")
    other.close()
    assert sorted(lags)[len(lags) // 2] < 0.02
    assert max(lags) < 0.25
    await database.write(write_pair(3))


async def test_t121_a_full_disk_writes_nothing_and_recovers(database):
    pages = await database.write(lambda sql: sql.exec_driver_sql("PRAGMA page_count").scalar())
    await database.write(lambda sql: sql.exec_driver_sql(f"PRAGMA max_page_count = {pages + 2}").scalar())

    def big(sql):
        for n in range(1000):
            sql.execute(PAIR[0], {"a": f"{n:0400d}"})

    with pytest.raises(StoreUnavailable, match=r"disk is full.*nothing was written"):
        await database.write(big)
    assert await names(database) == []
    await database.write(lambda sql: sql.exec_driver_sql("PRAGMA max_page_count = 1000000").scalar())
    await database.write(write_pair(1))
    assert await names(database) == ["1a", "1b"]


async def test_a_file_that_is_no_database_is_refused(file):
    file.parent.mkdir(mode=0o700)
    file.write_bytes(b"not a database at all" * 1000)
    file.chmod(0o600)
    with pytest.raises(StoreUnavailable, match="not a database of pttserver"):
        await Database.open(file, VAULT)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
async def test_a_folder_that_cannot_be_written_is_refused(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(StoreUnavailable, match="data_dir"):
        await Database.open(tmp_path / "data" / "x", VAULT)


async def test_many_callers_at_once(database):
    await asyncio.gather(*(database.write(write_pair(n)) for n in range(50)))
    counts = await asyncio.gather(*(names(database) for _ in range(50)))
    assert len(counts[0]) == 100


async def test_closing_waits_for_what_runs_and_refuses_the_rest(file):
    database = await Database.open(file, VAULT)
    running = [asyncio.create_task(database.write(write_pair(n))) for n in range(5)]
    await asyncio.sleep(0)
    await database.close()
    await asyncio.gather(*running)
    with pytest.raises(StoreUnavailable, match="closed"):
        await database.write(write_pair(9))
    await database.close()
    database = await Database.open(file, VAULT)
    assert len(await names(database)) == 10
    await database.close()


async def test_removed_names_leave_no_bytes(file):
    marker = b"Wilhelmine-Markwort"
    database = await Database.open(file, VAULT)
    await database.write(write_pair(marker.decode()))
    await database.write(lambda sql: sql.execute(text("DELETE FROM tenants")))
    await database.close()
    assert marker not in file.read_bytes()

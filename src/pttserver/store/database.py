"""The database: one connection that writes, several that read, no transaction left half-done by a caller.

Theory of operation.
1. A caller hands over its whole transaction as a function; `read` and `write` run it and give its result.
2. Each runs in a task of its own, shielded: a caller that is cancelled (its client hung up) stops waiting,
   nothing else. In an `async with` the transaction would be in the caller's task, and a cancellation would
   leave it open, for the next caller to commit.
3. Writes take turns on the one writing connection: BEGIN IMMEDIATE, the function, COMMIT; or ROLLBACK.
4. SQLite works in the connections' threads: the loop never waits for the disk or for another process's lock.
"""

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, Self, TypeVar

from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from pttserver.errors import StoreUnavailable
from pttserver.store.failures import translated
from pttserver.store.migrate import migrate
from pttserver.store.private_files import make_private_file, make_private_folder
from pttserver.store.sqlite import reader_engine, refuse_old_sqlite, writer_engine

BUSY_TIMEOUT_S = 5.0
WAITING_LIMIT = 20_000

T = TypeVar("T")


class Database:
    """An open database; `open` makes it, `close` must be called."""

    def __init__(self, writer: AsyncEngine, reader: AsyncEngine, watch: AsyncConnection) -> None:
        self._writer = writer
        self._reader = reader
        self._watch = watch
        self._write_turn = asyncio.Lock()
        self._watch_turn = asyncio.Lock()
        self._running: set[asyncio.Task[Any]] = set()
        self._closed = False

    @classmethod
    async def open(cls, file: Path, busy_timeout_s: float = BUSY_TIMEOUT_S) -> Self:
        """Makes or checks the file (mode 0600, its folder 0700), and migrates it. Raises StoreUnavailable."""
        refuse_old_sqlite()
        make_private_folder(file.parent)
        make_private_file(file)
        writer, reader = writer_engine(file, busy_timeout_s), reader_engine(file, busy_timeout_s)
        try:
            with translated():
                async with writer.begin() as connection:
                    await connection.run_sync(migrate)
                return cls(writer, reader, await reader.connect())
        except BaseException:
            await asyncio.gather(writer.dispose(), reader.dispose())
            raise

    async def close(self) -> None:
        """Waits for what runs, then closes the connections. May be called twice."""
        self._closed = True
        await asyncio.gather(*self._running, return_exceptions=True)
        await self._watch.close()
        await asyncio.gather(self._writer.dispose(), self._reader.dispose())

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Gives what `work` makes of one state of the database. Raises StoreUnavailable."""
        return await self._shielded(self._read(work))

    async def write(self, work: Callable[[Connection], T], taken: str | None = None) -> T:
        """Commits `work` as one transaction and gives what it returned; the row is on the disk by then.

        Raises AlreadyExists (with the message `taken`), NotFound (what the row belongs to is gone),
        StoreUnavailable, and whatever `work` raises; in each case nothing was written.
        """
        return await self._shielded(self._write(work, taken))

    async def change_counter(self) -> int:
        """A number that is another after any commit, of this process or another. Raises StoreUnavailable."""
        return await self._shielded(self._data_version())

    async def _read(self, work: Callable[[Connection], T]) -> T:
        with translated():
            async with self._reader.begin() as connection:
                return await connection.run_sync(work)

    async def _write(self, work: Callable[[Connection], T], taken: str | None) -> T:
        async with self._write_turn:
            with translated(taken):
                async with self._writer.begin() as connection:
                    return await connection.run_sync(work)

    async def _data_version(self) -> int:
        # It counts the commits of all connections but this one, which never writes: so it counts them all.
        async with self._watch_turn:
            with translated():
                async with self._watch.begin():
                    return int((await self._watch.exec_driver_sql("PRAGMA data_version")).scalar_one())

    async def _shielded(self, work: Coroutine[Any, Any, T]) -> T:
        if self._closed or len(self._running) >= WAITING_LIMIT:
            work.close()
            reason = "the database is closed" if self._closed else "too much waits for the database; try again"
            raise StoreUnavailable(reason)
        task = asyncio.create_task(work)
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return await asyncio.shield(task)

"""The database: one connection that writes, several that read, no transaction left half-done by a caller.

Theory of operation.
1. A caller hands over its whole transaction as a function; `read` and `write` run it and give its result.
   2. It runs from BEGIN to COMMIT in the thread of an aiosqlite connection, without an await: a caller that is
   cancelled (its client hung up) stops waiting, and the transaction happens as a whole or not at all. With an `async
   with` around awaits, a cancellation would leave it open, for the next caller to commit.
3. Writes take turns in one thread, in the order that they were asked for: BEGIN IMMEDIATE, the function, COMMIT; or
   ROLLBACK.
4. The loop never waits for the disk or for another process's lock; the threads do.

Measured against SQLAlchemy's asyncio engine, which sends every call of the driver to the thread and back: a log-in's
read takes 0.2 ms instead of 1.3, a commit 0.5 instead of 2.8. PostgreSQL would run the same functions by
`AsyncConnection.run_sync`.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Self, TypeVar

from sqlalchemy import Connection

from pttserver.errors import StoreUnavailable
from pttserver.store.audit_chain import AuditNote, append
from pttserver.store.failures import translated
from pttserver.store.migrate import migrate
from pttserver.store.placing import finish_placing
from pttserver.store.private_files import make_private_file, make_private_folder
from pttserver.store.sqlite import SqliteConnection, refuse_old_sqlite
from pttserver.store.vault import Vault

BUSY_TIMEOUT_S = 5.0
READERS = 2
WAITING_LIMIT = 20_000
TRUNCATE_ATTEMPTS = 20
TRUNCATE_PAUSE_S = 0.05

T = TypeVar("T")
Check = Callable[[Connection], None]
"""Raises if something must not be done; asked within the transaction that does it."""


class Database:
    """An open database; `open` makes it, `close` must be called. `vault` opens and seals the personal values in it."""

    def __init__(
        self, vault: Vault, writer: SqliteConnection, readers: list[SqliteConnection], closing: AsyncExitStack
    ) -> None:
        self.vault = vault
        self._writer = writer
        self._readers = readers
        self._closing = closing
        self._closed = False

    @classmethod
    async def open(cls, file: Path, vault: Vault, busy_timeout_s: float = BUSY_TIMEOUT_S) -> Self:
        """Makes or checks the file (mode 0600, its folder 0700), and migrates it. First a restore is finished.

        Raises StoreUnavailable, or MasterKeyMissing if the vault cannot open what is in it.
        """
        refuse_old_sqlite()
        make_private_folder(file.parent)
        finish_placing(file.parent)
        make_private_file(file)

        async def opened(connecting: Awaitable[SqliteConnection]) -> SqliteConnection:
            connection = await connecting
            closing.push_async_callback(connection.close)
            return connection

        async with AsyncExitStack() as closing:
            with translated():
                writer = await opened(SqliteConnection.to_write(file, busy_timeout_s))
                upgraded = await writer.run(lambda sql: migrate(sql, vault), None)
                if upgraded and not await _truncated(writer):
                    raise StoreUnavailable("another process uses the database: end it, so that it can be sealed")
                await writer.run(vault.check, None)
                readers = [await opened(SqliteConnection.to_read(file, busy_timeout_s)) for _ in range(READERS)]
            return cls(vault, writer, readers, closing.pop_all())
        raise AssertionError("unreachable: the stack swallows nothing")

    async def close(self) -> None:
        """Waits for what runs, then closes the connections. May be called twice."""
        self._closed = True
        await self._closing.aclose()

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Gives what `work` makes of one state of the database. Raises StoreUnavailable, and what `work` raises.

        `work` runs in a thread: it touches nothing but the connection and its own values.
        """
        return await self._run(min(self._readers, key=lambda reader: reader.waiting), work)

    async def write(
        self,
        work: Callable[[Connection], T],
        taken: str | None = None,
        note: AuditNote | None = None,
        first: Check | None = None,
    ) -> T:
        """Commits `work` as one transaction and gives what it returned; the row is on the disk by then.

        `first` is asked before it. `note` is written with it, after it: there is no act without its entry in the audit
        log. If `work` gives False, there was nothing to do, and nothing is noted.

        Raises AlreadyExists (with the message `taken`), NotFound (what the row belongs to is gone), StoreUnavailable,
        and what `work` raises; in each case nothing was written. `work` runs in a thread, as in `read`.
        """
        if note is None and first is None:
            return await self._run(self._writer, work, taken)

        def noted(sql: Connection) -> T:
            if first is not None:
                first(sql)
            done = work(sql)
            if done is not False and note is not None:
                append(sql, self.vault, note)
            return done

        return await self._run(self._writer, noted, taken)

    async def truncate_log(self) -> bool:
        """Empties the write-ahead log, in which pages lie as they were before: what was erased is gone from then on.

        False: it is not empty, since somebody still reads an earlier state; try again. Raises StoreUnavailable.
        """
        if self._closed:
            raise StoreUnavailable("the database is closed")
        return await _truncated(self._writer)

    async def rewrite(self) -> None:
        """Writes the file anew without gaps; everybody waits meanwhile. Raises StoreUnavailable."""
        await self._writer.rewrite()

    async def _run(self, connection: SqliteConnection, work: Callable[[Connection], T], taken: str | None = None) -> T:
        if self._closed:
            raise StoreUnavailable("the database is closed")
        if connection.waiting >= WAITING_LIMIT:
            raise StoreUnavailable("too much waits for the database; try again")
        return await connection.run(work, taken)


async def _truncated(writer: SqliteConnection) -> bool:
    for _ in range(TRUNCATE_ATTEMPTS):
        if await writer.truncate_log():
            return True
        await asyncio.sleep(TRUNCATE_PAUSE_S)
    return False

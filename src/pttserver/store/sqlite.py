"""How SQLite is opened: which library, which pragmas, how a transaction begins.

The CLI and the server are two processes on one file, and SQLite before 3.51.3 can corrupt a WAL database when two
connections reset the log at once. Python's own `sqlite3` carries what the distribution has (3.40 on Debian 12), so the
library comes from `sqlcipher3`, which brings its own.
"""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self, TypeVar

import aiosqlite
from sqlalchemy import Connection, Dialect, Engine, StaticPool, create_engine, make_url
from sqlalchemy.util import LRUCache
from sqlcipher3 import dbapi2

from pttserver.errors import StoreUnavailable
from pttserver.store.failures import advice, translated

T = TypeVar("T")

OLDEST_SQLITE = (3, 51, 3)
LOCK_POLL_S = 0.02

_PRAGMAS = (
    "synchronous = FULL",  # what the CLI said is done is on the disk; call records come in batches
    "foreign_keys = ON",
    "secure_delete = ON",  # a removed name leaves no bytes behind
)


def refuse_old_sqlite(version: tuple[int, ...] = dbapi2.sqlite_version_info) -> None:
    """Raises StoreUnavailable if the SQLite library has the WAL-reset bug."""
    if version < OLDEST_SQLITE:
        found, wanted = (".".join(map(str, v)) for v in (version, OLDEST_SQLITE))
        raise StoreUnavailable(
            f"SQLite {found} can corrupt the database, {wanted} cannot: run: pip install --upgrade sqlcipher3"
        )


class SqliteConnection:
    """One connection in a thread of its own (aiosqlite), in which whole transactions run."""

    def __init__(self, connection: aiosqlite.Connection, engine: Engine, begin: str) -> None:
        self._connection = connection
        self._engine = engine
        self._begin = begin
        self._sql: Connection | None = None
        self.waiting = 0

    @classmethod
    async def to_write(cls, file: Path, busy_timeout_s: float) -> Self:
        """A transaction takes the write lock at its start, so it cannot fail half-way for want of it."""
        return await cls._open(file, busy_timeout_s, _PRAGMAS, "BEGIN IMMEDIATE")

    @classmethod
    async def to_read(cls, file: Path, busy_timeout_s: float) -> Self:
        """A connection that cannot write; each transaction sees one state of the database."""
        return await cls._open(file, busy_timeout_s, (*_PRAGMAS, "query_only = ON"), "BEGIN")

    @classmethod
    async def _open(cls, file: Path, busy_timeout_s: float, pragmas: tuple[str, ...], begin: str) -> Self:
        connection = await aiosqlite.Connection(lambda: _connect(file, busy_timeout_s), iter_chunk_size=64)
        return cls(connection, _engine(connection._conn, busy_timeout_s, pragmas), begin)

    async def run(self, work: Callable[[Connection], T], taken: str | None) -> T:
        """One transaction.

        A caller that is cancelled stops waiting; the transaction happens all the same, as a whole.
        """
        self.waiting += 1
        try:
            done: T = await self._connection._execute(self._transaction, work, taken)  # type: ignore[no-untyped-call]
        finally:
            self.waiting -= 1
        return done

    def _transaction(self, work: Callable[[Connection], T], taken: str | None) -> T:
        with translated(taken):
            if self._sql is None:
                self._sql = self._engine.connect()  # kept: to open it anew costs as much as a small query
            with self._sql.begin():
                self._raw(self._begin)  # not by an event: each statement would look for its listeners
                return work(self._sql)

    async def truncate_log(self) -> bool:
        """Moves the write-ahead log into the file and empties it; it waits for no reader. False: one still needs it."""
        emptied: bool = await self._connection._execute(self._checkpoint)  # type: ignore[no-untyped-call]
        return emptied

    async def rewrite(self) -> None:
        """Writes the whole file anew, so that nothing stays in the gaps of its pages; others wait meanwhile."""
        await self._connection._execute(self._vacuum)  # type: ignore[no-untyped-call]

    def _vacuum(self) -> None:
        self._raw("VACUUM")

    def _checkpoint(self) -> bool:
        (patience_ms,) = self._raw("PRAGMA busy_timeout")
        self._raw("PRAGMA busy_timeout = 0")
        try:
            # busy, pages in the log, pages of them in the database: all 0 if it was truncated
            return tuple(self._raw("PRAGMA wal_checkpoint(TRUNCATE)")) == (0, 0, 0)
        finally:
            self._raw(f"PRAGMA busy_timeout = {patience_ms}")

    def _raw(self, statement: str) -> Any:
        """A statement that is no part of a transaction, or begins one; gives its first row. Raises StoreUnavailable."""
        try:
            return self._connection._conn.execute(statement).fetchone()
        except dbapi2.DatabaseError as error:
            raise StoreUnavailable(advice(error)) from error

    async def close(self) -> None:
        """After what waits is done."""
        if self._sql is not None:
            await self._connection._execute(self._sql.close)  # type: ignore[no-untyped-call]
            self._sql = None
        await self._connection.close()


def _connect(file: Path, busy_timeout_s: float) -> Any:
    # isolation_level None: the driver begins nothing by itself. check_same_thread False: the loop's thread may close it
    return dbapi2.connect(str(file), timeout=busy_timeout_s, isolation_level=None, check_same_thread=False)


def _use_write_ahead_log(raw: Any, patience_s: float) -> None:
    """SQLite's busy timeout does not hold while two connections switch a new file to WAL, so we wait ourselves."""
    for _ in range(round(patience_s / LOCK_POLL_S)):
        try:
            raw.execute("PRAGMA journal_mode = WAL")
        except dbapi2.OperationalError:
            time.sleep(LOCK_POLL_S)
        else:
            return
    raw.execute("PRAGMA journal_mode = WAL")


def _dialect() -> Dialect:
    """Asks a database in memory what the library can do."""
    engine = create_engine("sqlite://", module=dbapi2)
    with engine.connect():
        return engine.dialect


# Of all connections, so that a statement is compiled once and not by each of them.
_DIALECT = _dialect()
_COMPILED: LRUCache[Any, Any] = LRUCache(1000)


def _engine(raw: Any, busy_timeout_s: float, pragmas: tuple[str, ...]) -> Engine:
    def prepared() -> Any:
        _use_write_ahead_log(raw, busy_timeout_s)
        for pragma in pragmas:
            raw.execute(f"PRAGMA {pragma}")
        return raw

    pool, url = StaticPool(prepared, dialect=_DIALECT), make_url("sqlite://")
    # The parameters hold personal data, and errors are logged
    return Engine(pool, _DIALECT, url, hide_parameters=True, execution_options={"compiled_cache": _COMPILED})

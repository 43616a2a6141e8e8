"""How SQLite is opened: which library, which pragmas, how a transaction begins.

The CLI and the server are two processes on one file, and SQLite before 3.51.3 can corrupt a WAL database when
two connections reset the log at once. Python's own `sqlite3` carries what the distribution has (3.40 on
Debian 12), so the library comes from `sqlcipher3`, which brings its own.
"""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import aiosqlite
from sqlalchemy import Connection, event
from sqlalchemy.dialects.sqlite.aiosqlite import AsyncAdapt_aiosqlite_dbapi
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlcipher3 import dbapi2

from pttserver.errors import StoreUnavailable

OLDEST_SQLITE = (3, 51, 3)
READERS = 4

_PRAGMAS = (
    "journal_mode = WAL",
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


def writer_engine(file: Path, busy_timeout_s: float) -> AsyncEngine:
    """One connection; a transaction takes the write lock at its start, so it cannot fail half-way for it."""
    return _engine(file, busy_timeout_s, _PRAGMAS, begin="BEGIN IMMEDIATE", connections=1)


def reader_engine(file: Path, busy_timeout_s: float) -> AsyncEngine:
    """Connections that cannot write; each transaction sees one state of the database."""
    return _engine(file, busy_timeout_s, (*_PRAGMAS, "query_only = ON"), begin="BEGIN", connections=READERS)


def _engine(
    file: Path, busy_timeout_s: float, pragmas: tuple[str, ...], *, begin: str, connections: int
) -> AsyncEngine:
    engine = create_async_engine(
        URL.create("sqlite+aiosqlite", database=str(file)),
        module=_dbapi(busy_timeout_s, pragmas),
        pool_size=connections,
        max_overflow=0,
        hide_parameters=True,  # they hold personal data, and errors are logged
    )

    @event.listens_for(engine.sync_engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    return engine


def _dbapi(busy_timeout_s: float, pragmas: tuple[str, ...]) -> AsyncAdapt_aiosqlite_dbapi:
    """SQLAlchemy's adapter of aiosqlite, with sqlcipher3 in the place of sqlite3."""

    def connect(file: str, **_: Any) -> aiosqlite.Connection:
        def in_its_thread() -> Any:
            # isolation_level None: the driver begins nothing by itself. A connection's statements all run in
            # its one thread; only its finaliser may run in another.
            connection = dbapi2.connect(file, timeout=busy_timeout_s, isolation_level=None, check_same_thread=False)
            for pragma in pragmas:
                connection.execute(f"PRAGMA {pragma}")
            return connection

        return aiosqlite.Connection(in_its_thread, iter_chunk_size=256)

    ours = {"connect": connect, "Connection": aiosqlite.Connection, "__version__": aiosqlite.__version__}
    facade: Any = SimpleNamespace(**vars(dbapi2) | ours)
    return AsyncAdapt_aiosqlite_dbapi(facade, dbapi2)  # type: ignore[no-untyped-call,unused-ignore]

"""A copy of the database for a backup: as of one moment, while the server goes on writing, and without subjects' keys.

A backup is kept for long and erased by nobody; so what opens its sealed values must not lie in it. The wrapped keys of
the subjects, and the indexes by which their identifiers could be guessed, go into a file apart, of which there is only
the newest (store/subject_keys.py). Of whom has no key there, the copy tells nothing.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, nullcontext
from pathlib import Path
from typing import Any, Final

from sqlcipher3 import dbapi2

from pttserver.errors import BackupInvalid, StoreUnavailable
from pttserver.store.failures import advice
from pttserver.store.private_files import make_private_file
from pttserver.store.subject_keys import SubjectKeyRow

Progress = Callable[[int, int], None]
"""Is told how much is done, and of how much."""

PAGES_AT_ONCE: Final = 256
NO_KEY: Final = b""


def copy_database(file: Path, target: Path, progress: Progress) -> None:
    """Makes `target`, mode 0600. A read transaction holds the moment, so that other processes' writes restart nothing.

    Raises StoreUnavailable.
    """
    make_private_file(target)
    try:
        with closing(_connect(file)) as source, closing(_connect(target)) as copy:
            source.execute("BEGIN")
            source.execute("SELECT count(*) FROM alembic_version").fetchone()
            source.backup(copy, pages=PAGES_AT_ONCE, progress=lambda _, left, total: progress(total - left, total))
            _take_keys_out(copy)
    except dbapi2.DatabaseError as error:
        raise StoreUnavailable(advice(error)) from error


def copy_in_place(file: Path, target: Path, claimed: Any) -> None:
    """The database that another one is to replace, with its keys, to be read only. `claimed`: see `claim`, or None.

    Raises StoreUnavailable if it is no whole database.
    """
    make_private_file(target)
    try:
        own = closing(_connect(file)) if claimed is None else nullcontext(claimed)
        with own as source, closing(_connect(target)) as copy:
            source.backup(copy, pages=PAGES_AT_ONCE)
            verdict = _verdict(copy)
    except dbapi2.DatabaseError as error:
        raise StoreUnavailable(advice(error)) from error
    if verdict is not None:
        raise StoreUnavailable(f"it is damaged: {verdict}")


def _take_keys_out(copy: Any) -> None:
    copy.execute("PRAGMA journal_mode = DELETE")
    copy.execute("PRAGMA secure_delete = ON")
    copy.execute("UPDATE subjects SET wrapped = ?", (NO_KEY,))
    copy.execute("UPDATE subscribers SET identifier_index = NULL")
    copy.execute("VACUUM")  # no gap of a page keeps an old copy


def put_keys_back(file: Path, keys: Mapping[str, SubjectKeyRow]) -> int:
    """Into a copy; subjects without a key go, with all that is theirs. Gives how many those were.

    Raises BackupInvalid if the file is damaged.
    """
    try:
        with closing(_connect(file)) as copy:
            verdict = _verdict(copy)
            if verdict is not None:
                raise BackupInvalid(f"the database in the backup is damaged: {verdict}")
            return _put_back(copy, keys)
    except dbapi2.DatabaseError as error:
        raise BackupInvalid(f"the database in the backup cannot be used: {error}") from error


def _verdict(copy: Any) -> str | None:
    """What is wrong with it; None: nothing."""
    verdict: str = copy.execute("PRAGMA integrity_check").fetchone()[0]
    if verdict != "ok":
        return verdict
    return "a row belongs to nothing" if copy.execute("PRAGMA foreign_key_check").fetchone() else None


def _put_back(copy: Any, keys: Mapping[str, SubjectKeyRow]) -> int:
    copy.execute("PRAGMA foreign_keys = ON")
    copy.execute("PRAGMA secure_delete = ON")
    copy.execute("BEGIN IMMEDIATE")
    copy.executemany(
        "UPDATE subjects SET wrapped = ? WHERE id = ?", [(row.wrapped, row.subject_id) for row in keys.values()]
    )
    indexes = [(row.identifier_index, row.subject_id) for row in keys.values() if row.identifier_index]
    copy.executemany("UPDATE OR IGNORE subscribers SET identifier_index = ? WHERE id = ?", indexes)
    gone: int = copy.execute("DELETE FROM subjects WHERE wrapped = ?", (NO_KEY,)).rowcount
    copy.execute("PRAGMA user_version = 0")  # the whole ledger is replayed
    copy.execute("COMMIT")
    return gone


@contextmanager
def claim(file: Path) -> Iterator[Any]:
    """A connection that keeps everybody else off the database, or None if there is none.

    Raises StoreUnavailable if anybody has it open.
    """
    with closing(_connect(file)) if file.exists() else nullcontext() as connection:
        yield connection if connection is not None and _is_claimed(connection) else None


def _is_claimed(connection: Any) -> bool:
    """False: what lies there is no database, and nobody can work with it."""
    try:
        connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        connection.execute("PRAGMA journal_mode = DELETE")  # nothing waits in a log, and closing removes none
        connection.execute("BEGIN EXCLUSIVE")
        connection.execute("COMMIT")  # in this mode the lock stays, and the connection can be copied from
    except dbapi2.OperationalError as error:
        raise StoreUnavailable("the database is in use: stop the server first") from error
    except dbapi2.DatabaseError:
        return False
    return True


def _connect(file: Path) -> Any:
    return dbapi2.connect(str(file), timeout=1.0, isolation_level=None)

"""A copy of the database for a backup: as of one moment, while the server goes on writing, and without subjects' keys.

A backup is kept for long and erased by nobody; so what opens its sealed values must not lie in it. The wrapped keys of
the subjects, and the indexes by which their identifiers could be guessed, go into a file apart, of which there is only
the newest (store/subject_keys.py). Of whom has no key there, the copy tells nothing.
"""

from collections.abc import Callable, Mapping
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
        source, copy = _connect(file), _connect(target)
        try:
            source.execute("BEGIN")
            source.execute("SELECT count(*) FROM alembic_version").fetchone()
            source.backup(copy, pages=PAGES_AT_ONCE, progress=lambda _, left, total: progress(total - left, total))
            _take_keys_out(copy)
        finally:
            source.close()
            copy.close()
    except dbapi2.DatabaseError as error:
        raise StoreUnavailable(advice(error)) from error


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
        copy = _connect(file)
        try:
            _check(copy)
            return _put_back(copy, keys)
        finally:
            copy.close()
    except dbapi2.DatabaseError as error:
        raise BackupInvalid(f"the database in the backup cannot be used: {error}") from error


def _check(copy: Any) -> None:
    verdict = copy.execute("PRAGMA integrity_check").fetchone()[0]
    if verdict != "ok" or copy.execute("PRAGMA foreign_key_check").fetchone():
        raise BackupInvalid(f"the database in the backup is damaged: {verdict}")


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


def claim(file: Path) -> Any:
    """A connection that keeps everybody else off the database, or None if there is no file; close it.

    Raises StoreUnavailable if anybody has it open.
    """
    if not file.exists():
        return None
    connection = _connect(file)
    try:
        connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        connection.execute("PRAGMA journal_mode = DELETE")  # nothing waits in a log, and closing removes none
        connection.execute("BEGIN EXCLUSIVE")
    except dbapi2.OperationalError as error:
        connection.close()
        raise StoreUnavailable("the database is in use: stop the server first") from error
    return connection


def _connect(file: Path) -> Any:
    return dbapi2.connect(str(file), timeout=1.0, isolation_level=None)

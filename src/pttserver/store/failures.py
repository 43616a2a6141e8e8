"""What a failure of the database means to the caller, and what the operator can do about it."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DatabaseError, IntegrityError
from sqlalchemy.exc import TimeoutError as NoFreeConnection

from pttserver.errors import AlreadyExists, NotFound, PttError, StoreUnavailable

NOTHING_WRITTEN = "; nothing was written"
_ADVICE = {
    "SQLITE_BUSY": "another process keeps the database locked: end it, or try again",
    "SQLITE_LOCKED": "another process keeps the database locked: end it, or try again",
    "SQLITE_FULL": "the disk is full: free some space, then try again" + NOTHING_WRITTEN,
    "SQLITE_READONLY": "the database cannot be written: check its owner, and that the disk is not read-only",
    "SQLITE_CANTOPEN": "the database cannot be opened: check that this user owns the file and its folder",
    # A full disk too: SQLite cannot grow the -shm file on it, and says no more than this.
    "SQLITE_IOERR": "the disk is full, or fails: free some space if it is full, then try again; else check the "
    "machine's log, and that the disk is whole, before anything else",
    "SQLITE_CORRUPT": "the database is damaged: stop the server and restore it from a backup",
    "SQLITE_NOTADB": "the file is not a database of pttserver: set `data_dir` to another folder",
}

# What SQLite says in words (sqlite3_errstr) where the driver gives no code: a copy that fails half-way.
_IN_WORDS = {
    "database is locked": "SQLITE_BUSY",
    "database or disk is full": "SQLITE_FULL",
    "attempt to write a readonly database": "SQLITE_READONLY",
    "unable to open database file": "SQLITE_CANTOPEN",
    "disk I/O error": "SQLITE_IOERR",
    "database disk image is malformed": "SQLITE_CORRUPT",
    "file is not a database": "SQLITE_NOTADB",
}


@contextmanager
def translated(taken: str | None = None) -> Iterator[None]:
    """Turns errors of the database into AlreadyExists (message `taken`), NotFound or StoreUnavailable."""
    try:
        yield
    except IntegrityError as error:
        raise _conflict(str(error.orig), taken) from error
    except NoFreeConnection as error:
        raise StoreUnavailable("the database answers too slowly; try again") from error
    except DatabaseError as error:
        raise StoreUnavailable(advice(error.orig)) from error


def advice(error: BaseException | None) -> str:
    """What to do about an error of the SQLite library."""
    # Extended codes start with the name of the code that they extend: SQLITE_IOERR_WRITE.
    name = getattr(error, "sqlite_errorname", None) or _IN_WORDS.get(str(error), "")
    known = (text for code, text in _ADVICE.items() if name.startswith(code))
    return next(known, f"the database failed: {error}")


def _conflict(message: str, taken: str | None) -> PttError:
    if "FOREIGN KEY" in message:
        return NotFound("what this belongs to was removed in the meantime")
    if "UNIQUE" in message:
        return AlreadyExists(taken)
    return StoreUnavailable(f"the database refused the value: {message}")

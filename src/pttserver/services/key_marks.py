"""Which master keys the servers have that run on a database: so that nobody wraps it with one that they cannot have.

A server writes the identifiers of its keys into a file in `data_dir`, and keeps it locked as long as it lives.
"""

import fcntl
import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from pttserver.config import Settings
from pttserver.errors import ConfigError, StoreUnavailable
from pttserver.store.private_files import make_private_file

_MARKS: Final = "serving.*.keys"


@dataclass(frozen=True, slots=True)
class KeyMark:
    """`master_ids`: of the keys when the server started. `asks_again`: it looks into their source for a new one."""

    master_ids: list[str]
    asks_again: bool


def asks_again(settings: Settings) -> bool:
    """What a file holds, or a command prints, may be another the next time; the environment of a process may not."""
    return settings.keys.master_key is None


@contextmanager
def key_mark(settings: Settings, master_ids: set[str]) -> Iterator[None]:
    """There while the block lasts; what killed servers left is removed. Raises StoreUnavailable."""
    for left in settings.data_dir.glob(_MARKS):
        if not _is_locked(left):
            left.unlink(missing_ok=True)
    mark = settings.data_dir / _MARKS.replace("*", secrets.token_hex(4))
    make_private_file(mark)
    try:
        with open(mark, "w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)  # it ends with the process
            file.write(json.dumps(asdict(KeyMark(sorted(master_ids), asks_again(settings)))))
            file.flush()
            yield
    finally:
        mark.unlink(missing_ok=True)


def refuse_for_servers(settings: Settings, master_id: str) -> None:
    """Raises ConfigError if a server runs on the database that would not get to know this key, or may not:
    the key is none of those it started with, and it does not look for more where we found it.
    """
    for mark in _marks(settings):
        if master_id in mark.master_ids or (mark.asks_again and asks_again(settings)):
            continue
        known = ", ".join(mark.master_ids)
        raise ConfigError(
            f"a server runs on {settings.data_dir} that started with master key {known} and without {master_id}: it "
            "would open nothing any more. Restart it with both keys first, the new one before the old one; then run: "
            "pttserver key rewrap"
        )


def _marks(settings: Settings) -> list[KeyMark]:
    try:
        return [
            KeyMark(**json.loads(file.read_bytes()))
            for file in settings.data_dir.glob(_MARKS)
            if _is_locked(file)
        ]  # fmt: skip
    except (OSError, ValueError, TypeError) as error:
        raise StoreUnavailable(f"{settings.data_dir}: a server is starting or ending; try again") from error


def _is_locked(file: Path) -> bool:
    """By a server that lives."""
    try:
        descriptor = os.open(file, os.O_RDONLY)
    except FileNotFoundError:  # it ended just now
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False

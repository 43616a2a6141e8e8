"""Puts restored files into their places: all of them or none, wherever the process is killed.

Theory of operation.
 1. The files wait in a folder, each on the disk. The folder gets its name READY by one rename: before it the old state
    stands untouched, from then on the new one does.
 2. Each file is moved to its place. Who is killed meanwhile leaves the others in READY.
 3. Whoever opens the database moves them first (`finish_placing`), and looks at no file beside it before.
"""

import fcntl
import os
from pathlib import Path
from typing import Final

from pttserver.errors import StoreUnavailable
from pttserver.store.private_files import sync_folder

READY: Final = "restore.ready"
_LOGS: Final = ("-wal", "-shm", "-journal")


def put_in_place(waiting: Path, folder: Path) -> None:
    """All files of `waiting`, which is on the same file system. Nobody may have a database of `folder` open.

    Raises StoreUnavailable.
    """
    try:
        for file in waiting.iterdir():
            _sync_file(file)
        sync_folder(waiting)
        waiting.rename(folder / READY)
        sync_folder(folder)
    except OSError as error:
        raise StoreUnavailable(f"{folder}: {error.strerror}; nothing was restored") from error
    finish_placing(folder)


def finish_placing(folder: Path) -> None:
    """What a restore that was killed left to be done in `folder`. Processes take turns. Raises StoreUnavailable."""
    ready = folder / READY
    try:
        descriptor = os.open(ready, os.O_RDONLY | os.O_DIRECTORY)
    except FileNotFoundError:
        return
    except OSError as error:
        raise StoreUnavailable(f"{ready}: {error.strerror}") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        if ready.exists():  # else somebody else has finished it
            _place(ready, folder)
    except OSError as error:
        raise StoreUnavailable(f"{ready}: {error.strerror}; the restore is not finished yet") from error
    finally:
        os.close(descriptor)


def _place(ready: Path, folder: Path) -> None:
    for file in sorted(ready.iterdir()):
        for log in [folder / f"{file.name}{suffix}" for suffix in _LOGS]:
            if log.exists():  # of the database that goes: the new one must not be mended by it
                log.unlink()
        file.replace(folder / file.name)
    sync_folder(folder)
    ready.rmdir()
    sync_folder(folder)


def _sync_file(file: Path) -> None:
    with open(file, "rb") as content:
        os.fsync(content.fileno())

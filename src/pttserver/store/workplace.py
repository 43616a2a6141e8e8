"""A private folder for files in the making, which one process at a time works in, and nobody's work is left in."""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from pttserver.errors import StoreUnavailable
from pttserver.store.private_files import make_private_folder, sync_folder

WORKPLACE: Final = "backup.part"
"""In `data_dir`: where backups and restores are made."""


@contextmanager
def workplace(folder: Path) -> Iterator[Path]:
    """Empty at the beginning, gone at the end. Raises StoreUnavailable if another process works there."""
    make_private_folder(folder)
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise StoreUnavailable("another backup or restore is running; wait for its end") from error
        _empty(folder)
        try:
            yield folder
        finally:
            shutil.rmtree(folder)
    finally:
        os.close(descriptor)


def clear_workplace(folder: Path) -> None:
    """Removes what a crash left there. Raises StoreUnavailable if somebody works there, or it cannot be removed."""
    if not folder.exists():
        return
    try:
        with workplace(folder):
            pass
        sync_folder(folder.parent)
    except OSError as error:
        raise StoreUnavailable(f"{folder}: {error.strerror}; remove it") from error


def _empty(folder: Path) -> None:
    for left_over in folder.iterdir():
        if left_over.is_dir():
            shutil.rmtree(left_over)
        else:
            left_over.unlink()

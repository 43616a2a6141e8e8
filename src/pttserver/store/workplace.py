"""A private folder for files in the making, which one process at a time works in, and nobody's work is left in."""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from pttserver.errors import StoreUnavailable
from pttserver.store.private_files import make_private_folder

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


def clear_workplace(folder: Path) -> bool:
    """Removes what a crash left there. False: somebody works there."""
    if not folder.exists():
        return True
    try:
        with workplace(folder):
            return True
    except StoreUnavailable:
        return False


def _empty(folder: Path) -> None:
    for left_over in folder.iterdir():
        left_over.unlink()

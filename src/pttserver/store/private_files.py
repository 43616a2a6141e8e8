"""Folders and files that only the server's user may touch."""

import asyncio
import fcntl
import os
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from pttserver.errors import StoreUnavailable

GROUP_AND_OTHERS = 0o077
OTHERS = 0o007
TURN_POLL_S = 0.05


def make_private_folder(folder: Path) -> None:
    """Makes `folder` with mode 0700, or checks the one that is there. Raises StoreUnavailable."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise StoreUnavailable(f"{folder}: {error.strerror}; set `data_dir` to another folder") from error
    refuse_exposed(folder)


def make_private_file(file: Path, content: bytes = b"") -> None:
    """Makes `file` with mode 0600; one that is there already is only checked. Raises StoreUnavailable."""
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return refuse_exposed(file)
    except OSError as error:
        raise StoreUnavailable(f"{file}: {error.strerror}; check the owner of {file.parent}") from error
    with open(descriptor, "wb") as target:
        target.write(content)
    return None


def replace_private_file(file: Path, content: bytes) -> None:
    """The file has the old content or the new one, never a part, whatever happens. Raises StoreUnavailable.

    What writers left that were killed is removed: it may be keys that were destroyed since.
    """
    new = file.with_name(f".{file.name}.{secrets.token_hex(4)}.new")
    try:
        remove_leftovers(file)
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(descriptor, "wb") as target:
            fcntl.flock(target, fcntl.LOCK_EX)  # it ends with the process
            target.write(content)
            target.flush()
            os.fsync(target.fileno())
            new.replace(file)
        sync_folder(file.parent)
    except OSError as error:
        new.unlink(missing_ok=True)
        raise StoreUnavailable(f"{file}: {error.strerror}; check the owner of {file.parent}, and the disk") from error


@asynccontextmanager
async def in_turn(lock: Path, patience_s: float, occupied: str) -> AsyncIterator[None]:
    """One at a time, of all processes that name the same `lock`, a file that stays; a killed one's turn is over.

    Raises StoreUnavailable: with the message `occupied` after `patience_s`, or since the file cannot be had.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + patience_s
    make_private_file(lock)
    descriptor = os.open(lock, os.O_RDONLY)
    try:
        while not _locked(descriptor):
            if loop.time() >= deadline:
                raise StoreUnavailable(occupied)
            await asyncio.sleep(TURN_POLL_S)
        yield
    finally:
        os.close(descriptor)


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def remove_leftovers(file: Path) -> None:
    """New contents of the file that nobody writes any more, for good. Raises OSError."""
    removed = False
    for each in file.parent.glob(f".{file.name}.*.new"):
        try:
            with open(each, "rb") as left:
                fcntl.flock(left, fcntl.LOCK_EX | fcntl.LOCK_NB)
                each.unlink()
                removed = True
        except (FileNotFoundError, BlockingIOError):  # another writer put it in place, or is at it
            continue
    if removed:
        sync_folder(file.parent)


def sync_folder(folder: Path) -> None:
    """A file that was made, renamed or removed in it stays so, whatever happens."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def refuse_exposed(path: Path, to: int = GROUP_AND_OTHERS) -> None:
    """Raises StoreUnavailable, with the command that helps, if `path` grants anything to the mask `to`."""
    try:
        mode = path.stat().st_mode
    except OSError as error:
        raise StoreUnavailable(f"{path}: {error.strerror}") from error
    if mode & to:
        private = 0o700 if path.is_dir() else 0o600
        raise StoreUnavailable(f"{path} is open to other users; run: chmod {private:o} {path}")

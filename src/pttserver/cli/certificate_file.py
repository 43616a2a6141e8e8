"""The file that a certificate of erasure goes into: made before the act, which nobody can take back."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pttserver.errors import AlreadyExists, StoreUnavailable


@contextmanager
def reserved(file: Path) -> Iterator[int]:
    """A descriptor of `file`, which is made with mode 0600, and goes again if nothing is written to it.

    Raises AlreadyExists, StoreUnavailable: nothing was done.
    """
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise AlreadyExists(f"{file} is there already; a certificate overwrites nothing; nothing was done") from None
    except OSError as error:
        raise StoreUnavailable(f"{file}: {error.strerror}; nothing was done") from None
    try:
        yield descriptor
    finally:
        if os.fstat(descriptor).st_size == 0:
            file.unlink(missing_ok=True)
        os.close(descriptor)


def write_whole(descriptor: int, text: str) -> None:
    """On the disk when it returns. Raises OSError; then the file is empty again."""
    left = text.encode()
    try:
        while left:
            left = left[os.write(descriptor, left) :]
        os.fsync(descriptor)
    except OSError:
        os.ftruncate(descriptor, 0)
        raise

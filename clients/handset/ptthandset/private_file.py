"""A file that only its owner can read, written in one step."""

import contextlib
import os
from pathlib import Path

from ptthandset.errors import CredentialsError


def write_private(file: Path, octets: bytes) -> None:
    """Mode 0600, in a folder of mode 0700; on the disk when this returns. Raises CredentialsError."""
    unfinished = file.with_name(f"{file.name}.{os.getpid()}")
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with open(descriptor, "wb") as target:
            target.write(octets)
            target.flush()
            os.fsync(target.fileno())
        unfinished.replace(file)
    except OSError as error:
        with contextlib.suppress(OSError):
            unfinished.unlink()
        raise CredentialsError(f"{file}: {error.strerror}") from None


def read_private(file: Path) -> bytes:
    """Raises CredentialsError if others can read it too, OSError."""
    if file.stat().st_mode & 0o077:
        raise CredentialsError(f"{file} can be read by others; run: chmod 600 {file}")
    return file.read_bytes()

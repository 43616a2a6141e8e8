"""Looks for octets in files, in a process of its own.

To close a descriptor of a file drops all POSIX locks that the process holds on it, SQLite's among them: so a process
that has a database open must never open its file by itself (https://sqlite.org/howtocorrupt.html, §2.2).
"""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from pttserver.errors import StoreUnavailable

AT_ONCE_BYTES = 4 * 1024 * 1024


def found_in(octets: bytes, files: Sequence[Path]) -> list[Path]:
    """Those of the files that hold the octets anywhere; a file that is not there holds nothing.

    Blocks while it reads, about a second per gigabyte. Raises StoreUnavailable.
    """
    command = [sys.executable, "-m", __name__, octets.hex(), *map(str, files)]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=False)  # noqa: S603 - ourselves
    if done.returncode != 0:
        raise StoreUnavailable("the files of the database cannot be searched")
    return [file for file, answer in zip(files, done.stdout, strict=True) if answer == ord("1")]


def _holds(file: Path, octets: bytes) -> bool:
    if not file.exists():
        return False
    tail = b""
    with open(file, "rb") as source:
        while piece := source.read(AT_ONCE_BYTES):
            if octets in tail + piece:
                return True
            tail = piece[-len(octets) :]
    return False


if __name__ == "__main__":
    wanted = bytes.fromhex(sys.argv[1])
    sys.stdout.write("".join("1" if _holds(Path(name), wanted) else "0" for name in sys.argv[2:]))

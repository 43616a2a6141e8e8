"""Looks for octets in files, in a process of its own.

To close a descriptor of a file drops all POSIX locks that the process holds on it, SQLite's among them: so a process
that has a database open must never open its file by itself (https://sqlite.org/howtocorrupt.html, §2.2).
"""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from pttserver.errors import StoreUnavailable

AT_ONCE_BYTES = 4 * 1024 * 1024


def found_in(wanted: Sequence[bytes], files: Sequence[Path]) -> list[Path]:
    """Those of the files that hold any of the octets anywhere; a file that is not there holds nothing.

    Blocks while it reads, about a second per gigabyte. Raises StoreUnavailable.
    """
    command = [sys.executable, "-m", __name__]
    task = json.dumps([[octets.hex() for octets in wanted], [str(file) for file in files]])
    done = subprocess.run(command, input=task.encode(), stdout=subprocess.PIPE, check=False)  # noqa: S603 - ourselves
    if done.returncode != 0:
        raise StoreUnavailable("the files of the database cannot be searched")
    return [file for file, answer in zip(files, done.stdout, strict=True) if answer == ord("1")]


def _holds(file: Path, wanted: Sequence[bytes]) -> bool:
    overlap, tail = max(map(len, wanted)), b""
    try:
        with open(file, "rb") as source:
            while piece := source.read(AT_ONCE_BYTES):
                window = tail + piece
                if any(octets in window for octets in wanted):
                    return True
                tail = window[-overlap:]
    except FileNotFoundError:
        return False
    return False


if __name__ == "__main__":
    traces, names = json.loads(sys.stdin.buffer.read())
    octets_of = [bytes.fromhex(trace) for trace in traces]
    sys.stdout.write("".join("1" if _holds(Path(name), octets_of) else "0" for name in names))

"""The ledger of erasures: a file outside the database, so that no restore of an old backup brings back the erased.

Theory of operation.
 1. A line is one erasure, as JSON. It names nobody: the subject stands as a digest of an identifier that was drawn at
    random, and says nothing once the row that had it is gone.
 2. Each line carries its own digest and that of the line before it. A line that was damaged, removed or moved is found
    by whoever reads; lines cut off the end are missed by the database, which counts those that it has carried out
    (store/erasures.py).
 3. A line is on the disk before the key that it speaks of is destroyed. A line without its end was never on the disk
    as far as anybody was told: it is cut off by the next one. Lines that could not be written all are taken back.
"""

import fcntl
import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from io import FileIO
from pathlib import Path
from typing import Any, Literal, Self

from pttserver.errors import LedgerBroken, StoreUnavailable
from pttserver.ids import TenantId
from pttserver.store.private_files import make_private_file, refuse_exposed, sync_folder

LEDGER_FILE = "erasures.ledger"
ORIGIN = "0" * 64

Kind = Literal["subject", "tenant"]


@dataclass(frozen=True, slots=True)
class Line:
    """What is to be written. `digest`: see `subject_digest`; `trace`: first octets of the wrapped key."""

    kind: Kind
    tenant_id: TenantId
    digest: str
    trace: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """`digest`: of the subject (see `subject_digest`). `trace`: first octets of the wrapped key that was destroyed."""

    number: int
    at_ms: int
    kind: Kind
    tenant_id: TenantId
    digest: str
    trace: bytes = field(repr=False)
    previous: str

    def line(self) -> bytes:
        return json.dumps(self._row() | {"own": self.own_digest}, sort_keys=True).encode() + b"\n"

    @property
    def own_digest(self) -> str:
        """Hexadecimal SHA-256 of the entry; the next one carries it as `previous`."""
        return hashlib.sha256(json.dumps(self._row(), sort_keys=True).encode()).hexdigest()

    def _row(self) -> dict[str, Any]:
        return asdict(self) | {"trace": self.trace.hex()}

    @classmethod
    def parse(cls, line: bytes) -> Self:
        """Raises ValueError, TypeError, KeyError."""
        row = json.loads(line)
        del row["own"]
        entry = cls(**(row | {"trace": bytes.fromhex(row["trace"])}))
        if entry.line() != line + b"\n" or entry.kind not in {"subject", "tenant"}:
            raise ValueError("not as it was written")
        return entry


def subject_digest(tenant_id: TenantId, subject_id: str) -> str:
    """What a subject goes by in the ledger: hexadecimal SHA-256. A tenant as a whole is its own subject."""
    return hashlib.sha256(f"pttserver erasure/{tenant_id}/{subject_id}".encode()).hexdigest()


class ErasureLedger:
    """Reads and appends. Every method raises LedgerBroken, and StoreUnavailable if the file cannot be used."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def entries(self) -> list[LedgerEntry]:
        """All, oldest first; none if there is no file."""
        if not self.file.exists():
            return []
        refuse_exposed(self.file)
        try:
            return parse_ledger(self.file.read_bytes())
        except OSError as error:
            raise StoreUnavailable(f"{self.file}: {error.strerror}") from error

    def state(self) -> tuple[int, int] | None:
        """Another one whenever something was written. None: there is no file."""
        try:
            found = self.file.stat()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise StoreUnavailable(f"{self.file}: {error.strerror}") from error
        return found.st_size, found.st_mtime_ns

    def make(self) -> None:
        """An empty one, unless there is one."""
        make_private_file(self.file)

    def append(self, at_ms: int, lines: Sequence[Line]) -> list[LedgerEntry]:
        """On the disk when it returns: all of them, or none if it raises. Processes take turns."""
        self.make()
        try:
            with open(self.file, "r+b", buffering=0) as ledger:  # what a buffer holds would be written by `close` too
                fcntl.flock(ledger, fcntl.LOCK_EX)
                content = ledger.readall()
                entries = _following(parse_ledger(content), at_ms, lines)
                _write_all(ledger, content.rfind(b"\n") + 1, b"".join(entry.line() for entry in entries))
                sync_folder(self.file.parent)
        except OSError as error:
            raise StoreUnavailable(f"{self.file}: {error.strerror}; nothing was erased") from error
        return entries


def _write_all(ledger: FileIO, at: int, octets: bytes) -> None:
    """Instead of what follows `at`; takes back what it wrote if that is not all of it."""
    try:
        ledger.truncate(at)
        ledger.seek(at)
        written = 0
        while written < len(octets):
            written += ledger.write(octets[written:])
        os.fsync(ledger.fileno())
    except OSError:
        ledger.truncate(at)
        os.fsync(ledger.fileno())
        raise


def _following(known: Sequence[LedgerEntry], at_ms: int, lines: Sequence[Line]) -> list[LedgerEntry]:
    number, previous, entries = len(known), known[-1].own_digest if known else ORIGIN, list[LedgerEntry]()
    for line in lines:
        number += 1
        entry = LedgerEntry(number, at_ms, line.kind, line.tenant_id, line.digest, line.trace, previous)
        entries.append(entry)
        previous = entry.own_digest
    return entries


def parse_ledger(content: bytes) -> list[LedgerEntry]:
    """Raises LedgerBroken, with the number of the first line that is not what was written."""
    entries: list[LedgerEntry] = []
    for line in content.split(b"\n")[:-1]:  # what follows the last line end was never finished
        number, previous = len(entries) + 1, entries[-1].own_digest if entries else ORIGIN
        try:
            entry = LedgerEntry.parse(line)
        except (ValueError, TypeError, KeyError, AttributeError):
            raise LedgerBroken(f"line {number} of the ledger of erasures is not as it was written") from None
        if (entry.number, entry.previous) != (number, previous):
            raise LedgerBroken(f"line {number} of the ledger of erasures does not follow the one before it")
        entries.append(entry)
    return entries

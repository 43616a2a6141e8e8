"""Backup of a running server into one encrypted file; services/restore.py makes a server of it again.

What is in it: the database as of one moment, without the keys of its subjects (store/snapshot.py says why), the ledger
of erasures, the server's signing key; on demand its certificate. The policies are in the database, and their files are
written from it. Never a master key: keep that apart.
"""

import asyncio
import io
import json
import os
import tarfile
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from pttserver import __version__
from pttserver.clock import Clock
from pttserver.config import Settings
from pttserver.crypto.sealed_stream import SealedWriter
from pttserver.errors import AlreadyExists, StoreUnavailable
from pttserver.services.audit import HEADS_FILE
from pttserver.services.certificate import ensure_certificate
from pttserver.services.erasure import open_erasures
from pttserver.services.keyring import master_keys
from pttserver.services.signing_key import SIGNING_KEY_FILE
from pttserver.services.subject_keys import write_subject_keys
from pttserver.store.database import Database
from pttserver.store.erasure_ledger import LEDGER_FILE
from pttserver.store.private_files import make_private_file, sync_folder
from pttserver.store.snapshot import Progress, copy_database
from pttserver.store.workplace import WORKPLACE, workplace

MANIFEST: Final = "manifest.json"
DATABASE: Final = "pttserver.sqlite3"
BESIDE_THE_DATABASE: Final = (LEDGER_FILE, SIGNING_KEY_FILE, HEADS_FILE)
CERTIFICATE: Final = ("certificate.pem", "private_key.pem")


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup says of itself. `subject_keys`: how many the file of subjects' keys had then."""

    version: str
    created_ms: int
    subject_keys: int


async def back_up(
    database: Database,
    settings: Settings,
    target: Path,
    progress: Progress,
    clock: Clock,
    *,
    with_certificate: bool = False,
) -> Manifest:
    """Writes `target` (mode 0600), which must not be there yet, and the file of subjects' keys.

    Raises AlreadyExists, StoreUnavailable (also if another backup runs), ConfigError, MasterKeyMissing.
    """
    if target.exists():  # noqa: ASYNC240 - a look at one file
        raise AlreadyExists(f"{target} is there already; a backup overwrites nothing")
    with workplace(settings.data_dir / WORKPLACE) as folder:
        copy = folder / DATABASE
        await open_erasures(database, settings, clock).replay()
        await asyncio.to_thread(copy_database, settings.database_file, copy, progress)
        manifest = Manifest(__version__, clock.utc_ms(), await write_subject_keys(database, settings))
        await asyncio.to_thread(
            _write_whole, target, settings, manifest, _members(settings, copy, clock, with_certificate)
        )
    return manifest


def _members(settings: Settings, copy: Path, clock: Clock, with_certificate: bool) -> Iterator[tuple[str, Path]]:
    """Names in the archive, and where their content is."""
    yield DATABASE, copy
    yield from ((name, settings.data_dir / name) for name in BESIDE_THE_DATABASE)
    if with_certificate:
        files = ensure_certificate(settings, clock)
        yield from zip(CERTIFICATE, (files.certificate, files.private_key), strict=True)


def _write_whole(target: Path, settings: Settings, manifest: Manifest, members: Iterable[tuple[str, Path]]) -> None:
    """The file has its name only when it is whole and on the disk."""
    part = target.with_name(f".{target.name}.part")
    try:
        part.unlink(missing_ok=True)
        make_private_file(part)
        with open(part, "wb") as file:
            sealed = SealedWriter(file, master_keys(settings)[0])
            _write_archive(sealed, manifest, members)
            sealed.finish()
            file.flush()
            os.fsync(file.fileno())
        part.rename(target)
        sync_folder(target.parent)
    except OSError as error:
        raise StoreUnavailable(f"{target}: {error.strerror}; there is no backup") from error
    finally:
        part.unlink(missing_ok=True)


def _write_archive(sealed: SealedWriter, manifest: Manifest, members: Iterable[tuple[str, Path]]) -> None:
    with tarfile.open(mode="w|", fileobj=sealed, format=tarfile.PAX_FORMAT) as archive:
        _add(archive, MANIFEST, json.dumps(asdict(manifest)).encode())
        for name, file in members:
            if file.exists():
                archive.add(file, name, recursive=False)


def _add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = len(content)
    archive.addfile(entry, io.BytesIO(content))

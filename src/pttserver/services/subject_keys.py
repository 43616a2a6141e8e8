"""Keeps the file of subjects' keys, without which a backup tells nothing about anybody.

Copy it to where backups are kept, over the copy from before: an older copy would still open what was erased since.
"""

import asyncio
import io
import json
from enum import StrEnum
from pathlib import Path

from pttserver.config import Settings
from pttserver.crypto.sealed_stream import SealedReader, SealedWriter
from pttserver.crypto.sealing import MasterKey
from pttserver.errors import PttError, StoreUnavailable
from pttserver.observe.log import get_logger
from pttserver.services.keyring import master_keys
from pttserver.store.database import Database
from pttserver.store.private_files import remove_leftovers, replace_private_file
from pttserver.store.subject_keys import SubjectKeyRow, hand_over, living
from pttserver.store.workplace import WORKPLACE, clear_workplace

FILE_NAME = "subject_keys.backup"
INTERVAL_S = 600.0
_log = get_logger("subject_keys")


class KeysFile(StrEnum):
    """How the file was found, as a certificate says it."""

    NONE = "there is none where it is configured"
    CLEAR = "read: the key is not in it"
    REWRITTEN = "written anew without the key"


def subject_keys_file(settings: Settings) -> Path:
    return settings.keys.subject_keys_file or settings.data_dir / FILE_NAME


async def write_subject_keys(database: Database, settings: Settings, file: Path | None = None) -> int:
    """Replaces the file, or the one that is named; gives how many keys are in it.

    Raises StoreUnavailable, and what `master_keys` raises.
    """
    return await _write(database, file or subject_keys_file(settings), await _masters(settings))


async def _write(database: Database, file: Path, masters: list[MasterKey]) -> int:
    return await hand_over(database, lambda rows: replace_private_file(file, _sealed(rows, masters[0])))


async def _masters(settings: Settings) -> list[MasterKey]:
    """Their source may be a command that takes seconds, while voice goes on; and it is asked before anybody waits for
    the database because of it.
    """
    return await asyncio.to_thread(master_keys, settings)


async def reseal_subject_keys(database: Database, settings: Settings) -> None:
    """Under the newest master key, before an older one goes. Raises as `write_subject_keys`."""
    if subject_keys_file(settings).exists():
        await write_subject_keys(database, settings)


async def forget_erased(database: Database, settings: Settings) -> KeysFile:
    """Takes out of the file the keys of who is gone, and what is an identifier no more.

    A file that cannot be read might have any key in it, and helps no restore: it is written anew of the living. Raises
    as `write_subject_keys`.
    """
    file = subject_keys_file(settings)
    if not file.exists():
        return KeysFile.NONE
    masters = await _masters(settings)
    held = await asyncio.to_thread(_held, file, masters)
    if held is not None and held <= await living(database):
        return KeysFile.CLEAR
    await _write(database, file, masters)
    return KeysFile.REWRITTEN


async def clear_copies(database: Database, settings: Settings) -> KeysFile:
    """No key that was destroyed by now is outside the database any more: neither in the file, nor where a killed
    process left it. Whoever writes the file just now writes it of the living, in a turn of its own.

    Raises as `forget_erased`, and StoreUnavailable while a backup or restore is made, which may still have the key.
    """
    found = await forget_erased(database, settings)
    await asyncio.to_thread(_clear_left_overs, settings)
    return found


def _clear_left_overs(settings: Settings) -> None:
    file = subject_keys_file(settings)
    try:
        remove_leftovers(file)
    except OSError as error:
        raise StoreUnavailable(f"{file.parent}: {error.strerror}; remove .{file.name}.*.new there") from error
    clear_workplace(settings.data_dir / WORKPLACE)


def _held(file: Path, masters: list[MasterKey]) -> set[tuple[str, bytes | None]] | None:
    """Whose keys are in the file, each with what it is found by. None: it cannot be read."""
    try:
        return {(row.subject_id, row.identifier_index) for row in read_subject_keys(file, masters).values()}
    except PttError as error:
        _log.warning("subject_keys_unreadable", error=error.message)
        return None


async def keep_subject_keys(database: Database, settings: Settings) -> None:
    """Until cancelled: what retention destroys in the database is destroyed in the file too."""
    while True:
        try:
            if await forget_erased(database, settings) is KeysFile.REWRITTEN:
                _log.info("subject_keys_forgotten")
        except PttError as error:
            _log.error("subject_keys_not_written", error=error.message)
        await asyncio.sleep(INTERVAL_S)


def read_subject_keys(file: Path, masters: list[MasterKey]) -> dict[str, SubjectKeyRow]:
    """By subject. Raises BackupInvalid, MasterKeyMissing, SealBroken, StoreUnavailable (it cannot be read)."""
    try:
        content = file.read_bytes()
    except OSError as error:
        raise StoreUnavailable(
            f"{file}: {error.strerror}; it is written by each backup and needed to restore: give the newest one with "
            "--subject-keys"
        ) from error
    rows = json.loads(io.BufferedReader(SealedReader(io.BytesIO(content), masters)).read())
    return {row[0]: SubjectKeyRow(row[0], bytes.fromhex(row[1]), _index(row[2])) for row in rows}


def _index(text: str | None) -> bytes | None:
    return None if text is None else bytes.fromhex(text)


def _sealed(rows: list[SubjectKeyRow], master: MasterKey) -> bytes:
    plain = [
        (row.subject_id, row.wrapped.hex(), row.identifier_index.hex() if row.identifier_index else None)
        for row in rows
    ]
    target = io.BytesIO()
    writer = SealedWriter(target, master)
    writer.write(json.dumps(plain).encode())
    writer.finish()
    return target.getvalue()

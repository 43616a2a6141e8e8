"""Makes a server's data of a backup again, without those who were erased since.

Nothing in `data_dir` is touched before the whole file was verified and a complete, replayed database stands beside the
old one. Then all files come into their places, or none, wherever the process is killed (store/placing.py).
"""

import contextlib
import json
import shutil
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pttserver.clock import Clock
from pttserver.config import Settings
from pttserver.crypto.sealed_stream import SealedReader
from pttserver.crypto.sealing import MasterKey
from pttserver.errors import AlreadyExists, BackupInvalid, StoreUnavailable, SweepingHalted
from pttserver.ids import TenantId
from pttserver.services.audit import HEADS_FILE
from pttserver.services.backup import (
    BESIDE_THE_DATABASE,
    CERTIFICATE,
    DATABASE,
    MANIFEST,
    Manifest,
)
from pttserver.services.instructions import Instruction
from pttserver.services.keyring import open_vault, present_master_keys
from pttserver.services.newest_ledger import choose_ledger
from pttserver.services.policy_book import PolicyBook
from pttserver.services.retention import Retention
from pttserver.services.signing_key import signing_key
from pttserver.services.standing_database import Since, carry_all_over
from pttserver.services.subject_keys import FILE_NAME as KEYS_FILE
from pttserver.services.subject_keys import read_subject_keys, subject_keys_file, write_subject_keys
from pttserver.store.carrying_over import Carried
from pttserver.store.database import Database
from pttserver.store.erasure_ledger import LEDGER_FILE, ErasureLedger
from pttserver.store.erasures import Erasures
from pttserver.store.placing import finish_placing, put_in_place
from pttserver.store.policies import Policies, unpublish
from pttserver.store.policy_files import PolicyFiles
from pttserver.store.private_files import make_private_file, make_private_folder, replace_private_file
from pttserver.store.shredding import shred_strangers
from pttserver.store.snapshot import claim, put_keys_back
from pttserver.store.subscribers import index_anew
from pttserver.store.sweeps import Outcome, Sweeps
from pttserver.store.tenants import Tenants
from pttserver.store.workplace import WORKPLACE, workplace

WAITING: Final = "waiting"
POLICIES: Final = "policies/"
_KNOWN: Final = {MANIFEST, DATABASE, *BESIDE_THE_DATABASE, *CERTIFICATE}


@dataclass(frozen=True, slots=True)
class Restored:
    """`without_key`: subjects that the file of subjects' keys has no more. `replayed`: who was still there otherwise,
    and is in the ledger. `swept`: rows whose period is over by now; None: nothing was swept, since the clock is doubted
    or `since` does not tell everything.
    """

    manifest: Manifest
    without_key: int
    replayed: int
    swept: int | None
    since: Since


@dataclass(frozen=True, slots=True)
class Sources:
    """`ledger`: None only if whoever restores accepts that later erasures are unknown."""

    backup: Path
    ledger: Path | None
    subject_keys: Path | None = None


@dataclass(frozen=True, slots=True)
class _Made:
    """Of the restored database; see `Restored`."""

    replayed: int
    swept: int | None
    since: Since
    tenants: frozenset[TenantId]


@dataclass(frozen=True, slots=True)
class _Told:
    """What the audit logs say of the restore."""

    instruction: Instruction
    at_ms: int
    later_erasures: str


async def restore(
    settings: Settings,
    sources: Sources,
    instruction: Instruction,
    clock: Clock,
    *,
    force: bool = False,
    check_only: bool = False,
) -> Restored:
    """The server must not run. `check_only`: everything but the change, as a drill. The tenants' audit logs tell of it.

    Raises AlreadyExists (there is a database, and `force` is not set), BackupInvalid, LedgerBroken, MasterKeyMissing,
    StoreUnavailable.
    """
    finish_placing(settings.data_dir)
    if settings.database_file.exists() and not (force or check_only):
        raise AlreadyExists(f"{settings.database_file} is there already; --force puts the backup in its place")
    masters = present_master_keys(settings)
    make_private_folder(settings.data_dir)
    with workplace(settings.data_dir / WORKPLACE) as folder:
        manifest = _unpack(masters, sources.backup, folder)
        choose_ledger(folder, sources.ledger, settings.data_dir / LEDGER_FILE)
        told = _Told(instruction, clock.utc_ms(), "unknown" if sources.ledger is None else "replayed")
        keys_file = sources.subject_keys or subject_keys_file(settings)
        keys = read_subject_keys(keys_file, masters)
        without_key = put_keys_back(folder / DATABASE, keys)
        with contextlib.ExitStack() as claiming:
            claimed = None if check_only else claiming.enter_context(claim(settings.database_file))
            made = await _bring_up_to_date(settings, folder, claimed, told, clock)
            if not check_only:
                _put_in_place(settings, folder, with_keys=sources.subject_keys is not None)
                PolicyFiles(settings.policy_dir).keep_only(made.tenants)
    return Restored(manifest, without_key, made.replayed, made.swept, made.since)


def _unpack(masters: list[MasterKey], backup: Path, folder: Path) -> Manifest:
    """Into `folder`, flat; read to the last octet, so that a file that was cut off is refused."""
    try:
        with open(backup, "rb") as source:
            sealed = SealedReader(source, masters)
            with tarfile.open(mode="r|", fileobj=sealed) as archive:
                for entry in archive:
                    _extract(archive, entry, folder)
            while sealed.read(1 << 20):
                pass
        return Manifest(**json.loads((folder / MANIFEST).read_bytes()))
    except OSError as error:
        raise StoreUnavailable(f"{backup}: {error.strerror or error}") from error
    except (tarfile.TarError, ValueError, TypeError) as error:
        raise BackupInvalid from error


def _extract(archive: tarfile.TarFile, entry: tarfile.TarInfo, folder: Path) -> None:
    name = entry.name.removeprefix(POLICIES)
    if not entry.isreg() or "/" in name or (entry.name == name and name not in _KNOWN):
        raise BackupInvalid(f"the backup holds {entry.name!r}, which is no part of one")
    if entry.name != name:  # earlier versions put the policy files there; what is in force is in the database
        return
    source, target = archive.extractfile(entry), folder / name
    assert source is not None
    make_private_file(target)
    with open(target, "wb") as file:
        shutil.copyfileobj(source, file)


async def _bring_up_to_date(settings: Settings, folder: Path, claimed: Any, told: _Told, clock: Clock) -> _Made:
    """By the shape of this version, the ledger, what was instructed since, and the policies' periods.

    It is one closed file afterwards.
    """
    file = folder / DATABASE
    database = await Database.open(file, open_vault(settings))
    try:
        erasures = Erasures(database, file, ErasureLedger(folder / LEDGER_FILE))
        replayed = await erasures.replay(all_of_it=True)
        await _forget_strangers(database)
        await database.write(lambda sql: index_anew(sql, database.vault))  # identifiers may be others since
        await database.write(unpublish)
        since = await carry_all_over(settings, folder, claimed, database)
        if since.unknown is not None:
            await Sweeps(database).note(Outcome.RESTORED, told.at_ms)
        await _note(database, told, since)
        swept = await _sweep(Retention(database, clock, settings.privacy, erasures, signing_key(folder).sign))
        await write_subject_keys(database, settings, folder / KEYS_FILE)
        await database.rewrite()  # in a gap of a page there may be a row of somebody who is gone
        if not await database.truncate_log():
            raise StoreUnavailable("the restored database is in use")
        tenants = frozenset(tenant.tenant_id for tenant in await Tenants(database).all())
    finally:
        await database.close()
    return _Made(replayed, swept, since, tenants)


async def _forget_strangers(database: Database) -> None:
    """The records of those whose keys were not handed over: as each erasure leaves them."""
    for tenant in await Tenants(database).all():
        await database.write(lambda sql, of=tenant.tenant_id: shred_strangers(sql, database.vault, of))  # type: ignore[misc]


async def _sweep(retention: Retention) -> int | None:
    try:
        return sum(sum(one.erased.values()) for one in await retention.round())
    except SweepingHalted:  # the clock's too: a backup is older than any absence that a clock is trusted after
        return None


async def _note(database: Database, told: _Told, since: Since) -> None:
    """A tenant without a policy is refused until it has one, and gets no entry."""
    book = PolicyBook(Policies(database))
    await book.load()
    for tenant_id, gate in book.gates():
        carried = {name: count for name, count in since.of.get(tenant_id, Carried()).counts().items() if count}
        note = told.instruction.note(
            gate,
            "server.restore",
            tenant_id,
            told.at_ms,
            None,
            later_erasures=told.later_erasures,
            later_instructions="unknown" if since.unknown else "known",
            **carried,
        )
        await database.write(lambda _sql: None, note=note)


def _put_in_place(settings: Settings, folder: Path, *, with_keys: bool) -> None:
    """`with_keys`: also the file of subjects' keys of who is there now; one that was found in its place stays."""
    waiting, keys_file = folder / WAITING, subject_keys_file(settings)
    names = [DATABASE, *BESIDE_THE_DATABASE, *CERTIFICATE]
    if with_keys and keys_file == settings.data_dir / KEYS_FILE:
        names.append(KEYS_FILE)
    make_private_folder(waiting)
    make_private_file(folder / HEADS_FILE, b"{}")  # the one in place is of the log that goes
    for name in names:
        if (folder / name).exists():
            (folder / name).rename(waiting / name)
    put_in_place(waiting, settings.data_dir)
    if with_keys and KEYS_FILE not in names:
        replace_private_file(keys_file, (folder / KEYS_FILE).read_bytes())

"""How a new master key takes over, and old ones go: what they seal is sealed by the newest before.

That is the keys of the tenants in the database, and the file of subjects' keys. Backups stay as they are.
What is done is in the audit log of every tenant, and what was refused is not.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

from pttserver.clock import Clock
from pttserver.config import Settings
from pttserver.crypto.sealing import MasterKey
from pttserver.errors import ConfigError, MasterKeyMissing
from pttserver.ids import Personal
from pttserver.services.key_marks import refuse_for_servers
from pttserver.services.keyring import KEY_FILE, key_file, master_keys, open_database, write_keys
from pttserver.services.office import OPERATOR
from pttserver.services.operator_log import append_all, notes_for_all
from pttserver.services.subject_keys import reseal_subject_keys
from pttserver.store.audit_chain import AuditNote
from pttserver.store.database import Database
from pttserver.store.private_files import in_turn, make_private_folder

PATIENCE_S = 5.0
_OCCUPIED = "another rotation of master keys is running; wait for its end, then try again"


async def rotate(settings: Settings, actor: Personal = OPERATOR) -> tuple[MasterKey, int]:
    """A new master key, and how many tenants' keys it wraps now. A running server takes it up by itself.

    It is in the file before it wraps anything; a crash in between leaves keys of which one is not used yet. No value is
    written anew. Raises ConfigError if the keys come from outside, or those of a server that runs; StoreUnavailable,
    MasterKeyMissing.
    """
    file = _own_file(settings)
    async with _alone(settings, file):
        new = MasterKey.draw()
        refuse_for_servers(settings, new.key_id)
        async with _opened(settings) as database:
            await _replace(database, file, [new, *master_keys(settings)])
        return new, await _rewrap(settings, "key.rotate", actor)


async def in_use(settings: Settings) -> set[str]:
    """Identifiers of the master keys that wrap a tenant's key. Raises StoreUnavailable, MasterKeyMissing."""
    async with _opened(settings) as database:
        return await database.read(database.vault.master_ids)


async def prune(settings: Settings, actor: Personal = OPERATOR) -> list[MasterKey]:
    """Removes the keys that nothing but backups needs, but for the newest; gives them.

    Raises ConfigError if the keys come from outside, StoreUnavailable, MasterKeyMissing.
    """
    file = _own_file(settings)
    async with _alone(settings, file), _opened(settings) as database:
        needed = await database.read(database.vault.master_ids)
        await reseal_subject_keys(database, settings)
        keys = master_keys(settings)
        kept = [key for number, key in enumerate(keys) if number == 0 or key.key_id in needed]
        await _replace(database, file, kept, await notes_for_all(database, "key.prune", actor, Clock()))
    return [key for key in keys if key not in kept]


async def rewrap(settings: Settings, actor: Personal = OPERATOR, *, servers_have_it: bool = False) -> int:
    """Wraps every tenant's key with the newest master key; gives how many were not.

    Raises StoreUnavailable; ConfigError if a server runs of which it is not known that it has that key, or will get it
    from its source, unless the caller knows (`servers_have_it`).
    """
    async with _alone(settings):
        if not servers_have_it:
            refuse_for_servers(settings, master_keys(settings)[0].key_id)
        return await _rewrap(settings, "key.rewrap", actor)


async def _rewrap(settings: Settings, operation: str, actor: Personal) -> int:
    async with _opened(settings) as database:
        notes = await notes_for_all(database, operation, actor, Clock())

        def work(sql: Any) -> int:
            count = database.vault.rewrap(sql)
            append_all(sql, database.vault, notes)
            return count

        wrapped = await database.write(work)
        await reseal_subject_keys(database, settings)
    return wrapped


async def _replace(database: Database, file: Path, keys: Sequence[MasterKey], notes: Sequence[AuditNote] = ()) -> None:
    """While nobody else writes: no tenant can come to need a key between the look and the file.

    Raises MasterKeyMissing if a tenant needs one that is not among them, StoreUnavailable; the file is as it was then.
    """
    there = {key.key_id for key in keys}

    def work(sql: Any) -> None:
        missing = database.vault.master_ids(sql) - there
        if missing:
            named = ", ".join(sorted(missing))
            raise MasterKeyMissing(f"{file} was not changed: the database needs master key {named}: bring it back")
        append_all(sql, database.vault, notes)
        write_keys(file, keys)

    await database.write(work)


@asynccontextmanager
async def _opened(settings: Settings) -> AsyncIterator[Database]:
    database = await open_database(settings)
    try:
        yield database
    finally:
        await database.close()


@asynccontextmanager
async def _alone(settings: Settings, file: Path | None = None) -> AsyncIterator[None]:
    """From what is read of the keys to what is written: who reads in between writes back what was. Of all who use the
    database; and of all who write `file`, which may serve another database too.
    """
    make_private_folder(settings.data_dir)
    locks = {settings.data_dir / f"{KEY_FILE}.lock"}
    if file is not None:
        locks.add(file.with_name(f"{file.name}.lock"))
    async with AsyncExitStack() as turns:
        for lock in sorted(locks):
            await turns.enter_async_context(in_turn(lock, PATIENCE_S, _OCCUPIED))
        yield


def _own_file(settings: Settings) -> Path:
    own = settings.keys
    if own.master_key is not None or own.master_key_command is not None:
        raise ConfigError(
            "the master keys come from outside: put a new one first in their source, as 64 hexadecimal digits on a "
            "line of its own, keep the old ones below it, restart the server, so that it has both, then run: "
            "pttserver key rewrap"
        )
    return key_file(settings)

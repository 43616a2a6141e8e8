"""How a new master key takes over, and old ones go: what they seal is sealed by the newest before.

That is the keys of the tenants in the database, and the file of subjects' keys. Backups stay as they are.
"""

from pathlib import Path

from pttserver.config import Settings
from pttserver.crypto.sealing import MasterKey
from pttserver.errors import ConfigError
from pttserver.services.keyring import key_file, master_keys, open_database, write_keys
from pttserver.services.subject_keys import reseal_subject_keys


async def rotate(settings: Settings) -> tuple[MasterKey, int]:
    """A new master key, and how many tenants' keys it wraps now. A running server takes it up by itself.

    It is in the file before it wraps anything; a crash in between leaves keys of which one is not used yet. No value is
    written anew. Raises ConfigError if the keys come from outside, StoreUnavailable, MasterKeyMissing.
    """
    file = _own_file(settings)
    keys = [MasterKey.draw(), *master_keys(settings)]
    write_keys(file, keys)
    return keys[0], await rewrap(settings)


async def in_use(settings: Settings) -> set[str]:
    """Identifiers of the master keys that wrap a tenant's key. Raises StoreUnavailable, MasterKeyMissing."""
    database = await open_database(settings)
    try:
        return await database.read(database.vault.master_ids)
    finally:
        await database.close()


async def prune(settings: Settings) -> list[MasterKey]:
    """Removes the keys that nothing but backups needs, but for the newest; gives them.

    Raises ConfigError if the keys come from outside, StoreUnavailable, MasterKeyMissing.
    """
    file, database = _own_file(settings), await open_database(settings)
    try:
        needed = await database.read(database.vault.master_ids)
        await reseal_subject_keys(database, settings)
    finally:
        await database.close()
    keys = master_keys(settings)
    kept = [key for number, key in enumerate(keys) if number == 0 or key.key_id in needed]
    write_keys(file, kept)
    return [key for key in keys if key not in kept]


async def rewrap(settings: Settings) -> int:
    """Wraps every tenant's key with the newest master key; gives how many were not. Raises StoreUnavailable."""
    database = await open_database(settings)
    try:
        wrapped = await database.write(database.vault.rewrap)
        await reseal_subject_keys(database, settings)
    finally:
        await database.close()
    return wrapped


def _own_file(settings: Settings) -> Path:
    own = settings.keys
    if own.master_key is not None or own.master_key_command is not None:
        raise ConfigError(
            "the master keys come from outside: put a new one first in their source, as 64 hexadecimal digits on a "
            "line of its own, keep the old ones below it, then run: pttserver key rewrap"
        )
    return key_file(settings)

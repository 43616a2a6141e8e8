"""The operator's master keys: where they come from.

They are the root of everything that is sealed at rest: who has the database and not the master key has nothing, and who
loses the master key has lost the data. Keep them apart from backups.
"""

import asyncio
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

from pttserver.config import KeySettings, Settings
from pttserver.crypto.sealing import KEY_BYTES, MasterKey
from pttserver.errors import ConfigError, MasterKeyMissing
from pttserver.store.database import Database
from pttserver.store.private_files import make_private_file, make_private_folder, refuse_exposed, replace_private_file
from pttserver.store.sealed_data import holds_sealed_data
from pttserver.store.vault import Vault

KEY_FILE = "master.key"
COMMAND_TIMEOUT_S = 10


async def open_database(settings: Settings) -> Database:
    """The database of the settings, with its vault. Raises StoreUnavailable, ConfigError, MasterKeyMissing."""
    return await Database.open(settings.database_file, await asyncio.to_thread(open_vault, settings))


def open_vault(settings: Settings) -> Vault:
    """Raises ConfigError, MasterKeyMissing, StoreUnavailable."""
    return Vault(lambda: master_keys(settings))


def master_keys(settings: Settings) -> list[MasterKey]:
    """Newest first: from the environment, a command, or a file (by default one in `data_dir`, made at the first need).

    Raises ConfigError, StoreUnavailable (the file is open to others), MasterKeyMissing (it is gone).
    """
    own = settings.keys
    if own.master_key is not None and own.master_key_command is not None:
        raise ConfigError("set keys.master_key or keys.master_key_command, not both")
    if own.master_key is not None:
        return _parse(own.master_key.get_secret_value(), "keys.master_key")
    if own.master_key_command is not None:
        return _parse(_run(own), "keys.master_key_command")
    file = key_file(settings)
    if not file.exists():
        _make(file, settings)
    refuse_exposed(file)
    return _parse(file.read_text(), str(file))


def present_master_keys(settings: Settings) -> list[MasterKey]:
    """The same, to open what was sealed elsewhere: none is made, which would open nothing. Raises as `master_keys`."""
    own, file = settings.keys, key_file(settings)
    if own.master_key is None and own.master_key_command is None and not file.exists():
        raise MasterKeyMissing(f"{file}: there is no master key: bring {file.name} there from where you keep a copy")
    return master_keys(settings)


def key_file(settings: Settings) -> Path:
    return settings.keys.master_key_file or settings.data_dir / KEY_FILE


def write_keys(file: Path, keys: Sequence[MasterKey]) -> None:
    """Replaces the file as a whole, newest key first."""
    replace_private_file(file, _text(keys))


def _make(file: Path, settings: Settings) -> None:
    if holds_sealed_data(settings.database_file):
        raise MasterKeyMissing(f"{file}: the master key is gone: bring it back from where you keep a copy")
    make_private_folder(file.parent)
    make_private_file(file, _text([MasterKey.draw()]))


def _text(keys: Sequence[MasterKey]) -> bytes:
    return "".join(f"{key.key.hex()}\n" for key in keys).encode()


def _parse(text: str, where: str) -> list[MasterKey]:
    try:
        keys = [MasterKey(bytes.fromhex(line)) for line in text.split()]
    except ValueError:
        keys = []
    if not keys or any(len(key.key) != KEY_BYTES for key in keys):
        raise ConfigError(f"{where}: a master key is {2 * KEY_BYTES} hexadecimal digits, one key a line, newest first")
    return keys


def _run(settings: KeySettings) -> str:
    """The command's output; what it says on stderr goes to ours. Its environment lacks our settings."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PTTSERVER_")}
    command = settings.master_key_command or []
    try:
        done = subprocess.run(  # noqa: S603 - the operator's own command, no shell
            command, stdout=subprocess.PIPE, env=environment, timeout=COMMAND_TIMEOUT_S, check=True, text=True
        )
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        raise ConfigError(f"keys.master_key_command failed: {error}") from None
    return done.stdout

"""Brings a database to the shape of this version, in the caller's transaction, or refuses a newer one."""

from pathlib import Path

from sqlalchemy import Connection, inspect, text

from pttserver.errors import StoreUnavailable
from pttserver.store.schema import REVISION
from pttserver.store.vault import Vault

MIGRATIONS = Path(__file__).with_name("migrations")


def migrate(connection: Connection, vault: Vault) -> bool:
    """Whether an older database was brought up. What it had in clear is sealed then, and still in the log.

    Raises StoreUnavailable if a newer pttserver made the database.
    """
    revision = revision_of(connection)
    if revision != REVISION:  # alembic is slow to import, and hardly ever needed
        _upgrade(connection, vault, revision)
    return revision not in (None, REVISION)


def revision_of(connection: Connection) -> str | None:
    """The newest migration that the database has; None: it is empty."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    revision: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
    return revision


def _upgrade(connection: Connection, vault: Vault, revision: str | None) -> None:
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    config.attributes["vault"] = vault
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if revision is not None and revision not in known:
        raise StoreUnavailable(f"a newer pttserver made this database ({revision}): install that version")
    command.upgrade(config, REVISION)

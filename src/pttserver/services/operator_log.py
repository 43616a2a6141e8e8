"""Acts of the operator on the whole server, such as backups and keys: an entry in the audit log of every tenant."""

from collections.abc import Sequence
from typing import Any

from pttserver.clock import Clock
from pttserver.config import Settings
from pttserver.ids import Personal
from pttserver.services.keyring import open_database
from pttserver.services.policy_book import PolicyBook
from pttserver.store.audit_chain import AuditNote, append
from pttserver.store.database import Database
from pttserver.store.policies import Policies
from pttserver.store.vault import Vault


async def note_for_all(database: Database, operation: str, actor: Personal, clock: Clock, **details: str | int) -> int:
    """In one transaction; gives how many tenants. Raises StoreUnavailable: then the act is not to be done."""
    notes = await notes_for_all(database, operation, actor, clock, **details)
    if notes:
        await database.write(lambda sql: append_all(sql, database.vault, notes))
    return len(notes)


async def notes_for_all(
    database: Database, operation: str, actor: Personal, clock: Clock, **details: str | int
) -> list[AuditNote]:
    """For an act that writes them itself, with `append_all` in its own transaction: none without the other.

    A tenant without a policy in force is refused, and gets none. Raises StoreUnavailable.
    """
    book = PolicyBook(Policies(database))
    await book.load()
    return [
        AuditNote(gate, operation, tenant_id, actor, clock.utc_ms(), details=details)
        for tenant_id, gate in book.gates()
    ]


def append_all(sql: Any, vault: Vault, notes: Sequence[AuditNote]) -> None:
    """Raises NotFound if one of the tenants was removed meanwhile."""
    for note in notes:
        append(sql, vault, note)


async def note_act(settings: Settings, operation: str, actor: Personal, **details: str | int) -> int:
    """The same by itself, for an act that opens no database."""
    database = await open_database(settings)
    try:
        return await note_for_all(database, operation, actor, Clock(), **details)
    finally:
        await database.close()

"""What the audit log tells of erasures: the instruction before one begins, and its end with the key's.

Theory of operation. `subject.erase` says who wanted it and why, and is on the disk before the ledger has the line: what
is carried out later, by whatever process, was told before. `subject.destroy_key` is written in the transaction that
destroys the key. So an instruction without its end was not carried out, or not yet: the ledger says which. Neither
leads to the person: both give the digest that the ledger has.
"""

from dataclasses import dataclass, replace
from typing import Final

from sqlalchemy import Connection

from pttserver.errors import PolicyInvalid, SealBroken
from pttserver.ids import Personal
from pttserver.privacy.gate import Gate
from pttserver.privacy.policy import parse_policy
from pttserver.privacy.presets import DEFAULT, preset_text
from pttserver.store.audit_chain import AuditNote, Details, append, end_of_chain
from pttserver.store.erasure_ledger import LedgerEntry
from pttserver.store.policies import text_in_force
from pttserver.store.vault import Vault

DESTROYED: Final = "subject.destroy_key"
SERVER: Final = Personal("server")


@dataclass(frozen=True, slots=True)
class Instructed:
    """An entry of the audit log. The number may be another entry's after a restore; `digest` (32 octets) may not."""

    number: int
    digest: bytes


def note_instruction(sql: Connection, vault: Vault, note: AuditNote) -> Instructed | None:
    """None: the policy keeps no audit log. Raises NotFound if there is no such tenant."""
    number = append(sql, vault, note)
    return None if number is None else Instructed(number, end_of_chain(sql, note.tenant_id)[1])


def note_erased(sql: Connection, vault: Vault, note: AuditNote, entry: LedgerEntry) -> None:
    """By whom it was carried out; why stands in the instruction."""
    details: Details = {"digest": entry.digest, "line": entry.number}
    append(sql, vault, replace(note, operation=DESTROYED, subject_id=None, details=details, remarks={}))


def note_finished(sql: Connection, vault: Vault, entry: LedgerEntry, at_ms: int) -> None:
    """The same by a later process than the one that wrote the line.

    Whoever is in the ledger goes, also if the tenant has no policy that is understood (then the one that every tenant
    starts with decides, as of what is swept), or a key that does not open: then it has no log that could be written.
    """
    try:
        gate = _gate(sql, vault, entry)
        note_erased(sql, vault, AuditNote(gate, DESTROYED, entry.tenant_id, SERVER, at_ms), entry)
    except SealBroken:
        pass


def _gate(sql: Connection, vault: Vault, entry: LedgerEntry) -> Gate:
    try:
        return Gate(parse_policy(text_in_force(sql, vault, entry.tenant_id) or preset_text(DEFAULT)))
    except PolicyInvalid:
        return Gate(parse_policy(preset_text(DEFAULT)))

"""The audit log in the database: append-only, a chain of digests for each tenant, nothing personal in clear.

Theory of operation.
 1. An entry carries the digest of the one before it and its own, over everything that stands in its row, as it stands
    there: sealed values as ciphertext, people as references, whoever acts too. So the chain can be verified without
    any key, and still when the subject's key is gone.
 2. A checkpoint is an entry's digest, signed by the server. Pruning removes a prefix that ends at a checkpoint, and is
    signed itself: a log cut anywhere else, or by anybody else, does not verify.
 3. The newest checkpoint stands in a file beside the database and in the server's log too: entries cut off the end are
    missed.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import Connection, bindparam, insert, select

from pttserver.ids import Personal, TenantId
from pttserver.privacy.categories import Category
from pttserver.privacy.gate import Gate
from pttserver.privacy.purposes import Purpose
from pttserver.store import audit_actors
from pttserver.store.columns import Reference, Sealed
from pttserver.store.governance_schema import audit_checkpoints, audit_entries
from pttserver.store.vault import AUDIT, SubjectVault, Vault

ORIGIN = bytes(32)
_LAST = (
    select(audit_entries.c.sequence, audit_entries.c.digest)
    .where(audit_entries.c.tenant_id == bindparam("tenant"))
    .order_by(audit_entries.c.sequence.desc())
    .limit(1)
)
_CHECKPOINT = (
    select(audit_checkpoints)
    .where(audit_checkpoints.c.tenant_id == bindparam("tenant"))
    .order_by(audit_checkpoints.c.sequence.desc())
    .limit(1)
)
Details = Mapping[str, str | int]


@dataclass(frozen=True, slots=True)
class Link:
    """An entry as the chain sees it. `digest` and `previous`: 32 octets of SHA-256."""

    sequence: int
    content: bytes
    previous: bytes
    digest: bytes

    @property
    def computed(self) -> bytes:
        return hashlib.sha256(self.previous + self.content).digest()


@dataclass(frozen=True, slots=True)
class AuditNote:
    """What is to be written of an operation. `details` are about the operation, never values of the subject.

    `remarks`: what somebody wrote, such as the reason; sealed under the subject's key, it dies with the subject.
    """

    gate: Gate
    operation: str
    tenant_id: TenantId
    actor: Personal
    at_ms: int
    subject_id: str | None = None
    details: Details = field(default_factory=dict)
    remarks: Mapping[str, str] = field(default_factory=dict, repr=False)

    def with_details(self, **more: str | int) -> "AuditNote":
        return replace(self, details={**self.details, **more})

    def with_remarks(self, **more: str) -> "AuditNote":
        return replace(self, remarks={**self.remarks, **more})


def append(sql: Connection, vault: Vault, note: AuditNote) -> int | None:
    """One entry, in the caller's transaction: what was done and that it was done are written together.

    Gives its number; None: the policy keeps no audit log. Raises NotFound if there is no such tenant.
    """
    tenant_id, gate = note.tenant_id, note.gate
    keys = vault.existing(sql, tenant_id)
    actor = audit_actors.written(sql, vault, tenant_id, note.actor)
    at_ms, by, details = (
        None if value is None else gate.release(Category.AUDIT_LOG, Purpose.LEGAL_DUTY, tenant_id, value)
        for value in (note.at_ms, actor, json.dumps(dict(note.details), sort_keys=True))
    )
    if at_ms is None:
        return None
    about = vault.subject(sql, note.subject_id) if note.subject_id else None
    number, previous = end_of_chain(sql, tenant_id)
    row = {
        "tenant_id": tenant_id,
        "sequence": number + 1,
        "at_ms": at_ms,
        "operation": note.operation,
        "subject": _reference(gate, about),
        "actor": keys.seal(by),
        "details": keys.seal(details),
        "remarks": _remarks(note, about if note.subject_id else keys),
        "previous": previous,
    }
    digest = hashlib.sha256(previous + content(row | {"at_ms": note.at_ms})).digest()
    sql.execute(insert(audit_entries), row | {"digest": digest})
    return number + 1


def end_of_chain(sql: Connection, tenant_id: TenantId) -> tuple[int, bytes]:
    """Number and digest of the newest entry, or of the checkpoint that stands for what was pruned; 0: an empty log."""
    last = last_entry(sql, tenant_id) or newest_checkpoint(sql, tenant_id)
    return (last.sequence, last.digest) if last else (0, ORIGIN)


def _reference(gate: Gate, about: SubjectVault | None) -> Reference | None:
    if about is None:
        return None
    who = about.subject_id
    return about.refer(gate.release(Category.AUDIT_LOG, Purpose.LEGAL_DUTY, who, who), AUDIT)


def _remarks(note: AuditNote, keys: SubjectVault | None) -> Sealed | None:
    """None as keys: the subject was erased in the meantime, and nothing is written of it under another's."""
    if keys is None or not note.remarks:
        return None
    text = json.dumps(dict(note.remarks), sort_keys=True)
    return keys.seal(note.gate.release(Category.AUDIT_LOG, Purpose.LEGAL_DUTY, keys.subject_id, text))


def content(row: Mapping[str, Any]) -> bytes:
    """Everything but the digests, each part with its length, so that no two rows give the same octets.

    Without remarks there is no part for them: so entries of before there were any keep their digest.
    """
    subject, actor, details = row["subject"], row["actor"], row["details"]
    parts = (
        row["tenant_id"].encode(),
        b"%d" % row["sequence"],
        b"%d" % row["at_ms"],
        row["operation"].encode(),
        subject.text.encode() if subject else b"",
        actor.octets if actor else b"",
        details.octets if details else b"",
        *([row["remarks"].octets] if row["remarks"] else []),
    )
    return b"".join(len(part).to_bytes(4, "big") + part for part in parts)


def last_entry(sql: Connection, tenant_id: TenantId) -> Any:
    """Number and digest of the newest entry that is there, or None."""
    return sql.execute(_LAST, {"tenant": tenant_id}).first()


def newest_checkpoint(sql: Connection, tenant_id: TenantId) -> Any:
    """Its row, or None."""
    return sql.execute(_CHECKPOINT, {"tenant": tenant_id}).first()

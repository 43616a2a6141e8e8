"""The audit log in the database: append-only, a chain of digests for each tenant, nothing personal in clear.

Theory of operation.
 1. An entry carries the digest of the one before it and its own, over everything that stands in its row, as it stands
    there: sealed values as ciphertext, the subject as a reference. So the chain can be verified without any key, and
    still when the subject's key is gone.
 2. A checkpoint is an entry's digest, signed by the server. Pruning removes a prefix that ends at a checkpoint, so what
    is left begins where a signature vouches for it; a log cut anywhere else does not verify.
 3. The number of the last entry is signed with each checkpoint: entries cut off the end are missed at the next one.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select

from pttserver.ids import Personal, TenantId
from pttserver.privacy.categories import Category
from pttserver.privacy.gate import Gate
from pttserver.privacy.purposes import Purpose
from pttserver.store.database import Database
from pttserver.store.governance_schema import audit_checkpoints, audit_entries
from pttserver.store.vault import AUDIT, KEY_COLUMNS, Vault, with_keys

ORIGIN = bytes(32)
ROWS_AT_ONCE = 1000
Details = Mapping[str, str | int]
_ENTRY = audit_entries.c


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
class AuditEntry:
    """An entry, opened. `subject`: its identifier; None: of nobody, or of somebody whose key is gone."""

    sequence: int
    at_ms: int
    operation: str
    subject: str | None
    actor: Personal | None
    details: Details


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """`signature`: Ed25519 over tenant, sequence, digest and time (crypto/audit_seal.py)."""

    tenant_id: TenantId
    sequence: int
    digest: bytes
    at_ms: int
    signature: bytes


def append(
    sql: Connection,
    vault: Vault,
    gate: Gate,
    *,
    operation: str,
    tenant_id: TenantId,
    actor: Personal,
    at_ms: int,
    subject_id: str | None = None,
    details: Details | None = None,
) -> int | None:
    """One entry, in the caller's transaction: what was done and that it was done are written together.

    `details` are about the operation, never values of the subject. Gives its number; None: the policy keeps no audit.
    """
    keys = vault.existing(sql, tenant_id)
    released = [
        gate.release(Category.AUDIT_LOG, Purpose.LEGAL_DUTY, tenant_id, value)
        for value in (at_ms, actor, json.dumps(dict(details or {}), sort_keys=True))
    ]
    if released[0] is None:
        return None
    last = sql.execute(
        select(_ENTRY.sequence, _ENTRY.digest).where(_ENTRY.tenant_id == tenant_id).order_by(_ENTRY.sequence.desc())
    ).first()
    pruned = _newest_checkpoint(sql, tenant_id) if last is None else None
    sequence = last.sequence + 1 if last else pruned.sequence + 1 if pruned else 1
    previous = last.digest if last else pruned.digest if pruned else ORIGIN
    row = {
        "tenant_id": tenant_id,
        "sequence": sequence,
        "at_ms": released[0],
        "operation": operation,
        "subject": _reference(sql, vault, gate, subject_id),
        "actor": keys.seal(released[1]),
        "details": keys.seal(released[2]),
        "previous": previous,
    }
    digest = hashlib.sha256(previous + _content(row | {"at_ms": at_ms})).digest()
    sql.execute(insert(audit_entries), row | {"digest": digest})
    return sequence


def _reference(sql: Connection, vault: Vault, gate: Gate, subject_id: str | None) -> Any:
    keys = vault.subject(sql, subject_id) if subject_id else None
    if keys is None or subject_id is None:
        return None
    return keys.refer(gate.release(Category.AUDIT_LOG, Purpose.LEGAL_DUTY, subject_id, subject_id), AUDIT)


def _content(row: Mapping[str, Any]) -> bytes:
    """Everything but the digests, each part with its length, so that no two rows give the same octets."""
    subject, actor, details = row["subject"], row["actor"], row["details"]
    parts = (
        row["tenant_id"].encode(),
        b"%d" % row["sequence"],
        b"%d" % row["at_ms"],
        row["operation"].encode(),
        subject.text.encode() if subject else b"",
        actor.octets if actor else b"",
        details.octets if details else b"",
    )
    return b"".join(len(part).to_bytes(4, "big") + part for part in parts)


def _newest_checkpoint(sql: Connection, tenant_id: TenantId) -> Any:
    query = select(audit_checkpoints).where(audit_checkpoints.c.tenant_id == tenant_id)
    return sql.execute(query.order_by(audit_checkpoints.c.sequence.desc())).first()


class AuditLog:
    """Reads the log, and keeps its checkpoints. Every method raises StoreUnavailable if the database fails."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def entries(self, tenant_id: TenantId, after_ms: int | None = None) -> list[AuditEntry]:
        """Opened, oldest first; those at or before `after_ms` are over and left out."""
        query = (
            select(*audit_entries.c, *KEY_COLUMNS)
            .select_from(with_keys(audit_entries, _ENTRY.tenant_id))
            .where(_ENTRY.tenant_id == tenant_id)
            .order_by(_ENTRY.sequence)
        )
        if after_ms is not None:
            query = query.where(_ENTRY.at_ms > after_ms)
        vault = self._database.vault

        def work(sql: Connection) -> list[AuditEntry]:
            names = {keys.reference(AUDIT): keys.subject_id for keys in vault.of_tenant(sql, tenant_id)}
            return [_opened(vault, row, names) for row in sql.execute(query)]

        return await self._database.read(work)

    async def chain(self, tenant_id: TenantId) -> tuple[list[Link], list[Checkpoint]]:
        """All links and checkpoints, as one state of the database has them."""
        query = select(audit_entries).where(_ENTRY.tenant_id == tenant_id).order_by(_ENTRY.sequence)

        def work(sql: Connection) -> tuple[list[Link], list[Checkpoint]]:
            return list(_links(sql, query)), _checkpoints(sql, tenant_id)

        return await self._database.read(work)

    async def last(self, tenant_id: TenantId) -> tuple[int, bytes, int] | None:
        """Number and digest of the newest entry, and the number of the newest checkpoint (0: none)."""

        def work(sql: Connection) -> tuple[int, bytes, int] | None:
            query = select(_ENTRY.sequence, _ENTRY.digest).where(_ENTRY.tenant_id == tenant_id)
            row = sql.execute(query.order_by(_ENTRY.sequence.desc())).first()
            newest = _newest_checkpoint(sql, tenant_id)
            return None if row is None else (row.sequence, row.digest, newest.sequence if newest else 0)

        return await self._database.read(work)

    async def put_checkpoint(self, checkpoint: Checkpoint) -> None:
        row = {
            "tenant_id": checkpoint.tenant_id,
            "sequence": checkpoint.sequence,
            "digest": checkpoint.digest,
            "at_ms": checkpoint.at_ms,
            "signature": checkpoint.signature,
        }
        await self._database.write(lambda sql: sql.execute(insert(audit_checkpoints), row))

    async def prune(self, tenant_id: TenantId, cutoff_ms: int) -> int:
        """Removes the entries up to the newest checkpoint at which all are over; gives how many.

        The checkpoint stays: what is left is verified from it.
        """

        def work(sql: Connection) -> int:
            mine = _ENTRY.tenant_id == tenant_id
            living = sql.scalar(select(func.min(_ENTRY.sequence)).where(mine, _ENTRY.at_ms > cutoff_ms))
            newest = sql.scalar(select(func.max(_ENTRY.sequence)).where(mine))
            over = (living - 1) if living is not None else newest or 0
            point = audit_checkpoints.c
            end = sql.scalar(
                select(func.max(point.sequence)).where(point.tenant_id == tenant_id, point.sequence <= over)
            )
            if end is None:
                return 0
            sql.execute(delete(audit_checkpoints).where(point.tenant_id == tenant_id, point.sequence < end))
            return sql.execute(delete(audit_entries).where(mine, _ENTRY.sequence <= end)).rowcount

        return await self._database.write(work)


def _links(sql: Connection, query: Any) -> Iterator[Link]:
    result = sql.execute(query).mappings()
    while some := result.fetchmany(ROWS_AT_ONCE):
        yield from (Link(row["sequence"], _content(row), row["previous"], row["digest"]) for row in some)


def _checkpoints(sql: Connection, tenant_id: TenantId) -> list[Checkpoint]:
    query = select(audit_checkpoints).where(audit_checkpoints.c.tenant_id == tenant_id)
    return [Checkpoint(*row) for row in sql.execute(query.order_by(audit_checkpoints.c.sequence))]


def _opened(vault: Vault, row: Any, names: Mapping[str, str]) -> AuditEntry:
    keys = vault.keys(row)
    details = keys.text(row.details)
    return AuditEntry(
        sequence=row.sequence,
        at_ms=row.at_ms,
        operation=row.operation,
        subject=names.get(row.subject.text) if row.subject else None,
        actor=keys.text(row.actor),
        details=json.loads(details.reveal()) if details else {},
    )

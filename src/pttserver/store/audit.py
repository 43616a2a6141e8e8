"""The audit log in the database: its entries opened, its chain to be verified, its checkpoints, its pruning."""

import json
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Select, delete, func, insert, select
from sqlalchemy.dialects.sqlite import insert as upsert

from pttserver.ids import Personal, TenantId
from pttserver.privacy.cutoffs import Cutoff
from pttserver.store.audit_actors import Names, names_of, read
from pttserver.store.audit_chain import AuditNote, Details, Link, content, last_entry, newest_checkpoint
from pttserver.store.columns import Sealed
from pttserver.store.database import Database
from pttserver.store.events import events_of
from pttserver.store.governance_schema import audit_checkpoints, audit_entries, audit_prunings
from pttserver.store.vault import KEY_COLUMNS, SubjectVault, Vault, with_keys

ROWS_AT_ONCE = 1000
Sign = Callable[[bytes], bytes]
_ENTRY = audit_entries.c


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """An entry, opened. `subject`: its identifier; None: of nobody, or of somebody whose key is gone.

    `actor`: the number of a subscriber, or a name; None: somebody whose key is gone. `details`: with the remarks, which
    are not there any more of whose key is gone. `digest`: hexadecimal, what certificates of erasure cite.
    """

    sequence: int
    at_ms: int
    operation: str
    subject: str | None
    actor: Personal | None
    details: Details
    digest: str


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """`signature`: Ed25519 (RFC 8032) over `signed`."""

    tenant_id: TenantId
    sequence: int
    digest: bytes
    at_ms: int
    signature: bytes

    @property
    def signed(self) -> bytes:
        return checkpoint_octets(self.tenant_id, self.sequence, self.digest, self.at_ms)


def checkpoint_octets(tenant_id: str, sequence: int, digest: bytes, at_ms: int) -> bytes:
    """What the server signs of a checkpoint."""
    return b"pttserver audit checkpoint 1\n" + f"{tenant_id}\n{sequence}\n{digest.hex()}\n{at_ms}".encode()


@dataclass(frozen=True, slots=True)
class Pruning:
    """The server took away what was over, up to this entry. `signature`: Ed25519 over `pruning_octets`."""

    tenant_id: TenantId
    sequence: int
    at_ms: int
    signature: bytes


def pruning_octets(tenant_id: str, sequence: int, digest: bytes, at_ms: int) -> bytes:
    """What the server signs of a pruning. `digest`: of the newest entry that went."""
    return b"pttserver audit pruning 1\n" + f"{tenant_id}\n{sequence}\n{digest.hex()}\n{at_ms}".encode()


@dataclass(frozen=True, slots=True)
class Chain:
    """A tenant's log as it is verified. `pruning`: the last; None: it still has its beginning."""

    links: list[Link]
    checkpoints: list[Checkpoint]
    pruning: Pruning | None


class AuditLog:
    """Reads the log, and keeps its checkpoints. Every method raises StoreUnavailable if the database fails."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, note: AuditNote) -> None:
        """An entry of an act that changed nothing else in the database."""
        await self._database.write(lambda _: True, note=note)

    async def entries(
        self, tenant_id: TenantId, cutoff_ms: Cutoff, operations: Collection[str] = ()
    ) -> list[AuditEntry]:
        """Opened, oldest first; what is over by the tenant's events is left out. `operations`: of these only."""
        query = (
            select(*audit_entries.c, *KEY_COLUMNS)
            .select_from(with_keys(audit_entries, _ENTRY.tenant_id))
            .where(_ENTRY.tenant_id == tenant_id)
            .order_by(_ENTRY.sequence)
        )
        if operations:
            query = query.where(_ENTRY.operation.in_(operations))
        vault = self._database.vault

        def work(sql: Connection) -> list[AuditEntry]:
            after_ms = cutoff_ms(events_of(sql, tenant_id))
            shown = query if after_ms is None else query.where(_ENTRY.at_ms > after_ms)
            names = names_of(sql, vault, tenant_id)
            return [opened(vault, row, names) for row in sql.execute(shown)]

        return await self._database.read(work)

    async def chain(self, tenant_id: TenantId) -> Chain:
        """All of it, as one state of the database has it."""
        query = select(audit_entries).where(_ENTRY.tenant_id == tenant_id).order_by(_ENTRY.sequence)

        def work(sql: Connection) -> Chain:
            return Chain(list(_links(sql, query)), _checkpoints(sql, tenant_id), _pruning(sql, tenant_id))

        return await self._database.read(work)

    async def last(self, tenant_id: TenantId) -> tuple[int, bytes, int] | None:
        """Number and digest of the newest entry, and the number of the newest checkpoint (0: none)."""

        def work(sql: Connection) -> tuple[int, bytes, int] | None:
            row = last_entry(sql, tenant_id)
            newest = newest_checkpoint(sql, tenant_id)
            return None if row is None else (row.sequence, row.digest, newest.sequence if newest else 0)

        return await self._database.read(work)

    async def put_checkpoint(self, checkpoint: Checkpoint) -> None:
        await self._database.write(lambda sql: sql.execute(insert(audit_checkpoints), _row_of(checkpoint)))

    async def prune(self, tenant_id: TenantId, cutoff_ms: int, now_ms: int, sign: Sign) -> int:
        """Removes the entries up to the last that is over, before the first that is not; gives how many.

        A checkpoint at the last of them stays, signed here if there is none yet: what is left is verified from it. That
        it was a pruning is signed in the same transaction: whoever cuts the log at a checkpoint without the server's
        key cannot say so.
        """
        mine, point = _ENTRY.tenant_id == tenant_id, audit_checkpoints.c

        def work(sql: Connection) -> int:
            end = sql.execute(_last_over(tenant_id, cutoff_ms, now_ms)).first()
            if end is None:
                return 0
            sequence, digest = end.sequence, end.digest
            signature = sign(checkpoint_octets(tenant_id, sequence, digest, now_ms))
            made = _row_of(Checkpoint(tenant_id, sequence, digest, now_ms, signature))
            sql.execute(upsert(audit_checkpoints).values(made).on_conflict_do_nothing())
            sql.execute(delete(audit_checkpoints).where(point.tenant_id == tenant_id, point.sequence < sequence))
            signature = sign(pruning_octets(tenant_id, sequence, digest, now_ms))
            _put_pruning(sql, Pruning(tenant_id, sequence, now_ms, signature))
            return sql.execute(delete(audit_entries).where(mine, _ENTRY.sequence <= sequence)).rowcount

        return await self._database.write(work)


def over_entries(sql: Connection, tenant_id: TenantId, cutoff_ms: int, now_ms: int) -> int:
    """How many a pruning would remove."""
    end = sql.execute(_last_over(tenant_id, cutoff_ms, now_ms)).first()
    if end is None:
        return 0
    over = (_ENTRY.tenant_id == tenant_id) & (_ENTRY.sequence <= end.sequence)
    return sql.scalar(select(func.count()).where(over)) or 0


def _last_over(tenant_id: TenantId, cutoff_ms: int, now_ms: int) -> Select[Any]:
    """Before the first entry that is not over: nothing goes from the midst of a chain.

    An entry of the future was written while the clock was wrong, so it keeps nothing: it goes with what came after it.
    """
    mine = _ENTRY.tenant_id == tenant_id
    is_living = (_ENTRY.at_ms > cutoff_ms) & (_ENTRY.at_ms <= now_ms)
    living = select(func.min(_ENTRY.sequence)).where(mine, is_living).scalar_subquery()
    over = select(_ENTRY.sequence, _ENTRY.digest).where(mine, _ENTRY.at_ms <= cutoff_ms)
    return over.where((_ENTRY.sequence < living) | living.is_(None)).order_by(_ENTRY.sequence.desc()).limit(1)


def _row_of(checkpoint: Checkpoint) -> dict[str, Any]:
    return {
        "tenant_id": checkpoint.tenant_id,
        "sequence": checkpoint.sequence,
        "digest": checkpoint.digest,
        "at_ms": checkpoint.at_ms,
        "signature": checkpoint.signature,
    }


def _links(sql: Connection, query: Any) -> Iterator[Link]:
    result = sql.execute(query).mappings()
    while some := result.fetchmany(ROWS_AT_ONCE):
        yield from (Link(row["sequence"], content(dict(row)), row["previous"], row["digest"]) for row in some)


def _checkpoints(sql: Connection, tenant_id: TenantId) -> list[Checkpoint]:
    query = select(audit_checkpoints).where(audit_checkpoints.c.tenant_id == tenant_id)
    return [Checkpoint(*row) for row in sql.execute(query.order_by(audit_checkpoints.c.sequence))]


def _pruning(sql: Connection, tenant_id: TenantId) -> Pruning | None:
    row = sql.execute(select(audit_prunings).where(audit_prunings.c.tenant_id == tenant_id)).first()
    return None if row is None else Pruning(*row)


def _put_pruning(sql: Connection, pruning: Pruning) -> None:
    said = {"sequence": pruning.sequence, "at_ms": pruning.at_ms, "signature": pruning.signature}
    statement = upsert(audit_prunings).values(tenant_id=pruning.tenant_id, **said)
    sql.execute(statement.on_conflict_do_update(index_elements=["tenant_id"], set_=said))


def opened(vault: Vault, row: Any, names: Names) -> AuditEntry:
    """Of a row that was selected with KEY_COLUMNS. `names`: whom the references mean. Raises SealBroken."""
    keys = vault.keys(row)
    about = names.get(row.subject.text) if row.subject else None
    by_whom = keys if row.subject is None else about
    return AuditEntry(
        sequence=row.sequence,
        at_ms=row.at_ms,
        operation=row.operation,
        subject=about.subject_id if about else None,
        actor=read(keys.text(row.actor), names),
        details=_said(keys, row.details) | (_said(by_whom, row.remarks) if by_whom else {}),
        digest=row.digest.hex(),
    )


def _said(keys: SubjectVault, sealed: Sealed | None) -> dict[str, str | int]:
    text = keys.text(sealed)
    return json.loads(text.reveal()) if text else {}

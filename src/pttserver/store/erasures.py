"""Erasures in the database: whom the ledger names is shredded, and it is proven that no file holds the key any more.

Theory of operation. Instructed (a person, a tenant) or by a period that is over, every key goes this way.
 1. First the instruction goes into the audit log, in a transaction of its own (store/erasure_notes.py). The erasure is
    another one, which holds the database's write lock: holds are looked for, the line goes into the ledger and onto
    the disk, the subject is shredded. A crash before the line leaves everybody as they were. After it, what the ledger
    says is carried out by a server that runs at once, else by the next start, sweep or erasure; until then nothing is
    promised to be kept: a hold is not laid while a line waits (`refuse_unfinished`). So whoever carries it out need
    not look for holds: there was none when the line was written, and there can be none since.
 2. How many lines were carried out stands in the database's header (`PRAGMA user_version`), and changes in the same
    transaction: a restored database has an old number, and is brought up to date before anybody is served.
 3. Then copies of keys outside the database are cleared, the write-ahead log is emptied into the database, and every
    octet of the folder is searched for the trace of the wrapped key (store/proof.py). While somebody reads an older
    state, or makes a backup, nothing is proven yet.
"""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from hmac import compare_digest
from pathlib import Path

from sqlalchemy import Connection, select

from pttserver.clock import Clock
from pttserver.errors import ErasureUnfinished, InvalidValue, LedgerBroken, NotFound, StoreUnavailable
from pttserver.ids import TenantId
from pttserver.store.audit_chain import AuditNote
from pttserver.store.database import Database
from pttserver.store.erasure_ledger import ErasureLedger, LedgerEntry, Line, subject_digest
from pttserver.store.erasure_notes import Instructed, note_erased, note_finished, note_instruction
from pttserver.store.failures import NOTHING_WRITTEN
from pttserver.store.governance_schema import subjects
from pttserver.store.holds import ground_of_restriction, refuse_held
from pttserver.store.identifiers import known_as
from pttserver.store.proof import Proof, empty_log, search
from pttserver.store.shredding import shred, shred_tenant, subject_trace, tenant_trace
from pttserver.store.vault import Vault


@dataclass(frozen=True, slots=True)
class Erased:
    """A line of the ledger that was carried out, and the audit log's entry of who wanted it (None: none is kept)."""

    entry: LedgerEntry
    instruction: Instructed | None


_NEVER = (-1, -1)
ClearCopies = Callable[[], Awaitable[str]]
"""Takes destroyed keys out of whatever holds them outside the database; gives how their file was found."""


class Erasures:
    """Every method raises StoreUnavailable if database or ledger fail, LedgerBroken if the ledger was changed."""

    def __init__(
        self,
        database: Database,
        file: Path,
        ledger: ErasureLedger,
        clear_copies: ClearCopies | None = None,
        clock: Clock | None = None,
    ) -> None:
        """`file`: that of the database. `clear_copies`: None if it lies alone. `clock`: says when one is finished."""
        self._clock = clock or Clock()
        self._settled: tuple[int, int] | None = _NEVER
        self._database = database
        self._clear_copies = clear_copies or nowhere_else
        self._proven_lines = 0
        self._file = file
        self._ledger = ledger

    async def find(self, tenant_id: TenantId, identifier_or_id: str, *, exactly: bool = False) -> str:
        """The subject's id, removed subscribers' too.

        Raises NotFound, InvalidValue (there are several; or `exactly` it is nobody's, see `known_as`).
        """
        await self.finish()
        vault = self._database.vault

        def work(sql: Connection) -> set[str]:
            known = known_as(sql, vault, tenant_id, identifier_or_id, exactly=exactly)
            named = subjects.c.id.in_(sorted(known | {identifier_or_id}))
            query = select(subjects.c.id).where(subjects.c.tenant_id == tenant_id, subjects.c.kind != "tenant", named)
            return set(sql.scalars(query))

        found = await self._database.read(work)
        if len(found) > 1:
            raise InvalidValue(f"several have or had this identifier; give one of: {', '.join(sorted(found))}")
        if not found:
            raise NotFound("the tenant has no such subject; whoever was erased is not found any more")
        return found.pop()

    async def erase_subject(self, subject_id: str, note: AuditNote, *, despite_restriction: bool = False) -> Erased:
        """`note`: the instruction, for the audit log; it tells of a restriction that is overridden.

        Raises NotFound, OnHold; ErasureUnfinished: it is in the ledger, and carried out later.
        """
        tenant_id, vault = note.tenant_id, self._database.vault

        def erasable(sql: Connection) -> bytes:
            refuse_held(sql, tenant_id, subject_id, note.at_ms, despite_restriction=despite_restriction)
            return _there(subject_trace(sql, subject_id))

        def instruct(sql: Connection) -> Instructed | None:
            erasable(sql)
            ground = ground_of_restriction(sql, subject_id)
            told = note if ground is None else note.with_details(despite_restriction=ground)
            return note_instruction(sql, vault, told)

        def line(sql: Connection) -> Line:
            return Line("subject", tenant_id, subject_digest(tenant_id, subject_id), erasable(sql))

        await self.finish()
        instruction = await self._database.write(instruct, first=self.refuse_unfinished)
        return Erased(await self._erase(subject_id, line, note.at_ms, note), instruction)

    async def erase_tenant(self, tenant_id: TenantId, at_ms: int, note: AuditNote | None = None) -> Erased:
        """With all that belongs to it, its keys and its audit log too, which has the instruction until then.

        `note` None: nothing is written of a tenant without a policy. Raises as `erase_subject`.
        """

        def removable(sql: Connection) -> bytes:
            refuse_held(sql, tenant_id, None, at_ms)
            return _there(tenant_trace(sql, tenant_id))

        def line(sql: Connection) -> Line:
            return Line("tenant", tenant_id, subject_digest(tenant_id, tenant_id), removable(sql))

        await self.finish()
        if note is not None:
            await self._database.write(removable, note=note, first=self.refuse_unfinished)
        return Erased(await self._erase(tenant_id, line, at_ms), None)

    async def _erase(
        self, subject_id: str, line: Callable[[Connection], Line], at_ms: int, note: AuditNote | None = None
    ) -> LedgerEntry:
        """`line`: looks once more for what forbids it. `note`: of who carries it out."""
        written: list[LedgerEntry] = []

        def work(sql: Connection) -> None:
            self._carry_out(sql)  # a ledger that is not whole is not written to
            written.extend(self._ledger.append(at_ms, [line(sql)]))
            self._carry_out(sql, own=written)
            if note is not None:
                note_erased(sql, self._database.vault, note, written[0])

        try:
            await self._database.write(work)
        except StoreUnavailable as error:
            if not written:
                raise
            what = f"the erasure is line {written[0].number} of the ledger"
            raise ErasureUnfinished(_said(what, error), subject=subject_id) from error
        return written[0]

    def shred(self, sql: Connection, tenant_id: TenantId, subject_ids: Sequence[str], at_ms: int) -> int:
        """Subjects whose period is over, within the caller's writing transaction; gives how many keys went."""
        made_good = self._carry_out(sql)
        traces = {subject_id: subject_trace(sql, subject_id) for subject_id in subject_ids}
        lines = [
            Line("subject", tenant_id, subject_digest(tenant_id, subject_id), trace)
            for subject_id, trace in traces.items()
            if trace is not None
        ]
        if not lines:
            return made_good
        return made_good + self._carry_out(sql, own=self._ledger.append(at_ms, lines))

    async def explained(self, error: StoreUnavailable) -> StoreUnavailable:
        """Of a transaction that calls `shred` and failed: with what the ledger has, and the database not yet."""
        if isinstance(error, LedgerBroken) or await self._database.read(self._is_carried_out):
            return error
        return StoreUnavailable(_said("who was to go by then is in the ledger", error))

    async def replay(self, *, all_of_it: bool = False) -> int:
        """Carries out what the ledger says and the database has not noted; gives how many were still there.

        `all_of_it`: whatever the database has noted, as after a restore. A server that erased nothing yet gets an empty
        ledger, so that one that was lost can be told from one that was never needed.
        """
        if await self._database.read(_noted) == 0:
            self._ledger.make()
        return await self._database.write(lambda sql: self._carry_out(sql, all_of_it=all_of_it))

    async def finish(self) -> int:
        """The same while the server runs: a process that was killed, or a commit that failed, left a line to carry out.

        Costs nothing as long as nobody writes to the ledger.
        """
        state = self._ledger.state()
        if state == self._settled:
            return 0
        finished = 0 if await self._database.read(self._is_carried_out) else await self._finish()
        self._settled = state
        return finished

    async def _finish(self) -> int:
        try:
            return await self.replay()
        except LedgerBroken:
            raise
        except StoreUnavailable as error:
            raise StoreUnavailable(_said("an erasure is in the ledger", error)) from error

    def refuse_unfinished(self, sql: Connection) -> None:
        """Within the transaction that promises to keep something, since the ledger may have promised the contrary.

        Nobody writes to the ledger meanwhile: who does has the write lock. Raises StoreUnavailable: `finish` first.
        """
        if not self._is_carried_out(sql):
            raise StoreUnavailable("an erasure is being carried out: try again")

    def _is_carried_out(self, sql: Connection) -> bool:
        return _noted(sql) == len(self._ledger.entries())

    def _carry_out(self, sql: Connection, *, all_of_it: bool = False, own: Collection[LedgerEntry] = ()) -> int:
        """`own`: lines that the caller just wrote. Of the others the audit log is told, but after a restore."""
        entries, noted = self._ledger.entries(), 0 if all_of_it else _noted(sql)
        if noted > len(entries):
            raise LedgerBroken(
                f"{self._ledger.file}: {noted} erasures were carried out, and the ledger has {len(entries)}: "
                "bring the whole ledger back from a copy or a backup"
            )
        new = entries[noted:]
        living = _by_digest(sql, {entry.tenant_id for entry in new})
        found = [entry for entry in new if _carry_out_one(sql, self._database.vault, entry, living)]
        if len(entries) != _noted(sql):
            sql.exec_driver_sql(f"PRAGMA user_version = {len(entries)}")
        told = {entry.number for entry in own}
        for entry in found:
            if entry.kind == "subject" and not all_of_it and entry.number not in told:
                note_finished(sql, self._database.vault, entry, self._clock.utc_ms())
        return len(found)

    async def entry_of(self, tenant_id: TenantId, subject_id: str) -> LedgerEntry:
        """The newest line about a subject. Raises NotFound."""
        digest = subject_digest(tenant_id, subject_id)
        for entry in reversed(self._ledger.entries()):
            if compare_digest(entry.digest, digest):
                return entry
        raise NotFound("the ledger has no erasure of this subject; give the subject's id, not its identifier")

    async def settle(self) -> str:
        """Where copies of destroyed keys may lie outside the database's own pages, there are none from now on.

        Gives how the file of subjects' keys was found. Raises PttError with what stands in the way: then nothing is
        proven yet; try again.
        """
        keys_file = await self._clear_copies()
        await empty_log(self._database)
        return keys_file

    async def prove(self, entry: LedgerEntry) -> Proof:
        """Raises as `settle`, and StoreUnavailable with the files that still hold the key."""
        keys_file = await self.settle()
        return await search(self._database, self._file, [entry.trace], keys_file)

    async def prove_tenants(self) -> None:
        """The same of every removed tenant that the ledger names and this process has not proven, whoever removed it.

        A process proves those of earlier ones once. Raises as `prove`.
        """
        entries = self._ledger.entries()
        traces = [entry.trace for entry in entries[self._proven_lines :] if entry.kind == "tenant"]
        if traces:
            await search(self._database, self._file, traces, await self.settle())
        self._proven_lines = len(entries)


async def nowhere_else() -> str:
    """Of a database that lies alone, as one that is restored in its workplace does."""
    return "there is none beside this database"


def _there(trace: bytes | None) -> bytes:
    if trace is None:
        raise NotFound("it was erased in the meantime")
    return trace


def _said(what: str, error: StoreUnavailable) -> str:
    return (
        f"{error.message.removesuffix(NOTHING_WRITTEN)}; {what}, and is carried out as soon as the database can be "
        "written, by a server that runs, or the next start or sweep"
    )


def _noted(sql: Connection) -> int:
    number: int = sql.exec_driver_sql("PRAGMA user_version").scalar_one()
    return number


def _carry_out_one(sql: Connection, vault: Vault, entry: LedgerEntry, living: Mapping[str, str]) -> bool:
    if entry.kind == "tenant":
        return shred_tenant(sql, entry.tenant_id)
    subject_id = living.get(entry.digest)
    return subject_id is not None and shred(sql, vault, subject_id)


def _by_digest(sql: Connection, tenant_ids: Collection[TenantId]) -> dict[str, str]:
    """The subjects who have a key, by what they go by in the ledger."""
    found: dict[str, str] = {}
    for tenant_id in tenant_ids:
        theirs = sql.scalars(select(subjects.c.id).where(subjects.c.tenant_id == tenant_id))
        found |= {subject_digest(tenant_id, subject_id): subject_id for subject_id in theirs}
    return found

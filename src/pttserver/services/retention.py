"""The retention engine: what has outlived its period is erased, in small steps, and never said to be gone before it is.

Theory of operation.
 1. A round carries out what the ledger of erasures says and a failed commit left undone. Then it sweeps every tenant,
    at an interval and as soon as a policy changes. A tenant's sweep makes a plan
    (store/expiry.py), carries it out batch by batch, and takes a breath after each, so that voice, log-ins and call
    records go between. It goes on until a plan finds nothing.
 2. Then the keys that went are taken out of what holds copies of them, and the write-ahead log is emptied. Until that
    is done the sweep counts as not proven, and each round tries again.
 3. A clock that jumped, that is before the last sweep, or months after it when the process starts, erases nothing:
    everything halts, in all processes, until somebody confirms the time. So it does after a restore that lost what was
    instructed since the backup: a hold may be among it.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from pttserver.clock import Clock
from pttserver.config import PrivacySettings
from pttserver.errors import ClockDoubted, PttError, RestoreUnconfirmed, StoreUnavailable, SweepingHalted
from pttserver.ids import TenantId
from pttserver.observe.log import get_logger
from pttserver.privacy.categories import Category
from pttserver.privacy.policy import Policy
from pttserver.store import counting
from pttserver.store.ahead import any_ahead, date_back
from pttserver.store.audit import AuditLog, Sign
from pttserver.store.database import Database
from pttserver.store.erasures import Erasures
from pttserver.store.expiry import Plan, erase_some, plan
from pttserver.store.resume import ResumeTokens
from pttserver.store.sweeps import Outcome, Sweeps
from pttserver.store.tenants import Tenants

BREATH_S = 0.005
PROOF_RETRY_S = 5.0
CORRECTION_MS = 60_000  # a clock that is put right by so little is no reason for doubt
_log = get_logger("retention")

Report = Callable[[Category, int], None]


def _silent(_: Category, __: int) -> None:
    pass


@dataclass(frozen=True, slots=True)
class Swept:
    """`erased`: rows and values by category (store/counting.py). `outcome`: DONE only if no file holds any of them."""

    tenant_id: TenantId
    erased: Mapping[str, int]
    outcome: Outcome
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class Finished:
    """How many `erasures` the ledger had that nobody had carried out. `problem`: why they are not carried out yet."""

    erasures: int
    problem: str | None = None


@dataclass(slots=True)
class Readings:
    """What can be read of the engine at any time."""

    erased: dict[Category, int] = field(default_factory=lambda: dict.fromkeys(Category, 0))
    unproven: int = 0
    removals_unproven: bool = False
    halted: bool = False
    failures: int = 0
    last_round: float = 0.0
    oldest_ms: dict[str, int] = field(default_factory=dict)


class Retention:
    """`run` in the server, `round` and `sweep` for commands. Both may go on at once, in several processes."""

    def __init__(
        self, database: Database, clock: Clock, settings: PrivacySettings, erasures: Erasures, sign: Sign
    ) -> None:
        """`sign`: by the server's key, that the audit log was pruned."""
        self._database = database
        self._erasures = erasures
        self._clock = clock
        self._settings = settings
        self._tenants = Tenants(database)
        self._resume_tokens = ResumeTokens(database)
        self._audit = AuditLog(database)
        self._sign = sign
        self.sweeps = Sweeps(database)
        self.readings = Readings(last_round=clock.now())
        self._trusted = (clock.now(), clock.utc_ms())
        self._arriving = True
        self._unsettled = False  # keys were destroyed that no sweep accounts for

    async def run(self, wake: asyncio.Event) -> None:
        """Rounds until cancelled; `wake` is set when policies change."""
        while True:
            wake.clear()
            try:
                await self.round()
            except SweepingHalted:
                pass  # said where it was found
            except Exception as error:  # the database's, or a bug: the next round tries again, and it is visible
                self.readings.failures += 1
                known = error.message if isinstance(error, PttError) else None
                _log.error("sweep_failed", error=known, exc_info=known is None)
            await self._rest(wake)

    @property
    def lag_s(self) -> float:
        """Seconds since the last round in which nothing failed."""
        return self._clock.now() - self.readings.last_round

    async def _rest(self, wake: asyncio.Event) -> None:
        interval_s = self._settings.sweep_interval_s
        try:
            async with asyncio.timeout(min(interval_s, PROOF_RETRY_S) if self.readings.unproven else interval_s):
                await wake.wait()
        except TimeoutError:
            pass

    async def round(self, tenant_id: TenantId | None = None, report: Report = _silent) -> list[Swept]:
        """Sweeps all tenants, or one. What fails for one tenant is told in its result, and the others are swept.

        Raises SweepingHalted; StoreUnavailable if not even the tenants can be read.
        """
        await self.trust_time()
        await self.finish_erasures()
        named = [tenant_id] if tenant_id else [tenant.tenant_id for tenant in await self._tenants.all()]
        swept = [await self._swept(each, report) for each in named]
        proven = await self.prove()
        await self.prove_removals()
        self.readings.oldest_ms = await self.sweeps.oldest_ms()
        await self._let_tokens_go()
        if not any(one.outcome is Outcome.FAILED for one in swept):
            self.readings.last_round = self._clock.now()
        return [_proven(one) if proven else one for one in swept]

    async def _let_tokens_go(self) -> None:
        """Those that ended: they tell that somebody logged in, and are worth nothing. The next round tries again."""
        try:
            await self._resume_tokens.delete_expired(self._clock.utc_ms())
        except StoreUnavailable as error:
            _log.error("resume_tokens_not_removed", error=error.message)

    async def finish_erasures(self) -> Finished:
        """What the ledger says, and a process that was killed or a commit that failed did not do.

        It holds up no sweep. Its audit entries tell of each (store/erasure_notes.py).
        """
        try:
            finished = await self._erasures.finish()
        except PttError as error:
            self.readings.failures += 1
            _log.error("erasures_not_finished", error=error.message)
            return Finished(0, error.message)
        if finished:
            self._unsettled = True
            _log.warning("erasures_replayed", erased=finished)
        return Finished(finished)

    async def _swept(self, tenant_id: TenantId, report: Report) -> Swept:
        erased: Counter[str] = Counter()
        try:
            await self._date_back(tenant_id)
            outcome = await self.sweep(tenant_id, report=report, erased=erased)
        except SweepingHalted:
            raise
        except PttError as error:  # of this tenant: a key that does not open, a policy of another version, its removal
            self.readings.failures += 1
            _log.error("tenant_not_swept", tenant=tenant_id, error=error.message)
            return Swept(tenant_id, erased, Outcome.FAILED, error.message)
        return Swept(tenant_id, erased, outcome)

    async def _date_back(self, tenant_id: TenantId) -> None:
        """Records that were written while the clock was ahead: see store/ahead.py."""
        of = (tenant_id, await self.trust_time(), CORRECTION_MS)
        if await self._database.read(lambda sql: any_ahead(sql, *of)):
            records = await self._database.write(lambda sql: date_back(sql, *of))
            _log.warning("records_of_the_future_dated_now", tenant=tenant_id, records=records)

    async def sweep(
        self,
        tenant_id: TenantId,
        *,
        only: str | None = None,
        report: Report = _silent,
        erased: Counter[str] | None = None,
    ) -> Outcome:
        """All that is over of a tenant, or of one subject; `erased` counts rows by category as they go.

        Gives DONE (nothing was over) or UNPROVEN: `prove` must follow. Raises SweepingHalted, PolicyInvalid,
        StoreUnavailable; what was erased by then is erased, and the next sweep goes on.
        """
        erased = Counter() if erased is None else erased
        number = 0
        while True:
            now_ms = await self.trust_time()  # a plan that is void is made again by what holds now
            made = await self._plan(tenant_id, now_ms, only)
            if made is None:
                return Outcome.DONE
            if not made.steps and made.audit_cutoff_ms is None:
                break
            number = number or await self.sweeps.begin(tenant_id, made.policy.digest, now_ms)
            try:
                await self._carry_out(made, erased, report)
                await self._prune_audit(made, erased, report)
            except BaseException:
                await self._fail(number, erased)
                raise
            if not made.steps:
                break
        return await self._end(tenant_id, made.policy.digest, number, erased)

    async def sweep_subject(self, tenant_id: TenantId, subject_id: str) -> bool:
        """What is over of a subject, after an act that cannot be taken back: whether it is proven to be gone.

        What fails is said, and done by the next round.
        """
        try:
            await self.sweep(tenant_id, only=subject_id)
        except PttError as error:
            self.readings.failures += 1
            _log.error("tenant_not_swept", tenant=tenant_id, error=error.message)
            return False
        return await self.prove()

    async def _plan(self, tenant_id: TenantId, now_ms: int, only: str | None = None) -> Plan | None:
        vault = self._database.vault
        return await self._database.read(lambda sql: plan(sql, vault, tenant_id, now_ms, only))

    async def _carry_out(self, made: Plan, erased: Counter[str], report: Report) -> None:
        """Until it is done, or void."""
        erasures, limit = self._erasures, self._settings.sweep_batch_rows
        for step in made.steps:
            while True:
                try:
                    rows = await self._database.write(lambda sql, s=step: erase_some(sql, erasures, made, s, limit))  # type: ignore[misc]
                except StoreUnavailable as error:
                    raise await erasures.explained(error) from error
                if rows is None:
                    return
                if rows == 0:
                    break
                self._count(step.category, rows, erased, report)
                await asyncio.sleep(BREATH_S)

    async def _prune_audit(self, made: Plan, erased: Counter[str], report: Report) -> None:
        if made.audit_cutoff_ms is not None:
            rows = await self._audit.prune(made.tenant_id, made.audit_cutoff_ms, self._clock.utc_ms(), self._sign)
            self._count(Category.AUDIT_LOG, rows, erased, report)

    def _count(self, category: Category, rows: int, erased: Counter[str], report: Report) -> None:
        if rows:
            self.readings.erased[category] += rows
            erased[category.value] += rows
            report(category, rows)

    async def _end(self, tenant_id: TenantId, digest: str, number: int, erased: Counter[str]) -> Outcome:
        now_ms = self._clock.utc_ms()
        if not number:
            await self.sweeps.nothing_due(tenant_id, digest, now_ms)
            return Outcome.DONE
        outcome = Outcome.UNPROVEN if erased else Outcome.DONE
        await self.sweeps.end(number, erased, outcome, now_ms)
        _log.info("swept", tenant=tenant_id, policy=digest, erased=dict(erased))
        return outcome

    async def _fail(self, number: int, erased: Counter[str]) -> None:
        """A database that cannot be written cannot take this down either: then the sweep stands as running."""
        try:
            await self.sweeps.end(number, erased, Outcome.FAILED, self._clock.utc_ms())
        except StoreUnavailable as error:
            _log.error("sweep_not_recorded", error=error.message)

    async def prove(self) -> bool:
        """That what sweeps erased is gone from all files. False: not proven yet; the next round tries again."""
        try:
            return await self._prove()
        except PttError as error:
            _log.error("erasure_not_proven", sweeps=self.readings.unproven, reason=error.message)
            return False

    async def _prove(self) -> bool:
        waiting = await self.sweeps.waiting()
        self.readings.unproven = len(waiting)
        if not waiting and not self._unsettled:
            return True
        await self._erasures.settle()
        self._unsettled = False
        await self.sweeps.prove(waiting)
        self.readings.unproven = await self.sweeps.unproven()
        return True

    async def prove_removals(self) -> bool:
        """That the keys of removed tenants are gone from all files. False: not yet; the next round tries again."""
        try:
            await self._erasures.prove_tenants()
            self.readings.removals_unproven = False
        except PttError as error:
            self.readings.removals_unproven = True
            _log.error("removal_not_proven", reason=error.message)
        return not self.readings.removals_unproven

    async def due(self, tenant_id: TenantId, instead: Policy | None = None) -> list[counting.Due]:
        """What a sweep would erase or rewrite now, or would if `instead` were in force; it says the same afterwards.

        Raises PolicyInvalid, StoreUnavailable.
        """
        vault, now_ms = self._database.vault, self._clock.utc_ms()
        return await self._database.read(
            lambda sql: counting.due(sql, vault, plan(sql, vault, tenant_id, now_ms, instead=instead))
        )

    # The clock ---------------------------------------------------------------------------------------------------

    async def trust_time(self) -> int:
        """The time, in UTC milliseconds. Raises ClockDoubted, RestoreUnconfirmed."""
        halt = await self.sweeps.halted_by()
        if halt is not None:
            error = RestoreUnconfirmed() if halt is Outcome.RESTORED else ClockDoubted()
            self._halted(error)
            raise error
        if self.readings.halted:  # somebody confirmed the time
            self.readings.halted = False
            self._trusted = (self._clock.now(), self._clock.utc_ms())
        now, now_ms = self._clock.now(), self._clock.utc_ms()
        last_ms = await self.sweeps.last_time()
        jump_s = (now_ms - self._trusted[1]) / 1000 - (now - self._trusted[0])
        backwards = last_ms is not None and now_ms < last_ms - CORRECTION_MS
        if backwards or abs(jump_s) > self._settings.clock_jump_limit_s or self._was_away_too_long(now_ms, last_ms):
            await self.sweeps.note(Outcome.HALTED, now_ms)
            self._halted(ClockDoubted())
            raise ClockDoubted
        return now_ms

    def _was_away_too_long(self, now_ms: int, last_ms: int | None) -> bool:
        """Asked once: nothing else tells a long holiday from a clock that starts years ahead."""
        first, self._arriving = self._arriving, False
        away_ms = now_ms - last_ms if first and last_ms is not None else 0
        return away_ms > self._settings.absence_limit_s * 1000

    def _halted(self, error: SweepingHalted) -> None:
        if not self.readings.halted:
            _log.error("sweeping_halted", advice=error.message)
        self.readings.halted = True

    async def confirm_time(self) -> int:
        """The clock is right, and erasing goes on. Gives the time that was confirmed."""
        now_ms = self._clock.utc_ms()
        self._trusted = (self._clock.now(), now_ms)
        self.readings.halted = False
        await self.sweeps.note(Outcome.TIME_CONFIRMED, now_ms)
        return now_ms

    async def confirm_restore(self) -> None:
        """What was instructed since the backup was given again, and erasing goes on."""
        await self.sweeps.note(Outcome.RESTORE_CONFIRMED, self._clock.utc_ms())


def _proven(swept: Swept) -> Swept:
    if swept.outcome is not Outcome.UNPROVEN:
        return swept
    return Swept(swept.tenant_id, swept.erased, Outcome.DONE)

"""The record of alerts: each step goes to the disk at once, and waits for it while it cannot be written.

Telling people never waits for the disk. What is put passes the gate as it is written, by the policy of that moment: an
organisation without records has its alerts in memory only. Who answers an alert is noted in the audit log too, in the
same transaction.

Positions wait no longer than they may be known: location goes off for the raiser, and they are let go of. Another
process may have said so, or applied a policy; so the writing transaction looks once more (store/alert_track.py), and
what was released by an earlier policy waits until this process has taken up the new one.
"""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import replace

from pttserver.alerts.alert import Alert
from pttserver.alerts.states import LISTENING, Step, StepKind
from pttserver.clock import Clock
from pttserver.errors import PolicyMissing, StoreUnavailable
from pttserver.ids import Personal, SubscriberId, TenantId
from pttserver.observe.log import get_logger
from pttserver.services.alert_release import Release, Waiting
from pttserver.services.policy_book import PolicyBook
from pttserver.store.alerts import Alerts, Entry
from pttserver.store.audit_chain import AuditNote

RETRY_AFTER_S = 1.0
MOST_POINTS_WAITING = 10_000  # of tracks; steps wait without a bound, for there are few
_MOST_AT_ONCE = 500
_BY_THE_WAY = frozenset({StepKind.RAISED, StepKind.DELIVERED})  # the person's own; no act of an operator
_NOTED_BEFORE = frozenset({StepKind.LISTENING_ASKED})  # with its reason, before it was done
_log = get_logger("alert_log")


class AlertLog:
    """`put` and `flush`; `run` writes what a flush left behind."""

    def __init__(self, store: Alerts, policies: PolicyBook, clock: Clock) -> None:
        self._store = store
        self._policies = policies
        self._clock = clock
        self._waiting: list[Waiting | AuditNote] = []
        self._writing: list[Waiting | AuditNote] = []
        self._wake = asyncio.Event()
        self._turn = asyncio.Lock()
        self.failures = 0
        self.points_dropped = 0

    def __len__(self) -> int:
        return len(self._writing) + len(self._waiting)

    def put(self, tenant_id: TenantId, alert: Alert, step: Step, position: Personal | None = None) -> None:
        """`position`: that of the first step, decimal degrees."""
        self._waiting.append(Waiting(tenant_id, alert, step, position))
        self._wake.set()

    def put_position(self, tenant_id: TenantId, alert: Alert, position: Personal) -> None:
        """It came after the alert."""
        self._waiting.append(Waiting(tenant_id, alert, None, position))
        self._wake.set()

    def put_point(self, tenant_id: TenantId, alert: Alert, position: Personal, taken_ms: int) -> None:
        """Where the raiser was while the alert was open. While the disk fails for long, points are dropped."""
        if len(self._waiting) >= MOST_POINTS_WAITING:
            self.points_dropped += 1
            return
        self._waiting.append(Waiting(tenant_id, alert, None, position, taken_ms))
        self._wake.set()

    def put_note(self, note: AuditNote) -> None:
        """Somebody looked at alerts."""
        self._waiting.append(note)
        self._wake.set()

    def located(self) -> set[tuple[TenantId, SubscriberId]]:
        """Of whom a position waits."""
        waiting = (one for one in (*self._writing, *self._waiting) if isinstance(one, Waiting))
        return {(one.tenant_id, one.alert.raiser) for one in waiting if one.position is not None}

    def forget_positions(self, raiser: SubscriberId) -> None:
        """Location went off: what waits of the raiser's positions is let go, the steps stay."""
        self._writing = list(_without_positions(self._writing, raiser))
        self._waiting = list(_without_positions(self._waiting, raiser))

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self._wake.wait()
            if await self.flush() and not self._waiting:
                self._wake.clear()
            else:
                await asyncio.sleep(RETRY_AFTER_S)

    async def flush(self) -> bool:
        """Writes all that waits when its turn comes. False: the database cannot be written; it waits on."""
        again: list[Waiting] = []
        async with self._turn:
            try:
                while self._waiting:
                    again += await self._write_some()
            except StoreUnavailable as error:
                self.failures += 1
                _log.error("alert_log_not_written", waiting=len(self), error=error.message)
                return False
            finally:
                self._waiting = [*again, *self._waiting]
        return True

    async def _write_some(self) -> list[Waiting]:
        """Gives the positions that wait for a policy that this process has not taken up. Raises StoreUnavailable."""
        some, self._waiting = self._waiting[:_MOST_AT_ONCE], self._waiting[_MOST_AT_ONCE:]
        self._writing = some
        try:
            return await self._write(some)
        except BaseException:  # it waits on, but for what was let go of meanwhile
            self._waiting = [*self._writing, *self._waiting]
            raise
        finally:
            self._writing = []

    async def _write(self, some: Sequence[Waiting | AuditNote]) -> list[Waiting]:
        """What a bug keeps from being written is left out: it holds up nothing else. Raises StoreUnavailable."""
        of = [(one, entry) for one in some for entry in self._entries(one)]
        try:
            places = await self._store.write([entry for _, entry in of])
        except StoreUnavailable:
            raise
        except Exception:
            if len(some) > 1:
                return [each for one in some for each in await self._write([one])]
            self.failures += 1
            _log.exception("alert_step_lost")
            return []
        return [one._replace(step=None) for one, _ in map(of.__getitem__, places) if isinstance(one, Waiting)]

    def _entries(self, one: Waiting | AuditNote) -> Iterator[Entry]:
        try:
            gate, number = self._policies.gate(one.tenant_id), self._policies.number(one.tenant_id)
        except PolicyMissing:
            return
        if isinstance(one, AuditNote):
            yield replace(one, gate=gate)  # it may have waited for longer than the policy of then was in force
            return
        yield from Release(gate, number, one).entries()
        step = one.step
        if step is not None and step.who is not None and step.kind not in _BY_THE_WAY | _NOTED_BEFORE:
            why = {"why": step.note.reveal()} if step.kind in LISTENING and step.note else {}
            yield AuditNote(
                gate=gate,
                operation=f"alert.{step.kind}",
                tenant_id=one.tenant_id,
                actor=Personal(step.who),
                at_ms=step.at_ms,
                subject_id=one.alert.raiser,
                details={"alert": one.alert.alert_id},
                remarks=why,
            )


def _without_positions(some: Sequence[Waiting | AuditNote], raiser: SubscriberId) -> Iterator[Waiting | AuditNote]:
    for one in some:
        if isinstance(one, AuditNote) or one.alert.raiser != raiser or one.position is None:
            yield one
        elif one.step is not None:
            yield one._replace(position=None)

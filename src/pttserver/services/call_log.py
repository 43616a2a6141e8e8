"""The call log: calls, participants and bursts go to the database as they end, by one writer behind a bounded queue.

A slow disk never delays voice: putting a record only appends it. When the queue is full, records are dropped and
counted. A crash loses what the last `flush_interval_s` brought. This is the one place that records of calls are made.
They pass the gate as they are written, by the policy of that moment; what a policy keeps nothing of does not even
wait.
"""

import asyncio
import secrets
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field
from typing import NamedTuple, TypeVar

from pttserver.clock import Clock
from pttserver.config import CallLogSettings
from pttserver.errors import PolicyMissing, StoreUnavailable
from pttserver.ids import GroupId, Personal, SubscriberId, new_call_id
from pttserver.observe.log import get_logger
from pttserver.privacy.categories import Category
from pttserver.privacy.gate import Gate
from pttserver.privacy.purposes import Purpose
from pttserver.privacy.released import Released
from pttserver.services.policy_book import PolicyBook
from pttserver.sessions.session import Affiliation, Identity
from pttserver.store.calls import CallHistory
from pttserver.store.records import Burst, Call, CallParticipant

RETRY_AFTER_S = 5.0
RECORDS_AT_ONCE = 8  # calls or bursts that are released before voice has its turn, and
PEOPLE_AT_ONCE = 50  # participants: about a millisecond of either
_log = get_logger("call_log")

T = TypeVar("T")


class CallInProgress:
    """A call from its first burst to the end of the hang time. `written`: participants who are in the database."""

    __slots__ = (
        "call_id",
        "group_id",
        "initiator_address",
        "initiator_id",
        "participants",
        "started_ms",
        "tenant_id",
        "written",
    )

    def __init__(
        self, group_id: GroupId, initiator: Affiliation, started_ms: int, participants: set[SubscriberId]
    ) -> None:
        identity = initiator.session.identity
        self.call_id = new_call_id()
        self.group_id = group_id
        self.tenant_id = identity.tenant_id
        self.initiator_id = identity.subscriber_id
        self.initiator_address: Personal = initiator.session.initiator_address
        self.started_ms = started_ms
        self.participants = participants
        self.written: set[str] = set()


class _Spoken(NamedTuple):
    """A burst that waits."""

    call: CallInProgress
    talker_id: SubscriberId
    burst_id: str
    started_ms: int
    duration_ms: int
    packets: int
    end_reason: str


class _Finished(NamedTuple):
    """A call that waits, as of its end so far."""

    call: CallInProgress
    ended_ms: int
    participants: frozenset[SubscriberId]


@dataclass(slots=True)
class _Kept:
    """What the policies let through."""

    calls: list[Call] = field(default_factory=list)
    participants: list[CallParticipant] = field(default_factory=list)
    bursts: list[Burst] = field(default_factory=list)


class CallLog:
    """Collects finished bursts and calls; `run` writes them, as the policies let them through."""

    def __init__(self, calls: CallHistory, policies: PolicyBook, clock: Clock, settings: CallLogSettings) -> None:
        self._store = calls
        self._policies = policies
        self._clock = clock
        self._limit = settings.queue_records
        self._interval_s = settings.flush_interval_s
        self._bursts: list[_Spoken] = []
        self._calls: dict[str, _Finished] = {}
        self.dropped = 0
        self.written = 0
        self.failures = 0
        self.is_failing = False

    def __len__(self) -> int:
        return len(self._bursts) + len(self._calls)

    def start_call(self, group_id: GroupId, initiator: Affiliation, present: Iterable[Affiliation]) -> CallInProgress:
        """A call starts with its first burst."""
        participants = {affiliation.session.identity.subscriber_id for affiliation in present}
        return CallInProgress(group_id, initiator, self._clock.utc_ms(), participants)

    def burst_ended(self, call: CallInProgress, talker: Identity, packets: int, duration_s: float, reason: str) -> None:
        """A burst ended now. The call is written with it, as if it ended now too: so a crash leaves whole records."""
        now_ms = self._clock.utc_ms()
        if not self._put_call(call, now_ms):
            return
        duration_ms, burst_id = round(duration_s * 1000), f"bur_{secrets.token_hex(8)}"
        started_ms = now_ms - duration_ms
        self._bursts.append(_Spoken(call, talker.subscriber_id, burst_id, started_ms, duration_ms, packets, reason))

    def end_call(self, call: CallInProgress) -> None:
        """The hang time is over."""
        self._put_call(call, self._clock.utc_ms())

    def _released(self, call: CallInProgress) -> "_Release | None":
        """None: the policy keeps no records of calls."""
        try:
            gate = self._policies.gate(call.tenant_id)
        except PolicyMissing:
            return None
        return _Release(gate, call) if gate.keeps(Category.CALL_RECORD, Purpose.OPERATIONS) else None

    def _put_call(self, call: CallInProgress, ended_ms: int) -> bool:
        if self._released(call) is None:
            return False
        if len(self) >= self._limit:
            self.dropped += 1
            return False
        self._calls[call.call_id] = _Finished(call, ended_ms, frozenset(call.participants))
        return True

    async def run(self) -> None:
        """Writes what comes, until cancelled."""
        while True:
            await asyncio.sleep(self._interval_s)
            if not await self.flush():
                await asyncio.sleep(RETRY_AFTER_S)

    async def flush(self) -> bool:
        """Writes all that waits, in one transaction. False: the database cannot be written; the records wait on."""
        calls, bursts = self._calls, self._bursts
        if not calls and not bursts:
            return True
        self._calls, self._bursts = {}, []
        try:
            kept = await self._as_kept(calls.values(), bursts)
            await self._store.write_calls(kept.calls, kept.participants, kept.bursts)
        except asyncio.CancelledError:  # a record may be written twice
            self._put_back(calls, bursts)
            raise
        except Exception as error:  # the database's, or a bug: the records wait on, and it is visible
            self._put_back(calls, bursts)
            self.failures += 1
            self.is_failing = True
            reason = error.message if isinstance(error, StoreUnavailable) else None
            _log.error("call_log_not_written", waiting=len(self), error=reason, exc_info=reason is None)
            return False
        for participant in kept.participants:
            calls[participant.call_id].call.written.add(participant.subject.subject_id)
        self.is_failing = False
        self.written += len(calls) + len(bursts)
        return True

    def _put_back(self, calls: dict[str, _Finished], bursts: list[_Spoken]) -> None:
        self._calls, self._bursts = calls | self._calls, bursts + self._bursts

    async def _as_kept(self, finished: Iterable[_Finished], spoken: Iterable[_Spoken]) -> _Kept:
        """What the policies of now let through; a call that they keep no more is left out.

        Each burst of a call brings the call again, but only the participants who are new: in a large group they are
        most of the work.
        """
        kept = _Kept()
        async for one in _in_turns(finished, RECORDS_AT_ONCE):
            release = self._released(one.call)
            if release is None:
                continue
            kept.calls.append(release.call(one.ended_ms))
            async for who in _in_turns(one.participants - one.call.written, PEOPLE_AT_ONCE):
                kept.participants += release.participant(who)
        async for burst in _in_turns(spoken, RECORDS_AT_ONCE):
            release = self._released(burst.call)
            if release is not None:
                kept.bursts.append(release.burst(burst))
        return kept


async def _in_turns(items: Iterable[T], at_once: int) -> AsyncIterator[T]:
    """The items; after so many of them, others have their turn."""
    for number, item in enumerate(items, 1):
        yield item
        if number % at_once == 0:
            await asyncio.sleep(0)


class _Release:
    """Takes the parts of a call through the gate; its times are known to pass."""

    __slots__ = ("_call", "_gate")

    def __init__(self, gate: Gate, call: CallInProgress) -> None:
        self._gate = gate
        self._call = call

    def time(self, ms: int) -> Released:
        released = self._gate.release(Category.CALL_RECORD, Purpose.OPERATIONS, self._call.initiator_id, ms)
        assert released is not None
        return released

    def person(self, subscriber_id: SubscriberId) -> Released | None:
        return self._gate.release(Category.PARTICIPANTS, Purpose.OPERATIONS, subscriber_id, subscriber_id)

    def call(self, ended_ms: int) -> Call:
        """The record of the call, had it ended then."""
        call, gate = self._call, self._gate
        address = call.initiator_address
        return Call(
            call_id=call.call_id,
            tenant_id=call.tenant_id,
            group_id=call.group_id,
            initiator_id=call.initiator_id,
            initiator=self.person(call.initiator_id),
            initiator_address=gate.release(Category.IP_ADDRESS, Purpose.SECURITY, call.initiator_id, address)
            if address
            else None,
            started_ms=self.time(call.started_ms),
            ended_ms=self.time(ended_ms),
        )

    def burst(self, spoken: _Spoken) -> Burst:
        call = self._call
        return Burst(
            burst_id=spoken.burst_id,
            call_id=call.call_id,
            tenant_id=call.tenant_id,
            group_id=call.group_id,
            talker_id=spoken.talker_id,
            talker=self.person(spoken.talker_id),
            started_ms=self.time(spoken.started_ms),
            duration_ms=self.time(spoken.duration_ms),
            packets=spoken.packets,
            end_reason=spoken.end_reason,
        )

    def participant(self, subscriber_id: SubscriberId) -> list[CallParticipant]:
        """None or one."""
        subject = self.person(subscriber_id)
        started = self._gate.release(Category.PARTICIPANTS, Purpose.OPERATIONS, subscriber_id, self._call.started_ms)
        if subject is None or started is None:
            return []
        return [CallParticipant(self._call.call_id, self._call.tenant_id, subject, started)]

"""The call log: calls, participants and bursts go to the database as they end, by one writer behind a bounded queue.

A slow disk never delays voice: putting a record only appends it. When the queue is full, records are dropped and
counted. A crash loses what the last `flush_interval_s` brought. This is the one place that records of calls are made.
"""

import asyncio
import secrets
from collections.abc import Iterable

from pttserver.clock import Clock
from pttserver.config import CallLogSettings
from pttserver.errors import StoreUnavailable
from pttserver.ids import GroupId, Personal, SubscriberId, new_call_id
from pttserver.observe.log import get_logger
from pttserver.sessions.session import Affiliation, Identity
from pttserver.store.calls import CallHistory
from pttserver.store.records import Burst, Call, CallParticipant

RETRY_AFTER_S = 5.0
_log = get_logger("call_log")


class CallInProgress:
    """A call from its first burst to the end of the hang time."""

    __slots__ = ("call_id", "group_id", "initiator_address", "initiator_id", "participants", "started_ms", "tenant_id")

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

    def as_of(self, ended_ms: int) -> Call:
        """The record of the call, had it ended then."""
        return Call(
            call_id=self.call_id,
            tenant_id=self.tenant_id,
            group_id=self.group_id,
            initiator_id=self.initiator_id,
            initiator_address=self.initiator_address,
            started_ms=self.started_ms,
            ended_ms=ended_ms,
        )


class CallLog:
    """Collects finished bursts and calls; `run` writes them."""

    def __init__(self, calls: CallHistory, clock: Clock, settings: CallLogSettings) -> None:
        self._store = calls
        self._clock = clock
        self._limit = settings.queue_records
        self._interval_s = settings.flush_interval_s
        self._bursts: list[Burst] = []
        self._calls: dict[str, tuple[Call, frozenset[SubscriberId]]] = {}
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
        burst = Burst(
            burst_id=f"bur_{secrets.token_hex(8)}",
            call_id=call.call_id,
            tenant_id=call.tenant_id,
            group_id=call.group_id,
            subscriber_id=talker.subscriber_id,
            started_ms=now_ms - round(duration_s * 1000),
            duration_ms=round(duration_s * 1000),
            packets=packets,
            end_reason=reason,
        )
        if self._put_call(call, now_ms):
            self._bursts.append(burst)

    def end_call(self, call: CallInProgress) -> None:
        """The hang time is over."""
        self._put_call(call, self._clock.utc_ms())

    def _put_call(self, call: CallInProgress, ended_ms: int) -> bool:
        if len(self) >= self._limit:
            self.dropped += 1
            return False
        self._calls[call.call_id] = (call.as_of(ended_ms), frozenset(call.participants))
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
            await self._store.write_calls(
                [call for call, _ in calls.values()],
                [CallParticipant(call.call_id, member) for call, present in calls.values() for member in present],
                bursts,
            )
        except Exception as error:  # the database's, or a bug: the records wait on, and it is visible
            self.failures += 1
            self.is_failing = True
            self._calls, self._bursts = calls | self._calls, bursts + self._bursts
            reason = error.message if isinstance(error, StoreUnavailable) else None
            _log.error("call_log_not_written", waiting=len(self), error=reason, exc_info=reason is None)
            return False
        self.is_failing = False
        self.written += len(calls) + len(bursts)
        return True

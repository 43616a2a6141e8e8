"""The position log: where the policy has positions stored, they go to the database by one writer behind a queue.

Putting a position only appends it. When the queue is full, positions are dropped and counted. They pass the gate as
they are written, by the policy of that moment, and are looked at once more in the writing transaction
(store/positions.py); what a policy keeps nothing of does not even wait.
"""

import asyncio
from collections.abc import Sequence
from typing import NamedTuple

from pttserver.config import LocationSettings
from pttserver.errors import PolicyMissing, StoreUnavailable
from pttserver.ids import SubscriberId, TenantId
from pttserver.observe.log import get_logger
from pttserver.privacy.categories import Category
from pttserver.privacy.location_admission import no_finer
from pttserver.privacy.purposes import Purpose
from pttserver.privacy.released import Released
from pttserver.services.policy_book import PolicyBook
from pttserver.store.positions import NewPosition, Positions, motion_of, place_of
from pttserver.wire.signalling import Position

RETRY_AFTER_S = 5.0
AT_ONCE = 2000
_log = get_logger("position_log")


class _Waiting(NamedTuple):
    tenant_id: TenantId
    subscriber_id: SubscriberId
    position: Position


class PositionLog:
    """Collects positions; `run` writes them, as the policies let them through."""

    def __init__(self, positions: Positions, policies: PolicyBook, settings: LocationSettings) -> None:
        self._store = positions
        self._policies = policies
        self._limit = settings.queue_positions
        self._interval_s = settings.flush_interval_s
        self._waiting: list[_Waiting] = []
        self.dropped = 0
        self.failures = 0

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, tenant_id: TenantId, subscriber_id: SubscriberId, position: Position) -> None:
        """An admitted position, as exact as it may be."""
        if not self._policies.gate(tenant_id).keeps(Category.LOCATION, Purpose.OPERATIONS):
            return
        if len(self._waiting) >= self._limit:
            self.dropped += 1
        else:
            self._waiting.append(_Waiting(tenant_id, subscriber_id, position))

    def forget(self, subscriber_id: SubscriberId) -> None:
        """What waits of somebody is let go."""
        self._waiting = [each for each in self._waiting if each.subscriber_id != subscriber_id]

    async def run(self) -> None:
        """Writes what comes, until cancelled."""
        while True:
            await asyncio.sleep(self._interval_s)
            if not await self.flush():
                await asyncio.sleep(RETRY_AFTER_S)

    async def flush(self) -> bool:
        """Writes all that waits, some in each transaction. False: the database cannot be written; the rest waits on."""
        again: list[_Waiting] = []
        while self._waiting:
            some, self._waiting = self._waiting[:AT_ONCE], self._waiting[AT_ONCE:]
            try:
                again += await self._write(some)
            except Exception as error:  # the database's, or a bug: they wait on, and it is visible
                self.failures += 1
                self._waiting = again + some + self._waiting
                reason = error.message if isinstance(error, StoreUnavailable) else None
                _log.error("positions_not_written", waiting=len(self), error=reason, exc_info=reason is None)
                return False
        self._waiting = again + self._waiting
        return True

    async def _write(self, some: Sequence[_Waiting]) -> list[_Waiting]:
        """Gives those that wait for a policy that this process has not taken up yet."""
        released = [(each, new) for each in some if (new := self._released(each)) is not None]
        if not released:
            return []
        places = await self._store.write([new for _, new in released])
        return [released[place][0] for place in places]

    def _released(self, each: _Waiting) -> NewPosition | None:
        """None: the policy keeps no positions."""
        try:
            gate, number = self._policies.gate(each.tenant_id), self._policies.number(each.tenant_id)
        except PolicyMissing:
            return None
        who, position = each.subscriber_id, no_finer(each.position, gate.policy.location.precision_m)

        def release(value: str | int) -> Released | None:
            return gate.release(Category.LOCATION, Purpose.OPERATIONS, who, value)

        subject, place, at_ms = release(who), release(place_of(position)), release(position.at_ms)
        if subject is None or place is None or at_ms is None:
            return None
        return NewPosition(
            tenant_id=each.tenant_id,
            subscriber_id=who,
            policy_number=number,
            optional=gate.policy.location.subscriber_may_switch_off,
            subject=subject,
            place=place,
            motion=release(motion_of(position)),
            at_ms=at_ms,
        )

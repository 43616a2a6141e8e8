"""Who watches positions, and what each of them is told: nothing before its entry stands in the audit log.

Theory of operation.
 1. A position or a crossing is told to the watchers that it concerns, in one step with its report.
 2. The first time in an hour that a watcher is to see somebody, it waits: the entry is written, then it is told what
    has come meanwhile, the newest position only. The writer takes all that wait at once.
 3. When location goes off for somebody, what waits is let go in the same step, and whoever saw the person is told to
    forget the position.

A watch lasts as long as its session; who may not look any more loses it, and is told to forget whom it was shown.
"""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from pttserver.clock import Clock
from pttserver.errors import InvalidValue, PttError
from pttserver.ids import GroupId, SubscriberId, TenantId
from pttserver.observe.log import get_logger
from pttserver.services.location_looks import LocationLooks
from pttserver.services.telling import Telling
from pttserver.sessions.registry import SessionRegistry
from pttserver.sessions.session import Session
from pttserver.wire import signalling

NOTED_FOR_S = 3600.0
MOST_WATCHES = 50  # groups and fences of one session
RETRY_AFTER_S = 1.0
_log = get_logger("watching")


@dataclass(frozen=True, slots=True)
class Sighting:
    """What a report tells: of whom, where, and which fences it came into, stays in or left.

    `groups` and `fences`: those that the person is in now.
    """

    subscriber_id: SubscriberId
    position: signalling.LocationPosition
    crossings: tuple[signalling.FenceEvent, ...]
    groups: frozenset[str]
    fences: frozenset[str]


@dataclass(slots=True)
class _Waiting:
    """Not noted yet. `crossings` in their order, and the newest position."""

    crossings: list[signalling.FenceEvent] = field(default_factory=list)
    position: signalling.LocationPosition | None = None


class _Watch:
    """What one session watches. `noted_at`: by person, when it was noted (monotonic seconds)."""

    __slots__ = ("all", "fences", "groups", "noted_at", "session", "waiting")

    def __init__(self, session: Session) -> None:
        self.session = session
        self.all = False
        self.groups: set[str] = set()
        self.fences: set[str] = set()
        self.noted_at: dict[SubscriberId, float] = {}
        self.waiting: dict[SubscriberId, _Waiting] = {}

    def wants_position(self, seen: Sighting) -> bool:
        return self.all or not (self.groups.isdisjoint(seen.groups) and self.fences.isdisjoint(seen.fences))

    def wanted_crossings(self, seen: Sighting) -> list[signalling.FenceEvent]:
        return [crossing for crossing in seen.crossings if self.all or crossing.fence in self.fences]


class Watchers:
    """`run` goes on until cancelled: it writes the entries."""

    def __init__(self, sessions: SessionRegistry, telling: Telling, looks: LocationLooks, clock: Clock) -> None:
        self._sessions = sessions
        self._telling = telling
        self._looks = looks
        self._clock = clock
        self._watches: dict[TenantId, dict[str, _Watch]] = {}
        self._due = asyncio.Event()

    def add(self, session: Session, group_id: GroupId | None, fence_id: str | None) -> None:
        """Neither a group nor a fence: all. Raises InvalidValue if there are too many."""
        theirs = self._watches.setdefault(session.identity.tenant_id, {})
        watch = theirs.setdefault(session.id, _Watch(session))
        if len(watch.groups) + len(watch.fences) >= MOST_WATCHES:
            raise InvalidValue(f"At most {MOST_WATCHES} groups and fences are watched at once.")
        watch.all = watch.all or (group_id is None and fence_id is None)
        watch.groups |= {group_id} if group_id else set()
        watch.fences |= {fence_id} if fence_id else set()

    def remove(self, session: Session) -> None:
        self._watches.get(session.identity.tenant_id, {}).pop(session.id, None)

    def expire(self) -> None:
        """Lets go of the watches of sessions that are over."""
        for watch in self._all():
            if self._sessions.get(watch.session.id) is not watch.session:
                self.remove(watch.session)

    def review(self) -> None:
        """Policies or rights changed: who may not look any more is told to forget whom it was shown."""
        for watch in self._all():
            self._goes_on(watch)

    def _goes_on(self, watch: _Watch) -> bool:
        if self._sessions.get(watch.session.id) is watch.session and self._looks.may(watch.session):
            return True
        self.remove(watch.session)
        watch.waiting.clear()
        for who in watch.noted_at:
            self._telling.tell_sessions([watch.session], signalling.LocationGone(subscriber=who))
        return False

    def tell(self, tenant_id: TenantId, seen: Sighting) -> None:
        """A position that was admitted."""
        for watch in list(self._watches.get(tenant_id, {}).values()):
            if not self._goes_on(watch):
                continue
            crossings, wanted = watch.wanted_crossings(seen), watch.wants_position(seen)
            if (crossings or wanted) and watch.session.identity.subscriber_id != seen.subscriber_id:
                self._tell_one(watch, seen.subscriber_id, crossings, seen.position if wanted else None)

    def _tell_one(
        self,
        watch: _Watch,
        who: SubscriberId,
        crossings: list[signalling.FenceEvent],
        position: signalling.LocationPosition | None,
    ) -> None:
        if self._clock.now() - watch.noted_at.get(who, float("-inf")) > NOTED_FOR_S:
            waiting = watch.waiting.setdefault(who, _Waiting())
            waiting.crossings += crossings
            waiting.position = position or waiting.position
            self._due.set()
            return
        for message in (*crossings, position):
            if message is not None:
                self._telling.tell_sessions([watch.session], message)

    def change(self, tenant_id: TenantId, change: Callable[[signalling.Position], signalling.Position]) -> None:
        """Each position that waits into another, which is less exact."""
        for watch in self._watches.get(tenant_id, {}).values():
            for waiting in watch.waiting.values():
                if (told := waiting.position) is not None:
                    waiting.position = told.model_copy(update={"position": change(told.position)})

    def forget(self, tenant_id: TenantId, who: SubscriberId) -> None:
        """Location is off for somebody: what waits is let go, and who saw the person is told."""
        gone = signalling.LocationGone(subscriber=who)
        for watch in self._watches.get(tenant_id, {}).values():
            watch.waiting.pop(who, None)
            if watch.noted_at.pop(who, None) is not None:
                self._telling.tell_sessions([watch.session], gone)

    async def run(self) -> None:
        while True:
            await self._due.wait()
            self._due.clear()
            try:
                await self.note_waiting()
            except PttError as error:  # nobody is told until it can be noted
                _log.error("looks_not_noted", error=error.message)
                await asyncio.sleep(RETRY_AFTER_S)
                self._due.set()

    async def note_waiting(self) -> None:
        """Writes the entries of all that wait, then tells what waited. Raises StoreUnavailable."""
        pairs = [(watch, who) for watch in self._all() for who in watch.waiting]
        if not pairs:
            return
        shown = await self._looks.note_pairs([(watch.session, who) for watch, who in pairs], "watch")
        for watch, who in pairs:
            self._noted(watch, who, shown=who in shown)

    def _noted(self, watch: _Watch, who: SubscriberId, *, shown: bool) -> None:
        """What was let go while the entry was written is not there any more."""
        waiting = watch.waiting.pop(who, None)
        if waiting is None or not shown:
            return
        watch.noted_at[who] = self._clock.now()
        for message in (*waiting.crossings, waiting.position):
            if message is not None:
                self._telling.tell_sessions([watch.session], message)

    def _all(self) -> Iterable[_Watch]:
        return [watch for theirs in self._watches.values() for watch in theirs.values()]

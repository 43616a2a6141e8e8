"""Location of the handset: reports where it is, as far as the terms allow; for dispatchers, asks where others are.

handset.location.state                     # "on", or why not
await handset.location.follow(GpxSource(Path("walk.gpx")))
await handset.location.switch(on=False)    # not a digit leaves the device from here on

What must not be sent is not sent: positions are let go of here while the state is not `on`, and so is what waited for a
connection. The server checks it all the same.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterable, Awaitable, Callable, Iterator, Sequence

from ptthandset.errors import HandsetError, NotConnected, Refused
from ptthandset.listeners import tell_all
from ptthandset.position_sources import now_ms
from ptthandset.service import Ask, Service
from pttserver.wire import signalling
from pttserver.wire.signalling import Position

MOST_BUFFERED = 2000
BUFFERED_AFTER_MS = 60_000
FRESH_MS = 30_000
ANSWER_TIMEOUT_S = 60.0

LocationEvent = signalling.LocationPosition | signalling.LocationGone | signalling.FenceEvent


class LocationOff(HandsetError):
    """Location is off: no position may leave this device."""


class Location(Service):
    """`listeners` hear positions and fence events that a dispatcher watches or asked for."""

    def __init__(self, ask: Ask, terms: Callable[[], signalling.Terms | None]) -> None:
        super().__init__(ask)
        self._told_terms = terms
        self._switched_off = False
        self._waiting: deque[Position] = deque(maxlen=MOST_BUFFERED)
        self._newest: Position | None = None
        self._sent_ms = 0
        self._watches: list[signalling.LocationWatch] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self.listeners: list[Callable[[LocationEvent], None]] = []
        self.on_fix: Callable[[Position], Awaitable[None]] | None = None

    @property
    def terms(self) -> signalling.LocationTerms | None:
        """None before the log-in. What the person said here holds at once, whatever the server has said before."""
        terms = self._told_terms()
        if terms is None:
            return None
        off = self._switched_off and terms.location.state == "on"
        return terms.location.model_copy(update={"state": "switched_off"}) if off else terms.location

    @property
    def state(self) -> str:
        """`on`, or why no position is sent."""
        return self.terms.state if self.terms is not None else "off_for_all"

    @property
    def on_since_ms(self) -> int:
        """What was measured at or before this moment (UTC milliseconds) is not to be sent."""
        return self.terms.on_since_ms if self.terms is not None else 0

    # Where this device is ----------------------------------------------------------------------------------------

    async def report(self, *positions: Position) -> signalling.LocationTaken:
        """Sends them now. Raises LocationOff, Refused, NotConnected."""
        return await self._report(list(positions))

    async def _report(self, positions: Sequence[Position], request: str | None = None) -> signalling.LocationTaken:
        if self.state != "on":
            raise LocationOff
        buffered = positions[0].at_ms < now_ms() - BUFFERED_AFTER_MS
        message = signalling.LocationReport(id=1, positions=list(positions), buffered=buffered, request=request)
        return await self._ask(message, signalling.LocationTaken)

    async def follow(self, source: AsyncIterable[Position]) -> None:
        """Reports what the source gives, no oftener than the terms say, until it ends.

        Without a connection positions wait, and go out when there is one again. An open alert of ours is told each fix
        that it may carry (alert_track.py).
        """
        async for position in source:
            if self.on_fix is not None:
                await self.on_fix(position)
            if self.state != "on":
                self._let_go()
                continue
            self._newest = position
            if position.at_ms - self._sent_ms >= 1000 * (self.terms.interval_s if self.terms else 0):
                self._sent_ms = position.at_ms
                self._waiting.append(position)
                await self._send_waiting()

    async def _send_waiting(self) -> None:
        self._forget_what_is_not_to_be_told()
        while self._waiting:
            some = list(self._waiting)[: signalling.MOST_POSITIONS]
            try:
                await self._report(some)
            except NotConnected:
                return
            except (LocationOff, Refused):  # switched off on its way: it is not sent again
                self._let_go()
                return
            for position in some:
                with contextlib.suppress(ValueError):  # let go of meanwhile
                    self._waiting.remove(position)

    def _forget_what_is_not_to_be_told(self) -> None:
        """The terms are others than when it was measured: location may have been off and on again unnoticed."""
        if self.state != "on":
            self._let_go()
        since_ms = self.on_since_ms
        while self._waiting and self._waiting[0].at_ms <= since_ms:
            self._waiting.popleft()
        if self._newest is not None and self._newest.at_ms <= since_ms:
            self._newest = None

    def _let_go(self) -> None:
        self._waiting.clear()
        self._newest = None

    async def switch(self, *, on: bool) -> None:
        """The person's own switch. Raises NotConnected; Refused (`policy.forbids`) if the organisation forbids it.

        Off holds here from the first step on, also if the server cannot be told of it now.
        """
        if not on:
            self._switched_off = True
            self._let_go()
        try:
            await self._ask(signalling.LocationSwitch(id=1, on=on), signalling.Done)
        except Refused:
            self._switched_off = False
            raise
        if on:
            self._switched_off = False

    async def looks(self) -> list[signalling.Look]:
        """Who looked at the position of this subscriber, newest first."""
        return (await self._ask(signalling.LocationLooks(id=1), signalling.LocationLooked)).looks

    # Where others are --------------------------------------------------------------------------------------------

    async def last(self, subscriber: str) -> signalling.LocationLastKnown:
        """Raises Refused: not entitled, unknown, or location is off."""
        return await self._ask(signalling.LocationLast(id=1, subscriber=subscriber), signalling.LocationLastKnown)

    async def history(self, subscriber: str, from_ms: int, until_ms: int) -> list[Position]:
        request = signalling.LocationHistory(id=1, subscriber=subscriber, from_ms=from_ms, until_ms=until_ms)
        return (await self._ask(request, signalling.LocationTrack)).positions

    async def where(self, subscriber: str, timeout_s: float = ANSWER_TIMEOUT_S) -> Position:
        """Asks the device itself; what is known since (`at_ms`), if it answered just now. Raises TimeoutError."""
        found: asyncio.Queue[signalling.LocationPosition] = asyncio.Queue()
        with self._hearing(found.put_nowait):
            request = signalling.LocationRequest(id=1, subscriber=subscriber)
            wanted = (await self._ask(request, signalling.LocationRequested)).request
            async with asyncio.timeout(timeout_s):
                while (answer := await found.get()).request != wanted:
                    pass
            return answer.position

    @contextlib.contextmanager
    def _hearing(self, hear: Callable[[signalling.LocationPosition], object]) -> Iterator[None]:
        def listen(event: LocationEvent) -> None:
            if isinstance(event, signalling.LocationPosition):
                hear(event)

        self.listeners.append(listen)
        try:
            yield
        finally:
            self.listeners.remove(listen)

    async def watch(self, *, group: str | None = None, fence: str | None = None) -> None:
        """`listeners` hear from now on, also after a new log-in. Neither: of everybody."""
        request = signalling.LocationWatch(id=1, group=group, fence=fence)
        await self._ask(request, signalling.Done)
        self._watches.append(request)

    async def unwatch(self) -> None:
        self._watches.clear()
        await self._ask(signalling.LocationUnwatch(id=1), signalling.Done)

    async def call_area(self, name: str, shape: signalling.Shape, reason: str) -> str:
        """Everybody who is there now gets into a group with us for a while; gives its number.

        Raises Refused (`invalid_value`: nobody else is known to be there).
        """
        request = signalling.LocationGroup(id=1, name=name, shape=shape, reason=reason)
        return (await self._ask(request, signalling.GroupMade)).group

    async def put_fence(self, name: str, shape: signalling.Shape, *, dwell_s: int = 0, fence: str | None = None) -> str:
        """Gives its identifier. Raises Refused (`invalid_value`: the message says what is wrong with the shape)."""
        request = signalling.PutFence(id=1, fence=fence, name=name, shape=shape, dwell_s=dwell_s)
        return (await self._ask(request, signalling.FenceKept)).fence

    async def remove_fence(self, fence: str) -> None:
        await self._ask(signalling.RemoveFence(id=1, fence=fence), signalling.Done)

    async def fences(self) -> list[signalling.Fence]:
        """All of the organisation."""
        found: list[signalling.Fence] = []
        while True:
            after = found[-1].fence if found else None
            page = await self._ask(signalling.ListFences(id=1, after=after), signalling.Fences)
            found += page.fences
            if not page.further:
                return found

    # What the server says ----------------------------------------------------------------------------------------

    def take(self, event: signalling.Message) -> None:
        if isinstance(event, signalling.LocationWanted):
            self._start(event.request)
        elif isinstance(event, signalling.TermsChanged):
            self._forget_what_is_not_to_be_told()
        elif isinstance(event, LocationEvent):
            tell_all(self.listeners, event)

    async def connected(self) -> None:
        for watch in self._watches:
            await self._ask(watch, signalling.Done)
        await self._send_waiting()

    def close(self) -> None:
        self._let_go()
        for task in self._tasks:
            task.cancel()

    def _start(self, request: str) -> None:
        task = asyncio.create_task(self._answer(request))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _answer(self, request: str) -> None:
        """Without a fresh position there is no answer: whoever asked sees that none came."""
        newest = self._newest
        if newest is None or newest.at_ms < now_ms() - FRESH_MS or self.state != "on":
            return
        with contextlib.suppress(HandsetError):
            self._sent_ms = newest.at_ms
            await self._report([newest], request)

"""Calls from person to person: ring, answer, talk, hang up; broadcasts; and "call me back".

call = await handset.calls.private(bert, duplex=True)
await call.connected()
await call.talk(frames, OpusEncoder())
await call.end()
"""

import asyncio
import contextlib
from collections.abc import AsyncIterable, Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from ptthandset.audio.codec import OpusEncoder
from ptthandset.errors import CallOver, HandsetError, NotConnected
from ptthandset.listeners import tell_all
from ptthandset.service import Ask, Service
from ptthandset.talkgroup import Talkgroup, TalkReport
from pttserver.wire import signalling

GRACE_S = 2.0  # beyond the time of ringing: then the server's word was lost


@dataclass(frozen=True, slots=True)
class Ringing:
    """Somebody calls: `answer` or `reject` the call; if nothing is done, it ends by itself."""

    call: "VoiceCall"


@dataclass(frozen=True, slots=True)
class Talking:
    """The call stands, and we take part in its groups."""

    call: "VoiceCall"


@dataclass(frozen=True, slots=True)
class HungUp:
    """The call is over; `call.reason` says why."""

    call: "VoiceCall"


@dataclass(frozen=True, slots=True)
class CallbackWanted:
    """Somebody asks to be called back, since `at_ms` (UTC milliseconds); `callback_seen` tells that it was read."""

    by: signalling.Party
    at_ms: int


@dataclass(frozen=True, slots=True)
class CallbackSeen:
    """Whom we asked to call back has seen it."""

    by: signalling.Party


CallEvent = Ringing | Talking | HungUp | CallbackWanted | CallbackSeen


class Affiliate(Protocol):
    """Takes part in a group by its number; `press`: its key is down from the first moment on."""

    async def __call__(self, name_or_id: str, *, press: bool = False) -> Talkgroup: ...


class VoiceCall:
    """One call. `party`: who is at the other end, None while it rings at several, or for who makes a broadcast.

    `talk_group` and `listen_group` are there once it is connected, as far as there is something to say or to hear; in a
    half-duplex call they are the same.
    """

    def __init__(self, calls: "Calls", call_id: str) -> None:
        self.call_id = call_id
        self.kind: signalling.CallKind = "private"
        self.duplex = False
        self.priority = 0
        self.party: signalling.Party | None = None
        self.talk_group: Talkgroup | None = None
        self.listen_group: Talkgroup | None = None
        self.reason: str | None = None
        self.over = asyncio.Event()
        self.is_joining = False
        self._calls = calls
        self._ready = asyncio.Event()

    async def connected(self) -> None:
        """Waits for the answer, and for our part in the call. Raises CallOver if it ends instead."""
        await self._ready.wait()
        if self.reason is not None:
            raise CallOver(self.reason)

    async def answer(self) -> None:
        """Raises Refused (`not_found`: somebody was faster, or it is over), CallOver."""
        await self._calls.ask(signalling.AnswerCall(id=1, call=self.call_id), signalling.Done)
        await self.connected()

    async def reject(self) -> None:
        await self._hang_up(signalling.RejectCall(id=1, call=self.call_id))

    async def end(self) -> None:
        """Hangs up; also while it rings, and when it is over already."""
        await self._hang_up(signalling.EndCall(id=1, call=self.call_id))

    async def _hang_up(self, request: signalling.Request) -> None:
        if self.reason is None:
            with contextlib.suppress(HandsetError):  # over already, or it will be: the connection is lost
                await self._calls.ask(request, signalling.Done)
            self._calls.finish(self, "ended")

    async def talk(self, frames: AsyncIterable[bytes], encoder: OpusEncoder) -> list[TalkReport]:
        """Sends the frames. Half-duplex: one press of the key. Full-duplex: to their end, in one burst or several.

        Raises CallOver, and what `Talkgroup.talk` raises.
        """
        group, reports = self.talk_group, list[TalkReport]()
        if group is None:
            raise CallOver(self.reason or "listen_only")
        if not self.duplex:
            return [await group.talk(frames, encoder)]
        rest = aiter(frames)
        while self.reason is None:
            reports.append(await group.talk(rest, encoder))
            if reports[-1].lost is None:
                break
        return reports

    def pull(self, now: float, frame_ms: float = 20) -> bytes:
        """The next frame for the loudspeaker; none if there is nothing to hear in this call."""
        return self.listen_group.pull(now, frame_ms) if self.listen_group is not None else b""

    def is_ready(self, talk: Talkgroup | None, listen: Talkgroup | None) -> None:
        """We take part."""
        self.talk_group, self.listen_group = talk, listen
        self._ready.set()

    def is_over(self, reason: str) -> None:
        self.reason = reason
        self.over.set()
        self._ready.set()


class Calls(Service):
    """`auto_answer`: takes what comes as a radio does, instead of ringing. Broadcasts are heard without asking."""

    def __init__(self, ask: Ask, affiliate: Affiliate, takes_part: Callable[[str], bool]) -> None:
        super().__init__(ask)
        self.ask = ask
        self.auto_answer = False
        self.listeners: list[Callable[[CallEvent], None]] = []
        self.live: dict[str, VoiceCall] = {}
        self.callbacks: dict[str, CallbackWanted] = {}
        """Who asks to be called back, by number, until `callback_seen`; some come before anybody can listen."""
        self._affiliate = affiliate
        self._takes_part = takes_part
        self._to_join: dict[VoiceCall, signalling.CallConnected] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    # What the user does ------------------------------------------------------------------------------------------

    async def private(self, to: str, *, duplex: bool = False, priority: int | None = None) -> VoiceCall:
        """Calls a subscriber by number (`sub_...`). Raises Refused (`not_found`, `call.unavailable`, `busy`)."""
        request = signalling.PrivateCall(id=1, to=to, duplex=duplex, priority=priority)
        return await self._start(request, "private")

    async def first_to_answer(
        self, to: Sequence[str], *, duplex: bool = False, priority: int | None = None
    ) -> VoiceCall:
        """Calls several; whoever answers first is connected. Raises as `private`."""
        request = signalling.FirstToAnswer(id=1, to=list(to), duplex=duplex, priority=priority)
        return await self._start(request, "first_to_answer")

    async def broadcast(
        self, *, group: str | None = None, to: Sequence[str] | None = None, priority: int | None = None
    ) -> VoiceCall:
        """Calls the members of a group, or those named, who only listen. Raises Refused (`auth.forbidden` too)."""
        named = list(to) if to is not None else None
        return await self._start(signalling.BroadcastCall(id=1, group=group, to=named, priority=priority), "broadcast")

    async def _start(self, request: signalling.Request, kind: signalling.CallKind) -> VoiceCall:
        started = await self.ask(request, signalling.CallStarted)
        call = self._call(started.call)
        call.kind = kind
        if kind != "broadcast":
            self._limit_ringing(call, started.ring_timeout_s or 0)
        return call

    async def ask_to_call_back(self, to: str) -> bool:
        """False: the person is not logged in, and will be told then. Raises Refused."""
        return (await self.ask(signalling.CallAlert(id=1, to=to), signalling.CallAlertSent)).delivered

    async def callback_seen(self, of: str) -> None:
        """The user has read who asks to be called back. Raises Refused (`not_found`)."""
        self.callbacks.pop(of, None)
        await self.ask(signalling.AcknowledgeCallAlert(id=1, of=of), signalling.Done)

    async def set_peril(self, group: str, on: bool) -> None:
        """A group that we take part in is in imminent peril, or no more. Raises Refused."""
        await self.ask(signalling.SetPeril(id=1, group=group, on=on), signalling.Done)

    # What the server says ----------------------------------------------------------------------------------------

    def take(self, event: signalling.Message) -> None:
        match event:
            case signalling.CallInvited():
                self._ring(event)
            case signalling.CallConnected():
                call = self._call(event.call)
                if not call.is_joining:  # told again after a lost connection
                    call.is_joining = True
                    self._run(self._join(call, event))
            case signalling.CallEnded(call=call_id, reason=reason) if call_id in self.live:
                self.finish(self.live[call_id], reason)
            case signalling.CallAlerted(by=by, at_ms=at_ms):
                wanted = self.callbacks[by.subscriber] = CallbackWanted(by, at_ms)
                self._tell(wanted)
            case signalling.CallAlertAcknowledged(by=by):
                self._tell(CallbackSeen(by))

    def _call(self, call_id: str) -> VoiceCall:
        """The reply that names a call and the event that connects it come in any order."""
        return self.live.setdefault(call_id, VoiceCall(self, call_id))

    def _ring(self, invited: signalling.CallInvited) -> None:
        if invited.call in self.live:  # told again after a lost connection
            return
        call = self._call(invited.call)
        call.kind, call.duplex, call.party, call.priority = invited.kind, invited.duplex, invited.by, invited.priority
        self._limit_ringing(call, invited.ring_timeout_s)
        self._tell(Ringing(call))
        if self.auto_answer:
            self._run(call.answer())

    def _limit_ringing(self, call: VoiceCall, ring_timeout_s: float) -> None:
        def give_up() -> None:
            if call.talk_group is None and call.listen_group is None and call.reason is None:
                self.finish(call, "no_answer")

        asyncio.get_running_loop().call_later(ring_timeout_s + GRACE_S, give_up)

    async def _join(self, call: VoiceCall, event: signalling.CallConnected) -> None:
        call.kind, call.duplex, call.party = event.kind, event.duplex, event.party or call.party
        try:
            talk = await self._affiliate(event.talk, press=event.duplex) if event.talk else None
            same = event.listen in (None, event.talk)
            listen = talk if same and event.listen else None
            if event.listen is not None and not same:
                listen = await self._affiliate(event.listen)
        except NotConnected:  # it came right behind the answer to a log-in, or the connection is lost again
            self._to_join[call] = event
            return
        except HandsetError:
            await call.end()
            return
        if call.reason is None:
            call.is_ready(talk, listen)
            self._tell(Talking(call))

    def finish(self, call: VoiceCall, reason: str) -> None:
        """The call is over for us."""
        if self.live.pop(call.call_id, None) is not None:
            call.is_over(reason)
            self._tell(HungUp(call))

    async def connected(self) -> None:
        """A session that did not go on has lost its calls; one that did takes part in what was connected meanwhile."""
        waiting, self._to_join = self._to_join, {}
        for call, event in waiting.items():
            await self._join(call, event)
        for call in list(self.live.values()):
            groups = {group.group_id for group in (call.talk_group, call.listen_group) if group is not None}
            if groups and not all(map(self._takes_part, groups)):
                self.finish(call, "gone")

    def close(self) -> None:
        for call in list(self.live.values()):
            self.finish(call, "gone")
        for task in self._tasks:
            task.cancel()

    def _tell(self, event: CallEvent) -> None:
        tell_all(self.listeners, event)

    def _run(self, work: Coroutine[Any, Any, None] | Awaitable[None]) -> None:
        async def run() -> None:
            with contextlib.suppress(HandsetError):  # the call's own end tells
                await work

        task = asyncio.create_task(run())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

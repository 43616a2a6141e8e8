"""A crowd that lives a day: it carries out the actions of `bench.day` at their time, and notes what each burst met."""

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from bench.crowd import Crowd
from bench.day import Action
from bench.light_handset import LightHandset
from bench.roaming import Roam
from bench.voice import rtp_stream
from bench.web_socket import WebSocketClosed
from pttserver.crypto.srtp import SrtpError
from pttserver.wire import rtcp
from pttserver.wire.floor_control import FloorIndicator, FloorMessage, MessageType

PACKETS_PER_S = 50
PATIENCE_S = 15.0  # for the floor
AT_ONCE = 64

GroupIds = dict[tuple[int, int], str]


@dataclass(slots=True)
class Spoken:
    """A burst: when the key was pressed, how long the floor took (None: it never came), when each packet left, and who
    listened from its first packet to its last."""

    group: tuple[int, int]
    talker: int
    asked_ns: int
    emergency: bool
    access_ms: float | None = None
    queued: bool = False
    revoked: bool = False
    ssrc: int = 0
    sent_ns: list[int] = field(default_factory=list)
    listeners: list[int] = field(default_factory=list)


@dataclass(slots=True)
class Diary:
    """What the crowd tells at the end of its day. Log-ins and returns: (CLOCK_REALTIME in ns, milliseconds)."""

    bursts: list[Spoken] = field(default_factory=list)
    roams: list[Roam] = field(default_factory=list)
    logins: list[tuple[int, float]] = field(default_factory=list)
    herd: list[tuple[int, float]] = field(default_factory=list)
    looks: int = 0
    failures: list[str] = field(default_factory=list)


class Fleet(Crowd):
    """Handsets on duty and off."""

    _groups: dict[int, list[str]]
    _group_ids: GroupIds
    _diary: Diary

    async def live(
        self,
        plan: list[Action],
        groups: dict[int, list[str]],
        group_ids: GroupIds,
        by_tcp: set[int],
        keepalive_s: float,
    ) -> Diary:
        """The whole day. `groups`: handset -> what it scans; `by_tcp`: handsets without UDP."""
        self._groups, self._group_ids, self._by_tcp = groups, group_ids, by_tcp
        self._diary = Diary()
        self._on_duty: dict[int, int] = {}  # handset -> a number that changes when it was away
        self._arrivals = 0
        self._board.wanted[:] = 0
        await self.note_frames(True)
        keeping = asyncio.create_task(self._keep_all_alive(keepalive_s))
        start, running = time.monotonic(), set[asyncio.Task[None]]()
        for action in plan:
            await asyncio.sleep(max(0.0, start + action.at_s - time.monotonic()))
            task = asyncio.create_task(self._carry_out(action))
            running.add(task)
            task.add_done_callback(running.discard)
        await asyncio.gather(*running)
        keeping.cancel()
        return self._diary

    async def _carry_out(self, action: Action) -> None:
        handsets = [self._handsets[number] for number in action.handsets]
        with self._noting_failure(action.kind):
            if action.kind == "herd":
                await self._herd(handsets)
            else:
                await _ACTIONS[action.kind](self, handsets[0], action)

    @contextlib.contextmanager
    def _noting_failure(self, what: str) -> Iterator[None]:
        try:
            yield
        except (ConnectionError, TimeoutError, OSError) as error:
            self._diary.failures.append(f"{what}: {error!r}")

    # Coming and going ----------------------------------------------------------------------------------------------

    async def _arrive(self, handset: LightHandset, _: Action) -> None:
        begun = time.monotonic()
        await handset.log_in()
        self._diary.logins.append((time.time_ns(), 1000 * (time.monotonic() - begun)))
        for group in self._groups[handset.number]:
            await handset.affiliate(group)
        await handset.ask("presence.list", group=self._groups[handset.number][0])
        if handset.number in self._by_tcp:
            handset.port = None
        else:
            with self._attentive(handset):
                await self._open_path(handset)
        self._counted_in(handset)

    async def _leave(self, handset: LightHandset, _: Action) -> None:
        self._on_duty.pop(handset.number, None)
        with contextlib.suppress(WebSocketClosed):
            await handset.ask("logout")

    async def _herd(self, handsets: list[LightHandset]) -> None:
        """All are cut off and come back as fast as they can."""
        waiting = [handset for handset in handsets if self._on_duty.pop(handset.number, None)]
        for handset in waiting:
            handset.drop()
        begun = time.monotonic()
        await asyncio.sleep(0)

        async def worker() -> None:
            while waiting:
                handset = waiting.pop()
                with self._noting_failure("herd"):
                    await self._return(handset)
                    self._diary.herd.append((time.time_ns(), 1000 * (time.monotonic() - begun)))

        await asyncio.gather(*(worker() for _ in range(AT_ONCE)))

    async def _return(self, handset: LightHandset) -> None:
        await handset.resume(keep_session=True)
        if handset.port is not None and handset.number not in self._waiting:
            with self._attentive(handset):
                await self.prove_path(handset)
        self._counted_in(handset)

    async def _look(self, handset: LightHandset, _: Action) -> None:
        if handset.number in self._on_duty:
            await handset.ask("presence.list", group=self._groups[handset.number][1])
            self._diary.looks += 1

    async def _move(self, handset: LightHandset, _: Action) -> None:
        if handset.port is None or handset.number not in self._on_duty or handset.number in self._waiting:
            return
        second = self._ports[handset.number + self._board.handsets]
        port = 0 if handset.port is second else 1
        self.move(handset, port)
        self._diary.roams.append(Roam(handset.number, port, time.time_ns()))
        with self._attentive(handset):
            await self.prove_path(handset)

    def _counted_in(self, handset: LightHandset) -> None:
        self._arrivals += 1
        self._on_duty[handset.number] = self._arrivals

    @contextlib.contextmanager
    def _attentive(self, handset: LightHandset) -> Iterator[None]:
        """The ears forward what the server says to this handset."""
        self._board.wanted[handset.number] = 1
        try:
            yield
        finally:
            self._board.wanted[handset.number] = 0

    async def _keep_all_alive(self, interval_s: float) -> None:
        while True:
            present = [self._handsets[number] for number in self._on_duty]
            for handset in present:
                if handset.number not in self._on_duty:
                    continue
                if handset.port is not None:
                    handset.keep_alive()
                else:
                    handset.post("ping")
                await asyncio.sleep(interval_s / max(1, len(present)))
            if not present:
                await asyncio.sleep(1.0)

    # Talking -------------------------------------------------------------------------------------------------------

    async def _talk(self, handset: LightHandset, action: Action) -> None:
        await self._press(handset, action, emergency=False)

    async def _call_for_help(self, handset: LightHandset, action: Action) -> None:
        """The server believes an emergency only of who has an alert open."""
        if handset.number not in self._on_duty:
            return
        alert = f"alr_{handset.number:016x}"
        await handset.ask("alert.raise", alert=alert)
        await self._press(handset, action, emergency=True)
        await handset.ask("alert.cancel", alert=alert, reason="over")

    async def _press(self, handset: LightHandset, action: Action, *, emergency: bool) -> None:
        if handset.number not in self._on_duty or handset.number in self._waiting:
            return
        group = self._group_ids[action.group]
        own = handset.affiliations[group].ssrc
        spoken = Spoken(action.group, handset.number, time.time_ns(), emergency)
        self._diary.bursts.append(spoken)
        floor = _Floor(spoken)
        take = _floor_messages(handset, own, floor)
        with self._attentive(handset), self._listening(handset, take):
            indicator = FloorIndicator.EMERGENCY if emergency else FloorIndicator.NORMAL
            request = FloorMessage(type=MessageType.FLOOR_REQUEST, ssrc=own, indicator=indicator)
            spoken.asked_ns = time.time_ns()
            handset.send_control(request.encode())
            try:
                await asyncio.wait_for(floor.answered.wait(), PATIENCE_S)
                if spoken.ssrc:
                    await self._speak(handset, spoken, action.talk_s, floor)
            except TimeoutError:
                pass
            handset.send_control(FloorMessage(type=MessageType.FLOOR_RELEASE, ssrc=own).encode())

    @contextlib.contextmanager
    def _listening(self, handset: LightHandset, take: Callable[[int, bytes], None]) -> Iterator[None]:
        self._waiting[handset.number] = handset.control = take
        try:
            yield
        finally:
            self._waiting.pop(handset.number, None)
            handset.control = None

    async def _speak(self, handset: LightHandset, spoken: Spoken, seconds: float, floor: "_Floor") -> None:
        """At the pace of speech, until all is said or the floor is taken away."""
        assert handset.uplink is not None
        members = [n for n in self._on_duty if self._group_ids[spoken.group] in self._groups[n] and n != spoken.talker]
        before = {number: self._on_duty[number] for number in members}
        start = time.monotonic()
        for number, plain in enumerate(rtp_stream(spoken.ssrc, spoken.talker, round(seconds * PACKETS_PER_S))):
            await asyncio.sleep(max(0.0, start + number / PACKETS_PER_S - time.monotonic()))
            if spoken.revoked or (handset.port is None and handset.lost):
                break
            spoken.sent_ns.append(time.time_ns())
            if handset.port is not None:
                handset.port.sendto(handset.uplink.protect_rtp(plain), handset.server.media_address)
            else:
                handset.send_frame(plain)
        spoken.listeners = [number for number, since in before.items() if self._on_duty.get(number) == since]


class _Floor:
    """What one press of the key was answered with."""

    def __init__(self, spoken: Spoken) -> None:
        self.spoken = spoken
        self.answered = asyncio.Event()

    def take(self, at_ns: int, message: FloorMessage) -> None:
        spoken = self.spoken
        if message.type is MessageType.FLOOR_GRANTED and not spoken.ssrc:
            spoken.ssrc = message.granted_ssrc or 0
            spoken.access_ms = (at_ns - spoken.asked_ns) / 1e6
            self.answered.set()
        elif message.type is MessageType.FLOOR_DENY:
            self.answered.set()
        elif message.type is MessageType.QUEUE_POSITION_INFO:
            spoken.queued = True
        elif message.type is MessageType.FLOOR_REVOKE:
            spoken.revoked = True


def _floor_messages(handset: LightHandset, own_ssrc: int, floor: _Floor) -> Callable[[int, bytes], None]:
    """Hands on what the server says to this handset alone."""

    def take(at_ns: int, packet: bytes) -> None:
        try:
            plain = handset.open_own(packet) if handset.port is not None else packet
        except SrtpError:
            return  # an announcement to a group
        for message in rtcp.decode(plain):
            if isinstance(message, FloorMessage):
                floor.take(at_ns, message)

    return take


_ACTIONS = {
    "arrive": Fleet._arrive,
    "leave": Fleet._leave,
    "talk": Fleet._talk,
    "roam": Fleet._move,
    "look": Fleet._look,
    "emergency": Fleet._call_for_help,
}

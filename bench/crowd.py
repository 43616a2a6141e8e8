"""A process that is a crowd of handsets: logs in, joins groups, asks for the floor, talks, as the director orders.

An order is the name of a method and its arguments; its return value is the answer.
"""

import asyncio
import gc
import os
import socket
import time
import traceback
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

import uvloop

from bench.board import DONE, Board
from bench.ear import take_from_ears
from bench.light_handset import LightHandset, Server
from bench.muster import Recruit
from pttserver.crypto.srtp import SrtpError
from pttserver.crypto.tls import client_context
from pttserver.wire import rtcp
from pttserver.wire.floor_control import FloorMessage, MessageType

AT_ONCE = 64
GARBAGE_THRESHOLDS = (100_000, 20, 20)  # looking through thousands of handsets again and again takes the core from them
PATHS_AT_ONCE = 512  # each waits for an ear to come by
ANSWER_TIMEOUT_S = 0.5
TRIES = 20


@dataclass(slots=True)
class Seat:
    """A talker's place in a step: row of the board, handset, group."""

    row: int
    handset: int
    group: str


@dataclass(slots=True)
class Comeback:
    """Monotonic seconds: when the handset began, was resumed and in its groups, and was answered by UDP."""

    begun: float
    back: float
    proven: float


class Crowd:
    """The handsets of one process, by number."""

    def __init__(self, board: Board, ports: dict[int, socket.socket], from_ears: list[Connection]) -> None:
        self._board = board
        self._ports = ports
        self._from_ears = from_ears
        self._handsets: dict[int, LightHandset] = {}
        self._waiting: dict[int, Callable[[int, bytes], None]] = {}
        self._keeping: asyncio.Task[None] | None = None
        self._begun = (0.0, 0.0)

    def listen(self) -> None:
        """What ears forward is handed to whom it is for."""
        take_from_ears(self._from_ears, self._take)

    def _take(self, heard: list[tuple[int, int, bytes]]) -> None:
        for number, at_ns, packet in heard:
            waiting = self._waiting.get(number % self._board.handsets)
            if waiting is not None:
                waiting(at_ns, packet)

    # Orders ------------------------------------------------------------------------------------------------------

    async def enlist(self, ports: dict[str, int], recruits: dict[int, Recruit]) -> None:
        """Who they are, and where the server is."""
        tls = client_context(verified_by_pin=True)
        server = Server(ports["signalling"], ("127.0.0.1", ports["media"]), tls)
        for number, recruit in recruits.items():
            self._handsets[number] = LightHandset(number, recruit, self._ports[number], server)

    async def log_in(self) -> list[float]:
        """All, some at once; seconds that each took."""
        return await self._all(lambda handset: handset.log_in(), self._handsets)

    async def affiliate(self, groups: dict[int, list[str]]) -> list[float]:
        """Handset number -> its groups."""

        async def join(handset: LightHandset) -> None:
            for group in groups[handset.number]:
                await handset.affiliate(group)

        return await self._all(join, groups)

    async def open_paths(self) -> list[float]:
        """Keep-alives until each is answered by UDP, then the path is chosen; gives the first round trips."""
        return await self._all(self._open_path, self._handsets, PATHS_AT_ONCE)

    async def _open_path(self, handset: LightHandset) -> None:
        await self.prove_path(handset)
        await handset.choose_path("udp")

    async def prove_path(self, handset: LightHandset) -> None:
        """A keep-alive by UDP is answered. Raises TimeoutError."""
        for _ in range(TRIES):
            if await self._is_answered(handset, ANSWER_TIMEOUT_S):
                return
        raise TimeoutError("no keep-alive was answered")

    async def _is_answered(self, handset: LightHandset, within_s: float) -> bool:
        """One keep-alive."""
        answered, wanted = asyncio.get_running_loop().create_future(), self._board.wanted
        before, wanted[handset.number] = wanted[handset.number], 1
        self._waiting[handset.number] = _on_answer(handset, answered)
        handset.keep_alive()
        try:
            await asyncio.wait_for(answered, within_s)
        except TimeoutError:
            return False
        finally:
            self._waiting.pop(handset.number, None)
            wanted[handset.number] = before
        return True

    async def key_up(self, seats: list[Seat]) -> list[float]:
        """All seats ask for the floor at once; access times in ms, from the request to the kernel's stamp of the
        grant."""
        for seat in seats:
            self._board.wanted[seat.handset] = 1
        return list(await asyncio.gather(*(self.ask_floor(seat) for seat in seats)))

    async def ask_floor(self, seat: Seat) -> float:
        """One press of the key. Raises TimeoutError."""
        handset = self._handsets[seat.handset]
        own = handset.affiliations[seat.group]
        request = FloorMessage(type=MessageType.FLOOR_REQUEST, ssrc=own.ssrc).encode()
        granted: asyncio.Future[tuple[int, int]] = asyncio.get_running_loop().create_future()
        self._waiting[seat.handset] = _on_grant(handset, granted)
        if handset.port is None:
            handset.control = self._waiting[seat.handset]
        try:
            asked_ns = time.time_ns()
            for _ in range(TRIES):
                handset.send_control(request)
                done, _pending = await asyncio.wait([granted], timeout=2.0)
                if done:
                    break
            at_ns, self._board.ssrc[seat.row] = await asyncio.wait_for(granted, 1)
        finally:
            self._waiting.pop(seat.handset, None)
            handset.control = None
        return (at_ns - asked_ns) / 1e6

    async def release(self, seats: list[Seat]) -> None:
        """They let the key go."""
        for seat in seats:
            handset = self._handsets[seat.handset]
            own = handset.affiliations[seat.group]
            handset.send_control(FloorMessage(type=MessageType.FLOOR_RELEASE, ssrc=own.ssrc).encode())

    async def note_frames(self, wanted: bool) -> None:
        """Binary frames with RTP are noted from now on."""
        for handset in self._handsets.values():
            handset.voice_frames = [] if wanted else None
        self._begun = (time.monotonic(), time.process_time())

    async def frames_heard(self) -> tuple[list[tuple[int, int, bytes]], float]:
        """(handset, arrival, first 12 octets) of all frames, and this process's share of a core meanwhile."""
        wall, cpu = time.monotonic() - self._begun[0], time.process_time() - self._begun[1]
        return [(h.number, *frame) for h in self._handsets.values() for frame in h.voice_frames or []], cpu / wall

    async def drop_all(self) -> None:
        """All connections are lost at once."""
        for handset in self._handsets.values():
            handset.drop()

    async def come_back(self, groups: dict[int, list[str]], keep_session: bool) -> list[Comeback]:
        """All resume; who has a new session joins its groups again; each proves its UDP path as soon as it is back."""
        proving: list[asyncio.Task[Comeback]] = []
        self._board.wanted[list(self._handsets)] = 0  # what the groups say would only cost the ears' time

        async def back(handset: LightHandset) -> None:
            begun = time.monotonic()
            kept = await handset.resume(keep_session=keep_session)
            for group in [] if kept else groups[handset.number]:
                await handset.affiliate(group)
            work = self.prove_path(handset) if kept else self._open_path(handset)
            proving.append(asyncio.create_task(_timed_return(work, begun, time.monotonic())))

        await self._all(back, self._handsets)
        return list(await asyncio.gather(*proving))

    def move(self, handset: LightHandset, port: int) -> None:
        """From now on the handset uses another of its UDP ports: it is on another network."""
        handset.port = self._ports[handset.number + port * self._board.handsets]

    async def keep_alive(self, interval_s: float) -> None:
        """From now on each sends its keep-alive at this interval, evenly spread; 0 stops that."""
        if self._keeping is not None:
            self._keeping.cancel()
            self._keeping = None
        if interval_s > 0:
            self._board.wanted[list(self._handsets)] = 0
            self._keeping = asyncio.create_task(self._keep_alive(interval_s))

    async def _keep_alive(self, interval_s: float) -> None:
        handsets = list(self._handsets.values())
        start, number = time.monotonic(), 0
        while True:
            due = start + number * interval_s / len(handsets)
            if due > time.monotonic():
                await asyncio.sleep(due - time.monotonic())
            handsets[number % len(handsets)].keep_alive()
            number += 1

    async def leave(self) -> None:
        """Drops all connections."""
        await self.keep_alive(0)
        for handset in self._handsets.values():
            handset.drop()

    # ---------------------------------------------------------------------------------------------------------------

    async def _all(
        self, work: Callable[[LightHandset], Awaitable[Any]], numbers: Iterable[int], at_once: int = AT_ONCE
    ) -> list[float]:
        """Runs the work for each handset, `at_once` at a time; seconds that each took."""
        waiting = list(numbers)[::-1]
        took: list[float] = []

        async def worker() -> None:
            while waiting:
                handset = self._handsets[waiting.pop()]
                begun = time.monotonic()
                await work(handset)
                took.append(time.monotonic() - begun)
                self._board.counters[DONE] += 1

        await asyncio.gather(*(worker() for _ in range(at_once)))
        return took


async def _timed_return(proving: Awaitable[None], begun: float, back: float) -> Comeback:
    await proving
    return Comeback(begun, back, time.monotonic())


def _on_answer(handset: LightHandset, answered: asyncio.Future[None]) -> Callable[[int, bytes], None]:
    def take(_at_ns: int, packet: bytes) -> None:
        if int.from_bytes(packet[4:8], "big") == handset.server_ssrc and not answered.done():
            answered.set_result(None)

    return take


def _on_grant(handset: LightHandset, granted: asyncio.Future[tuple[int, int]]) -> Callable[[int, bytes], None]:
    def take(at_ns: int, packet: bytes) -> None:
        try:
            plain = handset.open_own(packet) if handset.port is not None else packet
        except SrtpError:
            return  # an announcement to the group
        for message in rtcp.decode(plain):
            is_grant = isinstance(message, FloorMessage) and message.type is MessageType.FLOOR_GRANTED
            if is_grant and not granted.done():
                granted.set_result((at_ns, message.granted_ssrc))

    return take


def run_crowd(make: Callable[[], Any], orders: Connection, cores: set[int]) -> None:
    """What the crowd's process does: obeys until told to stop. `make` builds the crowd."""
    os.sched_setaffinity(0, cores)
    gc.set_threshold(*GARBAGE_THRESHOLDS)
    uvloop.run(_obey(make(), orders))


async def _obey(crowd: Any, orders: Connection) -> None:
    crowd.listen()
    while True:
        name, arguments = await asyncio.to_thread(orders.recv)
        if name == "stop":
            return
        try:
            answer: Any = await getattr(crowd, name)(*arguments)
        except Exception:
            answer = OrderFailed(f"{name}: {traceback.format_exc()}")
        orders.send((answer, time.process_time()))


class OrderFailed(RuntimeError):
    """An order could not be carried out; the message is the traceback of the crowd's process."""

"""A process that is a crowd of Mumble clients: logs in by TLS, joins channels, talks and listens by UDP."""

import asyncio
import contextlib
import socket
import ssl
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from typing import Any, cast

from bench.board import Board
from bench.ear import take_from_ears
from bench.peers.mumble_wire import (
    OPUS,
    PING,
    VERSION,
    Kind,
    Ocb2,
    base128,
    fields_of,
    message,
    read_voice,
    voice_packet,
)
from bench.talking import Pace, Talker, send_streams
from bench.voice import speech

AT_ONCE = 32
TIMEOUT_S = 120.0
ANSWER_TIMEOUT_S = 1.0
TRIES = 20
PING_INTERVAL_S = 10.0
MOST_LAPS = 512  # of the counter octet, in all steps of a run


class Rejected(ConnectionError):
    """The server said no."""


@dataclass(slots=True)
class Seat:
    """A talker of a step."""

    row: int
    handset: int


class MumbleClient(asyncio.Protocol):
    """One user. Messages about other users are skipped without being read."""

    def __init__(self, name: str, password: str = "") -> None:
        self._name = name
        self._password = password
        self.channels: dict[str, int] | None = None
        self.session = -1
        self.uplink: Ocb2
        self.downlink: Ocb2
        self.synced: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.moved: asyncio.Future[int] | None = None
        self._own = b""
        self._buffer = b""
        self.transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.send(Kind.VERSION, {1: VERSION, 2: "bench", 3: "Linux", 4: "0"})
        self.send(Kind.AUTHENTICATE, {1: self._name, 2: self._password, 5: 1})

    def send(self, kind: Kind, fields: dict[int, int | str | bytes]) -> None:
        self.transport.write(message(kind, fields))

    def data_received(self, data: bytes) -> None:
        buffer, at = self._buffer + data if self._buffer else data, 0
        while len(buffer) - at >= 6:
            size = int.from_bytes(buffer[at + 2 : at + 6], "big")
            if len(buffer) - at < 6 + size:
                break
            self._take(buffer[at + 1], buffer[at + 6 : at + 6 + size])
            at += 6 + size
        self._buffer = buffer[at:]

    def _take(self, kind: int, body: bytes) -> None:
        if kind == Kind.USER_STATE:
            if self.moved is not None and body.startswith(self._own):
                self._moved(fields_of(body))
        elif kind == Kind.CHANNEL_STATE:
            if self.channels is not None:
                fields = fields_of(body)
                self.channels[fields.get(3, b"").decode()] = fields.get(1, 0)
        elif kind == Kind.CRYPT_SETUP:
            self._set_crypt(fields_of(body))
        elif kind == Kind.SERVER_SYNC:
            self.session = fields_of(body)[1]
            self._own = base128(1 << 3) + base128(self.session)
            self.synced.set_result(None)
        elif kind in (Kind.REJECT, Kind.PERMISSION_DENIED):
            self._fail(Rejected(f"{Kind(kind).name}: {fields_of(body)}"))

    def _set_crypt(self, fields: dict[int, Any]) -> None:
        """Keys at the log-in; later the server may tell its counter anew, or ask for ours."""
        if 1 in fields:
            self.uplink, self.downlink = Ocb2(fields[1], fields[2]), Ocb2(fields[1], fields[3])
        elif 3 in fields:
            self.downlink.counter = fields[3]
        else:
            self.send(Kind.CRYPT_SETUP, {2: self.uplink.counter})

    def _moved(self, fields: dict[int, Any]) -> None:
        if 5 in fields and self.moved is not None and not self.moved.done():
            self.moved.set_result(fields[5])

    def _fail(self, error: Exception) -> None:
        for future in (self.synced, self.moved):
            if future is not None and not future.done():
                future.set_exception(error)

    def connection_lost(self, exc: Exception | None) -> None:
        self._fail(Rejected(f"the connection is lost: {exc}"))

    async def move(self, channel: int) -> None:
        """Goes to a channel, and waits until the server says that we are in it."""
        self.moved = asyncio.get_running_loop().create_future()
        self.send(Kind.USER_STATE, {1: self.session, 5: channel})
        await asyncio.wait_for(self.moved, TIMEOUT_S)

    async def make_channels(self, names: list[str]) -> list[int]:
        """New channels; only the superuser may."""
        self.channels = {}
        for name in names:
            self.send(Kind.CHANNEL_STATE, {2: 0, 3: name})
        deadline = time.monotonic() + TIMEOUT_S
        while not all(name in self.channels for name in names):
            if time.monotonic() > deadline:
                raise TimeoutError("the server made no channels")
            await asyncio.sleep(0.02)
        return [self.channels[name] for name in names]


@dataclass(slots=True)
class MumbleCrowd:
    """Obeys the same director as `bench.crowd.Crowd`."""

    board: Board
    ports: dict[int, socket.socket]
    from_ears: list[Connection]
    clients: dict[int, MumbleClient] = field(default_factory=dict)
    superuser: MumbleClient = field(init=False)
    address: tuple[str, int] = ("127.0.0.1", 0)
    _waiting: dict[int, asyncio.Future[None]] = field(default_factory=dict)
    _sent: dict[int, list[bytes]] = field(default_factory=dict)
    _gathered: str = ""
    _pings: asyncio.Task[None] | None = None

    def listen(self) -> None:
        take_from_ears(self.from_ears, self._take)

    def _take(self, heard: list[tuple[int, int, bytes]]) -> None:
        for number, _, _ in heard:
            future = self._waiting.get(number)
            if future is not None and not future.done():
                future.set_result(None)

    async def log_in(self, port: int, superuser_password: str) -> list[float]:
        """The superuser and all others; seconds that each took.

        From then on each says by TCP that it lives, as the protocol wants.
        """
        self.address = ("127.0.0.1", port)
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        tls.check_hostname, tls.verify_mode = False, ssl.CERT_NONE

        async def enter(name: str, password: str = "") -> MumbleClient:
            loop = asyncio.get_running_loop()
            _, client = await loop.create_connection(
                lambda: MumbleClient(name, password), *self.address, ssl=tls, server_hostname="localhost",
                ssl_handshake_timeout=TIMEOUT_S,
            )  # fmt: skip
            await asyncio.wait_for(client.synced, TIMEOUT_S)
            return client

        async def enter_numbered(number: int) -> None:
            self.clients[number] = await enter(f"unit{number}")

        self.superuser = await enter("SuperUser", superuser_password)
        took = await self._all(enter_numbered, list(self.ports))
        self._pings = asyncio.create_task(self._ping_by_tcp())
        return took

    async def _ping_by_tcp(self) -> None:
        while True:
            await asyncio.sleep(PING_INTERVAL_S)
            for client in [self.superuser, *self.clients.values()]:
                client.send(Kind.PING, {1: time.monotonic_ns() // 1000})

    async def open_paths(self) -> list[float]:
        """A ping by UDP until each is answered: then the server knows the address and sends voice there."""
        self.board.wanted[:] = 1

        async def prove(number: int) -> None:
            client = self.clients[number]
            for _ in range(TRIES):
                future = self._waiting[number] = asyncio.get_running_loop().create_future()
                self.ports[number].sendto(client.uplink.seal(bytes((PING, 0))), self.address)
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(future, ANSWER_TIMEOUT_S)
                    return
            raise TimeoutError("no ping was answered")

        return await self._all(prove, list(self.clients), at_once=8)

    async def gather_in(self, name: str, groups: list[list[int]]) -> list[float]:
        """Puts each group into a new channel of its own; whoever is there already stays."""
        if name == self._gathered:
            return []
        self._gathered = name
        channels = await self.superuser.make_channels([f"{name} {group}" for group in range(len(groups))])

        async def join(place: tuple[int, int]) -> None:
            await self.clients[place[1]].move(channels[place[0]])

        return await self._all(join, [(g, member) for g, group in enumerate(groups) for member in group])

    async def prepare(self, seats: list[Seat], count: int) -> None:
        """Seals `count` packets of each talker."""
        self._sent = {
            seat.row: [
                self.clients[seat.handset].uplink.seal(voice_packet(number, opus))
                for number, opus in enumerate(speech(seat.row, count))
            ]
            for seat in seats
        }

    async def talk(self, seats: list[Seat], packets_per_s: float) -> Pace:
        """Sends what was prepared."""
        talkers = [Talker(seat.row, self.ports[seat.handset], self._sent[seat.row]) for seat in seats]
        return await asyncio.to_thread(send_streams, talkers, self.address, packets_per_s, self.board)

    async def first_sequences(self, first: dict[int, bytes], rows: dict[int, int]) -> list[tuple[int, int]]:
        """(handset, sequence number) of those whose first datagram opens and holds what the talker said."""
        found = []
        for number, packet in first.items():
            opened = self._open_somewhere(number, packet) if number in rows else None
            if opened is None or opened[1][0] != OPUS:
                continue
            _, sequence, opus = read_voice(opened[1])
            if opus == speech(rows[number], sequence + 1)[sequence]:
                found.append((number, sequence))
        return found

    async def relayed(self, whole: dict[int, list[bytes]]) -> list[tuple[int, list[int]]]:
        """For each witness: the sequence numbers in the order in which the server relayed them; -1 for a gap.

        What the server never got leaves no gap in its counter, so this is read from inside the sealed datagrams.
        """
        return [(number, self._relayed_to(number, packets)) for number, packets in whole.items()]

    def _relayed_to(self, number: int, packets: list[bytes]) -> list[int]:
        opened = self._open_somewhere(number, packets[0])
        if opened is None:
            return []
        by_counter: dict[int, int] = {}
        near = opened[0]
        for packet in packets:
            found = self.clients[number].downlink.open(packet, near)
            if found is not None:
                near = found[0]
                by_counter[near] = read_voice(found[1])[1]
        return [by_counter.get(count, -1) for count in range(min(by_counter), max(by_counter) + 1)]

    def _open_somewhere(self, number: int, packet: bytes) -> tuple[int, bytes] | None:
        """The counter may have gone round many times since the log-in."""
        downlink = self.clients[number].downlink
        starts = range(downlink.count + 128, downlink.count + 256 * MOST_LAPS, 256)
        return next((found for near in starts if (found := downlink.open(packet, near)) is not None), None)

    async def _all(
        self, work: Callable[[Any], Awaitable[Any]], items: list[Any], at_once: int = AT_ONCE
    ) -> list[float]:
        waiting, took = items[::-1], []

        async def worker() -> None:
            while waiting:
                item, begun = waiting.pop(), time.monotonic()
                await work(item)
                took.append(time.monotonic() - begun)
                self.board.counters[17] += 1

        await asyncio.gather(*(worker() for _ in range(at_once)))
        return took

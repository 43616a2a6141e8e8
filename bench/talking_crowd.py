"""A crowd that talks: streams at their true pace, keys pressed at random, bad links, and what listeners heard of it."""

import asyncio
import random
import socket
import time
from multiprocessing.connection import Connection

from bench.bad_link import Profile, RoamingPorts, departures, send_departures
from bench.board import Board
from bench.crowd import PATHS_AT_ONCE, Crowd, Seat
from bench.light_handset import LightHandset
from bench.roaming import ANSWER_S, Roam, roam
from bench.talking import Pace, Talker, send_streams
from bench.voice import encode_sentences, rtp_stream, speech
from pttserver.crypto.srtp import SrtpError, SrtpReceiver
from pttserver.wire.rtp import RtpPacket


class TalkingCrowd(Crowd):
    """The orders of all scenarios in which somebody talks."""

    def __init__(self, board: Board, ports: dict[int, socket.socket], from_ears: list[Connection]) -> None:
        super().__init__(board, ports, from_ears)
        encode_sentences()  # now: between a grant and the first packet it might take longer than T1
        self._sent: dict[int, list[bytes]] = {}
        self._talking: asyncio.Task[Pace] | None = None

    async def prepare(self, seats: list[Seat], count: int) -> None:
        """Protects `count` packets of each talker, so that nothing but sending is left to do."""
        self._sent = {}
        for seat in seats:
            uplink = self._handsets[seat.handset].uplink
            assert uplink is not None
            plain = rtp_stream(int(self._board.ssrc[seat.row]), seat.row, count)
            self._sent[seat.row] = [uplink.protect_rtp(packet) for packet in plain]

    async def talk(self, seats: list[Seat], packets_per_s: float) -> Pace:
        """Sends what was prepared."""
        talkers = [Talker(seat.row, self._ports[seat.handset], self._sent[seat.row]) for seat in seats]
        address = next(iter(self._handsets.values())).server.media_address
        return await asyncio.to_thread(send_streams, talkers, address, packets_per_s, self._board)

    async def talk_meanwhile(self, seats: list[Seat], packets_per_s: float) -> None:
        """Like `talk`, but other orders may come; `talk_ended` waits for it."""
        self._talking = asyncio.create_task(self.talk(seats, packets_per_s))

    async def talk_ended(self) -> Pace | None:
        return await self._talking if self._talking is not None else None

    async def press_at_random(self, seats: list[Seat], presses_per_s: float, seconds: float) -> list[float | None]:
        """Keys are pressed at exponentially distributed moments and let go at the grant; None: no grant came."""
        random.shuffle(seats)
        presses: list[asyncio.Task[float | None]] = []
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            presses.append(asyncio.create_task(self._press(seats[len(presses) % len(seats)])))
            await asyncio.sleep(random.expovariate(presses_per_s))
        return list(await asyncio.gather(*presses))

    async def _press(self, seat: Seat) -> float | None:
        self._board.wanted[seat.handset] = 1
        try:
            return await self.ask_floor(seat)
        except TimeoutError:
            return None
        finally:
            await self.release([seat])

    async def talkers_by_udp(self, seats: list[Seat]) -> None:
        """These prove their UDP path; the others stay on the WebSocket."""
        for seat in seats:
            handset = self._handsets[seat.handset]
            handset.port = self._ports[seat.handset]
            self._board.wanted[seat.handset] = 1
            await self._open_path(handset)

    async def talkers_by_websocket(self, seats: list[Seat]) -> None:
        for seat in seats:
            await self._handsets[seat.handset].choose_path("websocket")

    async def talk_badly(self, seats: list[Seat], profile: Profile, listeners: list[int], seconds: float) -> list[Roam]:
        """Sends what was prepared over a bad link, while the listeners roam; gives their roams."""
        plan = departures(profile, len(seats), len(self._sent[seats[0].row]))
        ports = [RoamingPorts(self._ports[seat.handset]) for seat in seats]
        address = next(iter(self._handsets.values())).server.media_address
        rows = [seat.row for seat in seats]
        talking = asyncio.to_thread(send_departures, plan, rows, ports, self._sent, address, self._board)
        roaming = [self._roam(self._handsets[number], profile, seconds) for number in listeners]
        _, *roams = await asyncio.gather(talking, *roaming)
        for seat in seats:
            await self.prove_path(self._handsets[seat.handset])
        for one in ports:
            one.close()
        return [roam for found in roams for roam in found]

    async def _roam(self, handset: LightHandset, profile: Profile, seconds: float) -> list[Roam]:
        async def alive() -> bool:
            return await self._is_answered(handset, ANSWER_S)

        return await roam(handset.number, profile, seconds, lambda port: self.move(handset, port), alive)

    async def go_home(self, numbers: list[int]) -> None:
        """Back to the first port, and the server knows it."""
        for number in numbers:
            self.move(self._handsets[number], 0)
        await self._all(self.prove_path, numbers, PATHS_AT_ONCE)

    async def verify(self, first: dict[int, bytes], groups: dict[int, tuple[str, int]]) -> int:
        """How many listeners' first datagrams open under the group's key and hold what the talker said."""
        receivers: dict[tuple[int, str], list[SrtpReceiver]] = {}
        right = 0
        for number, packet in first.items():
            if number not in groups or number not in self._handsets:
                continue
            group, row = groups[number]
            keys = self._handsets[number].affiliations[group].epochs
            receivers[number, group] = [SrtpReceiver(key) for key in keys]
            right += any(_opens(receiver, packet, row) for receiver in receivers[number, group])
        return right


def _opens(receiver: SrtpReceiver, packet: bytes, talker: int) -> bool:
    try:
        plain = RtpPacket.decode(receiver.unprotect_rtp(packet))
    except SrtpError:
        return False
    return plain.payload == speech(talker, plain.sequence + 1)[plain.sequence]

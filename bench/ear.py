"""A process that drains the UDP sockets of many handsets and notes what came when; it decrypts nothing.

It sweeps all its sockets at an interval instead of waiting for each: a waiting reader would make the server's kernel
work for every datagram wake somebody up. Nothing is lost by it, for the kernel's time stamps are used and the
sockets' buffers hold seconds of voice. RTCP for those whom the board says goes to the crowd at once.
"""

import asyncio
import contextlib
import gc
import os
import pickle
import socket
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.board import WITNESS, Board
from bench.mmsg import ReceiveSlab, unread

HEAD_BYTES = 12
SWEEP_S = 0.004
SWEEP_SECONDS_PER_SOCKET = 8e-6
DROWSY_SWEEP_S = 1.0  # of those whom nobody waits for, while others need the core

Columns = tuple[NDArray[np.int32], NDArray[np.int64], NDArray[np.uint8]]


@dataclass(slots=True)
class Heard:
    """Voice datagrams of a step: handset, which of its ports, arrival, first 12 octets; the first of each handset, and
    all of witnesses. `unread`: what the ears did not read in time, so that the kernel dropped it."""

    handset: NDArray[np.int32]
    arrival_ns: NDArray[np.int64]
    head: NDArray[np.uint8]
    port: NDArray[np.int32]
    octets: int
    first: dict[int, bytes]
    whole: dict[int, list[bytes]]
    cpu_s: float
    seconds: float
    unread: int = 0

    @property
    def busy(self) -> float:
        """Share of a core that the ear used."""
        return self.cpu_s / max(1e-9, self.seconds)


@dataclass(slots=True)
class _Notes:
    columns: list[Columns] = field(default_factory=list)
    first: dict[int, bytes] = field(default_factory=dict)
    whole: dict[int, list[bytes]] = field(default_factory=dict)
    octets: int = 0
    cpu_s: float = field(default_factory=time.process_time)
    started: float = field(default_factory=time.monotonic)
    unread: int = 0


class Ear:
    """`run` until told to stop. `sockets` maps places to ports: the second port of handset n of N is place N + n."""

    def __init__(
        self, number: int, sockets: dict[int, socket.socket], board: Board, orders: Connection, crowd: Connection
    ) -> None:
        self._number = number
        self._sockets = list(sockets.values())
        self._ports = [(handset, port.fileno()) for handset, port in sockets.items()]
        self._handsets = np.array([handset % board.handsets for handset in sockets])
        self._board = board
        self._orders = orders
        self._crowd = crowd
        self._all_swept = 0.0  # monotonic seconds
        self._slab = ReceiveSlab()
        self._sweep_s = max(SWEEP_S, len(self._ports) * SWEEP_SECONDS_PER_SOCKET)
        self._notes: _Notes | None = None
        self._opaque = False

    def run(self) -> None:
        gc.disable()
        while True:
            begun = time.monotonic()
            if not self._board.dozing:
                self._sweep(self._due(begun))
            if self._orders.poll() and not self._obey(self._orders.recv()):
                return
            time.sleep(max(0.0005, self._sweep_s - (time.monotonic() - begun)))

    def _due(self, now: float) -> list[tuple[int, int]]:
        """The ports to look at: in drowsy times mostly those alone that somebody waits for an answer at."""
        if self._board.drowsy and now - self._all_swept < DROWSY_SWEEP_S:
            return [self._ports[at] for at in np.flatnonzero(self._board.wanted[self._handsets])]
        self._all_swept = now
        return self._ports

    def _obey(self, order: str) -> bool:
        if order == "record":
            self._notes = _Notes(unread=self._unread())
        elif order == "opaque":
            self._opaque = True
        elif order == "report":
            self._sweep(self._ports)
            self._orders.send(self._report())
        return order != "stop"

    def _unread(self) -> int:
        return sum(unread(port) for port in self._sockets)

    def _sweep(self, ports: list[tuple[int, int]]) -> None:
        slab = self._slab
        owners: list[int] = []
        counts: list[int] = []
        for handset, descriptor in ports:
            count = slab.fill(descriptor)
            if count:
                owners.append(handset)
                counts.append(count)
            if slab.is_full:
                self._take(owners, counts)
                owners, counts = [], []
        if owners:
            self._take(owners, counts)

    def _take(self, owners: list[int], counts: list[int]) -> None:
        slab = self._slab
        handset = np.repeat(np.array(owners, np.int32), counts)
        arrival = slab.arrivals_ns()
        lengths = slab.lengths()
        second = slab.payloads[: slab.used, 1]
        wanted = self._board.wanted[handset % self._board.handsets] == 1
        control = wanted if self._opaque else (second >= 192) & (second <= 223)
        self._forward(handset, arrival, np.flatnonzero(control & wanted))
        if self._notes is not None:
            self._note(self._notes, handset, arrival, lengths, ~control)
        self._board.counters[self._number] += slab.used
        slab.clear()

    def _note(
        self,
        notes: _Notes,
        handset: NDArray[np.int32],
        arrival: NDArray[np.int64],
        lengths: NDArray[np.int64],
        voice: NDArray[np.bool_],
    ) -> None:
        head = self._slab.payloads[: self._slab.used, :HEAD_BYTES][voice].copy()
        notes.columns.append((handset[voice], arrival[voice], head))
        notes.octets += int(lengths[voice].sum())
        if len(notes.first) < len(self._ports):
            for index in np.flatnonzero(voice):
                notes.first.setdefault(int(handset[index]), self._slab.datagram(int(index)))

        for index in np.flatnonzero(voice & (self._board.wanted[handset % self._board.handsets] == WITNESS)):
            notes.whole.setdefault(int(handset[index]), []).append(self._slab.datagram(int(index)))

    def _forward(self, handset: NDArray[np.int32], arrival: NDArray[np.int64], which: NDArray[np.intp]) -> None:
        found = [(int(handset[i]), int(arrival[i]), self._slab.datagram(int(i))) for i in which]
        if found:
            self._crowd.send_bytes(pickle.dumps(found))

    def _report(self) -> Heard:
        notes = self._notes or _Notes()
        self._notes = None
        empty = (np.empty(0, np.int32), np.empty(0, np.int64), np.empty((0, HEAD_BYTES), np.uint8))
        columns: Any = zip(*(notes.columns or [empty]), strict=True)
        handset, arrival, head = (np.concatenate(parts) for parts in columns)
        spent = time.process_time() - notes.cpu_s
        seconds = time.monotonic() - notes.started
        count = self._board.handsets
        port, handset = handset // count, handset % count
        first = {place % count: packet for place, packet in sorted(notes.first.items(), reverse=True)}
        whole = {place % count: packets for place, packets in notes.whole.items()}
        missed = self._unread() - notes.unread
        return Heard(handset, arrival, head, port, notes.octets, first, whole, spent, seconds, missed)


def run_ear(
    number: int, sockets: dict[int, socket.socket], board: Board, orders: Connection, crowd: Connection, cores: set[int]
) -> None:
    """What the ear's process does."""
    os.sched_setaffinity(0, cores)
    Ear(number, sockets, board, orders, crowd).run()


def take_from_ears(ears: Iterable[Connection], take: Callable[[list[tuple[int, int, bytes]]], None]) -> None:
    """Calls `take` in the running loop with what ears forward: handset, arrival in ns, packet.

    Not by the loop's readiness: uvloop would make the pipe non-blocking, and its messages come in pieces.
    """
    loop = asyncio.get_running_loop()

    def hear(ear: Connection) -> None:
        with contextlib.suppress(EOFError, OSError, RuntimeError):
            while True:
                loop.call_soon_threadsafe(take, pickle.loads(ear.recv_bytes()))

    for ear in ears:
        threading.Thread(target=hear, args=(ear,), daemon=True).start()

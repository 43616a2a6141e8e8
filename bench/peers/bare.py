"""The bare limit: one sendmmsg per packet to all listeners of its group, and nothing else: no reading, no crypto.

Its CPU is that of the system calls alone (CLOCK_THREAD_CPUTIME_ID around each), so that the Python that paces them
does not count: no server that hands every datagram to the kernel can cost less on this machine.
"""

import multiprocessing
import os
import socket
import time
from dataclasses import dataclass
from multiprocessing.connection import Connection

from bench.board import LONGEST_STREAM, Board
from bench.ensemble import Ensemble
from bench.figures import StepFigures, harness_warnings
from bench.groups import Formation, handsets_needed
from bench.machine import server_cores
from bench.mmsg import FanOut
from bench.stage import Stage
from bench.talking import EARLY_NS, LATE_NS, SLEEP_ABOVE_NS, Pace
from bench.tally import rtp_places, tally
from bench.voice import rtp_stream

TAG = bytes(16)  # what AES-GCM would add
SPARE_S = 0.3
DRAIN_S = 0.4
SEND_BUFFER_BYTES = 1 << 22


@dataclass(slots=True)
class Sent:
    """What the loop did: datagrams taken by the kernel and CPU of the calls, after `warm` packets of each group."""

    datagrams: int
    call_cpu_s: float
    begin_ns: int
    end_ns: int
    pace: Pace


def send_all(fans: list[FanOut], streams: list[list[bytes]], packets_per_s: float, warm: int, board: Board) -> Sent:
    """One packet of each group in turn, at pace."""
    port = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    port.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
    descriptor, clock = port.fileno(), time.thread_time_ns
    interval_ns = 1e9 / packets_per_s
    step_ns = interval_ns / len(fans)
    stamps = memoryview(board.sent_ns).cast("B").cast("q")
    calibration = _clock_cost_ns()
    start = time.monotonic_ns() + 10_000_000
    spent = datagrams = late = calls = begin_ns = 0
    for number in range(len(streams[0])):
        due = start + number * interval_ns
        if number == warm:
            spent, datagrams, calls, begin_ns = 0, 0, 0, time.time_ns()
        for row, fan in enumerate(fans):
            due += step_ns
            ahead = due - time.monotonic_ns()
            if ahead > SLEEP_ABOVE_NS:
                time.sleep((ahead - EARLY_NS) / 1e9)
            elif ahead < -LATE_NS:
                late += 1
            stamps[row * LONGEST_STREAM + number] = time.time_ns()
            before = clock()
            datagrams += fan.send(descriptor, streams[row][number])
            spent += clock() - before
            calls += 1
    end_ns = time.time_ns()
    seconds = (time.monotonic_ns() - start) / 1e9
    pace = Pace(calls, late, 0.0, time.thread_time(), seconds)
    return Sent(datagrams, (spent - calls * calibration) / 1e9, begin_ns, end_ns, pace)


def _clock_cost_ns() -> float:
    """What reading the clock adds to each measured call."""
    clock, rounds = time.thread_time_ns, 20_000
    begun = clock()
    for _ in range(rounds):
        clock()
    return (clock() - begun) / rounds


def _work(orders: Connection, board: Board, ports: dict[int, tuple[str, int]]) -> None:
    os.sched_setaffinity(0, server_cores())
    while (order := orders.recv()) is not None:
        one, packets_per_s, warm, count = order
        fans = [FanOut([ports[handset] for handset in group[1:]]) for group in one.groups]
        streams = [[packet + TAG for packet in rtp_stream(row + 1, row, count)] for row in range(len(fans))]
        orders.send("ready")
        orders.send(send_all(fans, streams, packets_per_s, warm, board))


class BareColumn:
    """The loop in a process of its own on the server's core, and ears at the other end."""

    name = "bare"

    def __init__(self, formations: list[Formation]) -> None:
        self._count = handsets_needed(formations)
        self._ensemble = Ensemble(
            self._count, max(len(one.groups) for one in formations), make_crowd=_Silence, per_crowd=self._count
        )

    def __enter__(self) -> "BareColumn":
        fork = multiprocessing.get_context("fork")
        self._orders, theirs = fork.Pipe()
        addresses = {number: port.getsockname() for number, port in self._ensemble.ports.items()}
        self._process = fork.Process(target=_work, args=(theirs, self._ensemble.board, addresses), daemon=True)
        self._process.start()
        self._ensemble.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._orders.send(None)
        self._process.join(3)
        self._process.terminate()
        self._ensemble.__exit__()

    def measure(self, stage: Stage, one: Formation, packets_per_s: float, warm_s: float, seconds: float) -> StepFigures:
        """One size at one pace."""
        board = self._ensemble.board
        board.forget_stream()
        board.wanted[:] = 0
        board.ssrc[: len(one.groups)] = range(1, len(one.groups) + 1)
        warm, count = round(warm_s * packets_per_s), round((warm_s + seconds + SPARE_S) * packets_per_s)
        self._orders.send((one, packets_per_s, warm, count))
        self._orders.recv()
        self._ensemble.record()
        while not self._orders.poll(0.2):
            stage.show(f"bare sendmmsg, groups of {one.size}")
        sent: Sent = self._orders.recv()
        time.sleep(DRAIN_S)
        heard = self._ensemble.report()
        stream = one.stream(self._count)
        places = rtp_places(heard.head, board.ssrc[: len(one.groups)])
        delivery, arrived = tally(stream, board.sent_ns, heard, places, (sent.begin_ns, sent.end_ns))
        window_s = (sent.end_ns - sent.begin_ns) / 1e9
        return StepFigures(
            column="bare",
            groups=len(one.groups),
            members=one.size,
            datagram_bytes=round(heard.octets / max(1, len(heard.handset)), 1),
            seconds=round(window_s, 3),
            delivered_per_s=round(arrived / window_s, 1),
            cpu_us_per_datagram=round(1e6 * sent.call_cpu_s / max(1, sent.datagrams), 4),
            cpu_share=round(sent.call_cpu_s / window_s, 4),
            switches_per_s=0.0,
            delivery=delivery,
            listeners=int(stream.listeners().sum()),
            harness={"ear": round(heard.busy, 3), "talkers": 0.0},
            warnings=harness_warnings(sent.pace, heard.busy, heard.unread),
        )


class _Silence:
    """A crowd that says nothing."""

    def __init__(self, *_: object) -> None:
        pass

    def listen(self) -> None:
        """There is nobody to hear."""

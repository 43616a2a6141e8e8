"""Sends prepared packets of many talkers at their true pace, evenly spread, and notes when each one left."""

import contextlib
import socket
import time
from dataclasses import dataclass

from bench.board import LONGEST_STREAM, SENT, Board

SLEEP_ABOVE_NS = 80_000
EARLY_NS = 60_000  # a sleep ends this much late
LATE_NS = 5_000_000


@dataclass(slots=True)
class Talker:
    """A stream: its row of the board, the port that it leaves by, its packets."""

    row: int
    port: socket.socket
    packets: list[bytes]


@dataclass(slots=True)
class Pace:
    """How well the pace was kept. `late`: packets more than 5 ms behind their time."""

    sent: int
    late: int
    latest_ms: float
    cpu_s: float
    seconds: float


def send_streams(talkers: list[Talker], address: tuple[str, int], packets_per_s: float, board: Board) -> Pace:
    """Blocks until all is sent; runs in a thread."""
    interval_ns = 1e9 / packets_per_s
    step_ns = interval_ns / max(1, len(talkers))
    stamps = memoryview(board.sent_ns).cast("B").cast("q")
    longest = max((len(talker.packets) for talker in talkers), default=0)
    begun_cpu, start = time.thread_time(), time.monotonic_ns() + 10_000_000
    late = latest = sent = 0
    for number in range(longest):
        due = start + number * interval_ns
        for talker in talkers:
            due += step_ns
            ahead = due - time.monotonic_ns()
            if ahead > SLEEP_ABOVE_NS:
                time.sleep((ahead - EARLY_NS) / 1e9)
            elif ahead < -LATE_NS:
                late += 1
                latest = min(latest, int(ahead))
            stamps[talker.row * LONGEST_STREAM + number] = time.time_ns()
            _send(talker.port, talker.packets[number], address)
            sent += 1
        board.counters[SENT] = sent
    seconds = (time.monotonic_ns() - start) / 1e9
    return Pace(sent, late, -latest / 1e6, time.thread_time() - begun_cpu, seconds)


def _send(port: socket.socket, packet: bytes, address: tuple[str, int]) -> None:
    with contextlib.suppress(BlockingIOError):  # the listeners will count it as lost
        port.sendto(packet, address)

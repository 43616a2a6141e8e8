"""What a played day came to: the diary of the crowd and what the listeners heard, by the hour and in all. Pure."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.board import LONGEST_STREAM
from bench.ear import Heard
from bench.fleet import Diary, Spoken
from bench.roaming import at_present_port
from bench.tally import percentiles, rtp_places


@dataclass(slots=True)
class Sample:
    """The server at a moment: CLOCK_REALTIME, CPU seconds, memory, and counters of its metrics."""

    at_ns: int
    cpu_s: float
    rss_bytes: int
    sessions: int
    sent: float


@dataclass(slots=True)
class Copies:
    """Voice that should have come, and what did: a row for each packet and listener of a burst that heard it whole."""

    expected_at_ns: NDArray[np.int64]
    arrived_at_ns: NDArray[np.int64]
    delay_ms: NDArray[np.float64]
    duplicated: int
    to_a_left_address: int


def copies(diary: Diary, heard: Heard, handsets: int) -> Copies:
    """Matches arrivals with bursts by SSRC and sequence number. `arrived_at_ns` are the times of sending."""
    bursts = [burst for burst in diary.bursts if burst.ssrc and burst.sent_ns]
    sent = np.zeros((max(1, len(bursts)), LONGEST_STREAM // 8), np.int64)
    for row, burst in enumerate(bursts):
        sent[row, : len(burst.sent_ns)] = burst.sent_ns
    present = at_present_port(heard, diary.roams)
    if not bursts:
        return Copies(*(np.empty(0, np.int64),) * 2, np.empty(0), 0, 0)
    burst_of, sequence = rtp_places(heard.head, np.array([burst.ssrc for burst in bursts], np.uint32))
    pairs = _pairs(bursts, handsets)
    ours = (burst_of >= 0) & np.isin(burst_of * handsets + heard.handset, pairs)
    counted = ours & present & (sequence < sent.shape[1])
    copy = (burst_of[counted] * handsets + heard.handset[counted]) * LONGEST_STREAM + sequence[counted]
    _, first = np.unique(copy, return_index=True)
    at_ns = sent[burst_of[counted], sequence[counted]][first]
    delay_ms = (heard.arrival_ns[counted][first] - at_ns) / 1e6
    expected = np.concatenate([np.repeat(burst.sent_ns, len(burst.listeners)) for burst in bursts])
    left = int((ours & ~present).sum())
    return Copies(expected.astype(np.int64), at_ns, delay_ms, int(counted.sum()) - len(first), left)


def _pairs(bursts: list[Spoken], handsets: int) -> NDArray[np.int64]:
    rows = [row * handsets + listener for row, burst in enumerate(bursts) for listener in burst.listeners]
    return np.array(rows, np.int64)


def timeline(samples: list[Sample], diary: Diary, found: Copies) -> list[dict[str, Any]]:
    """A row for each interval between two samples; hours of the day."""
    edges = np.array([sample.at_ns for sample in samples])
    day_s = (edges[-1] - edges[0]) / 1e9
    granted = [burst for burst in diary.bursts if burst.access_ms is not None]
    direct = [burst for burst in granted if not burst.queued]
    access = _by_interval(edges, [b.asked_ns for b in direct], [b.access_ms or 0 for b in direct])
    logins = _by_interval(edges, [at for at, _ in diary.logins], [ms for _, ms in diary.logins])
    delays = _by_interval(edges, found.arrived_at_ns, found.delay_ms)
    due = np.histogram(found.expected_at_ns, edges)[0]
    rows = []
    for number, (one, two) in enumerate(pairwise(samples)):
        seconds = (two.at_ns - one.at_ns) / 1e9
        rows.append(
            {
                "hour": round(24 * (one.at_ns - edges[0]) / 1e9 / day_s, 2),
                "cpu_share": round((two.cpu_s - one.cpu_s) / seconds, 4),
                "rss_mib": round(two.rss_bytes / 2**20, 1),
                "sessions": two.sessions,
                "sent_per_s": round((two.sent - one.sent) / seconds),
                "presses": sum(one.at_ns <= burst.asked_ns < two.at_ns for burst in diary.bursts),
                "access_ms": percentiles(access[number]),
                "delay_ms": percentiles(delays[number]),
                "logins": len(logins[number]),
                "login_ms": percentiles(logins[number]),
                "expected": int(due[number]),
                "lost": int(due[number]) - len(delays[number]),
            }
        )
    return rows


def _by_interval(edges: NDArray[np.int64], at_ns: Any, values: Any) -> list[NDArray[np.float64]]:
    at, value = np.asarray(at_ns, np.int64), np.asarray(values, np.float64)
    place = np.searchsorted(edges, at, "right") - 1
    return [value[place == number] for number in range(len(edges) - 1)]


def totals(diary: Diary, found: Copies) -> dict[str, Any]:
    """The day as a whole."""
    bursts = diary.bursts
    granted = [burst for burst in bursts if burst.access_ms is not None]
    expected, delivered = len(found.expected_at_ns), len(found.arrived_at_ns)
    return {
        "presses": len(bursts),
        "granted": len(granted),
        "queued": sum(burst.queued for burst in bursts),
        "unanswered": len(bursts) - len(granted),
        "access_ms": percentiles([b.access_ms or 0 for b in granted if not b.queued]),
        "access_queued_ms": percentiles([b.access_ms or 0 for b in granted if b.queued]),
        "emergency_ms": [round(b.access_ms, 2) for b in granted if b.emergency and b.access_ms is not None],
        "preempted": sum(burst.revoked for burst in bursts),
        "voice": {
            "expected": expected,
            "delivered": delivered,
            "lost": expected - delivered,
            "loss": (expected - delivered) / max(1, expected),
            "duplicated": found.duplicated,
            "to_a_left_address": found.to_a_left_address,
            "delay_ms": percentiles(found.delay_ms),
        },
        "logins": {"count": len(diary.logins), "latency_ms": percentiles([ms for _, ms in diary.logins])},
        "herd": {"handsets": len(diary.herd), "back_ms": percentiles([ms for _, ms in diary.herd])},
        "roams": len(diary.roams),
        "looks": diary.looks,
        "failures": len(diary.failures),
        "first_failures": diary.failures[:5],
    }

"""Compares what was sent with what every handset heard: delivered, lost, duplicated, reordered, one-way delay."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.board import LONGEST_STREAM
from bench.ear import Heard

HISTOGRAM_MS = np.concatenate(([0.0], np.geomspace(0.01, 2000, 160)))


@dataclass(slots=True)
class Delivery:
    """Counts of datagrams at listeners; delays in milliseconds."""

    sent_packets: int
    expected: int
    delivered: int
    lost: int
    duplicated: int
    reordered: int
    unknown: int
    delay_ms: dict[str, float]
    delay_histogram: list[int]

    @property
    def loss(self) -> float:
        return self.lost / max(1, self.expected)

    def plain(self) -> dict[str, Any]:
        return {**asdict(self), "loss": self.loss}


@dataclass(slots=True)
class Stream:
    """Who talks to whom in a step: `group_of[handset]` (-1: in none), `talker_of[group]` a handset."""

    group_of: NDArray[np.int32]
    talker_of: NDArray[np.int32]

    def listeners(self) -> NDArray[np.int64]:
        """How many listeners each group has."""
        members = np.bincount(self.group_of[self.group_of >= 0], minlength=len(self.talker_of))
        return members - 1


def rtp_places(heads: NDArray[np.uint8], ssrc: NDArray[np.uint32]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Group (-1: unknown) and sequence number of datagrams with an RTP header, by the talkers' SSRCs."""
    found = heads[:, 8:12].copy().view(">u4").ravel().astype(np.uint32)
    sequence = heads[:, 2:4].copy().view(">u2").ravel().astype(np.int64)
    order = np.argsort(ssrc, kind="stable")
    place = np.searchsorted(ssrc[order], found).clip(0, len(ssrc) - 1)
    group = order[place].astype(np.int64)
    group[ssrc[group] != found] = -1
    return group, sequence


def tally(
    stream: Stream,
    sent_ns: NDArray[np.int64],
    heard: Heard,
    places: tuple[NDArray[np.int64], NDArray[np.int64]],
    window_ns: tuple[int, int],
) -> tuple[Delivery, int]:
    """The delivery of the packets sent within the window, and how many datagrams arrived within it."""
    group, sequence = places
    ours = (group >= 0) & (group == stream.group_of[heard.handset]) & (sequence < LONGEST_STREAM)
    unknown = int((~ours).sum())
    group, sequence = group[ours], sequence[ours]
    handset, arrival = heard.handset[ours].astype(np.int64), heard.arrival_ns[ours]
    arrived = int(((arrival >= window_ns[0]) & (arrival < window_ns[1])).sum())
    sent = sent_ns[group, sequence]
    inside = (sent >= window_ns[0]) & (sent < window_ns[1])
    handset, sequence, arrival, sent = handset[inside], sequence[inside], arrival[inside], sent[inside]
    delivered = len(np.unique(handset * LONGEST_STREAM + sequence))
    packets = ((sent_ns >= window_ns[0]) & (sent_ns < window_ns[1]))[: len(stream.talker_of)].sum(axis=1)
    expected = int((packets * stream.listeners()).sum())
    delay_ms = (arrival - sent) / 1e6
    return (
        Delivery(
            sent_packets=int(packets.sum()),
            expected=expected,
            delivered=delivered,
            lost=expected - delivered,
            duplicated=len(handset) - delivered,
            reordered=_overtaken(handset, sequence),
            unknown=unknown,
            delay_ms=percentiles(delay_ms),
            delay_histogram=[int(count) for count in np.histogram(delay_ms, HISTOGRAM_MS)[0]],
        ),
        arrived,
    )


def _overtaken(handset: NDArray[np.int64], sequence: NDArray[np.int64]) -> int:
    """Datagrams that came after a later one of the same talker."""
    order = np.argsort(handset, kind="stable")
    same = np.diff(handset[order]) == 0
    return int((same & (np.diff(sequence[order]) < 0)).sum())


def quantiles(values: list[float], steps: int = 200) -> list[float]:
    """From the least to the greatest in equal steps of rank, for a curve; empty if there is nothing."""
    if not values:
        return []
    return [round(float(value), 4) for value in np.quantile(values, np.linspace(0, 1, steps + 1))]


def percentiles(values: NDArray[np.float64] | list[float]) -> dict[str, float]:
    """p50, p95, p99, max, rounded; empty if there is nothing."""
    if not len(values):
        return {}
    points = np.percentile(values, (50, 95, 99, 100))
    return {name: round(float(point), 4) for name, point in zip(("p50", "p95", "p99", "max"), points, strict=True)}

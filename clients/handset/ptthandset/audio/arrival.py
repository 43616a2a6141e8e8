"""Measures how unevenly the packets of a talk burst arrive, and how long to hold them back because of it.

Pure. The transit of a packet is its arrival time less its media time: sender and receiver share no clock,
so only differences of transits mean something. A packet's *excess* is its transit less the smallest one
seen so far.

Speech recorded before the grant is sent at once: each packet of that burst has the smallest transit so far,
so its excess is 0. That is why pre-roll does not look like jitter here, while the end of a network stall
does.
"""

import math
from collections import deque
from collections.abc import Iterable

# Ours: 100 packets are 2 s at 20 ms, long enough to meet the slow ones, short enough to forget a bad cell
WINDOW_PACKETS = 100
PERCENTILE = 0.95


class ArrivalMeter:
    """Feed `observe` with every new packet, in order of arrival; ask for `due_s`.

    `initial_delay_s` is believed until WINDOW_PACKETS packets have been measured: hand over what the last
    burst of the same network had. The delay stays between one frame and `max_delay_s`.
    """

    __slots__ = ("_excess_s", "_fastest_s", "_last_transit_s", "_max_delay_s", "_spread_s", "jitter_s")

    def __init__(self, initial_delay_s: float, max_delay_s: float) -> None:
        self._max_delay_s = max_delay_s
        self._excess_s = deque([initial_delay_s] * WINDOW_PACKETS, maxlen=WINDOW_PACKETS)
        self._spread_s = initial_delay_s
        self._fastest_s = math.inf
        self._last_transit_s: float | None = None
        self.jitter_s = 0.0

    def observe(self, now: float, media_s: float) -> None:
        """A packet whose sound starts at `media_s` of the sender's media clock has arrived."""
        transit_s = now - media_s
        if self._last_transit_s is not None:
            # RFC 3550 §6.4.1: J(i) = J(i-1) + (|D(i-1,i)| - J(i-1))/16
            self.jitter_s += (abs(transit_s - self._last_transit_s) - self.jitter_s) / 16
        self._last_transit_s = transit_s
        self._fastest_s = min(self._fastest_s, transit_s)
        self._excess_s.append(transit_s - self._fastest_s)
        self._spread_s = sorted(self._excess_s)[int(PERCENTILE * WINDOW_PACKETS)]

    def restart(self, transits_s: Iterable[float]) -> None:
        """Forgets the smallest transit but for those given: the path may be a new one. Jitter stays known."""
        self._fastest_s = min(transits_s, default=math.inf)

    def delay_s(self, frame_s: float) -> float:
        """How much later than over the fastest path to play: the 95th percentile of the excess."""
        return min(max(self._spread_s, frame_s), self._max_delay_s)

    def due_s(self, media_s: float, frame_s: float) -> float:
        """The monotonic second at which to play the sound of `media_s`. Observe some packet before."""
        return media_s + self._fastest_s + self.delay_s(frame_s)

    def lag_s(self, now: float, media_s: float) -> float:
        """By how much sound played now is later than it could have been over the fastest path."""
        return now - media_s - self._fastest_s

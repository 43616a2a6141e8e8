"""Which way voice goes: UDP where it works both ways, else the WebSocket. Pure: time is an argument.

A keep-alive that is answered on the path it was sent by proves that path. UDP is tried at once, then again and again
with longer pauses; while it carries voice it is watched, closely while somebody talks. The choice is told to the
server, which sends by the path that it was told.
"""

from dataclasses import dataclass
from enum import Enum

ANSWER_S = 0.25  # then the next try; an answer that comes later still counts
TRIES = 6  # with ACTIVE_INTERVAL_S 2.5 s until UDP is given up: well before T1 and T103 (4 s) end the talk burst
TRIES_IN_DOUBT = 2
RETRY_S = 2.0
LONGEST_RETRY_S = 60.0
ACTIVE_INTERVAL_S = 1.0


class Via(Enum):
    """A way to the server."""

    UDP = "udp"
    WEBSOCKET = "websocket"


@dataclass(frozen=True, slots=True)
class Probe:
    """Send a keep-alive this way."""

    via: Via


@dataclass(frozen=True, slots=True)
class Choose:
    """Use this way from now on, and tell the server."""

    via: Via


PathEffect = Probe | Choose


class MediaPath:
    """Chooses between UDP and the WebSocket. Carry out the returned effects, then ask `next_deadline`."""

    def __init__(self, now: float, keepalive_interval_s: float) -> None:
        self.via = Via.WEBSOCKET
        self._interval_s = keepalive_interval_s
        self._active = False
        self._unanswered = 0
        self._tries = TRIES
        self._retry_s = RETRY_S
        self._udp_due = now
        self._websocket_due = now

    def answered(self, now: float, via: Via) -> list[PathEffect]:
        """The server answered a keep-alive that went this way."""
        if via is Via.WEBSOCKET:
            return []
        self._unanswered = 0
        self._tries = TRIES
        self._retry_s = RETRY_S
        self._udp_due = now + self._watch_interval_s()
        if self.via is Via.UDP:
            return []
        self.via = Via.UDP
        return [Choose(Via.UDP)]

    def set_active(self, now: float, active: bool) -> None:
        """Somebody talks (or nobody does any more): a dead path must be noticed soon."""
        self._active = active
        if active and self.via is Via.UDP and not self._unanswered:
            self._udp_due = min(self._udp_due, now + ACTIVE_INTERVAL_S)

    def doubt(self, now: float) -> list[PathEffect]:
        """Messages stay unanswered: go by the WebSocket until UDP is proved again."""
        if self.via is Via.WEBSOCKET:
            return []
        self.via = Via.WEBSOCKET
        self._unanswered = 0
        self._tries = TRIES_IN_DOUBT
        self._udp_due = now
        return [Choose(Via.WEBSOCKET)]

    def reconnected(self, now: float) -> None:
        """The signalling connection was replaced, so the network has changed: prove UDP again soon."""
        self._unanswered = 0
        self._retry_s = RETRY_S
        self._udp_due = self._websocket_due = now

    def next_deadline(self) -> float:
        return min(self._udp_due, self._websocket_due)

    def expire(self, now: float) -> list[PathEffect]:
        effects: list[PathEffect] = []
        if now >= self._websocket_due:
            self._websocket_due = now + self._interval_s
            if self.via is Via.WEBSOCKET:
                effects.append(Probe(Via.WEBSOCKET))
        if now >= self._udp_due:
            effects += self._try_udp(now)
        return effects

    def _try_udp(self, now: float) -> list[PathEffect]:
        if self._unanswered < self._tries:
            self._udp_due = now + ANSWER_S
            self._unanswered += 1
            return [Probe(Via.UDP)]
        self._unanswered = 0
        self._udp_due = now + self._retry_s
        self._retry_s = min(2 * self._retry_s, LONGEST_RETRY_S)
        if self.via is Via.WEBSOCKET:
            return []
        self.via = Via.WEBSOCKET
        return [Choose(Via.WEBSOCKET)]

    def _watch_interval_s(self) -> float:
        return min(ACTIVE_INTERVAL_S, self._interval_s) if self._active else self._interval_s

"""Whether a position can be true: its time, its order, its speed. What cannot is dropped under a name."""

from dataclasses import dataclass
from enum import StrEnum

from pttserver.places.geodesy import distance_m
from pttserver.places.whereabouts import Past
from pttserver.wire.signalling import Position

FUTURE_MS = 60_000
OLDEST_MS = 3_600_000
OLDEST_BUFFERED_MS = 24 * 3_600_000
FASTEST_MPS = 350.0  # an airliner with the wind behind it
EARLY_PART = 0.9  # of the interval: clocks of devices are not exact


class Flaw(StrEnum):
    """Why a position is dropped; a label of the counter."""

    FUTURE = "future"
    STALE = "stale"
    ORDER = "order"
    EARLY = "early"
    ABSURD = "absurd"


@dataclass(frozen=True, slots=True)
class Demands:
    """What a report is measured by. `wanted`: it answers a dispatcher, and may come early, or again."""

    now_ms: int
    interval_s: int
    buffered: bool = False
    wanted: bool = False


def flaw(position: Position, past: Past, demands: Demands) -> Flaw | None:
    """None: nothing speaks against the position."""
    oldest_ms = OLDEST_BUFFERED_MS if demands.buffered else OLDEST_MS
    if position.at_ms > demands.now_ms + FUTURE_MS:
        return Flaw.FUTURE
    if position.at_ms < demands.now_ms - oldest_ms:
        return Flaw.STALE
    if position.at_ms <= past.since_ms:
        return Flaw.ORDER
    if position.speed_mps is not None and position.speed_mps > FASTEST_MPS:
        return Flaw.ABSURD
    return _too_soon(position, past, demands) or _too_fast(position, past.last)


def _too_soon(position: Position, past: Past, demands: Demands) -> Flaw | None:
    if past.taken_ms is None:
        return None
    took_ms = position.at_ms - past.taken_ms
    if took_ms < 0 or (took_ms == 0 and not demands.wanted):
        return Flaw.ORDER
    early = took_ms < EARLY_PART * 1000 * demands.interval_s
    return Flaw.EARLY if early and not demands.wanted else None


def _too_fast(position: Position, before: Position | None) -> Flaw | None:
    if before is None:
        return None
    uncertain_m = position.accuracy_m + before.accuracy_m
    moved_m = distance_m(before.latitude, before.longitude, position.latitude, position.longitude)
    farthest_m = FASTEST_MPS * (position.at_ms - before.at_ms) / 1000
    return Flaw.ABSURD if moved_m - uncertain_m > farthest_m else None

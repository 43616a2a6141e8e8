"""What cannot be true, or is not due, has a name; what can be true has none."""

import pytest

from pttserver.places.plausibility import (
    FASTEST_MPS,
    FUTURE_MS,
    OLDEST_BUFFERED_MS,
    OLDEST_MS,
    Demands,
    Flaw,
    flaw,
)
from pttserver.places.whereabouts import Past
from pttserver.wire.signalling import Position

NOW_MS = 1_800_000_000_000
DEMANDS = Demands(NOW_MS, interval_s=60)


def at(at_ms: int, *, latitude: float = 55.0, accuracy_m: float = 5, speed_mps: float | None = None) -> Position:
    return Position(latitude=latitude, longitude=12.0, accuracy_m=accuracy_m, at_ms=at_ms, speed_mps=speed_mps)


def after(position: Position) -> Past:
    return Past(position, position.at_ms)


@pytest.mark.parametrize(
    ("at_ms", "buffered", "found"),
    [
        (NOW_MS, False, None),
        (NOW_MS + FUTURE_MS, False, None),
        (NOW_MS + FUTURE_MS + 1, False, Flaw.FUTURE),
        (NOW_MS - OLDEST_MS, False, None),
        (NOW_MS - OLDEST_MS - 1, False, Flaw.STALE),
        (NOW_MS - OLDEST_MS - 1, True, None),
        (NOW_MS - OLDEST_BUFFERED_MS - 1, True, Flaw.STALE),
        (NOW_MS + FUTURE_MS + 1, True, Flaw.FUTURE),
    ],
)
def test_its_time(at_ms, buffered, found):
    assert flaw(at(at_ms), Past(), Demands(NOW_MS, 60, buffered=buffered)) is found


@pytest.mark.parametrize(("speed_mps", "found"), [(0.0, None), (FASTEST_MPS, None), (FASTEST_MPS + 1, Flaw.ABSURD)])
def test_its_speed(speed_mps, found):
    assert flaw(at(NOW_MS, speed_mps=speed_mps), Past(), DEMANDS) is found


@pytest.mark.parametrize(
    ("later_ms", "wanted", "found"),
    [
        (60_000, False, None),
        (54_000, False, None),
        (53_999, False, Flaw.EARLY),
        (1, False, Flaw.EARLY),
        (1, True, None),
        (0, True, None),
        (0, False, Flaw.ORDER),
        (-1000, False, Flaw.ORDER),
        (-1000, True, Flaw.ORDER),
    ],
)
def test_its_turn(later_ms, wanted, found):
    before = at(NOW_MS - 100_000)
    demands = Demands(NOW_MS, 60, wanted=wanted)
    assert flaw(at(before.at_ms + later_ms), after(before), demands) is found


def test_a_jump_no_airliner_can_make():
    before, degree = at(NOW_MS - 60_000), 111_000
    limit = FASTEST_MPS * 60 / degree
    assert flaw(at(NOW_MS, latitude=55 + 0.95 * limit), after(before), DEMANDS) is None
    assert flaw(at(NOW_MS, latitude=55 + 1.05 * limit), after(before), DEMANDS) is Flaw.ABSURD
    vague = at(NOW_MS, latitude=55 + 1.05 * limit, accuracy_m=2000)
    assert flaw(vague, after(before), DEMANDS) is None


def test_nothing_from_before_location_was_on():
    past = Past(None, None, NOW_MS - 1000)
    assert flaw(at(NOW_MS - 1000), past, DEMANDS) is Flaw.ORDER
    assert flaw(at(NOW_MS - 999), past, DEMANDS) is None


def test_the_interval_outlives_the_position_itself():
    assert flaw(at(NOW_MS), Past(None, NOW_MS - 20_000), DEMANDS) is Flaw.EARLY

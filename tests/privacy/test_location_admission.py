"""T-081, T-083: every switch by itself and with the others, for reports and for alerts; and what rounding leaves."""

import math
from datetime import UTC, datetime
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st
from policy_texts import policy_of

from pttserver.places.geodesy import distance_m
from pttserver.privacy.location_admission import Admission, LocationState, no_finer, place_no_finer, rounded
from pttserver.privacy.policy import Policy
from pttserver.roles import Rights
from pttserver.wire.signalling import Position

MONDAY_NOON_MS = round(datetime(2026, 11, 23, 12, tzinfo=UTC).timestamp() * 1000)
ON_DUTY, OFF_DUTY = '["mon 08:00-18:00"]', '["tue 08:00-18:00"]'
HERE = Position(latitude=55.6761, longitude=12.5683, accuracy_m=5, at_ms=MONDAY_NOON_MS, altitude_m=9, speed_mps=3)
BOTH = (True, False)


def policy(
    *, enabled: bool = True, may_switch: bool = True, duty: str = "[]", sos: bool = False, precision_m: int = 0
) -> Policy:
    text = f"""
[location]
enabled = {str(enabled).lower()}
subscriber_may_switch_off = {str(may_switch).lower()}
duty_hours = {duty}
sos_exception = {str(sos).lower()}
precision_m = {precision_m}
"""
    return policy_of(text + '[categories.location]\nlegal_basis = "contract"\n')


def expected_state(enabled: bool, allowed: bool, wanted: bool, may_switch: bool, duty: str) -> LocationState:
    """In words: the first that is off."""
    if not enabled:
        return LocationState.OFF_FOR_ALL
    if not allowed:
        return LocationState.OFF_FOR_SUBSCRIBER
    if may_switch and not wanted:
        return LocationState.SWITCHED_OFF
    return LocationState.OFF_DUTY if duty == OFF_DUTY else LocationState.ON


@pytest.mark.parametrize(
    ("enabled", "allowed", "wanted", "may_switch", "duty", "sos", "alert"),
    list(product(BOTH, BOTH, BOTH, BOTH, ("[]", ON_DUTY, OFF_DUTY), BOTH, BOTH)),
)
def test_the_matrix(enabled, allowed, wanted, may_switch, duty, sos, alert) -> None:
    rules = policy(enabled=enabled, may_switch=may_switch, duty=duty, sos=sos)
    admission = Admission(rules, Rights(location_allowed=allowed, location_wanted=wanted))
    state = expected_state(enabled, allowed, wanted, may_switch, duty)
    assert admission.state(MONDAY_NOON_MS) is state
    assert admission.terms(MONDAY_NOON_MS, 0).state == state.value
    admitted = admission.admit(HERE, MONDAY_NOON_MS, alert=alert)
    assert admitted == (HERE if state is LocationState.ON or (alert and sos) else None)


def test_a_category_that_is_not_collected_is_off_for_all() -> None:
    rules = policy_of("[location]\nenabled = true\n[categories.location]\ncollect = false\n")
    assert Admission(rules, Rights()).state(MONDAY_NOON_MS) is LocationState.OFF_FOR_ALL


def test_a_policy_for_safety_alone_lets_alerts_have_positions_at_most() -> None:
    text = "[location]\nenabled = true\nsos_exception = true\n[categories.location]\npurpose = ['safety']\n"
    admission = Admission(policy_of(text), Rights())
    assert admission.state(MONDAY_NOON_MS) is LocationState.OFF_FOR_ALL
    assert admission.admit(HERE, MONDAY_NOON_MS) is None
    assert admission.admit(HERE, MONDAY_NOON_MS, alert=True) == HERE


def test_what_was_measured_off_duty_is_not_admitted_on_duty() -> None:
    admission = Admission(policy(duty=ON_DUTY), Rights())
    early = HERE.model_copy(update={"at_ms": MONDAY_NOON_MS - 5 * 3_600_000})
    assert admission.admit(early, MONDAY_NOON_MS) is None
    assert admission.admit(HERE, MONDAY_NOON_MS) == HERE


def test_what_was_measured_on_duty_is_not_admitted_off_duty() -> None:
    assert Admission(policy(duty=ON_DUTY), Rights()).admit(HERE, MONDAY_NOON_MS + 7 * 3_600_000) is None


@pytest.mark.parametrize("alert", BOTH)
def test_nobody_sees_more_than_the_grid(alert) -> None:
    admitted = Admission(policy(precision_m=500, sos=alert), Rights()).admit(HERE, MONDAY_NOON_MS, alert=alert)
    assert admitted == rounded(HERE, 500)
    assert (admitted.altitude_m, admitted.speed_mps, admitted.heading_deg) == (None, None, None)
    assert admitted.accuracy_m == pytest.approx(5 + 500 * math.sqrt(0.5))


@given(st.floats(-80, 80), st.floats(-179, 179), st.integers(1, 20_000))
def test_the_accuracy_of_a_rounded_position_is_true(latitude, longitude, metres) -> None:
    """The device is within it: rounding moved the position no farther, but for the ellipsoid's half per cent."""
    exact = Position(latitude=latitude, longitude=longitude, accuracy_m=0, at_ms=0)
    coarse = rounded(exact, metres)
    moved_m = distance_m(latitude, longitude, coarse.latitude, coarse.longitude)
    assert moved_m <= 1.01 * coarse.accuracy_m
    assert rounded(coarse, metres).latitude == pytest.approx(coarse.latitude)


@given(st.floats(-85, 85), st.floats(-179, 179), st.integers(1, 100_000))
def test_once_more_is_as_once(latitude: float, longitude: float, metres: int) -> None:
    """As it is stored too: seven decimals. Beside the poles and 180 degrees, where rows are cut."""
    exact = Position(latitude=latitude, longitude=longitude, accuracy_m=5, at_ms=1, speed_mps=3)
    coarse = no_finer(exact, metres)
    assert coarse == rounded(exact, metres)
    assert no_finer(coarse, metres) == coarse
    stored = f"{coarse.latitude:.7f},{coarse.longitude:.7f}"
    assert place_no_finer(stored, metres) == stored
    read = coarse.model_copy(update=dict(zip(("latitude", "longitude"), map(float, stored.split(",")), strict=True)))
    assert no_finer(read, metres).accuracy_m == coarse.accuracy_m
    assert no_finer(exact, 0) is exact


def test_terms_say_what_the_policy_says() -> None:
    rules = policy(may_switch=False, sos=True, precision_m=100)
    terms = Admission(rules, Rights()).terms(MONDAY_NOON_MS, 17)
    assert terms.on_since_ms == 17
    assert (terms.interval_s, terms.precision_m, terms.stored) == (60, 100, False)
    assert (terms.may_switch_off, terms.sos) == (False, True)

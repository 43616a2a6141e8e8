"""Schedules of policies, writes, events, holds, erasures, switches of location and sweeps against a model.

Nothing is kept or served too long, nothing is erased too early, and no position is kept that was reported while
location was off. What is served (lists, log-ins, exports, what dispatchers are told) is compared before a sweep too.
A hundred and twenty run with the suite; for more, in parts that add up:

    PTT_SCHEDULES=1000 PTT_SEED=17 pytest tests/services/test_retention_schedules.py -k nothing_is_kept -s

Faults are put into the server too, and must be found: in a few hundred drawn schedules, or in one that is named.
"""

import os
import sys
import time
from collections import Counter
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, Phase, find, given, seed, settings
from hypothesis import strategies as st

from pttserver.privacy.categories import Category
from pttserver.privacy.retention import HIDES_AT_ONCE, EventKind
from pttserver.services.location_desk import LocationDesk
from pttserver.store.records import Subscriber
from services.schedules.driver import Action
from services.schedules.faults import SEARCHED, SHOWN, Fault
from services.schedules.model import ANNA, BERT, PEOPLE, ROW
from services.schedules.stage import Stage, set_stage
from services.schedules.texts import LOCATING, TEXTS

SCHEDULES = int(os.environ.get("PTT_SCHEDULES", "120"))
SEED = os.environ.get("PTT_SEED")
TOLD_EVERY = 1_000
SEARCHED_FOR_A_FAULT = 250

WHO, NOTICED = st.sampled_from(PEOPLE), st.booleans()
DAYS = st.integers(1, 12).map(lambda days: 1440 * days)
POLICY = st.one_of(st.integers(0, LOCATING - 1), st.integers(LOCATING, len(TEXTS) - 1))
EVENT = st.one_of(st.sampled_from(list(EventKind)), st.sampled_from(sorted(HIDES_AT_ONCE)))
ON_THE_WAY = st.one_of(
    st.tuples(st.just("pass"), st.sampled_from([10, 60, 720, 1440])),
    st.tuples(st.just("report"), st.sampled_from([ANNA, ANNA, BERT]), st.sampled_from([0, 0, 30, 1200])),
    st.tuples(st.just("report"), st.just(ANNA), st.just(0)),
    st.tuples(st.just("flush")),
    st.tuples(st.just("switch"), WHO, st.sampled_from([True, True, False])),
)
"""What devices do all day."""
ACTIONS = st.one_of(
    st.tuples(st.just("pass"), DAYS),
    st.tuples(st.just("until_over"), st.integers(0, 1)),
    st.tuples(st.just("call"), WHO),
    st.tuples(st.just("policy"), POLICY, NOTICED),
    st.tuples(st.just("event"), EVENT, st.sampled_from([None, *PEOPLE])),
    st.tuples(
        st.just("hold"),
        st.sampled_from([None, *PEOPLE]),
        st.sampled_from([None, Category.LOCATION, *sorted(ROW)]),
    ),
    st.tuples(st.just("release"), st.integers(0, 3)),
    st.tuples(st.just("restrict"), WHO, st.booleans(), NOTICED),
    st.tuples(st.just("erase"), WHO, NOTICED),
    st.tuples(st.just("allow"), WHO, st.booleans(), NOTICED),
    st.tuples(st.just("look")),
    st.tuples(st.just("sweep")),
)
CALL, REPORT = ("call", ANNA), [("report", ANNA, 0), ("flush",)]
OPENINGS: list[list[Action]] = [[], [CALL], REPORT, [CALL, *REPORT]]
ENDINGS: list[list[Action]] = [[], [("until_over", 0)], [("until_over", 1)]]
SCHEDULE = st.builds(
    lambda first, opening, rest, ending: [("policy", first, True), *opening, *rest, *ending],
    POLICY,
    st.sampled_from(OPENINGS),
    st.lists(st.one_of(ACTIONS.map(tuple), ON_THE_WAY.map(tuple)), min_size=2, max_size=25),
    st.sampled_from(ENDINGS),
)
"""Under a policy from the start. Half of it is what devices do; it is mapped, or `one_of` would take all alike."""


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    with set_stage() as made:
        yield made


@pytest.mark.timeout(0)
def test_nothing_is_kept_too_long_and_nothing_erased_too_early(stage: Stage) -> None:
    began, played = time.monotonic(), Counter[str]()

    @settings(max_examples=SCHEDULES, deadline=None, suppress_health_check=list(HealthCheck))
    @given(SCHEDULE)
    def run(actions: list[Action]) -> None:
        stage.play(actions)
        played.update(name for name, *_ in actions)
        played["schedules"] += 1
        if played["schedules"] % TOLD_EVERY == 0:
            tell()

    def tell() -> None:
        rate = played["schedules"] / (time.monotonic() - began)
        told = " ".join(f"{name}={number}" for name, number in sorted((played + stage.seen).items()))
        print(f"seed={SEED} per_s={rate:.1f} {told}", file=sys.stderr)

    (seed(int(SEED))(run) if SEED else run)()
    assert played["schedules"] >= SCHEDULES
    assert all(stage.seen[each] for each in ("positions taken", "positions refused", "positions shown", "erased"))


def fails(stage: Stage, actions: list[Action]) -> bool:
    try:
        stage.play(actions)
    except (AssertionError, pytest.fail.Exception):
        return True
    return False


@pytest.mark.timeout(0)
@pytest.mark.parametrize("fault", SEARCHED, ids=lambda fault: fault.__name__)
def test_a_fault_is_found(stage: Stage, monkeypatch: pytest.MonkeyPatch, fault: Fault) -> None:
    searched = settings(
        max_examples=SEARCHED_FOR_A_FAULT, deadline=None, phases=[Phase.generate], database=None, derandomize=True
    )
    fault(monkeypatch)
    assert find(SCHEDULE, lambda actions: fails(stage, actions), settings=searched)


@pytest.mark.parametrize(("fault", "actions"), SHOWN.items(), ids=lambda each: getattr(each, "__name__", ""))
def test_a_fault_shows(stage: Stage, monkeypatch: pytest.MonkeyPatch, fault: Fault, actions: list[Action]) -> None:
    stage.play(actions)
    fault(monkeypatch)
    assert fails(stage, actions)


LEFT = [
    ("policy", 10, True),
    ("report", "anna", 0),
    ("flush",),
    ("allow", "anna", False, True),
    ("hold", "anna", Category.LOCATION),
    ("event", EventKind.UNSUBSCRIBED, "anna"),
]
"""A hold keeps the positions of somebody whom the organisation no longer locates, and who has left."""


def test_that_location_was_off_does_not_end_with_the_membership(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    stage.play(LEFT)

    async def nobody(self: LocationDesk, subject: Subscriber) -> bool:
        return False

    monkeypatch.setattr(LocationDesk, "_has_left", nobody)
    with pytest.raises(AssertionError):
        stage.play(LEFT)

"""One alert, as a conversation: who does what, and what the timeline says then."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pttserver.alerts.alert import MOST_NOTES, Alert, AlertRules
from pttserver.alerts.effects import Closed, Effect, Record, Route
from pttserver.alerts.states import At, State, Step, StepKind
from pttserver.alerts.table import ENDS, TABLE, mermaid
from pttserver.ids import AlertId, Personal, SubscriberId

ANNA, BERT, CARL, DORA = (SubscriberId(f"sub_{name}") for name in ("anna", "bert", "carl", "dora"))
RULES = AlertRules(acknowledge_within_s=30, escalate_to=("managers", "everybody"))
NOBODY_SAID = Personal("")


def at(now: float) -> At:
    return At(now, 1_000_000 + round(now * 1000))


def raised(rules: AlertRules = RULES) -> Alert:
    alert = Alert(AlertId("alr_0000000000000001"), ANNA, rules)
    alert.open(at(0))
    return alert


def kinds(alert: Alert) -> list[str]:
    return [step.kind.value for step in alert.timeline]


def steps(effects: list[Effect]) -> list[str]:
    return [effect.step.kind.value for effect in effects if isinstance(effect, Record)]


def test_it_is_recorded_and_routed_as_it_is_raised() -> None:
    alert = Alert(AlertId("alr_0000000000000001"), ANNA, RULES)
    first, second = alert.open(at(0))
    assert first == Record(Step(1, StepKind.RAISED, 1_000_000, ANNA))
    assert second == Route(0)
    assert (alert.state, alert.next_deadline()) == (State.RAISED, 30)


def test_from_the_press_to_the_end() -> None:
    alert = raised()
    alert.deliver(at(1), BERT)
    assert alert.state is State.DELIVERED
    alert.acknowledge(at(5), BERT)
    assert (alert.state, alert.next_deadline()) == (State.ACKNOWLEDGED, None)
    alert.handle(at(6), BERT)
    ended = alert.end(at(90), BERT, StepKind.RESOLVED, Personal("found her"))
    assert isinstance(ended[-1], Closed)
    assert alert.state is State.RESOLVED
    assert kinds(alert) == ["raised", "delivered", "acknowledged", "handling", "resolved"]
    assert alert.timeline[-1] == Step(5, StepKind.RESOLVED, 1_090_000, BERT, Personal("found her"))


def test_what_comes_twice_or_late_does_nothing() -> None:
    alert = raised()
    assert steps(alert.deliver(at(1), BERT)) == ["delivered"]
    assert alert.deliver(at(2), BERT) == []
    assert steps(alert.acknowledge(at(3), BERT)) == ["acknowledged"]
    assert alert.acknowledge(at(3), BERT) == alert.acknowledge(at(4), CARL) == []
    assert steps(alert.handle(at(5), BERT)) == ["handling"]
    assert alert.handle(at(6), BERT) == []
    alert.end(at(7), BERT, StepKind.FALSE_ALARM, NOBODY_SAID)
    late = [
        alert.deliver(at(8), CARL),
        alert.acknowledge(at(8), CARL),
        alert.handle(at(8), CARL),
        alert.end(at(8), ANNA, StepKind.CANCELLED, NOBODY_SAID),
        alert.expire(at(1000)),
    ]
    assert late == [[]] * 5
    assert alert.state is State.FALSE_ALARM


def test_another_dispatcher_takes_over() -> None:
    alert = raised()
    alert.handle(at(1), BERT)
    assert steps(alert.handle(at(2), CARL)) == ["handling"]
    assert alert.handler == CARL


def test_a_device_confirms_while_somebody_sees_to_it_already() -> None:
    alert = raised()
    alert.handle(at(1), BERT)
    assert steps(alert.deliver(at(2), CARL)) == ["delivered"]
    assert alert.state is State.HANDLING


def test_an_answer_that_overtakes_the_confirmation_makes_it_no_news() -> None:
    alert = raised()
    alert.acknowledge(at(1), BERT)
    assert alert.deliver(at(2), BERT) == []
    alert.handle(at(3), CARL)
    assert alert.deliver(at(4), CARL) == []
    assert steps(alert.deliver(at(5), DORA)) == ["delivered"]


# Escalation (T-080) --------------------------------------------------------------------------------------------------


def test_nobody_acknowledges_so_stage_after_stage_is_told() -> None:
    alert = raised()
    alert.deliver(at(1), BERT)
    assert alert.expire(at(29.9)) == []
    first = alert.expire(at(30))
    assert [type(effect) for effect in first] == [Record, Route]
    assert alert.timeline[-1] == Step(3, StepKind.ESCALATED, 1_030_000, None, Personal("managers"))
    assert alert.next_deadline() == 60
    assert alert.expire(at(60))[1] == Route(2)
    assert steps(alert.expire(at(90))) == ["unanswered"]
    assert (alert.next_deadline(), alert.state, alert.is_unanswered) == (None, State.DELIVERED, True)
    assert steps(alert.acknowledge(at(500), DORA)) == ["acknowledged"]


def test_an_acknowledgement_stops_the_escalation() -> None:
    alert = raised()
    alert.expire(at(30))
    alert.acknowledge(at(31), DORA)
    assert alert.expire(at(10_000)) == []


def test_nobody_of_the_stage_is_there_so_the_next_one_is_told_at_once() -> None:
    alert = raised()
    alert.nobody_reached(at(0))
    assert alert.next_deadline() == 0
    assert steps(alert.expire(at(0))) == ["escalated"]
    alert.nobody_reached(at(0))
    assert steps(alert.expire(at(0))) == ["escalated"]
    alert.nobody_reached(at(0))  # there is no further stage: somebody may come yet
    assert alert.expire(at(0)) == []
    assert alert.next_deadline() == 30


def test_notes_change_nothing_else_and_end_with_the_alert_or_their_number() -> None:
    alert, note = raised(), Personal("a car is on its way")
    assert steps(alert.write_note(at(1), DORA, note)) == ["noted"]
    assert (alert.state, alert.next_deadline(), alert.timeline[-1].note) == (State.RAISED, 30, note)
    for number in range(2, MOST_NOTES + 1):
        assert not alert.is_full_of_notes, number
        alert.write_note(at(2), BERT, note)
    assert alert.is_full_of_notes
    assert alert.write_note(at(3), DORA, note) == []
    over = raised()
    over.end(at(4), DORA, StepKind.RESOLVED, NOBODY_SAID)
    assert over.write_note(at(5), DORA, note) == []


# After a restart -----------------------------------------------------------------------------------------------------


def restored(alert: Alert, now: float, utc_ms: int) -> Alert:
    again = Alert(alert.alert_id, alert.raiser, alert.rules)
    again.restore(At(now, utc_ms), alert.timeline)
    return again


def test_its_timer_goes_on_after_a_restart() -> None:
    again = restored(raised(), now=7, utc_ms=1_020_000)  # 20 s of 30 have passed; the machine runs anew
    assert again.next_deadline() == 17


@pytest.mark.parametrize(("utc_ms", "deadline"), [(0, 37), (99_000_000, 7)])
def test_a_clock_that_jumped_neither_starves_nor_floods(utc_ms: int, deadline: float) -> None:
    assert restored(raised(), now=7, utc_ms=utc_ms).next_deadline() == deadline


# Invariants ----------------------------------------------------------------------------------------------------------

People = st.sampled_from([ANNA, BERT, CARL, DORA])
Verb = Callable[[Alert, At, SubscriberId], list[Effect]]
VERBS: dict[str, Verb] = {
    "deliver": Alert.deliver,
    "acknowledge": Alert.acknowledge,
    "handle": Alert.handle,
    "note": lambda alert, now, who: alert.write_note(now, who, Personal("a car is on its way")),
    "resolve": lambda alert, now, who: alert.end(now, who, StepKind.RESOLVED, NOBODY_SAID),
    "cancel": lambda alert, now, who: alert.end(now, who, StepKind.CANCELLED, NOBODY_SAID),
    "expire": lambda alert, now, _: alert.expire(now),
    "nobody": lambda alert, now, _: alert.nobody_reached(now) or [],
}


@given(
    st.lists(st.tuples(st.sampled_from(sorted(VERBS)), People, st.floats(0, 40)), max_size=40),
    st.integers(0, 40),
)
def test_any_history_is_a_path_that_can_be_walked_again(
    events: list[tuple[str, SubscriberId, float]], restart: int
) -> None:
    alert, now = raised(), 0.0
    for place, (verb, who, pause_s) in enumerate(events):
        if place == restart:
            alert = restored(alert, now, at(now).utc_ms)
        now += pause_s
        effects = VERBS[verb](alert, at(now), who)
        assert steps(effects) == kinds(alert)[len(alert.timeline) - len(steps(effects)) :]
    told = kinds(alert)
    assert [step.number for step in alert.timeline] == list(range(1, len(told) + 1))
    assert told.count("raised") == 1
    assert told.count("acknowledged") <= 1
    assert told.count("unanswered") <= 1
    assert sum(kind in told for kind in ENDS) <= 1
    assert alert.state.is_open or alert.next_deadline() is None
    assert restored(alert, now, at(now).utc_ms).state is alert.state


def test_every_state_has_a_row_and_no_end_has_a_way_out() -> None:
    assert set(TABLE) == set(State)
    assert all(not TABLE[end] for end in ENDS.values())
    assert all(set(ENDS) <= set(TABLE[state]) for state in State if state.is_open)


def test_the_diagram_names_every_state() -> None:
    assert all(state.value in mermaid() for state in State)

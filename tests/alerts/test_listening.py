"""Ambient listening in one alert, as a conversation: who asks, when the microphone is open, why it closes (T-086)."""

from collections.abc import Callable, Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pttserver.alerts.alert import Alert, AlertRules
from pttserver.alerts.effects import (
    AdmitListener,
    Closed,
    CloseMicrophone,
    DismissListener,
    Effect,
    OpenMicrophone,
    Record,
)
from pttserver.alerts.listening import OPEN_WITHIN_S, ListeningEnd, ListeningState
from pttserver.alerts.states import LISTENING, At, State, Step, StepKind
from pttserver.alerts.table import ENDS
from pttserver.ids import AlertId, Personal, SubscriberId

ANNA, BERT, DAN, DORA = (SubscriberId(f"sub_{name}") for name in ("anna", "bert", "dan", "dora"))
RULES = AlertRules(acknowledge_within_s=10_000)
WHY = Personal("no answer to our calls")
NOTHING_SAID = Personal("")


def at(now: float) -> At:
    return At(now, 1_000_000 + round(now * 1000))


def raised() -> Alert:
    alert = Alert(AlertId("alr_0000000000000001"), ANNA, RULES)
    alert.open(at(0))
    return alert


def open_since(now: float, *listeners: SubscriberId, for_s: float = 60) -> Alert:
    """The microphone is open for these."""
    alert = raised()
    for who in listeners:
        alert.listen(at(now), who, WHY, for_s)
    alert.microphone_opened(at(now))
    return alert


def steps(effects: Iterable[Effect]) -> list[tuple[str, str | None, str]]:
    found = [effect.step for effect in effects if isinstance(effect, Record)]
    return [(step.kind.value, step.who, step.note.reveal()) for step in found]


def deeds(effects: Iterable[Effect]) -> list[Effect]:
    return [effect for effect in effects if not isinstance(effect, Record)]


def test_it_is_asked_for_with_a_reason_and_the_device_is_to_open_its_microphone() -> None:
    alert = raised()
    first, second = alert.listen(at(5), DORA, WHY, 60)
    assert first == Record(Step(2, StepKind.LISTENING_ASKED, 1_005_000, DORA, WHY))
    assert second == OpenMicrophone(DORA)
    assert (alert.listening.state, alert.next_deadline()) == (ListeningState.ASKED, 5 + OPEN_WITHIN_S)
    assert alert.state is State.RAISED  # whoever listens has not answered the alert


def test_the_time_box_runs_from_the_moment_that_the_microphone_is_open() -> None:
    alert = raised()
    alert.listen(at(0), DORA, WHY, 60)
    assert alert.listening.left_s(8) == 60
    assert steps(alert.microphone_opened(at(8))) == [("listening_begun", DORA, "")]
    assert (alert.next_deadline(), alert.listening.left_s(50)) == (68, 18)
    assert alert.expire(at(67.9)) == []
    over = alert.expire(at(68))
    assert deeds(over) == [CloseMicrophone()]
    assert steps(over) == [("listening_ended", DORA, "time_up")]
    assert (alert.next_deadline(), alert.listening.left_s(70)) == (10_000, 60)


def test_a_device_that_does_not_open_its_microphone_is_given_up() -> None:
    alert = raised()
    alert.listen(at(0), DORA, WHY, 60)
    over = alert.expire(at(OPEN_WITHIN_S))
    assert deeds(over) == [CloseMicrophone()]
    assert steps(over) == [("listening_ended", DORA, "no_answer")]
    assert alert.microphone_opened(at(11)) == []


def test_a_second_dispatcher_hears_the_rest_of_the_time() -> None:
    alert = open_since(0, DORA)
    joined = alert.listen(at(20), DAN, WHY, 600)
    assert deeds(joined) == [AdmitListener(DAN)]
    assert [kind for kind, _, _ in steps(joined)] == ["listening_asked", "listening_begun"]
    assert alert.next_deadline() == 60
    over = alert.expire(at(60))
    assert steps(over) == [("listening_ended", DORA, "time_up"), ("listening_ended", DAN, "time_up")]


def test_a_second_dispatcher_waits_for_the_same_microphone() -> None:
    alert = raised()
    alert.listen(at(0), DORA, WHY, 60)
    assert deeds(alert.listen(at(3), DAN, WHY, 60)) == [AdmitListener(DAN)]
    assert alert.next_deadline() == OPEN_WITHIN_S
    begun = alert.microphone_opened(at(4))
    assert steps(begun) == [("listening_begun", DORA, ""), ("listening_begun", DAN, "")]


def test_the_microphone_closes_when_the_last_listener_has_done() -> None:
    alert = open_since(0, DORA, DAN)
    first = alert.stop_listening(at(5), DORA, ListeningEnd.ENDED)
    assert deeds(first) == [DismissListener(DORA)]
    assert steps(first) == [("listening_ended", DORA, "ended")]
    last = alert.stop_listening(at(6), DAN, ListeningEnd.DISPATCHER_GONE)
    assert deeds(last) == [CloseMicrophone()]
    assert steps(last) == [("listening_ended", DAN, "dispatcher_gone")]
    assert alert.listening.state is ListeningState.SILENT


@pytest.mark.parametrize("outcome", ENDS)
def test_whatever_closes_the_alert_closes_the_microphone_first(outcome: StepKind) -> None:
    alert = open_since(0, DORA)
    over = alert.end(at(9), ANNA, outcome, NOTHING_SAID)
    assert [kind for kind, _, _ in steps(over)] == ["listening_ended", outcome.value]
    assert steps(over)[0] == ("listening_ended", DORA, "alert_over")
    assert deeds(over) == [CloseMicrophone(), Closed()]
    assert alert.next_deadline() is None


def test_nobody_listens_to_an_alert_that_is_over() -> None:
    alert = raised()
    alert.end(at(1), DORA, StepKind.RESOLVED, NOTHING_SAID)
    assert alert.listen(at(2), DORA, WHY, 60) == []
    assert alert.listening.state is ListeningState.SILENT


def test_what_comes_twice_or_late_does_nothing() -> None:
    alert = open_since(0, DORA)
    assert alert.listen(at(1), DORA, WHY, 600) == alert.microphone_opened(at(1)) == []
    assert alert.next_deadline() == 60  # who asks again gets no more time
    assert alert.stop_listening(at(2), DAN, ListeningEnd.ENDED) == []
    alert.silence(at(3), ListeningEnd.DEVICE_GONE)
    late = [
        alert.stop_listening(at(4), DORA, ListeningEnd.ENDED),
        alert.silence(at(4), ListeningEnd.FORBIDDEN),
        alert.microphone_opened(at(4)),
    ]
    assert late == [[], [], []]


def test_after_the_end_it_can_be_asked_for_anew() -> None:
    alert = open_since(0, DORA)
    alert.expire(at(60))
    assert deeds(alert.listen(at(61), DORA, WHY, 30)) == [OpenMicrophone(DORA)]
    alert.microphone_opened(at(62))
    assert alert.next_deadline() == 92


def test_its_timer_and_that_of_the_acknowledgement_run_side_by_side() -> None:
    alert = Alert(AlertId("alr_0000000000000001"), ANNA, AlertRules(30, ("managers",)))
    alert.open(at(0))
    alert.listen(at(0), DORA, WHY, 25)
    alert.microphone_opened(at(5))
    assert alert.next_deadline() == 30
    both = alert.expire(at(30))
    assert [kind for kind, _, _ in steps(both)] == ["listening_ended", "escalated"]
    assert alert.next_deadline() == 60


def test_a_restart_ends_what_did_not_survive_it_and_nothing_else() -> None:
    alert = open_since(0, DORA, DAN)
    alert.stop_listening(at(5), DAN, ListeningEnd.ENDED)
    again = Alert(alert.alert_id, alert.raiser, alert.rules)
    effects = again.restore(at(100), alert.timeline)
    assert steps(effects) == [("listening_ended", DORA, "server_restarted")]
    assert deeds(effects) == []
    third = Alert(alert.alert_id, alert.raiser, alert.rules)
    assert third.restore(at(200), again.timeline) == []


# Invariants ----------------------------------------------------------------------------------------------------------

Verb = Callable[[Alert, At, SubscriberId], list[Effect]]
VERBS: dict[str, Verb] = {
    "ask": lambda alert, now, who: alert.listen(now, who, WHY, 30),
    "opened": lambda alert, now, _: alert.microphone_opened(now),
    "leave": lambda alert, now, who: alert.stop_listening(now, who, ListeningEnd.ENDED),
    "gone": lambda alert, now, _: alert.silence(now, ListeningEnd.DEVICE_GONE),
    "expire": lambda alert, now, _: alert.expire(now),
    "acknowledge": Alert.acknowledge,
    "resolve": lambda alert, now, who: alert.end(now, who, StepKind.RESOLVED, NOTHING_SAID),
}
RARELY = st.sampled_from([*sorted(VERBS), *["ask", "opened", "leave", "expire"] * 4])


class Room:
    """What the effects make of the channel."""

    def __init__(self) -> None:
        self.inside: set[SubscriberId] | None = None

    def carry_out(self, effect: Effect) -> None:
        match effect:
            case OpenMicrophone(listener):
                assert self.inside is None
                self.inside = {listener}
            case AdmitListener(listener):
                assert self.inside is not None
                assert listener not in self.inside
                self.inside.add(listener)
            case DismissListener(listener):
                assert self.inside is not None
                self.inside.remove(listener)
                assert self.inside
            case CloseMicrophone():
                assert self.inside is not None
                self.inside = None


@given(st.lists(st.tuples(RARELY, st.sampled_from([BERT, DAN, DORA]), st.floats(0, 20)), max_size=60))
def test_who_hears_is_who_asked_and_every_beginning_has_an_end(history: list[tuple[str, SubscriberId, float]]) -> None:
    alert, room, now = raised(), Room(), 0.0
    opened_at = None
    for verb, who, pause_s in history:
        now += pause_s
        effects = VERBS[verb](alert, at(now), who) + alert.expire(at(now))
        for effect in effects:
            room.carry_out(effect)
        assert (room.inside or set()) == set(alert.listening.listeners)
        assert alert.state.is_open or room.inside is None
        if alert.listening.state is ListeningState.OPEN:
            opened_at = now if opened_at is None else opened_at
            assert now - opened_at < 30
        else:
            opened_at = None
    alert.end(at(now), ANNA, StepKind.CANCELLED, NOTHING_SAID)
    for who in (BERT, DAN, DORA):
        mine = [step.kind for step in alert.timeline if step.who == who and step.kind in LISTENING]
        told = "".join(kind.value.removeprefix("listening_")[0] for kind in mine)
        assert told.replace("abe", "").replace("ae", "") == ""

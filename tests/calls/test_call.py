"""A call from person to person: told as stories, then a thousand lives or two in which anybody does anything."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from pttserver.calls.call import Call, CallEffect, CallEnd, CallState, Connect, Over, Ring, TellEnd
from thorough import tries

ANNA, BERT, CORA, DORA = "sub_anna", "sub_bert", "sub_cora", "sub_dora"


def call(*called: str) -> Call:
    made = Call("cal_1", ANNA, called, 130.0)
    assert made.start() == [Ring(who) for who in called]
    return made


def test_who_answers_is_connected_and_either_can_end_it() -> None:
    made = call(BERT)
    assert made.answer(BERT) == [Connect(BERT)]
    assert made.parties == {ANNA, BERT}
    assert made.end(BERT) == [TellEnd(ANNA, CallEnd.ENDED), Over()]
    assert made.end(ANNA) == []
    assert made.parties == set()


def test_the_first_answer_wins_and_the_others_are_told() -> None:
    made = call(BERT, CORA, DORA)
    elsewhere = CallEnd.ANSWERED_ELSEWHERE
    assert made.answer(CORA) == [TellEnd(BERT, elsewhere), TellEnd(DORA, elsewhere), Connect(CORA)]
    assert made.answer(BERT) == []
    assert made.answer(CORA) == []
    assert made.parties == {ANNA, CORA}


def test_a_rejection_ends_it_when_nobody_rings_any_more() -> None:
    made = call(BERT, CORA)
    assert made.reject(BERT) == []
    assert made.reject(BERT) == []
    assert made.answer(BERT) == []
    assert made.reject(CORA) == [TellEnd(ANNA, CallEnd.REJECTED), Over()]


def test_nobody_answers_in_time() -> None:
    made = call(BERT)
    assert made.expire(129.9) == []
    none = CallEnd.NO_ANSWER
    assert made.expire(130.0) == [TellEnd(BERT, none), TellEnd(ANNA, none), Over()]
    assert made.answer(BERT) == []
    assert made.expire(200.0) == []


def test_an_answered_call_has_no_time_limit_but_that_of_its_group() -> None:
    made = call(BERT)
    made.answer(BERT)
    assert made.expire(1e9) == []
    assert made.fall_idle() == [TellEnd(ANNA, CallEnd.IDLE), TellEnd(BERT, CallEnd.IDLE), Over()]
    assert made.fall_idle() == []


def test_the_caller_gives_up() -> None:
    made = call(BERT, CORA)
    assert made.end(ANNA) == [TellEnd(BERT, CallEnd.ENDED), TellEnd(CORA, CallEnd.ENDED), Over()]


def test_who_is_gone_while_it_rings_is_as_good_as_a_rejection_and_the_caller_hears_why() -> None:
    made = call(BERT, CORA)
    assert made.end(BERT, CallEnd.GONE) == []
    assert made.end(CORA, CallEnd.GONE) == [TellEnd(ANNA, CallEnd.GONE), Over()]


def test_strangers_change_nothing() -> None:
    made = call(BERT)
    assert [*made.answer(DORA), *made.reject(DORA), *made.end(DORA), *made.answer(ANNA), *made.reject(ANNA)] == []
    assert made.state is CallState.RINGING


PEOPLE = st.sampled_from([ANNA, BERT, CORA, DORA, "sub_eve"])


class CallLife(RuleBasedStateMachine):
    """The model: what each was told. Nobody is told twice, two are never connected, nothing comes after the end."""

    @initialize(called=st.lists(st.sampled_from([BERT, CORA, DORA]), min_size=1, max_size=3, unique=True))
    def rings(self, called: list[str]) -> None:
        self.now = 100.0
        self.call = Call("cal_1", ANNA, called, 130.0)
        self.called = set(called)
        self.connected: str | None = None
        self.ended: set[str] = set()
        self.over = False
        assert self.call.start() == [Ring(who) for who in called]

    @rule(who=PEOPLE)
    def answers(self, who: str) -> None:
        self.performs(self.call.answer(who), by=who)

    @rule(who=PEOPLE)
    def rejects(self, who: str) -> None:
        self.performs(self.call.reject(who), by=who)

    @rule(who=PEOPLE, why=st.sampled_from([CallEnd.ENDED, CallEnd.GONE]))
    def ends(self, who: str, why: CallEnd) -> None:
        self.performs(self.call.end(who, why), by=who)

    @rule(seconds=st.sampled_from([5.0, 40.0]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds
        self.performs(self.call.expire(self.now))

    @rule()
    def falls_idle(self) -> None:
        self.performs(self.call.fall_idle())

    def performs(self, effects: list[CallEffect], by: str | None = None) -> None:
        assert not (self.over and effects), "nothing comes after the end"
        for effect in effects:
            match effect:
                case Connect(who):
                    assert self.connected is None
                    assert who == by
                    assert who in self.called - self.ended
                    self.connected = who
                case TellEnd(who, _):
                    assert who not in self.ended, "told twice"
                    assert who != by, "whoever ended it knows"
                    assert who in self.called | {ANNA}
                    self.ended.add(who)
                case Over():
                    self.over = True

    @invariant()
    def a_call_that_is_over_keeps_nobody(self) -> None:
        assert self.over == (self.call.state is CallState.OVER)
        assert self.over == (not self.call.parties)
        assert not self.over or not self.call.ringing

    @invariant()
    def nobody_rings_once_somebody_answered(self) -> None:
        assert not (self.connected and self.call.ringing)

    def teardown(self) -> None:
        """Left alone it comes to an end, and the caller knows, unless the caller ended it."""
        self.performs(self.call.expire(self.now + 1000))
        self.performs(self.call.fall_idle())
        assert self.over


CallLife.TestCase.settings = settings(
    max_examples=tries(1_000, 2_000), stateful_step_count=8, derandomize=True, database=None, deadline=None
)
TestCallLife = CallLife.TestCase

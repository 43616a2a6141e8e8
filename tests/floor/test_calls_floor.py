"""The floor in calls and under a dispatcher, as conversations: channels of one talker, broadcasts, peril, revokes."""

import pytest

from floor.conversation import (
    DENY,
    FIRST_BURST,
    GRANTED,
    IDLE,
    POSITION,
    REVOKE,
    TAKEN,
    Group,
    Person,
    everybody_stops_listening,
)
from pttserver.floor.effects import BurstEnd
from pttserver.floor.states import State
from pttserver.wire.floor_control import NO_CONDITION, DenyCause, FloorIndicator, RevokeCause

PERIL, NORMAL = FloorIndicator.IMMINENT_PERIL, FloorIndicator.NORMAL
QUEUEING = FloorIndicator.QUEUEING_SUPPORTED


def three(condition: FloorIndicator = NO_CONDITION, **settings: float) -> tuple[Group, Person, Person, Person]:
    group = Group(condition, **settings)
    people = [group.joined_by(name) for name in ("anna", "bert", "cora")]
    everybody_stops_listening(group)
    return group, *people


# Implicit requests: the channels of a full-duplex call


def test_who_asks_by_joining_has_the_floor_though_nobody_listens_yet() -> None:
    group = Group()
    anna = group.joined_by("anna", implicit_request=True)
    anna.hears(GRANTED, granted_ssrc=FIRST_BURST)
    anna.hears_nothing_more()
    bert = group.joined_by("bert", listen_only=True)
    bert.hears(TAKEN, granted_ssrc=FIRST_BURST)


def test_the_key_pressed_beside_an_implicit_request_gets_the_same_burst() -> None:
    group = Group()
    anna = group.joined_by("anna", implicit_request=True)
    anna.asks()
    assert [anna.hears(GRANTED).granted_ssrc for _ in range(2)] == [FIRST_BURST, FIRST_BURST]
    anna.hears_nothing_more()
    assert group.on_air == FIRST_BURST


def test_a_channel_that_fell_silent_is_asked_for_anew_though_nobody_listens() -> None:
    group = Group()
    anna = group.joined_by("anna", implicit_request=True)
    group.passes(5)
    assert group.ends == [BurstEnd.END_OF_RTP]
    anna.stops_listening()
    anna.asks()
    anna.hears(GRANTED, granted_ssrc=FIRST_BURST + 1)


def test_an_implicit_request_takes_the_floor_from_nobody() -> None:
    group = Group()
    anna, bert = (group.joined_by(name) for name in ("anna", "bert"))
    anna.asks()
    everybody_stops_listening(group)
    cora = group.joined_by("cora", implicit_request=True)
    cora.hears(POSITION)
    assert group.arbiter.holder is anna.participant
    bert.hears_nothing_more()


# Broadcast


def test_in_a_broadcast_only_the_originator_talks_and_the_others_are_told_not_to_ask() -> None:
    group = Group(FloorIndicator.BROADCAST_GROUP | FloorIndicator.TEMPORARY_GROUP)
    anna, bert = group.joined_by("anna"), group.joined_by("bert", listen_only=True)
    everybody_stops_listening(group)
    anna.asks()
    kind = NORMAL | QUEUEING | FloorIndicator.BROADCAST_GROUP | FloorIndicator.TEMPORARY_GROUP
    anna.hears(GRANTED, indicator=kind)
    bert.hears(TAKEN, indicator=kind, permission_to_request=False)
    bert.asks()
    bert.hears(DENY, reject_cause=DenyCause.RECEIVE_ONLY)
    bert.cries_for_help()
    bert.hears(DENY, reject_cause=DenyCause.RECEIVE_ONLY)
    assert group.arbiter.holder is anna.participant


# Imminent peril of the group


def test_peril_is_told_to_all_and_to_whoever_joins() -> None:
    group, anna, bert, _ = three()
    anna.asks()
    everybody_stops_listening(group)
    group.is_in(PERIL)
    granted = anna.hears(GRANTED, granted_ssrc=FIRST_BURST, indicator=PERIL | QUEUEING)
    taken = bert.hears(TAKEN, granted_ssrc=FIRST_BURST, indicator=PERIL | QUEUEING)
    assert granted.sequence_number == taken.sequence_number
    group.joined_by("dora").hears(TAKEN, indicator=PERIL | QUEUEING)
    everybody_stops_listening(group)
    anna.releases()
    bert.hears(IDLE, indicator=PERIL | QUEUEING)
    everybody_stops_listening(group)
    group.is_in(NO_CONDITION)
    bert.hears(IDLE, indicator=None)
    assert group.arbiter.state is State.FLOOR_IDLE


def test_peril_is_told_before_the_first_call_and_once() -> None:
    group, anna, bert, _ = three()
    group.is_in(PERIL)
    group.is_in(PERIL)
    for person in (anna, bert):
        person.hears(IDLE, indicator=PERIL | QUEUEING)
        person.hears_nothing_more()
    assert group.arbiter.state is State.START_STOP


def test_peril_does_not_change_who_talks_or_waits_nor_for_how_long() -> None:
    group, anna, bert, cora = three(t2_stop_talking_s=10)
    anna.asks()
    bert.asks()
    deadline = group.arbiter.next_deadline()
    group.is_in(PERIL)
    assert group.arbiter.next_deadline() == deadline
    cora.stops_listening()
    anna.releases()
    assert group.arbiter.holder is bert.participant


@pytest.mark.parametrize("in_peril", [True, False])
def test_who_may_not_claim_peril_may_while_the_group_is_in_it(in_peril: bool) -> None:
    group = Group(PERIL if in_peril else NO_CONDITION, t3_grace_s=0)
    anna, bert = group.joined_by("anna"), group.joined_by("bert", may_preempt=False)
    anna.asks()
    bert.asks(PERIL)
    assert group.arbiter.holder is (bert if in_peril else anna).participant
    bert.cries_for_help()
    assert group.arbiter.holder is (bert if in_peril else anna).participant


# A dispatcher takes the floor back


def test_a_dispatcher_takes_the_floor_back_and_the_next_one_talks_after_the_grace() -> None:
    group, anna, bert, cora = three()
    anna.asks()
    bert.asks()
    everybody_stops_listening(group)
    group.is_revoked_by_a_dispatcher()
    revoke = anna.hears(REVOKE, reject_cause=RevokeCause.NO_PERMISSION_TO_SEND, granted_ssrc=FIRST_BURST)
    assert revoke.reject_phrase == "A dispatcher took the floor back"
    assert group.arbiter.state is State.PENDING_REVOKE
    group.passes(2.9)
    everybody_stops_listening(group)
    group.passes(0.1)
    assert group.ends == [BurstEnd.REVOKED]
    bert.hears(GRANTED)
    cora.hears(TAKEN)


def test_without_a_grace_it_is_over_at_once() -> None:
    group, anna, bert, _ = three(t3_grace_s=0)
    anna.asks()
    everybody_stops_listening(group)
    group.is_revoked_by_a_dispatcher()
    anna.hears(REVOKE)
    bert.hears(IDLE)
    assert (group.on_air, group.ends) == (None, [BurstEnd.REVOKED])


def test_a_floor_that_nobody_has_cannot_be_taken_back() -> None:
    group, anna, bert, _ = three()
    group.is_revoked_by_a_dispatcher()
    anna.asks()
    anna.releases()
    everybody_stops_listening(group)
    group.is_revoked_by_a_dispatcher()
    anna.hears_nothing_more()
    bert.hears_nothing_more()


def test_a_revoke_in_the_grace_changes_nothing() -> None:
    group, anna, bert, _ = three()
    anna.asks()
    bert.cries_for_help()
    everybody_stops_listening(group)
    group.is_revoked_by_a_dispatcher()
    anna.hears_nothing_more()
    group.passes(3)
    assert group.ends == [BurstEnd.PREEMPTED]

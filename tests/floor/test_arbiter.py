"""The floor of a group, told as conversations (TS 24.380 §6.3.4, §6.3.5)."""

import pytest

from floor.conversation import (
    ACK,
    CONTROL_SSRC,
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
from pttserver.floor.effects import Announce, BurstEnd, BurstEnded, BurstStarted, CallEnded, CallStarted, Send
from pttserver.floor.states import ParticipantState, State
from pttserver.wire.floor_control import (
    DenyCause,
    FloorIndicator,
    FloorMessage,
    MessageType,
    QueueInfo,
    RevokeCause,
    Source,
)

QUEUEING = FloorIndicator.QUEUEING_SUPPORTED


def three(**settings: float) -> tuple[Group, Person, Person, Person]:
    group = Group(**settings)
    people = [group.joined_by(name) for name in ("anna", "bert", "cora")]
    everybody_stops_listening(group)
    return group, *people


def test_a_free_floor_is_granted_and_the_others_are_told() -> None:
    group, anna, bert, cora = three()
    anna.asks()
    granted = anna.hears(GRANTED, duration_s=30, granted_ssrc=FIRST_BURST, ack_required=False, floor_priority=0)
    assert granted.indicator == FloorIndicator.NORMAL | QUEUEING
    assert granted.ssrc == CONTROL_SSRC
    taken = bert.hears(TAKEN, granted_party="sub_anna", functional_alias="anna", granted_ssrc=FIRST_BURST)
    assert taken.permission_to_request is True
    assert taken.indicator == FloorIndicator.NORMAL | QUEUEING
    assert cora.hears(TAKEN) == taken
    anna.hears_nothing_more()
    assert group.arbiter.state is State.FLOOR_TAKEN
    assert group.arbiter.holder is anna.participant


def test_effects_come_in_the_order_in_which_they_must_happen() -> None:
    group, anna, bert, _ = three()
    anna.asks()
    assert [type(effect) for effect in group.log[-4:]] == [CallStarted, BurstStarted, Send, Announce]
    bert.asks()
    group.log.clear()
    anna.releases()
    assert [type(effect) for effect in group.log] == [BurstEnded, BurstStarted, Send, Announce]


def test_a_release_makes_the_floor_idle_for_all() -> None:
    group, anna, bert, _ = three()
    anna.asks()
    everybody_stops_listening(group)
    anna.releases()
    anna.hears(IDLE)
    bert.hears(IDLE)
    assert group.ends == [BurstEnd.RELEASED]
    assert group.arbiter.holder is None


def test_a_release_that_wants_an_ack_gets_one() -> None:
    _group, anna, _, _ = three()
    anna.asks()
    anna.hears(GRANTED)
    anna.releases(ack=True)
    anna.hears(ACK, source=Source.CONTROLLING_FUNCTION, message_type=MessageType.FLOOR_RELEASE)
    anna.hears(IDLE)


def test_who_asks_while_another_talks_waits_in_order_of_arrival() -> None:
    group, anna, bert, cora = three()
    anna.asks()
    everybody_stops_listening(group)
    bert.asks()
    bert.hears(POSITION, queue_info=QueueInfo(1, 0), queue_size=1)
    cora.asks()
    cora.hears(POSITION, queue_info=QueueInfo(2, 0), queue_size=2)
    anna.releases()
    bert.hears(GRANTED, ack_required=True)
    anna.hears(TAKEN, granted_party="sub_bert")
    cora.hears(TAKEN, granted_party="sub_bert")
    cora.asks_for_position()
    cora.hears(POSITION, queue_info=QueueInfo(1, 0))
    assert group.arbiter.view_of(cora.ssrc) is ParticipantState.QUEUED


def test_who_does_not_wait_is_told_position_255() -> None:
    _, anna, bert, _ = three()
    anna.asks_for_position()
    anna.hears(POSITION, queue_info=QueueInfo(255, 0), queue_size=0)
    bert.asks()
    bert.hears(GRANTED)
    bert.asks_for_position()
    bert.hears(POSITION, queue_info=QueueInfo(255, 0))


def test_who_leaves_the_queue_does_not_get_the_floor() -> None:
    group, anna, bert, cora = three()
    anna.asks()
    bert.asks()
    cora.asks()
    everybody_stops_listening(group)
    bert.releases()
    bert.hears(TAKEN, granted_party="sub_anna")
    anna.releases()
    cora.hears(GRANTED)


def test_queueing_off_denies_with_cause_1() -> None:
    _, anna, bert, _ = three(queue_limit=0)
    anna.asks()
    assert anna.hears(GRANTED).indicator == FloorIndicator.NORMAL
    bert.hears(TAKEN, permission_to_request=True)  # an emergency may ask
    bert.asks()
    bert.hears(DENY, reject_cause=DenyCause.ANOTHER_HAS_PERMISSION)


def test_with_queueing_off_nobody_may_ask_over_an_emergency() -> None:
    _, anna, bert, _ = three(queue_limit=0)
    anna.cries_for_help()
    bert.hears(TAKEN, permission_to_request=False)
    bert.cries_for_help()
    bert.hears(DENY, reject_cause=DenyCause.ANOTHER_HAS_PERMISSION)


def test_a_full_queue_denies_with_cause_7() -> None:
    group, anna, bert, cora = three(queue_limit=1)
    anna.asks()
    bert.asks()
    everybody_stops_listening(group)
    cora.asks()
    cora.hears(DENY, reject_cause=DenyCause.QUEUE_FULL)


def test_an_emergency_behind_an_emergency_pushes_an_ordinary_request_out_of_a_full_queue() -> None:
    group, anna, bert, cora = three(queue_limit=1)
    anna.cries_for_help()
    bert.asks()
    everybody_stops_listening(group)
    cora.cries_for_help()
    bert.hears(DENY, reject_cause=DenyCause.QUEUE_FULL)
    cora.hears(POSITION, queue_info=QueueInfo(1, 0))


def test_listen_only_is_denied_with_cause_5_even_in_an_emergency() -> None:
    group, anna, _, _ = three()
    dora = group.joined_by("dora", listen_only=True)
    dora.stops_listening()
    dora.cries_for_help()
    dora.hears(DENY, reject_cause=DenyCause.RECEIVE_ONLY)
    anna.asks()
    dora.hears(TAKEN)
    dora.cries_for_help()
    dora.hears(DENY, reject_cause=DenyCause.RECEIVE_ONLY)


def test_alone_one_is_denied_with_cause_3_but_may_cry_for_help() -> None:
    group = Group()
    anna = group.joined_by("anna")
    anna.hears(IDLE)
    anna.asks()
    anna.hears(DENY, reject_cause=DenyCause.ONLY_ONE_PARTICIPANT)
    assert group.arbiter.state is State.START_STOP
    anna.cries_for_help()
    anna.hears(GRANTED)


def test_the_talker_who_asks_again_gets_the_same_burst_and_the_time_that_remains() -> None:
    _group, anna, bert, _ = three()
    anna.asks()
    first = anna.hears(GRANTED)
    bert.hears(TAKEN)
    anna.talks(10)
    bert.stops_listening()
    anna.asks()
    anna.hears(GRANTED, granted_ssrc=first.granted_ssrc, duration_s=20, sequence_number=first.sequence_number)
    bert.hears_nothing_more()


def test_a_talker_in_trouble_raises_its_burst_to_an_emergency() -> None:
    group, anna, bert, cora = three()
    anna.asks()
    everybody_stops_listening(group)
    anna.cries_for_help()
    anna.hears(GRANTED, granted_ssrc=FIRST_BURST, indicator=FloorIndicator.EMERGENCY | QUEUEING)
    bert.hears(TAKEN, granted_ssrc=FIRST_BURST, indicator=FloorIndicator.EMERGENCY | QUEUEING)
    cora.asks(FloorIndicator.IMMINENT_PERIL)
    assert group.arbiter.state is State.FLOOR_TAKEN


def test_one_who_waits_and_asks_again_keeps_its_place() -> None:
    group, anna, bert, cora = three()
    anna.asks()
    bert.asks()
    cora.asks()
    everybody_stops_listening(group)
    bert.asks()
    bert.hears(POSITION, queue_info=QueueInfo(1, 0), queue_size=2)


def test_one_who_waits_and_cries_for_help_takes_the_floor() -> None:
    group, anna, bert, cora = three()
    anna.asks()
    bert.asks()
    cora.asks()
    everybody_stops_listening(group)
    cora.cries_for_help()
    anna.hears(REVOKE, reject_cause=RevokeCause.PREEMPTED)
    cora.hears(POSITION, queue_info=QueueInfo(1, 0), queue_size=2)
    anna.releases()
    cora.hears(GRANTED)


def test_an_emergency_waits_for_the_grace_of_the_talker_and_no_longer() -> None:
    group, anna, bert, cora = three()
    anna.asks()
    everybody_stops_listening(group)
    bert.cries_for_help()
    anna.hears(REVOKE, reject_cause=RevokeCause.PREEMPTED, granted_ssrc=FIRST_BURST)
    bert.hears(POSITION, queue_info=QueueInfo(1, 0))
    assert group.arbiter.view_of(anna.ssrc) is ParticipantState.PENDING_REVOKE
    group.passes(2.999)
    assert group.arbiter.holder is anna.participant
    bert.stops_listening()
    group.passes(0.001)
    bert.hears(GRANTED, indicator=FloorIndicator.EMERGENCY | QUEUEING)
    assert group.ends == [BurstEnd.PREEMPTED]
    assert cora.ear[-1].granted_party == "sub_bert"


def test_t027_cut_in_ends_the_old_burst_before_the_new_one_starts() -> None:
    group, anna, bert, _ = three(t3_grace_s=0)
    anna.asks()
    group.log.clear()
    bert.cries_for_help()
    kinds = [type(effect) for effect in group.log]
    assert kinds == [Send, BurstEnded, BurstStarted, Send, Announce]
    anna.hears(GRANTED)
    anna.hears(REVOKE, reject_cause=RevokeCause.PREEMPTED)
    anna.hears(TAKEN, granted_party="sub_bert")


@pytest.mark.parametrize("seconds", [0, 3])
def test_t027_at_no_time_do_both_talk(seconds: float) -> None:
    """`Group.perform` refuses BurstStarted while another burst is on air."""
    group, anna, bert, cora = three(t3_grace_s=seconds)
    anna.asks()
    bert.asks(FloorIndicator.IMMINENT_PERIL)
    cora.cries_for_help()
    group.passes(20)
    assert group.log.index(BurstEnded(anna.ssrc, FIRST_BURST, BurstEnd.PREEMPTED)) > 0


def test_an_emergency_does_not_override_an_emergency() -> None:
    group, anna, bert, _ = three()
    anna.cries_for_help()
    everybody_stops_listening(group)
    bert.cries_for_help()
    bert.hears(POSITION, queue_info=QueueInfo(1, 0))
    anna.hears_nothing_more()


def test_who_may_not_preempt_waits_like_everybody() -> None:
    group, anna, _, _ = three()
    dora = group.joined_by("dora", may_preempt=False)
    dora.stops_listening()
    anna.asks()
    dora.hears(TAKEN)
    dora.cries_for_help()
    dora.hears(POSITION)
    assert group.arbiter.state is State.FLOOR_TAKEN


def test_an_emergency_in_the_grace_goes_before_the_peril_that_revoked() -> None:
    group, anna, bert, cora = three(queue_limit=0)
    anna.asks()
    bert.asks(FloorIndicator.IMMINENT_PERIL)
    cora.cries_for_help()
    everybody_stops_listening(group)
    group.passes(3)
    assert cora.ear[-1].type is GRANTED


def test_t029_nobody_talks_longer_than_t2_and_the_grace() -> None:
    group, anna, _bert, _ = three()
    anna.asks()
    everybody_stops_listening(group)
    anna.talks(30)
    anna.hears(REVOKE, reject_cause=RevokeCause.BURST_TOO_LONG)
    anna.talks(3)
    assert group.ends == [BurstEnd.STOP_TALKING]
    assert group.on_air is None
    anna.releases(FIRST_BURST)
    assert group.ends == [BurstEnd.STOP_TALKING]


def test_revoke_is_repeated_until_the_grace_is_over() -> None:
    group, anna, bert, _ = three(t3_grace_s=3.5)
    anna.asks()
    anna.hears(GRANTED)
    bert.cries_for_help()
    group.passes(3.4)
    for _ in range(4):
        anna.hears(REVOKE)
    anna.hears_nothing_more()


def test_a_revoked_talker_who_lost_its_grant_and_asks_again_is_queued() -> None:
    group, anna, bert, _ = three()
    anna.asks()
    bert.cries_for_help()
    everybody_stops_listening(group)
    anna.asks()
    anna.hears(POSITION, queue_info=QueueInfo(2, 0))
    anna.releases()
    assert group.arbiter.view_of(anna.ssrc) is ParticipantState.NOT_PERMITTED_TAKEN


def test_silence_ends_a_burst() -> None:
    group, anna, _bert, _ = three()
    anna.asks()
    anna.talks(5)
    group.passes(2.9)
    assert group.on_air == FIRST_BURST
    group.passes(0.1)
    assert group.ends == [BurstEnd.END_OF_RTP]


def test_a_burst_without_a_single_packet_ends_too() -> None:
    group, anna, _bert, _ = three()
    anna.asks()
    group.passes(4)
    assert group.ends == [BurstEnd.END_OF_RTP]
    assert anna.ear[-1].type is IDLE


def test_voice_may_be_reported_with_an_older_time() -> None:
    group, anna, _, _ = three()
    anna.asks()
    anna.talks(1)
    group.arbiter.media_received(group.now)
    deadline = group.arbiter.next_deadline()
    group.arbiter.media_received(group.now - 0.5)
    assert group.arbiter.next_deadline() == deadline
    group.passes(3.9)
    assert group.on_air == FIRST_BURST


def test_voice_of_the_last_burst_does_not_count_for_the_next() -> None:
    group, anna, bert, _ = three()
    anna.asks()
    bert.asks()
    anna.talks(2)
    anna.releases()
    bert.stops_listening()
    group.passes(1)
    bert.hears(GRANTED, ack_required=True)


@pytest.mark.parametrize("answer", ["ack", "voice"])
def test_a_grant_out_of_the_queue_is_repeated_until_it_is_answered(answer: str) -> None:
    group, anna, bert, _ = three()
    anna.asks()
    bert.asks()
    anna.releases()
    everybody_stops_listening(group)
    group.passes(2.5)
    bert.hears(GRANTED, ack_required=True)
    bert.hears(GRANTED, ack_required=True)
    if answer == "ack":
        bert.acknowledges()
    else:
        group.arbiter.media_received(group.now)
    group.passes(3.9)
    bert.hears_nothing_more()
    assert group.on_air == FIRST_BURST + 1
    group.passes(0.1)
    assert group.ends[-1] is BurstEnd.END_OF_RTP


def test_an_unanswered_grant_out_of_the_queue_goes_to_the_next() -> None:
    group, anna, bert, cora = three()
    anna.asks()
    bert.asks()
    cora.asks()
    anna.releases()
    everybody_stops_listening(group)
    group.passes(3.999)
    assert [message.type for message in bert.ear] == [GRANTED] * 3
    group.passes(0.001)
    assert group.ends[-1] is BurstEnd.NOT_ANSWERED
    assert bert.ear[-1].granted_party == "sub_cora"
    assert cora.ear[-1].type is GRANTED


def test_an_ack_of_another_or_of_something_else_does_not_answer_the_grant() -> None:
    group, anna, bert, cora = three()
    anna.asks()
    bert.asks()
    anna.releases()
    cora.acknowledges()
    bert.says(MessageType.FLOOR_ACK, message_type=MessageType.FLOOR_IDLE)
    bert.says(MessageType.FLOOR_ACK)
    everybody_stops_listening(group)
    group.passes(1)
    bert.hears(GRANTED, ack_required=True)


def test_an_ack_that_nobody_asked_for_does_not_prolong_the_burst() -> None:
    group, anna, _, _ = three()
    anna.asks()
    group.passes(3)
    anna.acknowledges()
    group.passes(1)
    assert group.ends == [BurstEnd.END_OF_RTP]


def test_the_state_towards_each_participant_follows_from_the_whole() -> None:
    group, anna, bert, cora = three()

    def views() -> list[ParticipantState]:
        return [group.arbiter.view_of(person.ssrc) for person in (anna, bert, cora)]

    assert views() == [ParticipantState.START_STOP] * 3
    anna.asks()
    bert.asks()
    taken = ParticipantState.NOT_PERMITTED_TAKEN
    assert views() == [ParticipantState.PERMITTED, ParticipantState.QUEUED, taken]
    cora.cries_for_help()
    assert views() == [ParticipantState.PENDING_REVOKE, ParticipantState.QUEUED, ParticipantState.QUEUED]
    for person in (anna, cora, bert):
        person.releases()
    assert views() == [ParticipantState.NOT_PERMITTED_IDLE] * 3


def test_taken_is_repeated_with_the_same_number() -> None:
    _group, anna, bert, _ = three()
    anna.asks()
    first = bert.hears(TAKEN)
    anna.talks(3)
    assert list(bert.ear) == [first] * 3
    assert [message.type for message in anna.ear] == [GRANTED]


def test_idle_is_repeated_c7_times_with_the_same_number_then_the_call_ends() -> None:
    group, anna, bert, _ = three()
    anna.asks()
    anna.releases()
    bert.stops_listening()
    idle = anna.ear[-1]
    group.passes(29.9)
    assert list(bert.ear) == [idle] * 10
    assert CallEnded() not in group.log
    group.passes(0.1)
    assert group.log[-1] == CallEnded()
    assert group.arbiter.state is State.START_STOP
    assert group.arbiter.next_deadline() is None


def test_c7_may_be_zero() -> None:
    group, anna, bert, _ = three(c7_floor_idle=0)
    anna.asks()
    anna.releases()
    everybody_stops_listening(group)
    group.passes(31)
    bert.hears_nothing_more()


def test_each_change_has_the_next_sequence_number_and_it_wraps() -> None:
    group, anna, bert, _ = three()
    group.arbiter._floor.sequence_number = 0xFFFE
    anna.asks()
    anna.hears(GRANTED, sequence_number=0xFFFF)
    bert.hears(TAKEN, sequence_number=0xFFFF)
    anna.releases()
    bert.hears(IDLE, sequence_number=0)
    bert.asks()
    anna.hears(IDLE)
    anna.hears(TAKEN, sequence_number=1)


def test_a_late_joiner_is_told_who_talks() -> None:
    group, anna, _, _ = three()
    anna.asks()
    dora = group.joined_by("dora")
    dora.hears(TAKEN, granted_party="sub_anna", granted_ssrc=FIRST_BURST, sequence_number=1)
    anna.releases()
    emil = group.joined_by("emil")
    emil.hears(IDLE, sequence_number=2)


def test_a_talker_who_joins_again_is_told_of_its_own_burst() -> None:
    group, anna, bert, _ = three()
    anna.asks()
    anna.hears(GRANTED)
    group.perform(group.arbiter.join(group.now, anna.participant))
    anna.hears(GRANTED, granted_ssrc=FIRST_BURST)
    bert.cries_for_help()
    anna.hears(REVOKE)
    group.perform(group.arbiter.join(group.now, anna.participant))
    anna.hears(REVOKE)


def test_a_talker_who_leaves_ends_its_burst() -> None:
    group, anna, bert, cora = three()
    anna.asks()
    bert.asks()
    everybody_stops_listening(group)
    anna.leaves()
    assert group.ends == [BurstEnd.LEFT]
    bert.hears(GRANTED)
    cora.hears(TAKEN, granted_party="sub_bert")
    anna.hears_nothing_more()


def test_one_who_waits_and_leaves_is_forgotten() -> None:
    group, anna, bert, cora = three()
    anna.asks()
    bert.asks()
    cora.asks()
    bert.leaves()
    everybody_stops_listening(group)
    anna.releases()
    cora.hears(GRANTED)


def test_a_talker_whose_listeners_leave_talks_on() -> None:
    group, anna, bert, cora = three()
    anna.asks()
    bert.leaves()
    cora.leaves()
    assert group.on_air == FIRST_BURST


def test_the_last_one_ends_burst_and_call() -> None:
    group, anna, bert, cora = three()
    anna.asks()
    for person in (bert, cora, anna):
        person.leaves()
    assert group.log[-2:] == [BurstEnded(anna.ssrc, FIRST_BURST, BurstEnd.LEFT), CallEnded()]
    assert group.arbiter.next_deadline() is None
    assert not group.arbiter.participants


def test_a_group_that_never_talked_has_no_call_to_end() -> None:
    group, *people = three()
    for person in people:
        person.leaves()
    assert CallEnded() not in group.log
    people[0].leaves()


def test_t026_release_by_another_or_of_another_burst_has_no_effect() -> None:
    group, anna, bert, cora = three()
    anna.asks()
    cora.asks()
    everybody_stops_listening(group)
    bert.releases()
    bert.hears(TAKEN, granted_party="sub_anna")
    bert.releases(FIRST_BURST)  # foreign
    bert.hears(TAKEN, granted_party="sub_anna")
    anna.releases(4711)  # forged, or expired
    anna.hears(GRANTED, granted_ssrc=FIRST_BURST)
    cora.releases(4711)
    cora.hears(TAKEN)
    assert group.ends == []
    cora.asks_for_position()
    cora.hears(POSITION, queue_info=QueueInfo(1, 0))


def test_t026_a_doubled_release_is_answered_with_the_state() -> None:
    group, anna, bert, _ = three()
    anna.asks()
    anna.releases(FIRST_BURST)
    everybody_stops_listening(group)
    anna.releases(FIRST_BURST)
    anna.hears(IDLE, sequence_number=2)
    anna.releases()
    anna.hears(IDLE, sequence_number=2)
    bert.hears_nothing_more()
    assert group.ends == [BurstEnd.RELEASED]


def test_a_late_release_of_the_last_burst_does_not_end_the_next() -> None:
    group, anna, _, _ = three()
    anna.asks()
    anna.releases(FIRST_BURST)
    anna.asks()
    anna.releases(FIRST_BURST)
    assert group.on_air == FIRST_BURST + 1


def test_t025_of_a_hundred_requests_at_once_exactly_one_is_granted() -> None:
    group = Group(queue_limit=50)
    people = [group.joined_by(f"p{number}") for number in range(100)]
    everybody_stops_listening(group)
    for person in people:
        person.asks()
    answers = [next(m.type for m in person.ear if m.type is not TAKEN) for person in people]
    assert answers.count(GRANTED) == 1
    assert answers.count(POSITION) == 50
    assert answers.count(DENY) == 49


def test_strangers_and_messages_of_servers_are_discarded() -> None:
    group, anna, _, _ = three()
    request = FloorMessage(type=MessageType.FLOOR_REQUEST, ssrc=anna.ssrc)
    assert group.arbiter.receive(group.now, 99, request) == []
    for kind in (GRANTED, TAKEN, DENY, IDLE, REVOKE, POSITION, MessageType.RELEASE_MULTI_TALKER, ACK):
        anna.says(kind)
    anna.hears_nothing_more()
    assert group.arbiter.state is State.START_STOP


def test_a_late_call_of_expire_does_not_repeat_what_was_missed() -> None:
    """The process stood still for ten minutes (SIGSTOP): one step per timer, no avalanche."""
    group, anna, bert, _ = three()
    anna.asks()
    anna.releases()
    everybody_stops_listening(group)
    group.now += 600
    group.perform(group.arbiter.expire(group.now))
    assert len(bert.ear) <= 1
    assert group.arbiter.state is State.START_STOP


def test_what_is_sent_can_be_encoded() -> None:
    group, anna, bert, cora = three(queue_limit=1)
    anna.asks()
    bert.cries_for_help()
    cora.asks()
    group.passes(60)
    for person in group.people.values():
        assert all(FloorMessage.decode(message.encode()) == message for message in person.ear)

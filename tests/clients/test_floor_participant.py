"""The floor participant, told as a talk between a handset (Anna's) and a server played by the test."""

import pytest

from ptthandset.floor_effects import (
    FloorDenied,
    FloorEffect,
    FloorGranted,
    FloorIdle,
    FloorLost,
    FloorOffered,
    FloorQueued,
    FloorTaken,
    RequestTimedOut,
    Transmit,
)
from ptthandset.floor_hearing import is_older
from ptthandset.floor_participant import TABLE, FloorParticipant
from ptthandset.floor_states import FloorState, ParticipantTimers
from pttserver.wire.floor_control import (
    DenyCause,
    FloorIndicator,
    FloorMessage,
    MessageType,
    QueueInfo,
    RevokeCause,
    Source,
)

ANNA, SERVER = 1, 99
REQUEST, RELEASE = MessageType.FLOOR_REQUEST, MessageType.FLOOR_RELEASE
GRANTED, TAKEN, IDLE = MessageType.FLOOR_GRANTED, MessageType.FLOOR_TAKEN, MessageType.FLOOR_IDLE
REVOKE, DENY, POSITION = MessageType.FLOOR_REVOKE, MessageType.FLOOR_DENY, MessageType.QUEUE_POSITION_INFO
ASK_POSITION, ACK = MessageType.QUEUE_POSITION_REQUEST, MessageType.FLOOR_ACK


class Anna:
    """The handset under test: what it transmits goes to `sent`, what it tells its user to `told`."""

    def __init__(self, **timers: float) -> None:
        self.floor = FloorParticipant(ANNA, ParticipantTimers(**timers))
        self.now = 100.0
        self.sent: list[FloorMessage] = []
        self.told: list[FloorEffect] = []

    def does(self, effects: list[FloorEffect]) -> None:
        for effect in effects:
            if isinstance(effect, Transmit):
                self.sent.append(effect.message)
            else:
                self.told.append(effect)

    def presses(self, **request: object) -> None:
        self.does(self.floor.press(self.now, **request))  # type: ignore[arg-type]

    def lets_go(self, *, keep_place: bool = False) -> None:
        self.does(self.floor.release(self.now, keep_place=keep_place))

    def hears(self, kind: MessageType, *, server: int = SERVER, **fields: object) -> None:
        message = FloorMessage(type=kind, ssrc=server, **fields)  # type: ignore[arg-type]
        self.does(self.floor.receive(self.now, message))

    def passes(self, seconds: float) -> None:
        until = self.now + seconds
        while (deadline := self.floor.next_deadline()) is not None and deadline <= until:
            self.now = deadline
            self.does(self.floor.expire(deadline))
        self.now = until

    def has_sent(self, *kinds: MessageType) -> FloorMessage:
        """Exactly these since it was asked last; returns the last one."""
        sent, self.sent = self.sent, []
        assert [message.type.name for message in sent] == [kind.name for kind in kinds]
        return sent[-1]

    def has_sent_nothing(self) -> None:
        assert self.sent == []

    def was_told(self, *effects: FloorEffect) -> None:
        told, self.told = self.told, []
        assert told == list(effects)

    def talks(self, burst: int = 1001, number: int = 1) -> None:
        """Up to the grant, without a trace."""
        self.presses()
        self.hears(GRANTED, granted_ssrc=burst, duration_s=30, sequence_number=number)
        self.has_sent(REQUEST)
        self.was_told(FloorGranted(burst, 30))

    def waits(self) -> None:
        self.presses()
        self.hears(POSITION, queue_info=QueueInfo(1, 0), queue_size=1)
        self.has_sent(REQUEST)
        self.was_told(FloorQueued(1, 0, 1))


@pytest.fixture
def anna() -> Anna:
    return Anna()


# Asking


def test_a_press_asks_and_a_grant_lets_talk(anna: Anna) -> None:
    anna.presses(priority=7, indicator=FloorIndicator.EMERGENCY)
    request = anna.has_sent(REQUEST)
    assert (request.ssrc, request.floor_priority, request.indicator) == (ANNA, 7, FloorIndicator.EMERGENCY)
    assert anna.floor.state is FloorState.PENDING_REQUEST
    anna.hears(GRANTED, granted_ssrc=1001, duration_s=30)
    anna.was_told(FloorGranted(1001, 30))
    assert (anna.floor.state, anna.floor.burst_ssrc) == (FloorState.HAS_PERMISSION, 1001)
    assert anna.floor.next_deadline() is None


def test_a_request_is_repeated_at_doubling_intervals_and_given_up_in_less_than_six_seconds(anna: Anna) -> None:
    anna.presses()
    times = []
    while (deadline := anna.floor.next_deadline()) is not None:
        anna.passes(deadline - anna.now)
        times.append(round(anna.now - 100, 3))
    anna.has_sent(*[REQUEST] * 6)
    assert times == [0.1, 0.3, 0.7, 1.5, 3.1, 5.1]
    anna.was_told(RequestTimedOut())
    assert anna.floor.state is FloorState.NO_PERMISSION


def test_a_denial_ends_the_asking(anna: Anna) -> None:
    anna.presses()
    anna.hears(DENY, reject_cause=DenyCause.QUEUE_FULL, reject_phrase="Too many")
    anna.was_told(FloorDenied(DenyCause.QUEUE_FULL, "Too many"))
    anna.has_sent(REQUEST)
    anna.passes(10)
    anna.has_sent_nothing()


def test_what_others_do_does_not_end_the_asking(anna: Anna) -> None:
    anna.presses()
    anna.hears(TAKEN, granted_ssrc=5, granted_party="sub_b", functional_alias="Bert", sequence_number=1)
    anna.was_told(FloorTaken(5, "sub_b", "Bert"))
    anna.hears(IDLE, sequence_number=2)
    assert anna.floor.state is FloorState.PENDING_REQUEST
    anna.hears(GRANTED, granted_ssrc=1001, sequence_number=3)
    assert anna.floor.state is FloorState.HAS_PERMISSION


def test_a_key_let_go_before_the_answer_releases(anna: Anna) -> None:
    anna.presses()
    anna.lets_go()
    release = anna.has_sent(REQUEST, RELEASE)
    assert (release.ack_required, release.granted_ssrc) == (True, None)
    anna.hears(GRANTED, granted_ssrc=1001)  # crossed on the way
    assert anna.has_sent(RELEASE).granted_ssrc == 1001
    anna.was_told()


def test_a_grant_that_nobody_waits_for_is_given_back(anna: Anna) -> None:
    anna.hears(GRANTED, granted_ssrc=1001, ack_required=True)
    assert anna.has_sent(RELEASE).granted_ssrc == 1001
    anna.was_told()


def test_a_grant_without_ssrc_is_of_no_use(anna: Anna) -> None:
    anna.presses()
    anna.hears(GRANTED)
    assert anna.floor.state is FloorState.PENDING_REQUEST


# Talking


def test_a_repeated_grant_is_acknowledged_and_not_told_again(anna: Anna) -> None:
    anna.talks(1001)
    anna.hears(GRANTED, granted_ssrc=1001, ack_required=True, sequence_number=1)
    ack = anna.has_sent(ACK)
    assert (ack.source, ack.message_type) == (Source.FLOOR_PARTICIPANT, GRANTED)
    anna.was_told()


def test_letting_go_releases_the_burst_by_its_name_until_it_is_acknowledged(anna: Anna) -> None:
    anna.talks(1001)
    anna.lets_go()
    anna.passes(0.3)
    assert anna.has_sent(RELEASE, RELEASE, RELEASE).granted_ssrc == 1001
    anna.hears(ACK, message_type=RELEASE)
    assert (anna.floor.state, anna.floor.burst_ssrc) == (FloorState.NO_PERMISSION, None)
    anna.passes(9)
    anna.has_sent_nothing()


@pytest.mark.parametrize("kind", [IDLE, TAKEN])
def test_a_newer_state_of_the_floor_ends_a_release_too(anna: Anna, kind: MessageType) -> None:
    anna.talks(1001)
    anna.lets_go()
    anna.hears(kind, granted_ssrc=7 if kind is TAKEN else None, sequence_number=2)
    assert anna.floor.state is FloorState.NO_PERMISSION


def test_an_ack_of_something_else_does_not_end_a_release(anna: Anna) -> None:
    anna.talks()
    anna.lets_go()
    anna.hears(ACK, message_type=GRANTED)
    anna.hears(ACK)
    assert anna.floor.state is FloorState.PENDING_RELEASE


def test_a_release_that_nobody_answers_is_given_up(anna: Anna) -> None:
    anna.talks()
    anna.lets_go()
    anna.passes(6)
    anna.has_sent(*[RELEASE] * 6)
    assert anna.floor.state is FloorState.NO_PERMISSION


def test_a_key_pressed_during_a_release_counts_when_it_is_over(anna: Anna) -> None:
    anna.talks()
    anna.lets_go()
    anna.presses()
    anna.has_sent(RELEASE)
    anna.hears(ACK, message_type=RELEASE)
    anna.has_sent(REQUEST)
    assert anna.floor.state is FloorState.PENDING_REQUEST


def test_a_key_pressed_and_let_go_during_a_release_does_not_count(anna: Anna) -> None:
    anna.talks()
    anna.lets_go()
    anna.presses()
    anna.lets_go()
    anna.hears(ACK, message_type=RELEASE)
    anna.has_sent(RELEASE)


def test_a_revoke_is_obeyed_at_once_and_the_key_must_be_pressed_anew(anna: Anna) -> None:
    anna.talks(1001)
    anna.hears(REVOKE, reject_cause=RevokeCause.PREEMPTED, granted_ssrc=1001)
    anna.was_told(FloorLost(1001, must_stop=True, cause=RevokeCause.PREEMPTED))
    assert anna.has_sent(RELEASE).granted_ssrc == 1001
    anna.hears(REVOKE, reject_cause=RevokeCause.PREEMPTED, granted_ssrc=1001)
    anna.hears(ACK, message_type=RELEASE)
    anna.has_sent_nothing()
    anna.was_told()
    assert anna.floor.state is FloorState.NO_PERMISSION


def test_a_revoke_of_another_burst_is_not_obeyed_but_one_without_a_name_is(anna: Anna) -> None:
    anna.talks(1001)
    anna.hears(REVOKE, reject_cause=RevokeCause.PREEMPTED, granted_ssrc=1000)
    assert anna.floor.state is FloorState.HAS_PERMISSION
    anna.hears(REVOKE, reject_cause=RevokeCause.BURST_TOO_LONG)
    assert anna.floor.state is FloorState.PENDING_RELEASE


@pytest.mark.parametrize("kind", [IDLE, TAKEN])
def test_a_newer_state_of_the_floor_takes_the_burst_away(anna: Anna, kind: MessageType) -> None:
    anna.talks(1001, number=5)
    anna.hears(kind, granted_ssrc=7 if kind is TAKEN else None, sequence_number=6)
    heard = FloorTaken(7, None, None) if kind is TAKEN else FloorIdle()
    anna.was_told(FloorLost(1001, must_stop=False), heard)
    assert anna.floor.state is FloorState.NO_PERMISSION
    anna.lets_go()
    anna.has_sent_nothing()


@pytest.mark.parametrize("kind", [IDLE, TAKEN])
def test_a_stale_state_of_the_floor_does_not(anna: Anna, kind: MessageType) -> None:
    anna.talks(1001, number=5)
    anna.hears(kind, granted_ssrc=7 if kind is TAKEN else None, sequence_number=4)
    anna.was_told()
    assert anna.floor.state is FloorState.HAS_PERMISSION


def test_a_late_grant_of_the_last_burst_does_not_answer_the_next_request(anna: Anna) -> None:
    anna.talks(1001)
    anna.lets_go()
    anna.hears(ACK, message_type=RELEASE)
    anna.presses()
    anna.hears(GRANTED, granted_ssrc=1001, ack_required=True, sequence_number=1)
    anna.has_sent(RELEASE, REQUEST)
    assert anna.floor.state is FloorState.PENDING_REQUEST


# Waiting


def test_a_grant_out_of_the_queue_is_acknowledged_and_taken(anna: Anna) -> None:
    anna.waits()
    anna.hears(GRANTED, granted_ssrc=1002, duration_s=30, ack_required=True)
    anna.was_told(FloorGranted(1002, 30))
    assert anna.has_sent(ACK).message_type == GRANTED


def test_who_waits_asks_for_its_position_now_and_then(anna: Anna) -> None:
    anna.waits()
    anna.passes(2)
    anna.has_sent(ASK_POSITION)
    anna.hears(POSITION, queue_info=QueueInfo(1, 0), queue_size=1)
    anna.was_told(FloorQueued(1, 0, 1))
    anna.passes(7.9)
    anna.has_sent(ASK_POSITION, ASK_POSITION, ASK_POSITION)
    anna.was_told()
    anna.passes(0.1)
    anna.was_told(RequestTimedOut())
    anna.has_sent(RELEASE)


def test_who_lost_its_place_asks_again(anna: Anna) -> None:
    anna.waits()
    anna.hears(POSITION, queue_info=QueueInfo(255, 0))
    anna.has_sent(REQUEST)
    assert anna.floor.state is FloorState.PENDING_REQUEST


def test_who_is_pushed_out_of_the_queue_is_told(anna: Anna) -> None:
    anna.waits()
    anna.hears(DENY, reject_cause=DenyCause.QUEUE_FULL)
    anna.was_told(FloorDenied(DenyCause.QUEUE_FULL))
    assert anna.floor.state is FloorState.NO_PERMISSION


def test_letting_go_leaves_the_queue_and_only_its_ack_says_so(anna: Anna) -> None:
    anna.waits()
    anna.lets_go()
    assert anna.has_sent(RELEASE).granted_ssrc is None
    anna.hears(TAKEN, granted_ssrc=5, sequence_number=9)
    assert anna.floor.state is FloorState.PENDING_RELEASE
    anna.hears(ACK, message_type=RELEASE)
    assert anna.floor.state is FloorState.NO_PERMISSION


def test_an_emergency_while_waiting_asks_anew(anna: Anna) -> None:
    anna.waits()
    anna.presses(indicator=FloorIndicator.EMERGENCY)
    assert anna.has_sent(REQUEST).indicator == FloorIndicator.EMERGENCY


def test_who_keeps_its_place_with_the_key_up_is_offered_its_turn(anna: Anna) -> None:
    anna.waits()
    anna.lets_go(keep_place=True)
    anna.has_sent_nothing()
    anna.hears(GRANTED, granted_ssrc=1002, ack_required=True)
    anna.was_told(FloorOffered(1002))
    anna.hears(GRANTED, granted_ssrc=1002, ack_required=True)
    anna.was_told()
    anna.has_sent(ACK, ACK)
    anna.presses()
    anna.was_told(FloorGranted(1002))
    assert anna.floor.state is FloorState.HAS_PERMISSION


def test_a_turn_that_nobody_takes_within_t132_is_given_back(anna: Anna) -> None:
    anna.waits()
    anna.lets_go(keep_place=True)
    anna.hears(GRANTED, granted_ssrc=1002)
    for position in (1, 255):  # overtaken by the grant
        anna.hears(POSITION, queue_info=QueueInfo(position, 0))
    anna.passes(1.9)
    anna.has_sent_nothing()
    anna.passes(0.1)
    assert anna.has_sent(RELEASE).granted_ssrc == 1002


# Hearing


def test_taken_is_told_once_and_idle_too(anna: Anna) -> None:
    for _ in range(3):
        anna.hears(TAKEN, granted_ssrc=5, functional_alias="Bert", permission_to_request=False, sequence_number=1)
    anna.was_told(FloorTaken(5, None, "Bert", None, may_request=False))
    assert anna.floor.talker_ssrc == 5
    for _ in range(3):
        anna.hears(IDLE, sequence_number=2)
    anna.was_told(FloorIdle())
    assert anna.floor.talker_ssrc is None


def test_a_stale_taken_is_ignored_and_numbers_wrap(anna: Anna) -> None:
    anna.hears(IDLE, sequence_number=0xFFFF)
    anna.hears(TAKEN, granted_ssrc=5, sequence_number=0xFFFE)
    anna.was_told(FloorIdle())
    anna.hears(TAKEN, granted_ssrc=6, sequence_number=0)
    anna.was_told(FloorTaken(6, None, None))


def test_another_server_counts_anew(anna: Anna) -> None:
    anna.hears(IDLE, sequence_number=500)
    anna.hears(TAKEN, server=98, granted_ssrc=6, sequence_number=1)
    assert anna.floor.talker_ssrc == 6


def test_t103_silence_from_the_network_is_an_idle_floor(anna: Anna) -> None:
    anna.hears(TAKEN, granted_ssrc=5, sequence_number=1)
    anna.passes(3)
    anna.floor.media_received(anna.now)
    anna.passes(3.9)
    assert anna.floor.talker_ssrc == 5
    anna.passes(0.1)
    assert anna.told[-1] == FloorIdle()
    assert anna.floor.next_deadline() is None


def test_voice_without_taken_starts_no_timer(anna: Anna) -> None:
    anna.floor.media_received(anna.now)
    assert anna.floor.next_deadline() is None


def test_whoever_wants_an_ack_gets_one(anna: Anna) -> None:
    anna.hears(IDLE, ack_required=True)
    assert anna.has_sent(ACK).message_type == IDLE


def test_what_only_participants_send_is_discarded(anna: Anna) -> None:
    for kind in (REQUEST, RELEASE, ASK_POSITION, MessageType.RELEASE_MULTI_TALKER, POSITION):
        anna.hears(kind)
    anna.has_sent_nothing()
    anna.was_told()


def test_letting_go_of_a_key_that_was_not_down_does_nothing(anna: Anna) -> None:
    anna.lets_go()
    anna.has_sent_nothing()


@pytest.mark.parametrize(
    ("number", "newest", "older"),
    [(1, 2, True), (2, 2, False), (3, 2, False), (0xFFFF, 0, True), (0, 0xFFFF, False), (0, 0x8000, False)],
)
def test_serial_numbers(number: int, newest: int, older: bool) -> None:
    assert is_older(number, newest) is older


def test_every_state_is_in_the_table() -> None:
    assert set(TABLE) == set(FloorState)

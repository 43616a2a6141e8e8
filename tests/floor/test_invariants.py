"""Thousands of lives of a floor in simulated time: what must hold whatever people do, and in whatever order.

Never two holders; no floor outlives its talker, nor T2 and T3; an emergency wins within the grace; whoever asks is
answered, and whoever waits gets the floor or a refusal in bounded time.
"""

from itertools import count

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from pttserver.config import FloorTimerSettings
from pttserver.floor.arbiter import Arbiter
from pttserver.floor.effects import Announce, BurstEnded, BurstStarted, CallEnded, CallStarted, Effect, Send
from pttserver.floor.participant import Participant
from pttserver.floor.priority import EffectivePriority, Kind, effective_priority
from pttserver.floor.states import ParticipantState, State
from pttserver.wire.floor_control import FloorIndicator, FloorMessage, MessageType
from thorough import tries

RUNS = tries(1_500, thorough=10_000)
STEPS = 12
PEOPLE = st.integers(1, 5)
INDICATORS = st.sampled_from([None, FloorIndicator.NORMAL, FloorIndicator.IMMINENT_PERIL, FloorIndicator.EMERGENCY])
ANSWERS = {
    MessageType.FLOOR_GRANTED,
    MessageType.FLOOR_DENY,
    MessageType.QUEUE_POSITION_INFO,
}
T1, T2, T4, T20, C20 = 4.0, 10.0, 15.0, 1.0, 2
PATIENCE_S = 5 * (T2 + 3.0 + T20 * (C20 + 1)) + 1  # five people, each with the longest burst


class FloorLife(RuleBasedStateMachine):
    """The model is the list of effects: who is on air, since when, and who was promised what."""

    @initialize(grace=st.sampled_from([0.0, 3.0]), queue_limit=st.sampled_from([0, 1, 3, 10]))
    def opens(self, grace: float, queue_limit: int) -> None:
        self.settings = FloorTimerSettings(
            t1_end_of_rtp_s=T1,
            t2_stop_talking_s=T2,
            t3_grace_s=grace,
            t4_inactivity_s=T4,
            t20_floor_granted_s=T20,
            c20_floor_granted=C20,
            queue_limit=queue_limit,
        )
        drawn = count(100)
        self.arbiter = Arbiter(99, self.settings, lambda: next(drawn))
        self.now = 0.0
        self.on_air: BurstStarted | None = None
        self.on_air_since = 0.0
        self.in_call = False
        self.seen_bursts: set[int] = set()
        self.number = 0
        for ssrc in (1, 2, 3):
            self.joins(ssrc, 10 * ssrc, False)

    # What people do

    @rule(ssrc=PEOPLE, priority=st.integers(0, 255), listen_only=st.booleans(), implicit=st.booleans())
    def joins(self, ssrc: int, priority: int, listen_only: bool, implicit: bool = False) -> None:
        if ssrc not in self.arbiter.participants:
            newcomer = Participant(
                ssrc,
                f"sub_{ssrc}",
                priority=priority,
                listen_only=listen_only,
                may_preempt=True,
                implicit_request=implicit,
            )
            told = self.performs(self.arbiter.join(self.now, newcomer))
            answers = {e.message.type for e in told if isinstance(e, Send) and e.to_ssrc == ssrc}
            assert ANSWERS & answers if implicit else len(told) == 1

    @rule(ssrc=PEOPLE)
    def leaves(self, ssrc: int) -> None:
        self.performs(self.arbiter.leave(self.now, ssrc))

    @rule(ssrc=PEOPLE, indicator=INDICATORS, priority=st.none() | st.integers(0, 255))
    def asks(self, ssrc: int, indicator: FloorIndicator | None, priority: int | None) -> None:
        message = FloorMessage(type=MessageType.FLOOR_REQUEST, ssrc=ssrc, indicator=indicator, floor_priority=priority)
        present = self.arbiter.participants.get(ssrc)
        effects = self.says(ssrc, message)
        if present is None:
            assert effects == []
            return
        answers = [e.message.type for e in effects if isinstance(e, Send) and e.to_ssrc == ssrc]
        assert ANSWERS & set(answers), "whoever asks is answered at once"
        if not present.listen_only:
            self.emergency_wins(present, effective_priority(present, message))

    def emergency_wins(self, asker: Participant, asked: EffectivePriority) -> None:
        """Nobody of a lower kind talks on beside an emergency, but in the grace."""
        talks = self.arbiter.holder is asker
        burst = self.arbiter._floor.burst
        assert burst is not None or not asked.pre_emptive
        if asked.kind is Kind.EMERGENCY and not talks and burst and burst.priority.kind is not Kind.EMERGENCY:
            assert self.arbiter.state is State.PENDING_REVOKE
            assert self.arbiter.view_of(asker.ssrc) is ParticipantState.QUEUED
            first = self.arbiter._floor.queue._waiting[0]
            assert first.priority.kind is Kind.EMERGENCY

    @rule(ssrc=PEOPLE, named=st.sampled_from(["none", "present", "stale"]), ack=st.booleans())
    def releases(self, ssrc: int, named: str, ack: bool) -> None:
        burst = {"none": None, "present": self.arbiter.burst_ssrc, "stale": 7}[named]
        before = self.on_air
        effects = self.says(
            ssrc,
            FloorMessage(type=MessageType.FLOOR_RELEASE, ssrc=ssrc, granted_ssrc=burst, ack_required=ack),
        )
        assert bool(effects) == (ssrc in self.arbiter.participants)
        if before and (before.participant_ssrc != ssrc or named == "stale"):
            assert self.on_air == before, "only the talker releases, and only its present burst"

    @rule()
    def a_dispatcher_takes_the_floor_back(self) -> None:
        talking = self.arbiter.state is State.FLOOR_TAKEN
        self.performs(self.arbiter.revoke(self.now))
        assert not talking or self.arbiter.state is not State.FLOOR_TAKEN or self.on_air_since == self.now

    @rule(condition=st.sampled_from([FloorIndicator(0), FloorIndicator.IMMINENT_PERIL]))
    def the_condition_changes(self, condition: FloorIndicator) -> None:
        before = self.arbiter.state, self.on_air, self.arbiter.next_deadline()
        self.performs(self.arbiter.change_condition(self.now, condition))
        assert before == (self.arbiter.state, self.on_air, self.arbiter.next_deadline())

    @rule(ssrc=PEOPLE, kind=st.sampled_from(MessageType), acknowledged=st.none() | st.integers(0, 31))
    def says_anything(self, ssrc: int, kind: MessageType, acknowledged: int | None) -> None:
        self.says(ssrc, FloorMessage(type=kind, ssrc=ssrc, message_type=acknowledged))

    @rule(age=st.sampled_from([0.0, 0.3]))
    def talks(self, age: float) -> None:
        if self.on_air:
            self.arbiter.media_received(self.now - age)

    @rule(seconds=st.sampled_from([0.5, 1.0, 3.0, 9.0]))
    def time_passes(self, seconds: float) -> None:
        until = self.now + seconds
        while (deadline := self.arbiter.next_deadline()) is not None and deadline <= until:
            self.now = max(self.now, deadline)
            self.performs(self.arbiter.expire(self.now))
        self.now = until

    @rule(seconds=st.sampled_from([2.0, 30.0]))
    def time_jumps(self, seconds: float) -> None:
        """The process stood still."""
        self.now += seconds
        self.performs(self.arbiter.expire(self.now))

    # What the effects say

    def says(self, ssrc: int, message: FloorMessage) -> list[Effect]:
        return self.performs(self.arbiter.receive(self.now, ssrc, message))

    def performs(self, effects: list[Effect]) -> list[Effect]:
        for effect in effects:
            match effect:
                case BurstStarted(_, burst):
                    assert self.in_call
                    assert self.on_air is None, "two holders"
                    assert burst not in self.seen_bursts, "a burst SSRC is never used twice"
                    self.seen_bursts.add(burst)
                    self.on_air, self.on_air_since = effect, self.now
                case BurstEnded(ssrc, burst, _):
                    assert self.on_air == BurstStarted(ssrc, burst)
                    self.on_air = None
                case CallStarted():
                    assert not self.in_call
                    self.in_call = True
                case CallEnded():
                    assert self.in_call
                    assert self.on_air is None
                    self.in_call = False
                case Send(to_ssrc, message):
                    assert to_ssrc in self.arbiter.participants
                    self.hears(to_ssrc, message)
                case Announce(message, besides):
                    assert besides == (self.on_air.participant_ssrc if self.on_air else None)
                    self.hears(None, message)
        return effects

    def hears(self, ssrc: int | None, message: FloorMessage) -> None:
        """A talker is told its burst, the others whom they hear; numbers only grow."""
        if message.type in (MessageType.FLOOR_GRANTED, MessageType.FLOOR_TAKEN):
            assert self.on_air is not None
            assert message.granted_ssrc == self.on_air.burst_ssrc
            granted = message.type is MessageType.FLOOR_GRANTED
            assert granted == (self.on_air.participant_ssrc == ssrc)
        if message.sequence_number is not None:
            assert message.sequence_number >= self.number
            self.number = message.sequence_number

    # What holds at all times

    @invariant()
    def the_machine_and_its_effects_agree(self) -> None:
        holder = self.arbiter.holder
        assert (holder.ssrc if holder else None) == (self.on_air.participant_ssrc if self.on_air else None)
        assert self.arbiter.burst_ssrc == (self.on_air.burst_ssrc if self.on_air else None)
        talking = (State.FLOOR_TAKEN, State.PENDING_REVOKE)
        assert (self.arbiter.state in talking) == (self.on_air is not None)
        assert (self.arbiter.state is State.START_STOP) != self.in_call

    @invariant()
    def an_idle_floor_keeps_nobody_waiting(self) -> None:
        floor = self.arbiter._floor
        waiting = [request.ssrc for request in floor.queue._waiting]
        assert not waiting or self.on_air
        assert set(waiting) <= set(self.arbiter.participants)
        assert len(set(waiting)) == len(waiting)

    @invariant()
    def no_floor_outlives_its_talker(self) -> None:
        if self.on_air:
            assert self.on_air.participant_ssrc in self.arbiter.participants
            deadline = self.arbiter.next_deadline()
            assert deadline is not None
            longest = T2 + self.settings.t3_grace_s
            assert self.now <= max(self.on_air_since + longest, deadline)

    def teardown(self) -> None:
        """Nobody does anything any more: everyone who waits has its turn, then the call ends."""
        waiting = {request.ssrc for request in self.arbiter._floor.queue._waiting}
        served: set[int] = set()
        until = self.now + PATIENCE_S
        while (deadline := self.arbiter.next_deadline()) is not None and deadline <= until:
            self.now = max(self.now, deadline)
            effects = self.performs(self.arbiter.expire(self.now))
            served |= {effect.participant_ssrc for effect in effects if isinstance(effect, BurstStarted)}
        assert waiting == served
        self.now = until
        self.time_passes(T4)
        assert self.arbiter.state is State.START_STOP
        assert self.arbiter.next_deadline() is None


FloorLife.TestCase.settings = settings(
    max_examples=RUNS,
    stateful_step_count=STEPS,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
TestFloorLife = FloorLife.TestCase

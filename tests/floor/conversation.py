"""A group at its floor, told as a conversation: `anna.asks(); anna.hears(GRANTED); bert.hears(TAKEN)`.

Time is simulated and stands still but in `passes`. Whatever is not read by `hears` stays in a person's ear until
`hears_nothing_more` finds it. Every step is checked for two holders.
"""

from collections import deque
from dataclasses import dataclass, field
from itertools import count

from pttserver.config import FloorTimerSettings
from pttserver.floor.arbiter import Arbiter
from pttserver.floor.effects import Announce, BurstEnd, BurstEnded, BurstStarted, Effect, Send
from pttserver.floor.participant import Participant
from pttserver.wire.floor_control import NO_CONDITION, FloorIndicator, FloorMessage, MessageType

GRANTED = MessageType.FLOOR_GRANTED
TAKEN = MessageType.FLOOR_TAKEN
DENY = MessageType.FLOOR_DENY
IDLE = MessageType.FLOOR_IDLE
REVOKE = MessageType.FLOOR_REVOKE
POSITION = MessageType.QUEUE_POSITION_INFO
ACK = MessageType.FLOOR_ACK

CONTROL_SSRC = 0xC0
FIRST_BURST = 1001


class Group:
    """One arbiter and the people at it."""

    def __init__(self, condition: FloorIndicator = NO_CONDITION, **settings: float) -> None:
        draw = count(FIRST_BURST)
        self.settings = FloorTimerSettings.model_validate(settings)
        self.arbiter = Arbiter(CONTROL_SSRC, self.settings, lambda: next(draw), condition)
        self.now = 5000.0
        self.people: dict[int, Person] = {}
        self.log: list[Effect] = []
        self.on_air: int | None = None
        self.ends: list[BurstEnd] = []

    def joined_by(self, name: str, **facts: int | bool) -> "Person":
        facts = {"may_preempt": True, **facts}
        participant = Participant(ssrc=len(self.people) + 1, user_id=f"sub_{name}", functional_alias=name, **facts)
        person = Person(self, participant)
        self.people[participant.ssrc] = person
        self.perform(self.arbiter.join(self.now, participant))
        return person

    def is_in(self, condition: FloorIndicator) -> None:
        """What the group is, and the state that it is in, from now on."""
        self.perform(self.arbiter.change_condition(self.now, condition))

    def is_revoked_by_a_dispatcher(self) -> None:
        self.perform(self.arbiter.revoke(self.now))

    def passes(self, seconds: float) -> None:
        """Time goes by, from deadline to deadline."""
        until = self.now + seconds
        while (deadline := self.arbiter.next_deadline()) is not None and deadline <= until:
            self.now = max(self.now, deadline)
            self.perform(self.arbiter.expire(self.now))
        self.now = until

    def perform(self, effects: list[Effect]) -> None:
        self.log += effects
        for effect in effects:
            self._perform(effect)
        assert self.on_air == self.arbiter.burst_ssrc

    def _perform(self, effect: Effect) -> None:
        match effect:
            case Send(to_ssrc, message):
                self.people[to_ssrc].ear.append(message)
            case Announce(message, besides):
                for ssrc in self.arbiter.participants:
                    if ssrc != besides:
                        self.people[ssrc].ear.append(message)
            case BurstStarted(_, burst):
                assert self.on_air is None, "two holders"
                self.on_air = burst
            case BurstEnded(_, burst, reason):
                assert self.on_air == burst
                self.on_air = None
                self.ends.append(reason)


@dataclass
class Person:
    """One participant: what it does, and what it hears."""

    group: Group
    participant: Participant
    ear: deque[FloorMessage] = field(default_factory=deque)

    @property
    def ssrc(self) -> int:
        return self.participant.ssrc

    def says(self, kind: MessageType, **fields: object) -> None:
        message = FloorMessage(type=kind, ssrc=self.ssrc, **fields)  # type: ignore[arg-type]
        self.group.perform(self.group.arbiter.receive(self.group.now, self.ssrc, message))

    def asks(self, indicator: FloorIndicator = FloorIndicator.NORMAL, priority: int | None = None) -> None:
        self.says(MessageType.FLOOR_REQUEST, indicator=indicator, floor_priority=priority)

    def cries_for_help(self) -> None:
        self.asks(FloorIndicator.EMERGENCY)

    def releases(self, burst_ssrc: int | None = None, *, ack: bool = False) -> None:
        self.says(MessageType.FLOOR_RELEASE, granted_ssrc=burst_ssrc, ack_required=ack)

    def acknowledges(self) -> None:
        self.says(MessageType.FLOOR_ACK, message_type=MessageType.FLOOR_GRANTED)

    def asks_for_position(self) -> None:
        self.says(MessageType.QUEUE_POSITION_REQUEST)

    def talks(self, seconds: float) -> None:
        """Voice once a second."""
        for _ in range(int(seconds)):
            self.group.arbiter.media_received(self.group.now)
            self.group.passes(1)

    def leaves(self) -> None:
        self.group.perform(self.group.arbiter.leave(self.group.now, self.ssrc))

    def hears(self, kind: MessageType, **fields: object) -> FloorMessage:
        assert self.ear, f"{self.participant.functional_alias} hears nothing instead of {kind.name}"
        message = self.ear.popleft()
        heard = {name: getattr(message, name) for name in fields}
        assert (message.type.name, heard) == (kind.name, fields)
        return message

    def hears_nothing_more(self) -> None:
        assert not self.ear, [message.type.name for message in self.ear]

    def stops_listening(self) -> None:
        """What was said so far does not matter."""
        self.ear.clear()


def everybody_stops_listening(group: Group) -> None:
    for person in group.people.values():
        person.stops_listening()

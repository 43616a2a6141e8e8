"""Effective priority of a request: emergency, imminent peril, chair, then a number (TS 24.380 §4.1.1.4)."""

from enum import IntEnum
from typing import NamedTuple

from pttserver.floor.participant import Participant
from pttserver.wire.floor_control import FloorIndicator, FloorMessage


class Kind(IntEnum):
    """What outweighs every number, in rising order."""

    ORDINARY = 0
    CHAIR = 1
    IMMINENT_PERIL = 2
    EMERGENCY = 3


class EffectivePriority(NamedTuple):
    """Orders requests: first by kind, then by number (0-255); the greater goes first."""

    kind: Kind
    number: int

    @property
    def pre_emptive(self) -> bool:
        return self.kind >= Kind.IMMINENT_PERIL

    def overrides(self, talking: "EffectivePriority") -> bool:
        """Takes the floor from a talker of priority `talking`: pre-emptive, and of a higher kind."""
        return self.pre_emptive and self.kind > talking.kind

    @property
    def indicator(self) -> FloorIndicator:
        """The call type that Floor Granted and Floor Taken tell (TS 24.380 §8.2.3.15)."""
        return _INDICATORS.get(self.kind, FloorIndicator.NORMAL)


_INDICATORS = {
    Kind.IMMINENT_PERIL: FloorIndicator.IMMINENT_PERIL,
    Kind.EMERGENCY: FloorIndicator.EMERGENCY,
}


def effective_priority(participant: Participant, message: FloorMessage, *, in_peril: bool = False) -> EffectivePriority:
    """Priority of the participant's message: what it asks for, but at most what is provisioned.

    `in_peril`: the group is in imminent peril, so whoever claims it is believed.
    """
    asked = message.floor_priority
    number = participant.priority if asked is None else min(asked, participant.priority)
    return EffectivePriority(_kind(participant, message.indicator or FloorIndicator(0), in_peril), number)


def _kind(participant: Participant, indicator: FloorIndicator, in_peril: bool) -> Kind:
    if participant.may_preempt and indicator & FloorIndicator.EMERGENCY:
        return Kind.EMERGENCY
    if (participant.may_preempt or in_peril) and indicator & FloorIndicator.IMMINENT_PERIL:
        return Kind.IMMINENT_PERIL
    return Kind.CHAIR if participant.chair else Kind.ORDINARY

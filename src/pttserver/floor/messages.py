"""The messages of the floor control server (TS 24.380 §8.2): which fields each of them carries here.

Three fields stand in messages for which the standard does not list them. They make late and doubled
datagrams harmless, and who does not look for them reads over them:
- Message Sequence-Number in Floor Granted: tells the talker a stale Floor Idle or Floor Taken from one that
  ends its burst;
- SSRC in Floor Revoke: a late repetition does not stop the talker's next burst;
- SSRC in Floor Release (from our clients): a late repetition does not release the talker's next burst.
"""

from pttserver.floor.burst import Burst
from pttserver.floor.participant import Participant
from pttserver.floor.priority import EffectivePriority, Kind
from pttserver.floor.queue import FloorQueue, Request
from pttserver.wire.floor_control import (
    NO_CONDITION,
    NOT_QUEUED,
    DenyCause,
    FloorIndicator,
    FloorMessage,
    MessageType,
    QueueInfo,
    RevokeCause,
    Source,
)

POSITION_UNKNOWN = 254  # "queued, position unknown": what does not fit below it

_DENY_PHRASES = {
    DenyCause.ANOTHER_HAS_PERMISSION: "Another participant has the floor",
    DenyCause.ONLY_ONE_PARTICIPANT: "Nobody else is here",
    DenyCause.RECEIVE_ONLY: "Listen only",
    DenyCause.QUEUE_FULL: "Too many are waiting",
}
_REVOKE_PHRASES = {  # apart: the numbers of the two are the same
    RevokeCause.BURST_TOO_LONG: "Talked too long",
    RevokeCause.PREEMPTED: "Overridden",
    RevokeCause.NO_PERMISSION_TO_SEND: "A dispatcher took the floor back",
}
_URGENT = FloorIndicator.EMERGENCY | FloorIndicator.IMMINENT_PERIL


class ServerMessages:
    """Writes the messages of one group's floor control server.

    `condition`: what the group is (temporary, broadcast) and the state that it is in (emergency, imminent peril);
    Floor Granted, Floor Taken and Floor Idle tell it.
    """

    __slots__ = ("_control_ssrc", "_queueing", "condition")

    def __init__(self, control_ssrc: int, *, queueing: bool, condition: FloorIndicator = NO_CONDITION) -> None:
        self._control_ssrc = control_ssrc
        self._queueing = queueing
        self.condition = condition

    def granted(self, burst: Burst, now: float, number: int) -> FloorMessage:
        """Floor Granted (§8.2.5) with the duration that remains; out of the queue it asks for Floor Ack."""
        return FloorMessage(
            type=MessageType.FLOOR_GRANTED,
            ssrc=self._control_ssrc,
            ack_required=burst.unanswered,
            floor_priority=burst.priority.number,
            duration_s=burst.remaining_s(now),
            sequence_number=number,
            indicator=self._indicator(burst.priority),
            granted_ssrc=burst.ssrc,
        )

    def taken(self, burst: Burst, talker: Participant, number: int) -> FloorMessage:
        """Floor Taken (§8.2.9)."""
        return FloorMessage(
            type=MessageType.FLOOR_TAKEN,
            ssrc=self._control_ssrc,
            granted_party=talker.user_id,
            functional_alias=talker.functional_alias or None,
            permission_to_request=self._may_request(burst),
            sequence_number=number,
            indicator=self._indicator(burst.priority),
            granted_ssrc=burst.ssrc,
        )

    def idle(self, number: int) -> FloorMessage:
        """Floor Idle (§8.2.8); of a group without a condition to tell it has no Floor Indicator."""
        return FloorMessage(
            type=MessageType.FLOOR_IDLE,
            ssrc=self._control_ssrc,
            sequence_number=number,
            indicator=self._with_condition(NO_CONDITION) if self.condition else None,
        )

    def deny(self, cause: DenyCause) -> FloorMessage:
        """Floor Deny (§8.2.6)."""
        return FloorMessage(
            type=MessageType.FLOOR_DENY,
            ssrc=self._control_ssrc,
            reject_cause=cause,
            reject_phrase=_DENY_PHRASES.get(cause, ""),
        )

    def revoke(self, burst: Burst) -> FloorMessage:
        """Floor Revoke (§8.2.10) of a burst whose `revoke_cause` is set."""
        cause = burst.revoke_cause or RevokeCause.OTHER
        return FloorMessage(
            type=MessageType.FLOOR_REVOKE,
            ssrc=self._control_ssrc,
            reject_cause=cause,
            reject_phrase=_REVOKE_PHRASES.get(cause, ""),
            granted_ssrc=burst.ssrc,
        )

    def position(self, queue: FloorQueue, asker: Request) -> FloorMessage:
        """Floor Queue Position Info (§8.2.12): position 255 says that the asker does not wait."""
        place = queue.position(asker.ssrc)
        waiting = queue.find(asker.ssrc) or asker
        shown = NOT_QUEUED if place is None else min(place, POSITION_UNKNOWN)
        return FloorMessage(
            type=MessageType.QUEUE_POSITION_INFO,
            ssrc=self._control_ssrc,
            queue_info=QueueInfo(shown, waiting.priority.number),
            queue_size=len(queue),
        )

    def ack(self, acknowledged: MessageType) -> FloorMessage:
        """Floor Ack (§8.2.13)."""
        return FloorMessage(
            type=MessageType.FLOOR_ACK,
            ssrc=self._control_ssrc,
            source=Source.CONTROLLING_FUNCTION,
            message_type=acknowledged,
        )

    def _indicator(self, priority: EffectivePriority) -> FloorIndicator:
        return self._with_condition(priority.indicator)

    def _with_condition(self, call: FloorIndicator) -> FloorIndicator:
        """What is most urgent, of the call or of the group, stands in the place of "normal"."""
        claimed = call | self.condition
        urgent = FloorIndicator.EMERGENCY & claimed or FloorIndicator.IMMINENT_PERIL & claimed
        queueing = FloorIndicator.QUEUEING_SUPPORTED if self._queueing else FloorIndicator(0)
        return (urgent or FloorIndicator.NORMAL) | (self.condition & ~_URGENT) | queueing

    def _may_request(self, burst: Burst) -> bool:
        """Permission to Request the Floor: there is a queue, or somebody could override the talker."""
        if FloorIndicator.BROADCAST_GROUP in self.condition:
            return False
        return self._queueing or burst.priority.kind < Kind.EMERGENCY

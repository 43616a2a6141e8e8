"""The states of the floor and the events that it knows (TS 24.380 §6.3.4, §6.3.5), for `table`."""

from enum import Enum


class State(Enum):
    """State of the 'general floor control operation' machine of a group (TS 24.380 §6.3.4)."""

    START_STOP = "Start-stop"
    FLOOR_IDLE = "G: Floor Idle"
    FLOOR_TAKEN = "G: Floor Taken"
    PENDING_REVOKE = "G: pending Floor Revoke"


class ParticipantState(Enum):
    """State of the floor towards one participant (TS 24.380 §6.3.5); derived from `State`, burst and queue.

    QUEUED is ours: the standard counts a waiting participant to 'U: not permitted and Floor Taken'.
    """

    START_STOP = "Start-stop"
    NOT_PERMITTED_IDLE = "U: not permitted and Floor Idle"
    NOT_PERMITTED_TAKEN = "U: not permitted and Floor Taken"
    QUEUED = "U: not permitted and Floor Taken, queued"
    PERMITTED = "U: permitted"
    PENDING_REVOKE = "U: pending Floor Revoke"


class Event(Enum):
    """What can happen to the floor. The talker is the participant of the present burst.

    An expired timer is an event of the timer's name (TS 24.380 §11.1).
    """

    REQUEST = "Floor Request"
    OVERRIDING_REQUEST = "Floor Request, overriding"
    TALKER_REQUEST = "Floor Request of the talker"
    RELEASE = "Floor Release"
    TALKER_RELEASE = "Floor Release of the talker"
    STALE_RELEASE = "Floor Release of another burst"
    QUEUE_POSITION_REQUEST = "Floor Queue Position Request"
    TALKER_ACK = "Floor Ack of the talker"
    TALKER_LEFT = "the talker left"
    LAST_LEFT = "the last participant left"
    T1 = "T1 end of RTP"
    T2 = "T2 stop talking"
    T3 = "T3 grace"
    T4 = "T4 inactivity"
    T7 = "T7 Floor Idle"
    T8 = "T8 Floor Revoke"
    T20 = "T20 Floor Granted"
    TAKEN_REPEAT = "Floor Taken is due again"
    DISPATCHER_REVOKE = "a dispatcher takes the floor back"
    CONDITION = "the group's condition changed"

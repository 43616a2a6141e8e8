"""Calls from person to person, calls to many that only one speaks in, "call me back", groups that last a while."""

from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from pttserver.wire.signalling.groups import GroupInfo
from pttserver.wire.signalling.parts import Group, Message, Part, Reply, Request, Subscriber

MOST_CALLED = 64
MOST_LISTENERS = 1000
Call: TypeAlias = Annotated[str, Field(pattern="^cal_[0-9a-f]{16}$")]
Priority: TypeAlias = Annotated[int, Field(ge=0, le=255)]
CallKind: TypeAlias = Literal["private", "first_to_answer", "broadcast"]


class Party(Part):
    """Somebody at the other end."""

    subscriber: Subscriber
    name: str
    """Display name; may be empty."""


class PrivateCall(Request):
    """Call one person. Answered by `call.started`; then `call.connected` or `call.ended` comes."""

    type: Literal["call.private"] = "call.private"
    to: Subscriber
    duplex: bool = False
    """False: one talks at a time, with floor control. True: both at once, each in a channel of its own."""
    priority: Priority | None = None
    """Floor priority of the caller in the call; bounded by the caller's role."""


class FirstToAnswer(Request):
    """Call several people; whoever answers first is connected. Answered by `call.started`."""

    type: Literal["call.first_to_answer"] = "call.first_to_answer"
    to: Annotated[list[Subscriber], Field(min_length=1, max_length=MOST_CALLED)]
    duplex: bool = False
    priority: Priority | None = None


class BroadcastCall(Request):
    """Call many who only listen: the members of a group, or those named (one of the two). Answered by `call.started`;
    `call.connected` comes to all at once, nobody is rung."""

    type: Literal["call.broadcast"] = "call.broadcast"
    group: Group | None = None
    to: Annotated[list[Subscriber] | None, Field(min_length=1, max_length=MOST_LISTENERS)] = None
    priority: Priority | None = None


class AnswerCall(Request):
    """Take the call. Answered by `done` if it counted, else `not_found`: it is over, or somebody was faster."""

    type: Literal["call.answer"] = "call.answer"
    call: Call


class RejectCall(Request):
    """Do not take the call. Answered by `done`."""

    type: Literal["call.reject"] = "call.reject"
    call: Call


class EndCall(Request):
    """Hang up, or give up while it rings. Answered by `done`."""

    type: Literal["call.end"] = "call.end"
    call: Call


class CallAlert(Request):
    """Ask somebody to call back. Who is not logged in is told at the next log-in. Answered by `call.alert.sent`."""

    type: Literal["call.alert"] = "call.alert"
    to: Subscriber


class AcknowledgeCallAlert(Request):
    """The user has seen who asks to be called back. Answered by `done`; the asker gets `call.alert.acknowledged`."""

    type: Literal["call.alert.acknowledge"] = "call.alert.acknowledge"
    of: Subscriber
    """Who asked."""


class SetPeril(Request):
    """A group is in imminent peril from now on, or no more. Answered by `done`."""

    type: Literal["group.peril"] = "group.peril"
    group: Group
    on: bool


class CallStarted(Reply):
    """The call is on its way."""

    type: Literal["call.started"] = "call.started"
    call: Call
    ring_timeout_s: float | None = None
    """How long it rings; absent for a broadcast."""


class CallAlertSent(Reply):
    """The wish to be called back is noted."""

    type: Literal["call.alert.sent"] = "call.alert.sent"
    delivered: bool
    """False: it waits until the person logs in."""


class CallInvited(Message):
    """Somebody calls: ring, or take it at once, as the user wishes. `call.connected` or `call.ended` follows."""

    type: Literal["call.invited"] = "call.invited"
    call: Call
    kind: CallKind
    by: Party
    duplex: bool
    priority: Priority
    """How urgent it is to the caller, as far as the role allows."""
    ring_timeout_s: float
    """After this it is over by itself."""


class CallConnected(Message):
    """The call stands. Affiliate to the groups named; in a half-duplex call both are the same one."""

    type: Literal["call.connected"] = "call.connected"
    call: Call
    kind: CallKind
    duplex: bool
    party: Party | None = None
    """Who is at the other end; absent for who makes a broadcast call."""
    talk: Group | None = None
    """Where to talk; absent for who only listens. In a full-duplex call its floor is yours without asking."""
    listen: Group | None = None
    """Where the other is heard; absent for who makes a broadcast call."""


class CallEnded(Message):
    """The call is over for you; its groups are gone."""

    type: Literal["call.ended"] = "call.ended"
    call: Call
    reason: str
    """`ended`, `rejected`, `no_answer`, `answered_elsewhere`, `gone`, `idle`; take others for `ended`."""


class CallAlerted(Message):
    """Somebody asks to be called back."""

    type: Literal["call.alerted"] = "call.alerted"
    by: Party
    at_ms: int
    """When it was asked, in UTC milliseconds."""


class CallAlertAcknowledged(Message):
    """Whom you asked to call back has seen it."""

    type: Literal["call.alert.acknowledged"] = "call.alert.acknowledged"
    by: Party


class GroupAdded(Message):
    """You are a member of a group from now on: affiliate to it if the user wishes."""

    type: Literal["group.added"] = "group.added"
    group: GroupInfo
    temporary: bool
    """It is gone when nobody uses it any more, or its maker gives it up."""


class GroupCondition(Message):
    """The state of a group that you take part in changed; the floor's messages tell it too (floor-control.md)."""

    type: Literal["group.condition"] = "group.condition"
    group: Group
    imminent_peril: bool


CALL_REQUESTS = (
    PrivateCall,
    FirstToAnswer,
    BroadcastCall,
    AnswerCall,
    RejectCall,
    EndCall,
    CallAlert,
    AcknowledgeCallAlert,
    SetPeril,
)
CALL_MESSAGES = (
    CallStarted,
    CallAlertSent,
    CallInvited,
    CallConnected,
    CallEnded,
    CallAlerted,
    CallAlertAcknowledged,
    GroupAdded,
    GroupCondition,
)

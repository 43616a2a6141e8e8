"""Emergency alerts (SOS): raising, hearing of them, answering them, following them to the end."""

from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from pttserver.wire.signalling.calls import Party
from pttserver.wire.signalling.location import Latitude, Longitude, Point, Position, UtcMs
from pttserver.wire.signalling.parts import SEEN_PATTERN, Group, Message, Part, Reason, Reply, Request, Subscriber

AlertRef: TypeAlias = Annotated[str, Field(pattern="^alr_[0-9a-f]{16}$")]
NoteText: TypeAlias = Annotated[str, Field(max_length=500, pattern=SEEN_PATTERN)]
AlertState: TypeAlias = Literal[
    "raised", "delivered", "acknowledged", "handling", "resolved", "false_alarm", "test", "cancelled"
]
AlertOutcome: TypeAlias = Literal["resolved", "false_alarm", "test"]
MOST_STEPS_TOLD = 200  # of one alert in a list: the newest
MOST_STEPS_DEBRIEFED = 1000  # of one alert that is over: the newest
MOST_PAST_LISTED = 50


class AlertStep(Part):
    """An entry of an alert's timeline."""

    number: Annotated[int, Field(ge=1)]
    """From 1, in order."""
    kind: str
    """A state, or `escalated`, `unanswered`, `noted` or one of ambient listening (alerts.md)."""
    at_ms: int
    """When, in UTC milliseconds."""
    by: Subscriber | None = None
    """Who; absent: the server. Of ambient listening: who listens."""
    name: str = ""
    """Display name of that person, if there is one."""
    note: str = ""
    """Reason, note, the stage that was told, or why listening ended."""


class AlertInfo(Part):
    """An alert as it stands."""

    alert: AlertRef
    subscriber: Subscriber
    """Who raised it."""
    name: str
    """Display name of that person; may be empty."""
    raised_ms: int
    """When, in UTC milliseconds, by the server's clock."""
    state: AlertState
    drill: bool
    """An exercise: everything is as in earnest, and said to be none."""
    position: Position | None = None
    """Where the device was, if the organisation lets alerts carry that."""
    handler: Subscriber | None = None
    """The dispatcher who sees to it."""


class AlertDetail(Part):
    """An alert with its timeline."""

    info: AlertInfo
    steps: list[AlertStep]
    """Oldest first; of a long timeline the newest 200."""


class AlertMark(Part):
    """A place in the list of past alerts."""

    alert: AlertRef
    raised_ms: UtcMs


class PastAlert(Part):
    """An alert that is over. Its `state` says how it ended."""

    info: AlertInfo
    closed_ms: int
    """When, in UTC milliseconds."""


class TrackPoint(Part):
    """Where the raiser was at a moment while the alert was open."""

    latitude: Latitude
    """Degrees north."""
    longitude: Longitude
    """Degrees east."""
    at_ms: int
    """When, in UTC milliseconds."""

    def __repr__(self) -> str:
        return "[position]"

    __str__ = __repr__


class RaiseAlert(Request):
    """Calls for help. Answered by `alert.accepted`; the same as by UDP (alerts.md), whichever comes first.

    Refused with `policy.forbids` if the organisation has switched alerts off for the subscriber: nothing is recorded.
    """

    type: Literal["alert.raise"] = "alert.raise"
    alert: AlertRef
    """Drawn at random by the client, and the same in each repetition."""
    drill: bool = False
    """An exercise."""
    position: Position | None = None
    """Where the device is; the server takes no notice of it unless the organisation lets alerts carry it."""


class ConfirmAlert(Request):
    """This device shows the alert. Sent by the client itself. Answered by `done`."""

    type: Literal["alert.delivered"] = "alert.delivered"
    alert: AlertRef


class AcknowledgeAlert(Request):
    """A dispatcher knows of the alert; it is escalated no further. Answered by `done`."""

    type: Literal["alert.acknowledge"] = "alert.acknowledge"
    alert: AlertRef


class HandleAlert(Request):
    """A dispatcher sees to the alert from now on. Answered by `done`."""

    type: Literal["alert.handle"] = "alert.handle"
    alert: AlertRef


class NoteAlert(Request):
    """A dispatcher writes something down, for the others and for the debriefing. Answered by `done`.

    Nobody changes it afterwards. Refused with `not_found` if the alert is closed, with `invalid_value` after 100 notes.
    """

    type: Literal["alert.note"] = "alert.note"
    alert: AlertRef
    note: Annotated[NoteText, Field(min_length=1)]


class ResolveAlert(Request):
    """A dispatcher closes the alert. Answered by `done`."""

    type: Literal["alert.resolve"] = "alert.resolve"
    alert: AlertRef
    outcome: AlertOutcome
    note: NoteText = ""
    """For the debriefing."""


class CancelAlert(Request):
    """The person who raised the alert, or a dispatcher, takes it back. Answered by `done`."""

    type: Literal["alert.cancel"] = "alert.cancel"
    alert: AlertRef
    reason: Reason


class ReportAlertPosition(Request):
    """Where the device of the raiser is, while the alert is open. Answered by `location.taken`.

    Refused with `policy.forbids` unless the organisation lets alerts carry a position at this moment.
    """

    type: Literal["alert.position"] = "alert.position"
    alert: AlertRef
    position: Position


class ListAlerts(Request):
    """Which alerts are open? A dispatcher is told all of the organisation, others those that concern them."""

    type: Literal["alert.list"] = "alert.list"


class ListPastAlerts(Request):
    """Which alerts are over, as far as the organisation keeps them? Newest first. Answered by `alerts.past`."""

    type: Literal["alert.past"] = "alert.past"
    before: AlertMark | None = None
    """Only older ones: `further` of the answer before; absent: from the newest on."""
    limit: Annotated[int, Field(ge=1, le=MOST_PAST_LISTED)] = MOST_PAST_LISTED


class DebriefAlert(Request):
    """What happened in an alert that is over? Answered by `alert.debriefing`; `not_found` if it is open or not kept."""

    type: Literal["alert.debrief"] = "alert.debrief"
    alert: AlertRef


class ListenToAlert(Request):
    """A dispatcher wants to hear the microphone of who raised the alert. Answered by `alert.listening`.

    Refused with `policy.forbids` if the organisation does not allow it, with `call.unavailable` (`why`: `offline`) if
    the device is not connected.
    """

    type: Literal["alert.listen"] = "alert.listen"
    alert: AlertRef
    reason: Reason
    for_s: Annotated[int | None, Field(ge=10, le=600)] = None
    """Seconds, at most as long as the organisation allows; absent: so long."""


class StopListening(Request):
    """The dispatcher has heard enough. Answered by `done`, also if it is over already."""

    type: Literal["alert.listen.end"] = "alert.listen.end"
    alert: AlertRef


class AlertListening(Reply):
    """The device was told. Affiliate to the group to hear what comes; it is gone when the listening is over."""

    type: Literal["alert.listening"] = "alert.listening"
    alert: AlertRef
    group: Group
    at_most_s: float
    """Seconds from the moment that the microphone is open; if it is open for somebody already: those that are left."""


class AlertAccepted(Reply):
    """The alert stands, and what the organisation wants recorded of it is on the disk."""

    type: Literal["alert.accepted"] = "alert.accepted"
    alert: AlertRef
    """Another one than was asked for if the subscriber had an alert open already."""
    state: AlertState


class Alerts(Reply):
    """Open alerts, oldest first."""

    type: Literal["alerts"] = "alerts"
    alerts: list[AlertDetail]


class PastAlerts(Reply):
    """Alerts that are over, newest first; there may be none of them although there are further ones."""

    type: Literal["alerts.past"] = "alerts.past"
    alerts: list[PastAlert]
    further: AlertMark | None = None
    """Ask for those before it; absent: there are no others."""


class AlertDebriefing(Reply):
    """An alert that is over, as far as the organisation keeps it."""

    type: Literal["alert.debriefing"] = "alert.debriefing"
    past: PastAlert
    steps: list[AlertStep]
    """Oldest first; of a long timeline the newest 1000."""
    place: Point | None = None
    """The last position that the alert itself carried."""
    track: list[TrackPoint] = []  # noqa: RUF012 - pydantic copies it
    """Oldest first; of a long way the newest 1000."""


class AlertRaised(Message):
    """Somebody called for help, or the position of an open alert is known now.

    Show it and answer with `alert.delivered`. It comes again after a log-in, while it is open; an alert is known by
    its id. Who raised it is told too.
    """

    type: Literal["alert.raised"] = "alert.raised"
    info: AlertInfo


class AlertMoved(Message):
    """Where the raiser of an open alert is now. Told to dispatchers and managers among the recipients."""

    type: Literal["alert.moved"] = "alert.moved"
    alert: AlertRef
    position: Position


class AlertStepped(Message):
    """Something happened to an alert. A step that was seen before (by its number) is to be ignored."""

    type: Literal["alert.step"] = "alert.step"
    alert: AlertRef
    state: AlertState
    """After the step."""
    step: AlertStep


class AlertMicrophone(Message):
    """To the device of who raised an alert: open the microphone and talk in this group, or be silent again.

    The state of things, told anew whenever it changes and after a lost connection. Affiliate to the group; its floor is
    yours without asking. `open` false: the group is gone.
    """

    type: Literal["alert.microphone"] = "alert.microphone"
    alert: AlertRef
    group: Group
    open: bool
    shown: bool
    """True: show plainly that somebody listens, and who. False: the organisation has named a reason not to."""
    listeners: list[Party] = []  # noqa: RUF012 - pydantic copies it
    """Who listens; empty if it is not shown."""
    at_most_s: float
    """Seconds for which the microphone will be open at most."""


class GroupEmergency(Message):
    """A group is in emergency, or no more: somebody who takes part in it has an alert open."""

    type: Literal["group.emergency"] = "group.emergency"
    group: Group
    on: bool


ALERT_REQUESTS = (
    RaiseAlert,
    ConfirmAlert,
    AcknowledgeAlert,
    HandleAlert,
    NoteAlert,
    ResolveAlert,
    CancelAlert,
    ReportAlertPosition,
    ListAlerts,
    ListPastAlerts,
    DebriefAlert,
    ListenToAlert,
    StopListening,
)
ALERT_MESSAGES = (
    AlertAccepted,
    Alerts,
    PastAlerts,
    AlertDebriefing,
    AlertListening,
    AlertRaised,
    AlertMoved,
    AlertStepped,
    AlertMicrophone,
    GroupEmergency,
)

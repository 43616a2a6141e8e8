"""Location: positions of devices, who may know them, and fences.

Angles are degrees on WGS 84 (EPSG:4326), north and east positive, as in GeoJSON (RFC 7946), but by name: so latitude
and longitude cannot be exchanged.
"""

from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from pttserver.wire.signalling.parts import Group, Message, Part, Reason, Reply, Request, ShortText, Subscriber

MOST_POSITIONS = 100  # in a report
MOST_FENCES = 50  # in a list
MOST_POINTS = 256  # of a shape
MOST_LISTED = 1000  # positions of a history, looks
ANSWERS_APART_S = 10
"""A device is asked no sooner than so many seconds after it answered: dispatchers who ask meanwhile are told that."""

Latitude: TypeAlias = Annotated[float, Field(ge=-90, le=90)]
Longitude: TypeAlias = Annotated[float, Field(ge=-180, le=180)]
FenceRef: TypeAlias = Annotated[str, Field(pattern="^fen_[0-9a-f]{16}$")]
LocationRef: TypeAlias = Annotated[str, Field(pattern="^loc_[0-9a-f]{16}$")]
UtcMs: TypeAlias = Annotated[int, Field(ge=0, le=2**53)]
LocationState = Literal["on", "off_for_all", "off_for_subscriber", "switched_off", "off_duty"]


class Position(Part):
    """Where a device was at a moment. It prints nothing of it."""

    latitude: Latitude
    """Degrees north."""
    longitude: Longitude
    """Degrees east."""
    accuracy_m: Annotated[float, Field(ge=0, le=100_000)]
    """Radius in metres that the device is in with a probability of 68 %."""
    at_ms: UtcMs
    """When, in UTC milliseconds."""
    altitude_m: Annotated[float, Field(ge=-12_000, le=100_000)] | None = None
    """Metres above the ellipsoid."""
    speed_mps: Annotated[float, Field(ge=0, le=2_000)] | None = None
    """Metres a second over ground."""
    heading_deg: Annotated[float, Field(ge=0, lt=360)] | None = None
    """Direction of the movement, degrees from true north, clockwise."""

    def __repr__(self) -> str:
        return "[position]"

    __str__ = __repr__


class Point(Part):
    """A corner of a shape."""

    latitude: Latitude
    longitude: Longitude


class CircleShape(Part):
    """What is within a distance of a point."""

    kind: Literal["circle"] = "circle"
    center: Point
    radius_m: Annotated[float, Field(ge=10, le=100_000)]
    """Metres."""


class PolygonShape(Part):
    """What a ring encloses. Its edges are straight in degrees, as in GeoJSON; it neither crosses itself nor ±180°."""

    kind: Literal["polygon"] = "polygon"
    points: Annotated[list[Point], Field(min_length=3, max_length=MOST_POINTS)]
    """The corners in order; the last is joined to the first."""


class CorridorShape(Part):
    """What is near a line, such as a route."""

    kind: Literal["corridor"] = "corridor"
    points: Annotated[list[Point], Field(min_length=2, max_length=MOST_POINTS)]
    """The line; it does not cross ±180°."""
    width_m: Annotated[float, Field(ge=20, le=20_000)]
    """Metres from side to side."""


Shape: TypeAlias = Annotated[CircleShape | PolygonShape | CorridorShape, Field(discriminator="kind")]


class LocationTerms(Part):
    """What holds for the positions of the subscriber. Unless `state` is `on`, the device sends none."""

    state: LocationState
    """`off_for_all`, `off_for_subscriber`: by the organisation; `switched_off`: by the subscriber; `off_duty`: now."""
    interval_s: Annotated[int, Field(ge=1)]
    """Shortest time between two positions; what comes sooner is dropped."""
    precision_m: Annotated[int, Field(ge=0)]
    """Positions are rounded to a grid of this many metres before anybody sees them; 0: they are not."""
    stored: bool
    """Whether positions are written down, for as long as the policy says; `false`: the last one is in memory only."""
    may_switch_off: bool
    """Whether the subscriber may switch it off and on."""
    sos: bool
    """Whether an emergency alert carries a position, even if the state is another than `on`."""
    sos_interval_s: Annotated[int, Field(ge=1)]
    """Shortest time between two positions of a device whose alert is open."""
    on_since_ms: Annotated[int, Field(ge=0, le=2**53)] = 0
    """What was measured at or before this moment is not the organisation's to know: the device lets go of it."""


class Fence(Part):
    """An area of the organisation's. Devices are told to be in it or not."""

    fence: FenceRef
    name: ShortText
    shape: Shape
    dwell_s: Annotated[int, Field(ge=0, le=86_400)] = 0
    """Who stays in it for so many seconds is told of once more; 0: not."""


class Look(Part):
    """Somebody looked at the subscriber's position."""

    at_ms: int
    """When, in UTC milliseconds."""
    what: str
    """`last`, `history`, `request`, `watch`, `group` or `alert`; `refused`: it was tried, and not allowed."""
    who: str
    """Display name of who looked, as it is now, or the identifier if there is none; empty: their data were erased."""


# Requests of every subscriber ---------------------------------------------------------------------------------------


class LocationReport(Request):
    """Positions of this device, oldest first. Answered by `location.taken`.

    Refused with `policy.forbids` while the state is not `on`: not a digit of it goes anywhere.
    """

    type: Literal["location.report"] = "location.report"
    positions: Annotated[list[Position], Field(min_length=1, max_length=MOST_POSITIONS)]
    buffered: bool = False
    """They waited while there was no connection: then they may be up to a day old, not just an hour."""
    request: LocationRef | None = None
    """The `location.wanted` that the last of them answers; it is taken whatever the interval is."""


class LocationSwitch(Request):
    """The subscriber switches location on or off. Answered by `done`, followed by `terms`.

    Off erases the last position at once, and takes it back from everybody who watches.
    """

    type: Literal["location.switch"] = "location.switch"
    on: bool


class LocationLooks(Request):
    """Who looked at my position? Answered by `location.looked`."""

    type: Literal["location.looks"] = "location.looks"


# Requests of dispatchers --------------------------------------------------------------------------------------------


class LocationRequest(Request):
    """Asks the device of a subscriber where it is now. Answered by `location.requested`; then `location.position`.

    A device that answered in the last 10 seconds is not asked again: what is known since is told.
    """

    type: Literal["location.request"] = "location.request"
    subscriber: Subscriber


class LocationLast(Request):
    """Where was the subscriber last? Answered by `location.last_known`."""

    type: Literal["location.last"] = "location.last"
    subscriber: Subscriber


class LocationHistory(Request):
    """Where was the subscriber between two moments? Answered by `location.track`; only if positions are stored."""

    type: Literal["location.history"] = "location.history"
    subscriber: Subscriber
    from_ms: UtcMs
    until_ms: UtcMs
    """Up to and with this moment, UTC milliseconds."""
    limit: Annotated[int, Field(ge=1, le=MOST_LISTED)] = MOST_LISTED
    """The newest so many."""


class LocationWatch(Request):
    """Positions are told as they come: of all, of a group's members, or of those in a fence. Answered by `done`.

    Fence events are told too: of all fences, or of the one that is watched. It lasts as long as the session, and
    several watches add up.
    """

    type: Literal["location.watch"] = "location.watch"
    group: Group | None = None
    fence: FenceRef | None = None


class LocationUnwatch(Request):
    """No more positions are told. Answered by `done`."""

    type: Literal["location.unwatch"] = "location.unwatch"


class LocationGroup(Request):
    """Call an area: everybody whose last position lies in it is put into a temporary group with you.

    They get `group.added`. Answered by `group.made`.
    """

    type: Literal["location.group"] = "location.group"
    name: ShortText
    shape: Shape
    reason: Reason


class PutFence(Request):
    """A new fence, or another shape for the one that is named. Answered by `fence.kept`."""

    type: Literal["fence.put"] = "fence.put"
    fence: FenceRef | None = None
    name: ShortText
    shape: Shape
    dwell_s: Annotated[int, Field(ge=0, le=86_400)] = 0


class RemoveFence(Request):
    """Answered by `done`."""

    type: Literal["fence.remove"] = "fence.remove"
    fence: FenceRef


class ListFences(Request):
    """Which fences are there? Answered by `fences`, so many at a time."""

    type: Literal["fence.list"] = "fence.list"
    after: FenceRef | None = None
    """The last of the answer before; absent: from the first on."""


# Replies and events -------------------------------------------------------------------------------------------------


class LocationTaken(Reply):
    """What became of the positions of a report."""

    type: Literal["location.taken"] = "location.taken"
    accepted: int
    dropped: dict[str, int]
    """How many were dropped, by reason: `early`, `stale`, `future`, `order`, `absurd`, `off_duty`, `over`."""


class LocationRequested(Reply):
    """The device was asked."""

    type: Literal["location.requested"] = "location.requested"
    request: LocationRef
    """The `location.position` that answers has it too."""


class LocationLastKnown(Reply):
    """The last position."""

    type: Literal["location.last_known"] = "location.last_known"
    subscriber: Subscriber
    position: Position | None = None
    """Absent: none is known, or it is too old."""
    age_s: Annotated[int, Field(ge=0)] | None = None


class LocationTrack(Reply):
    """Positions, oldest first."""

    type: Literal["location.track"] = "location.track"
    subscriber: Subscriber
    positions: list[Position]


class LocationLooked(Reply):
    """Looks at the subscriber's position, newest first."""

    type: Literal["location.looked"] = "location.looked"
    looks: list[Look]


class FenceKept(Reply):
    """The fence is in force."""

    type: Literal["fence.kept"] = "fence.kept"
    fence: FenceRef


class Fences(Reply):
    """Fences of the organisation, at most 50."""

    type: Literal["fences"] = "fences"
    fences: list[Fence]
    further: bool
    """Whether there are others: ask for those after the last of these."""


class LocationWanted(Message):
    """A dispatcher asks for the position now: report it with `request`."""

    type: Literal["location.wanted"] = "location.wanted"
    request: LocationRef


class LocationPosition(Message):
    """The position of a subscriber that this dispatcher watches or asked for."""

    type: Literal["location.position"] = "location.position"
    subscriber: Subscriber
    name: str
    position: Position
    request: LocationRef | None = None


class LocationGone(Message):
    """Location was switched off for the subscriber: forget its position."""

    type: Literal["location.gone"] = "location.gone"
    subscriber: Subscriber


class FenceEvent(Message):
    """Somebody came into a fence, stays in it, or left it."""

    type: Literal["fence.event"] = "fence.event"
    fence: FenceRef
    fence_name: str
    subscriber: Subscriber
    name: str
    event: Literal["entered", "stays", "left"]
    at_ms: int
    """When the position was taken that tells it, UTC milliseconds."""


LOCATION_REQUESTS = (
    LocationReport,
    LocationSwitch,
    LocationLooks,
    LocationRequest,
    LocationLast,
    LocationHistory,
    LocationWatch,
    LocationUnwatch,
    LocationGroup,
    PutFence,
    RemoveFence,
    ListFences,
)
LOCATION_MESSAGES = (
    LocationTaken,
    LocationRequested,
    LocationLastKnown,
    LocationTrack,
    LocationLooked,
    FenceKept,
    Fences,
    LocationWanted,
    LocationPosition,
    LocationGone,
    FenceEvent,
)

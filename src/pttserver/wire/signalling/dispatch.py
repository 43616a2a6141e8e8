"""What dispatchers and managers do: see who is there, take floors back, control devices from afar, regroup people."""

from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from pttserver.wire.signalling.calls import Party, Priority
from pttserver.wire.signalling.parts import (
    Device,
    Group,
    Message,
    Part,
    Reason,
    Reply,
    Request,
    ShortText,
    Subscriber,
)
from pttserver.wire.signalling.terms import RoleName

MOST_REGROUPED = 64
MOST_MEMBERS = 1000
DeviceOrSubscriber: TypeAlias = Annotated[str, Field(pattern="^(dev|sub)_[0-9a-f]{16}$")]
DeviceState: TypeAlias = Literal["logged_out", "disabled", "enabled", "wiped"]


class OnlineSubscriber(Part):
    """Somebody who is logged in, and how good the link is."""

    subscriber: Subscriber
    name: str
    role: RoleName
    device: Device
    device_type: str
    """What the device calls itself; may be empty."""
    connected: bool
    """False: the signalling connection is lost, the session waits for it."""
    via: Literal["udp", "websocket"]
    """How voice goes."""
    fraction_lost: Annotated[float, Field(ge=0, le=1)]
    """Share of the voice packets that the device missed lately (RFC 3550 §6.4.1)."""
    jitter_ms: float


class GroupState(Part):
    """A group and its floor."""

    group: Group
    name: str
    temporary: bool
    affiliated: int
    talker: Party | None = None
    """Absent: nobody talks."""
    waiting: int
    """How many wait for the floor."""
    imminent_peril: bool


class Seat(Part):
    """A place in a group, with its rights."""

    group: Group
    priority: Priority = 100
    listen_only: bool = False


class GetOverview(Request):
    """Who is logged in, and what do the groups do? Answered by `overview`, in pages."""

    type: Literal["dispatch.overview"] = "dispatch.overview"
    page: Annotated[int, Field(ge=0, le=100_000)] = 0
    """From 0 on."""


class Watch(Request):
    """Tell me of changes from now on, by `dispatch.changed`; or no more. Ends with the session. Answered by `done`."""

    type: Literal["dispatch.watch"] = "dispatch.watch"
    on: bool


class RevokeFloor(Request):
    """Take the floor of a group back from its talker. Answered by `done`; `not_found` if nobody talks."""

    type: Literal["floor.revoke"] = "floor.revoke"
    group: Group
    reason: Reason


class LogOutDevice(Request):
    """End the session of a device, and its resume token: it needs the PIN again. Answered by `done`."""

    type: Literal["device.logout"] = "device.logout"
    who: DeviceOrSubscriber
    """A device; or a subscriber: all its devices."""
    reason: Reason


class DisableDevice(Request):
    """Stun: end the session, and refuse the device until it is enabled. Answered by `done`."""

    type: Literal["device.stun"] = "device.stun"
    who: DeviceOrSubscriber
    reason: Reason


class EnableDevice(Request):
    """A disabled device may log in again. Answered by `done`."""

    type: Literal["device.enable"] = "device.enable"
    who: DeviceOrSubscriber
    reason: Reason


class WipeDevice(Request):
    """Have the device delete its keys, and revoke it for good. Answered by `done`; `device.changed` tells the end."""

    type: Literal["device.wipe"] = "device.wipe"
    who: DeviceOrSubscriber
    reason: Reason


class DeviceWiped(Request):
    """This device has deleted its keys, as it was told to. Answered by `done`; then the session ends."""

    type: Literal["device.wiped"] = "device.wiped"


class Regroup(Request):
    """Change somebody's groups for good. All or nothing. Answered by `done`."""

    type: Literal["subscriber.regroup"] = "subscriber.regroup"
    subscriber: Subscriber
    add: Annotated[list[Seat], Field(max_length=MOST_REGROUPED)] = []  # noqa: RUF012 - pydantic copies it
    """Memberships to add, or to change."""
    remove: Annotated[list[Group], Field(max_length=MOST_REGROUPED)] = []  # noqa: RUF012
    reason: Reason


class MakeGroup(Request):
    """Make a group for a while, of these and yourself; they get `group.added`. Answered by `group.made`."""

    type: Literal["group.make"] = "group.make"
    name: ShortText
    members: Annotated[list[Subscriber], Field(min_length=1, max_length=MOST_MEMBERS)]
    reason: Reason


class DissolveGroup(Request):
    """End a temporary group; its members get `group.removed`. Answered by `done`."""

    type: Literal["group.dissolve"] = "group.dissolve"
    group: Group
    reason: Reason


class Overview(Reply):
    """A page of who is logged in, by subscriber, and of the groups, by name."""

    type: Literal["overview"] = "overview"
    people: list[OnlineSubscriber]
    groups: list[GroupState]
    """Groups of the organisation, temporary ones too, but not private calls."""
    online: int
    """How many are logged in, on all pages."""
    last: bool
    """There is no further page."""


class GroupMade(Reply):
    """The group stands."""

    type: Literal["group.made"] = "group.made"
    group: Group


class DispatchChanged(Message):
    """What changed since the last one; what an entry says takes the place of what was known."""

    type: Literal["dispatch.changed"] = "dispatch.changed"
    people: list[OnlineSubscriber] | None = None
    gone: list[Subscriber] | None = None
    """Not logged in any more."""
    groups: list[GroupState] | None = None
    dissolved: list[Group] | None = None


class WipeOrdered(Message):
    """Delete all keys and tokens of this device now, then say `device.wiped`. It was revoked; it never works again."""

    type: Literal["device.wipe.ordered"] = "device.wipe.ordered"


class DeviceChanged(Message):
    """To dispatchers: somebody controlled a device from afar."""

    type: Literal["device.changed"] = "device.changed"
    device: Device
    subscriber: Subscriber
    state: DeviceState
    confirmed: bool | None = None
    """For `wiped`: whether the device said that its keys are gone."""


DISPATCH_REQUESTS = (
    GetOverview,
    Watch,
    RevokeFloor,
    LogOutDevice,
    DisableDevice,
    EnableDevice,
    WipeDevice,
    DeviceWiped,
    Regroup,
    MakeGroup,
    DissolveGroup,
)
DISPATCH_MESSAGES = (Overview, GroupMade, DispatchChanged, WipeOrdered, DeviceChanged)

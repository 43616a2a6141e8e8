"""JSON of the managers' REST interface (proto/manage.md): subscribers, groups and their members, devices."""

from typing import Annotated, Literal

from pydantic import Field

from pttserver.wire.signalling.parts import Device, Group, Part, Subscriber

PATH = "/v1/manage"
Text = Annotated[str, Field(min_length=1, max_length=200)]
Reason = Annotated[str, Field(min_length=1, max_length=500)]
"""Why; it stands in the audit log, sealed."""
RoleName = Literal["subscriber", "dispatcher", "manager"]


class Because(Part):
    """Only why."""

    reason: Reason


class SubscriberInfo(Part):
    """Somebody of the organisation. What the policy lets managers not see is `(not shown)`, a time is absent."""

    subscriber: Subscriber
    identifier: str | None = None
    """What the organisation knows the subscriber by; absent: the policy keeps none."""
    name: str | None = None
    """Display name."""
    role: RoleName
    alerts_allowed: bool | None = None
    """May raise alerts; absent: as the policy says for everybody."""
    location_allowed: bool
    """May be located, as far as the policy and the person let."""
    location_wanted: bool
    """What the person said."""
    account: Literal["invited", "active", "locked"] | None = None
    """For the browser; absent: none."""
    restricted: bool
    """Processing is (GDPR Art. 18), so what is held is not shown."""
    created_ms: int
    last_login_ms: int | None = None


class SubscriberList(Part):
    subscribers: list[SubscriberInfo]


class AddSubscriber(Part):
    """Somebody new."""

    identifier: Text
    name: Annotated[str, Field(max_length=200)] | None = None
    pin: Annotated[str | None, Field(min_length=1, max_length=64, repr=False)] = None
    """Absent: six digits are drawn."""


class SubscriberAdded(Part):
    """`pin`: the one that was drawn, told once."""

    subscriber: SubscriberInfo
    pin: Annotated[str | None, Field(repr=False)] = None
    left_out: list[str]
    """Categories that the policy does not keep."""


class Rename(Part):
    name: Annotated[str, Field(max_length=200)]
    """Empty: the display name is taken away."""


class NewPin(Part):
    """The PIN that was drawn, told once; the device that was logged in needs it from now on."""

    pin: Annotated[str, Field(repr=False)]


class SetRole(Part):
    role: RoleName
    reason: Reason


class SetService(Part):
    service: Literal["alerts", "location"]
    allowed: bool
    reason: Reason


class Invited(Part):
    """What an account for the browser is activated with, once, told once."""

    link: Annotated[str, Field(repr=False)]
    code: Annotated[str, Field(repr=False)]
    expires_ms: int


class Removed(Part):
    """`proven`: what was over at once is in no file any more; else the next round of sweeps tries to prove it."""

    proven: bool


class GroupInfo(Part):
    group: Group
    name: str
    created_ms: int


class GroupList(Part):
    groups: list[GroupInfo]


class AddGroup(Part):
    name: Text


class MemberInfo(Part):
    """A subscriber in a group."""

    subscriber: Subscriber
    identifier: str | None = None
    name: str | None = None
    priority: int
    """0 to 255; 255 goes first."""
    listen_only: bool


class MemberList(Part):
    members: list[MemberInfo]


class SetMember(Part):
    """Adds the member, or changes what it may do."""

    subscriber: Subscriber
    priority: Annotated[int, Field(ge=0, le=255)] = 100
    listen_only: bool = False


class RemoveMember(Part):
    subscriber: Subscriber
    reason: Reason


class DeviceInfo(Part):
    """A radio, a phone or a browser of a subscriber."""

    device: Device
    subscriber: Subscriber
    label: str | None = None
    device_type: str | None = None
    created_ms: int
    enrolled_ms: int | None = None
    """Absent: its code was not used yet."""
    revoked_ms: int | None = None


class DeviceList(Part):
    devices: list[DeviceInfo]


class AddDevice(Part):
    subscriber: Subscriber
    label: Annotated[str, Field(max_length=200)] | None = None
    expires_h: Annotated[float, Field(gt=0, le=720)] = 24.0
    """Hours that the code is good for."""


class NewCode(Part):
    expires_h: Annotated[float, Field(gt=0, le=720)] = 24.0


class DeviceCode(Part):
    """What a device enrols with, once, told once."""

    device: DeviceInfo
    code: Annotated[str, Field(repr=False)]
    enrolment: Annotated[str, Field(repr=False)]
    """The text of the QR code (keys.md)."""
    link: Annotated[str, Field(repr=False)]
    """Opens the phone page with it."""
    expires_ms: int

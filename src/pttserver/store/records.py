"""What the store gives and takes: frozen records. `_ms` is UTC milliseconds, Personal prints `[redacted]`.

What goes in holds Released values, None where the policy keeps nothing; what comes out is opened.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from pttserver.errors import PttError
from pttserver.ids import CallId, DeviceId, GroupId, Personal, SubscriberId, TenantId
from pttserver.privacy.cutoffs import Events
from pttserver.privacy.released import Released
from pttserver.roles import Rights


class IdentifierKind(StrEnum):
    """What a subscriber is known by."""

    PHONE = "phone"
    CUSTOM = "custom"


@dataclass(frozen=True, slots=True)
class Tenant:
    """An organisation."""

    tenant_id: TenantId
    name: str
    created_ms: int


@dataclass(frozen=True, slots=True)
class Group:
    """A talkgroup."""

    group_id: GroupId
    tenant_id: TenantId
    name: str
    created_ms: int


@dataclass(frozen=True, slots=True)
class NewSubscriber:
    """A subscriber on the way in. Without an identifier it is looked up by its number only."""

    subscriber_id: SubscriberId
    tenant_id: TenantId
    identifier: Released | None
    identifier_kind: IdentifierKind
    display_name: Released | None
    pin_hash: Released | None
    created_ms: int


@dataclass(frozen=True, slots=True)
class Subscriber:
    """A person or post that talks; the identifier is unique in the tenant, or None if the policy keeps none.

    `restricted`: processing is (GDPR Art. 18), so what is held is not shown.
    """

    subscriber_id: SubscriberId
    tenant_id: TenantId
    identifier: Personal | None
    identifier_kind: IdentifierKind
    display_name: Personal | None
    created_ms: int
    last_login_ms: int | None = None
    restricted: bool = False


@dataclass(frozen=True, slots=True)
class Member:
    """A subscriber seen from a group; `priority` 0-255, 255 goes first. `created_ms`: of the subscriber."""

    group_id: GroupId
    subscriber_id: SubscriberId
    identifier: Personal | None
    display_name: Personal | None
    priority: int
    listen_only: bool
    created_ms: int


@dataclass(frozen=True, slots=True)
class Membership:
    """A group seen from one of its subscribers; `priority` 0-255, 255 goes first."""

    group_id: GroupId
    group_name: str
    tenant_id: TenantId
    priority: int
    listen_only: bool


@dataclass(frozen=True, slots=True)
class NewDevice:
    """A device on the way in."""

    device_id: DeviceId
    tenant_id: TenantId
    subscriber_id: SubscriberId
    label: Released | None
    created_ms: int


@dataclass(frozen=True, slots=True)
class Device:
    """A radio of a subscriber; it has a key once `enrolled_ms` is set, and is dead once `revoked_ms` is."""

    device_id: DeviceId
    tenant_id: TenantId
    subscriber_id: SubscriberId
    label: Personal | None
    device_type: Personal | None
    created_ms: int
    enrolled_ms: int | None = None
    revoked_ms: int | None = None


@dataclass(frozen=True, slots=True)
class LoginCandidate:
    """All that a log-in of an enrolled device is judged by; `public_key` is 32 bytes of Ed25519.

    `created_ms`: of the subscriber; `enrolled_ms`: of the device, whose type is known since then. `events`: those that
    started and stopped its periods. `browser`: of a console account, so that it logs in with a console session only.
    """

    device_id: DeviceId
    subscriber_id: SubscriberId
    tenant_id: TenantId
    display_name: Personal | None
    device_type: Personal | None
    public_key: bytes = field(repr=False)
    pin_hash: str = field(repr=False)
    revoked: bool
    rights: Rights
    created_ms: int
    events: Events
    enrolled_ms: int
    stunned: bool = False
    wiped: bool = False
    browser: bool = False


@dataclass(frozen=True, slots=True)
class EnrolledDevice:
    """A device whose enrolment code was just used."""

    device_id: DeviceId
    subscriber_id: SubscriberId
    tenant_id: TenantId
    tenant_name: str
    display_name: Personal | None


@dataclass(frozen=True, slots=True)
class ResumeToken:
    """The one token by which a subscriber's device may return without the PIN; `token_hash` is a digest.

    `expires_ms`: when the row goes at the latest; the token itself says when it ends.
    """

    subscriber_id: SubscriberId
    device_id: DeviceId
    token_hash: bytes = field(repr=False)
    expires_ms: int


@dataclass(frozen=True, slots=True)
class Returning:
    """What a resumption is judged by, and the groups that it is answered with."""

    candidate: LoginCandidate | None
    token: ResumeToken | None
    memberships: list[Membership]


@dataclass(frozen=True, slots=True)
class Takeover:
    """A log-in on one device that ended the session on another."""

    tenant_id: TenantId
    subscriber_id: SubscriberId
    subject: Released
    from_device_id: Released | None
    to_device_id: Released | None
    at_ms: Released


@dataclass(frozen=True, slots=True)
class Call:
    """A call on its way in: from the first burst to the end of the hang time. `initiator_id`: whose key seals."""

    call_id: CallId
    tenant_id: TenantId
    group_id: GroupId
    initiator_id: SubscriberId
    initiator: Released | None
    initiator_address: Released | None
    started_ms: Released
    ended_ms: Released


@dataclass(frozen=True, slots=True)
class CallParticipant:
    """A subscriber who was affiliated to the group during the call."""

    call_id: CallId
    tenant_id: TenantId
    subject: Released
    started_ms: Released


@dataclass(frozen=True, slots=True)
class Burst:
    """A talk burst on its way in."""

    burst_id: str
    call_id: CallId
    tenant_id: TenantId
    group_id: GroupId
    talker_id: SubscriberId
    talker: Released | None
    started_ms: Released
    duration_ms: Released
    packets: int
    end_reason: str


@dataclass(frozen=True, slots=True)
class Affiliation:
    """A live affiliation as a session believes it to be."""

    group_id: GroupId
    subscriber_id: SubscriberId
    priority: int
    listen_only: bool


@dataclass(frozen=True, slots=True)
class Person:
    """What may change of somebody while a session lives."""

    name: Personal | None
    rights: Rights
    device_type: Personal | None
    """Of the device that the session is on."""
    is_member: bool
    """Memberships last; else they are over, whether or not they were swept yet."""


@dataclass(frozen=True, slots=True)
class People:
    """Who of the living is another than at the last look; `seen` is what to hand over at the next.

    `unopened`: why some of them could not be opened, who have no name then and are looked at again; None: all could.
    """

    found: Mapping[SubscriberId, Person]
    seen: Mapping[SubscriberId, int]
    unopened: PttError | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """What of the living no longer holds.

    `ended_devices`: revoked, removed, or not of this subscriber; `stunned_devices` and `wiped_devices` are told apart.
    `ended`: affiliations of who is no longer a member. `changed`: affiliations as they are now, where priority or
    listen-only is another. `gone_groups`: of those that are overseen.
    """

    ended_devices: frozenset[DeviceId]
    ended: tuple[Affiliation, ...]
    changed: tuple[Affiliation, ...]
    stunned_devices: frozenset[DeviceId] = frozenset()
    wiped_devices: frozenset[DeviceId] = frozenset()
    gone_groups: frozenset[GroupId] = frozenset()

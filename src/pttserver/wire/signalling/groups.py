"""Groups: which there are, taking part, who takes part, their keys."""

from typing import Annotated, Literal

from pydantic import Field

from pttserver.wire.signalling.parts import (
    Group,
    Message,
    Part,
    Presence,
    Reply,
    Request,
    SrtpKeys,
    SsrcNumber,
    Subscriber,
)


class Epoch(SrtpKeys):
    """Downlink key epoch of a group: what the server protects the group's voice and floor announcements with."""

    number: Annotated[int, Field(ge=1)]
    """Counts up from 1; a higher number is newer."""


class GroupInfo(Part):
    """A group that the subscriber is a member of."""

    group: Group
    name: str
    """Display name of the group."""
    priority: Annotated[int, Field(ge=0, le=255)]
    """Floor priority that the organisation gave the member, higher first."""
    listen_only: bool
    """The member may not talk."""


class Participant(Part):
    """Somebody who is affiliated to a group now."""

    subscriber: Subscriber
    name: str
    """Display name chosen by the organisation; may be empty."""


class Roster(Part):
    """Who is affiliated to a group. In a large group only the count is told."""

    count: Annotated[int, Field(ge=0)]
    participants: list[Participant] | None = None
    """Absent above the organisation's threshold."""


class Affiliation(Part):
    """All that a client needs to take part in a group."""

    group: Group
    name: str
    priority: Annotated[int, Field(ge=0, le=255)]
    listen_only: bool
    ssrc: SsrcNumber
    """The participant's SSRC in this group: floor control messages of the client are sent with it."""
    control_ssrc: SsrcNumber
    """SSRC of the group's floor control server."""
    epoch: Epoch
    roster: Roster
    imminent_peril: bool = False
    """The group is in imminent peril; `group.condition` tells of changes."""
    emergency: bool = False
    """The group is in emergency; `group.emergency` tells of changes."""


class MemberPresence(Part):
    """Presence of a member of a group."""

    subscriber: Subscriber
    name: str
    presence: Presence


class ListGroups(Request):
    """Which groups am I a member of? Answered by `groups`."""

    type: Literal["groups.list"] = "groups.list"


class Affiliate(Request):
    """Start to take part in a group. Answered by `affiliated`. Repeating it is harmless."""

    type: Literal["affiliate"] = "affiliate"
    group: Group


class Deaffiliate(Request):
    """Stop taking part in a group. Answered by `done`."""

    type: Literal["deaffiliate"] = "deaffiliate"
    group: Group


class ListPresence(Request):
    """Who of a group's members is there? Answered by `presence`."""

    type: Literal["presence.list"] = "presence.list"
    group: Group


class Groups(Reply):
    """Groups of the subscriber."""

    type: Literal["groups"] = "groups"
    groups: list[GroupInfo]


class Affiliated(Reply):
    """The affiliation stands."""

    type: Literal["affiliated"] = "affiliated"
    affiliation: Affiliation


class PresenceList(Reply):
    """Presence of a group's members; above the organisation's threshold only the counts."""

    type: Literal["presence"] = "presence"
    group: Group
    affiliated: int
    online: int
    """Logged in, the affiliated included."""
    members: int
    listed: list[MemberPresence] | None = None
    """Absent above the threshold."""


class GroupEpoch(Message):
    """A group has a new downlink key epoch. Keep the one before: packets under way still use it."""

    type: Literal["group.epoch"] = "group.epoch"
    group: Group
    epoch: Epoch


class GroupRoster(Message):
    """Participants joined or left a group. In a large group only the count; then the list that you had is void."""

    type: Literal["group.roster"] = "group.roster"
    group: Group
    count: int
    participants: list[Participant] | None = None
    """The whole list, when a large group has become small enough for names."""
    joined: list[Participant] | None = None
    left: list[Subscriber] | None = None


class GroupRights(Message):
    """The organisation changed what the subscriber may do in the group."""

    type: Literal["group.rights"] = "group.rights"
    group: Group
    priority: Annotated[int, Field(ge=0, le=255)]
    listen_only: bool


class GroupRemoved(Message):
    """The subscriber is no longer a member of the group; the affiliation has ended."""

    type: Literal["group.removed"] = "group.removed"
    group: Group
    reason: str | None = None
    """Of a temporary group: `dissolved`, `empty`, `idle`, `maker_gone`; take others for `dissolved`."""


GROUP_REQUESTS = (ListGroups, Affiliate, Deaffiliate, ListPresence)
GROUP_MESSAGES = (Groups, Affiliated, PresenceList, GroupEpoch, GroupRoster, GroupRights, GroupRemoved)

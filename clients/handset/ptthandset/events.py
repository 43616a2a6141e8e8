"""What a handset tells its user of its connection and its groups."""

from dataclasses import dataclass

from ptthandset.media_path import Via


@dataclass(frozen=True, slots=True)
class Connected:
    """The handset is logged in. `resumed`: the session before went on."""

    resumed: bool


@dataclass(frozen=True, slots=True)
class Disconnected:
    """The signalling connection is lost; the handset tries to get it back. Voice by UDP may go on."""


@dataclass(frozen=True, slots=True)
class PathChanged:
    """Voice goes another way from now on."""

    via: Via


@dataclass(frozen=True, slots=True)
class GroupGone:
    """The subscriber is no longer a member of this group."""

    group_id: str


@dataclass(frozen=True, slots=True)
class GroupNew:
    """The subscriber is a member of this group from now on; affiliate to it, if the user wishes.

    `temporary`: it is gone when nobody uses it any more.
    """

    group_id: str
    name: str
    temporary: bool


HandsetEvent = Connected | Disconnected | PathChanged | GroupGone | GroupNew

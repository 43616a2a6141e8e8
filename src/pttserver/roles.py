"""Who somebody is in the organisation, and what the organisation allows that person."""

from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """What a subscriber is in the organisation."""

    SUBSCRIBER = "subscriber"
    """Talks, writes, calls for help."""
    DISPATCHER = "dispatcher"
    """Directs others: sees who is there, answers alerts, makes groups."""
    MANAGER = "manager"
    """Administers subscribers, and may all that a dispatcher may."""


class Scope(StrEnum):
    """A field of work. What goes beyond everybody's own affairs is granted to roles by the policy, scope by scope."""

    TALK = "talk"
    """Groups and the floor."""
    MESSAGE = "message"
    """Push to Message."""
    ALERT = "alert"
    """Push to Alert: raise; for dispatchers, answer."""
    LOCATE = "locate"
    """Push to Locate: report; for dispatchers, look."""
    CALL = "call"
    """Private calls and temporary groups."""
    OVERSEE = "oversee"
    """See who is online and what the groups do; take the floor from a talker."""
    REMOTE_CONTROL = "remote_control"
    """Log devices out, disable, enable or wipe them."""
    ADMINISTER = "administer"
    """Change who belongs to which group."""


@dataclass(frozen=True, slots=True)
class Rights:
    """Of one subscriber. `alerts_allowed` None: as the policy says for everybody.

    `location_allowed`: by the organisation; `location_wanted`: by the person; `location_since_ms`: when one of them was
    turned last, UTC milliseconds: what was measured at or before it is not ours to know. 0: never.
    """

    role: Role = Role.SUBSCRIBER
    alerts_allowed: bool | None = None
    location_allowed: bool = True
    location_wanted: bool = True
    location_since_ms: int = 0

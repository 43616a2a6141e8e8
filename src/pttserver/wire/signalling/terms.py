"""Terms: what the organisation lets a subscriber do, so that a client offers only that and says why."""

from typing import Literal, TypeAlias

from pttserver.wire.signalling.location import LocationTerms
from pttserver.wire.signalling.parts import Message, Part

RoleName: TypeAlias = Literal["subscriber", "dispatcher", "manager"]


class Terms(Part):
    """What the subscriber may do just now. The server checks each request all the same."""

    role: RoleName
    """What the subscriber is in the organisation (roles.md)."""
    alerts: bool
    """Whether the subscriber may raise alerts."""
    location: LocationTerms
    """What holds for the subscriber's positions."""


class TermsChanged(Message):
    """The organisation changed its policy or the subscriber's rights; these terms hold from now on."""

    type: Literal["terms"] = "terms"
    terms: Terms


TERMS_MESSAGES = (TermsChanged,)

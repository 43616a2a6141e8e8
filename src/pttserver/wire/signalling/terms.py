"""Terms: what the organisation lets a subscriber do, so that a client offers only that and says why."""

from typing import Literal, TypeAlias

from pttserver.wire.signalling.location import LocationTerms
from pttserver.wire.signalling.parts import Message, Part

RoleName: TypeAlias = Literal["subscriber", "dispatcher", "manager"]


class RecordingTerms(Part):
    """What holds for recordings of voice at a console, on its own machine. There is nowhere to send one to."""

    allowed: bool
    """Whether the subscriber may record."""
    on_alert: bool
    """Whether the console begins by itself when an alert comes in; false where it may not record."""
    keep_s: int
    """After so many seconds a recording is erased."""


class Terms(Part):
    """What the subscriber may do just now. The server checks each request all the same."""

    role: RoleName
    """What the subscriber is in the organisation (roles.md)."""
    alerts: bool
    """Whether the subscriber may raise alerts."""
    listen_in_s: int
    """Seconds for which the subscriber may listen to the microphone of whoever has an alert open; 0: not at all."""
    location: LocationTerms
    """What holds for the subscriber's positions."""
    recording: RecordingTerms
    """What holds for recordings at the subscriber's console."""


class TermsChanged(Message):
    """The organisation changed its policy or the subscriber's rights; these terms hold from now on."""

    type: Literal["terms"] = "terms"
    terms: Terms


TERMS_MESSAGES = (TermsChanged,)

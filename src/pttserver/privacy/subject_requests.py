"""Requests of data subjects: what can be asked, how it can end, and by when it must be answered (GDPR Art. 12)."""

from enum import StrEnum
from typing import Final

from pttserver.privacy.periods import Period

ANSWER_WITHIN: Final = Period(months=1)
"""Art. 12(3): "within one month of receipt". A last day that is a holiday is not moved on: that is the stricter way."""
EXTENDED_BY: Final = Period(months=2)
"""Art. 12(3): "extended by two further months where necessary"; the person is told why within the first month."""


class RequestKind(StrEnum):
    """By the articles 15 to 22."""

    ACCESS = "access"
    RECTIFICATION = "rectification"
    ERASURE = "erasure"
    RESTRICTION = "restriction"
    PORTABILITY = "portability"
    OBJECTION = "objection"
    HUMAN_REVIEW = "human_review"
    """Of a decision that was made by a machine alone (Art. 22)."""
    WITHDRAWAL = "withdrawal"
    """Of a consent (Art. 7(3))."""


class Outcome(StrEnum):
    """How a request ended."""

    GRANTED = "granted"
    PARTLY_GRANTED = "partly_granted"
    NOTHING_HELD = "nothing_held"
    FORWARDED = "forwarded"
    """To the controller, whose decision it is (Art. 28(3)(e))."""
    NOT_IDENTIFIED = "not_identified"
    """The person did not say who it is, though asked (Art. 12(6))."""
    FEE = "fee"
    """Done for a fee, being unfounded or excessive (Art. 12(5)(a))."""
    REFUSED_UNFOUNDED = "refused_unfounded"
    REFUSED_EXCESSIVE = "refused_excessive"
    REFUSED = "refused"
    """On another ground; the person is told it, and where to complain (Art. 12(4))."""
    WITHDRAWN = "withdrawn"


DISCLOSING: Final = frozenset({Outcome.GRANTED, Outcome.PARTLY_GRANTED, Outcome.FEE})
"""Nothing is done for who was not identified first (Art. 12(6))."""


def deadline_ms(received_ms: int, *, extended: bool) -> int:
    """By when the person must have the answer."""
    within = ANSWER_WITHIN + EXTENDED_BY if extended else ANSWER_WITHIN
    return within.after(received_ms)

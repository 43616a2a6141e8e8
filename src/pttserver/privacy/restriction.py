"""Why the processing of somebody's data is restricted (GDPR Art. 18)."""

from enum import StrEnum


class Restriction(StrEnum):
    """Letters a to d of Art. 18(1)."""

    ACCURACY_DISPUTE = "accuracy_dispute"
    """The person contests the accuracy, until it is verified."""
    UNLAWFUL = "unlawful"
    """The processing is unlawful, and the person wants restriction instead of erasure."""
    LEGAL_CLAIMS = "legal_claims"
    """The person needs the data for legal claims, though the organisation does not need them any more."""
    OBJECTION = "objection"
    """The person objected (Art. 21(1)), until it is verified whose grounds weigh more."""

"""Why personal data are processed, on which legal basis, and who may see them."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from pttserver.privacy.categories import Category


class Purpose(StrEnum):
    """What a datum is used for (GDPR Art. 5(1)(b): purpose limitation)."""

    SERVICE = "service"
    """Carry calls, messages, alerts and positions; know who may take part."""
    SECURITY = "security"
    """Keep out who does not belong; find out what happened."""
    OPERATIONS = "operations"
    """The organisation runs its work: dispatching, debriefing, looking calls up."""
    SUPPORT = "support"
    """Find and mend technical problems."""
    BILLING = "billing"
    """Charge for use, and prove the charge."""
    LEGAL_DUTY = "legal_duty"
    """What a law demands to keep or to show."""
    SAFETY = "safety"
    """Protect life: emergency alerts."""


class LegalBasis(StrEnum):
    """GDPR Art. 6(1), letters a to f."""

    CONSENT = "consent"
    CONTRACT = "contract"
    LEGAL_OBLIGATION = "legal_obligation"
    VITAL_INTERESTS = "vital_interests"
    PUBLIC_TASK = "public_task"
    LEGITIMATE_INTERESTS = "legitimate_interests"


class Tier(StrEnum):
    """Who may see a datum, besides the person whom it is about."""

    DISPATCHER = "dispatcher"
    MANAGER = "manager"
    TECHNICIAN = "technician"


WRITTEN_FOR: Final[Mapping[Category, frozenset[Purpose]]] = {
    Category.SUBSCRIBER_NAME: frozenset({Purpose.SERVICE}),
    Category.NICKNAME: frozenset({Purpose.SERVICE}),
    Category.IDENTIFIER: frozenset({Purpose.SERVICE}),
    Category.DEVICE_TYPE: frozenset({Purpose.SERVICE}),
    Category.IP_ADDRESS: frozenset({Purpose.SECURITY}),
    Category.LAST_LOGIN: frozenset({Purpose.SECURITY}),
    Category.CALL_RECORD: frozenset({Purpose.OPERATIONS}),
    Category.PARTICIPANTS: frozenset({Purpose.OPERATIONS}),
    Category.MESSAGE_METADATA: frozenset({Purpose.SERVICE}),
    Category.MESSAGE_CONTENT: frozenset({Purpose.SERVICE}),
    Category.ATTACHMENT: frozenset({Purpose.SERVICE}),
    Category.LOCATION: frozenset({Purpose.OPERATIONS, Purpose.SAFETY}),
    Category.ALERT: frozenset({Purpose.SAFETY}),
    Category.ACTIVITY_LOG: frozenset({Purpose.SECURITY}),
    Category.AUDIT_LOG: frozenset({Purpose.LEGAL_DUTY}),
    Category.DEBUG_CAPTURE: frozenset(),
    Category.IMPORT_FILE: frozenset(),
    Category.BILLING: frozenset(),
}
"""What the server writes a category for; a policy that names none of it has nothing of the category written.

Empty: this version of the server never writes it. A policy may have a rule for the day when one does.
"""

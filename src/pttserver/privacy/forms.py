"""In what form a value is kept, as four octets that stand before it: by them a stricter policy finds what is laxer.

A value that was cut or made a pseudonym stays so under a laxer policy, since what is gone cannot be brought back.
"""

import hashlib
from typing import Final

from pttserver.privacy.contradictions import MEASURES, PSEUDONYMISABLE
from pttserver.privacy.policy import Rule
from pttserver.privacy.sections import Storage

FORM_BYTES: Final = 4
UNKNOWN: Final = bytes(FORM_BYTES)
"""Written by a version that did not note the form."""
WHOLE: Final = b"whol"
PSEUDONYM: Final = b"psdn"
FORMED: Final = PSEUDONYMISABLE | MEASURES.keys()
"""The categories whose values have more than one form."""

CUT: Final = b"t"
"""How the form of a part begins."""


def form_of(rule: Rule) -> bytes:
    """Each measure of truncation has a form of its own."""
    if rule.storage is Storage.PSEUDONYMISED:
        return PSEUDONYM
    if rule.storage is Storage.TRUNCATED and rule.truncate is not None:
        measures = rule.truncate.model_dump_json(exclude_none=True)
        return CUT + hashlib.sha256(measures.encode()).digest()[: FORM_BYTES - len(CUT)]
    return WHOLE


def strict_enough(rule: Rule) -> frozenset[bytes] | None:
    """The forms that may stay under a rule; None: all of them."""
    if rule.storage is Storage.PSEUDONYMISED:
        return frozenset({PSEUDONYM})
    return frozenset({PSEUDONYM, form_of(rule)}) if rule.storage is Storage.TRUNCATED else None


def is_cut(form: bytes) -> bool:
    """Only a part is left, which others may have too."""
    return form.startswith(CUT)

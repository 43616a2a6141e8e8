"""Confidential values: what an organisation wrote about nobody, sealed all the same, since it may hint at people.

A fence may be called after who lives there. So it stands under the key of the subject that the organisation has for
itself: whoever gets the file or an old copy reads nothing, and with the organisation its key goes. Texts are found
again by an index under the same key, so that a backup, which has no keys of subjects, lets nobody try names against it.
"""

from pttserver.crypto.sealing import SubjectKey
from pttserver.errors import SealBroken
from pttserver.store.columns import CONFIDENTIAL, Confidential


class ConfidentialVault:
    """What one organisation's own key opens and seals; `Vault.confidential` makes it."""

    __slots__ = ("_key",)

    def __init__(self, key: SubjectKey) -> None:
        self._key = key

    def seal(self, what: str, text: str) -> Confidential:
        return Confidential(what, self._key.seal(text, _context(what)))

    def open(self, sealed: Confidential) -> str:
        """Raises SealBroken."""
        text = self._key.open(sealed.octets, _context(sealed.what))
        if not isinstance(text, str):
            raise SealBroken
        return text

    def index(self, what: str, text: str) -> bytes:
        """What the exact text is found by."""
        return self._key.blind_index(text, _context(what))


def _context(what: str) -> str:
    return f"{CONFIDENTIAL}/{what}"

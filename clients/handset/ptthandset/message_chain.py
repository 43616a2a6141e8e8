"""The order of messages: each device numbers what it says in a conversation, and names the message before by its hash.

So what is left out, repeated or exchanged on the way shows, although every single message is genuine.
"""

from enum import StrEnum

from pydantic import BaseModel

REMEMBERED_GAPS = 1000


class Verdict(StrEnum):
    """What a receiver can say of a message. Only `genuine` needs no remark."""

    GENUINE = "genuine"
    GAP = "gap"
    """Genuine, but messages before it are missing: deleted, withheld, or from before this device took part."""
    LATE = "late"
    """Genuine, but it came after a later one."""
    DUPLICATE = "duplicate"
    """It has come before."""
    BROKEN = "broken"
    """It does not follow from the message before: one of the two is not what was said."""
    ALTERED = "altered"
    """Its keys or its attachment were exchanged: it cannot be opened."""
    FORGED = "forged"
    """The signature does not fit: changed on the way, or not by this device."""
    KEY_CHANGED = "key_changed"
    """Signed with another key than the one that this device is known by."""
    UNREADABLE = "unreadable"
    """It was not sealed for this device."""
    GONE = "gone"
    """The server does not hold its content any more."""


SHOWN_AS_SAID = frozenset({Verdict.GENUINE, Verdict.GAP, Verdict.LATE, Verdict.DUPLICATE, Verdict.BROKEN})
"""The text is by the device that it names."""


class Chain(BaseModel):
    """What was received of one device in one conversation. `digest`: of the newest, hexadecimal."""

    newest: int = 0
    digest: str = bytes(32).hex()
    missing: list[int] = []

    def judge(self, sequence: int, previous: bytes, digest: bytes) -> Verdict:
        """Takes the next message up."""
        if sequence <= self.newest:
            if sequence not in self.missing:
                return Verdict.DUPLICATE
            self.missing.remove(sequence)
            return Verdict.LATE
        expected, follows = sequence == self.newest + 1, previous.hex() == self.digest
        gap = range(max(self.newest + 1, sequence - REMEMBERED_GAPS), sequence)
        self.missing = [*self.missing, *gap][-REMEMBERED_GAPS:]
        self.newest, self.digest = sequence, digest.hex()
        if not expected:
            return Verdict.GAP
        return Verdict.GENUINE if follows else Verdict.BROKEN

"""Why a copy of a person's data names a value and does not give it out: each kind of value has a reason of its own.

Of other people it is told that they are there, by a number that is the same for the same person throughout the copy:
the rights of others go before (GDPR Art. 15(4)), and a number is enough to ask about them.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from pttserver.privacy.categories import Category
from pttserver.store.holdings import HeldValue

_ENCRYPTED: Final = "encrypted end to end: the devices of those who write to each other read it, and this server cannot"
_REASONS: Final[Mapping[Category, str]] = {
    Category.CREDENTIAL: "held, not given out: whoever has it could try to log in",
    Category.IDENTIFIER: "a keyed digest by which the identifier is found: it says nothing by itself",
    Category.MESSAGE_CONTENT: _ENCRYPTED,
    Category.ATTACHMENT: _ENCRYPTED,
}
_OF_COLUMNS: Final[Mapping[tuple[str, str], str]] = {
    ("message_keys", "public_key"): "a key of a device, by which others encrypt messages to it: the device has it",
    ("message_keys", "signature"): "a signature of a device over its own key: the device has it",
    ("messages", "conversation"): "a keyed digest of who takes part: it finds the messages, and names nobody",
    ("messages", "envelope"): "what a device signed of the message, with who else takes part: the rights of others",
}


class Withheld:
    """For one copy: it numbers the other people in it, as they come."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def reason(self, table: str, value: HeldValue) -> str:
        """Of a value that is not given out."""
        if value.others:
            return f"names {self._numbered(value.others)}: the rights of others"
        if (table, value.column) in _OF_COLUMNS:
            return _OF_COLUMNS[table, value.column]
        assert value.category is not None
        return _REASONS[value.category]

    def _numbered(self, others: Sequence[str]) -> str:
        numbers = [self._numbers.setdefault(who, len(self._numbers) + 1) for who in others]
        return ", ".join(f"other person {number}" for number in sorted(numbers))

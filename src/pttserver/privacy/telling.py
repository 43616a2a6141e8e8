"""Whether a text that outlives a person tells who it was: by the name, a number or whatever else people are found by.

What is written as it is held is found, whatever the case, the accents and the signs between. What only a reader
understands is not, such as "the one with the red van".
"""

import re
import unicodedata
from collections.abc import Iterable
from typing import Final

SHORTEST_NAME: Final = 3
"""Letters of a part of a name that tells who somebody is."""
SHORTEST_NUMBER: Final = 6
"""Digits of a number that does."""
_PART, _NO_DIGIT = re.compile(r"[^\W_]+"), re.compile(r"\D+")


def telling(text: str, names: Iterable[str], others: Iterable[str]) -> str | None:
    """The first of what is held that the text tells; None: none. Of names a part is enough, of `others` all counts."""
    parts, digits = _parts(text), _NO_DIGIT.sub("", text)
    for name in names:
        if any(len(part) >= SHORTEST_NAME and part in parts and not part.isdigit() for part in _parts(name)):
            return name
    for other in others:
        number = _NO_DIGIT.sub("", other)
        if _has(parts, _parts(other)) or (len(number) >= SHORTEST_NUMBER and number in digits):
            return other
    return None


def _parts(text: str) -> list[str]:
    """Words and numbers, without case and accents."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return _PART.findall("".join(each for each in decomposed if not unicodedata.combining(each)))


def _has(parts: list[str], wanted: list[str]) -> bool:
    """Whether they stand there one after another."""
    size = len(wanted)
    return size > 0 and any(parts[at : at + size] == wanted for at in range(len(parts) - size + 1))

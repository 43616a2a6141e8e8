"""Names that look like somebody else's: told to whoever gives one, because people trust what they read on the radio.

After UTS #39 §4 two names are confusable if they have the same skeleton: each character replaced by the one that stands
for all that look like it. Capitals count as small letters here, for those of a radio's display are hard to tell.
"""

import unicodedata
from collections.abc import Iterable
from functools import cache
from typing import Final

from pttserver.ids import Personal
from pttserver.store.records import Subscriber

_ASCII: Final = str.maketrans({"I": "l", "1": "l", "|": "l", "0": "O", "5": "S"})
_PAIRS: Final = (("rn", "m"), ("vv", "w"), ("cl", "d"))


def look_alikes(name: Personal, others: Iterable[Subscriber]) -> list[Subscriber]:
    """Those of `others` whose name or identifier has the skeleton of `name`."""
    wanted = skeleton(name.reveal())
    return [
        other
        for other in others
        if any(known and skeleton(known.reveal()) == wanted for known in (other.display_name, other.identifier))
    ]


def skeleton(text: str) -> str:
    """What is left of a text when what cannot be told apart is the same."""
    plain = unicodedata.normalize("NFKD", text)
    whole = "".join(each if each.isascii() else _prototype(each) for each in plain if not unicodedata.combining(each))
    seen = whole.translate(_ASCII).casefold()
    for pair, one in _PAIRS:
        seen = seen.replace(pair, one)
    return "".join(seen.split())


@cache
def _prototype(character: str) -> str:
    """Of those that look alike, the one that most others look like."""
    from confusable_homoglyphs.confusables import confusables_data  # half a second to load, and seldom needed

    alike = [character, *(each["c"] for each in confusables_data.get(character, ()))]
    return str(max(sorted(alike), key=lambda each: len(confusables_data.get(each, ()))))

"""What to say of a key that no policy has: where it belongs, what is foreign in it, what it is like."""

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches

Homes = Mapping[str, Sequence[str]]
"""Of each key that there is, the tables that have it: `[policy]`; an empty text for what is a table itself."""

_LIKE_A_KEY = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-")


def unknown_key(key: str, homes: Homes) -> str:
    """As part of a message that names the key already."""
    if key in homes:
        return f"there is no such key here; {_belongs(key, homes[key])}"
    near = get_close_matches(key, homes, n=1)
    meant = f"; did you mean {near[0]}?" if near else ""
    return f"there is no such key{_foreign(key)}{meant}"


def _belongs(key: str, tables: Iterable[str]) -> str:
    *first, last = dict.fromkeys(table or f"a table of its own, [{key}]" for table in tables)
    return f"it belongs to {', '.join(first)} or {last}" if first else _single(last)


def _single(table: str) -> str:
    return f"it is {table}" if table.startswith("a table") else f"it belongs to {table}"


def _foreign(key: str) -> str:
    """Names the first character that no key has: it may look like one that keys do have."""
    found = next((character for character in key if character not in _LIKE_A_KEY), None)
    return "" if found is None else f": it holds U+{ord(found):04X} {unicodedata.name(found, '')}".rstrip()

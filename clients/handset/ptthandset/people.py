"""Finding a person by name among those whom the handset may see: its groups, and for dispatchers all who are there."""

import re
from typing import TYPE_CHECKING

from ptthandset.errors import HandsetError, Refused

if TYPE_CHECKING:
    from ptthandset.handset import Handset

_NUMBER = re.compile(r"(sub|dev)_[0-9a-f]{16}")


async def find_person(handset: "Handset", who: str) -> str:
    """The number of a subscriber by display name; a number is taken as it is. Raises HandsetError."""
    if _NUMBER.fullmatch(who):
        return who
    found = {number for number, name in (await _everybody(handset)).items() if name == who}
    if not found:
        raise HandsetError(f"There is nobody called {who} in your groups; use the number (sub_...).")
    if len(found) > 1:
        raise HandsetError(f"Several people are called {who}: {', '.join(sorted(found))}; use the number.")
    return found.pop()


async def _everybody(handset: "Handset") -> dict[str, str]:
    names: dict[str, str] = {}
    for group in handset.groups:
        try:
            listed = (await handset.presence(group.group)).listed
        except Refused:  # the group is gone
            continue
        names.update({member.subscriber: member.name for member in listed or ()})
    if handset.terms is not None and handset.terms.role != "subscriber":
        async for page in handset.dispatch.overview():
            names.update({person.subscriber: person.name for person in page.people})
    return names

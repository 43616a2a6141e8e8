"""Whom a name means: a contact, a group, a member of one's groups, or an identifier of the server."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from ptthandset.errors import HandsetError
from ptthandset.handset import Handset


@dataclass(frozen=True, slots=True)
class Address:
    """Either people or a group, by identifier."""

    people: Sequence[str] = ()
    group: str | None = None


async def find(handset: Handset, names: Sequence[str]) -> Address:
    """One group, or people. Raises HandsetError: nobody is called so, or several are."""
    for info in handset.groups:
        if list(names) in ([info.name], [info.group]):
            return Address(group=info.group)
    known = await known_people(handset)
    return Address(people=[person_called(name, known) for name in names])


async def known_people(handset: Handset) -> dict[str, set[str]]:
    """Identifiers by name: aliases of contacts count before names of members."""
    found: dict[str, set[str]] = {}
    for contact in await handset.contacts.list():
        found.setdefault(contact.alias, set()).add(contact.subscriber)
    aliases = set(found)
    for info in handset.groups:
        for member in (await handset.presence(info.group)).listed or ():
            if member.name not in aliases:
                found.setdefault(member.name, set()).add(member.subscriber)
    return found


def person_called(name: str, known: dict[str, set[str]]) -> str:
    """The identifier; one is taken as it is. Raises HandsetError: nobody is called so, or several are."""
    if re.fullmatch("sub_[0-9a-f]{16}", name):
        return name
    meant = known.get(name, set())
    if not meant:
        raise HandsetError(f"There is no group, contact or member called {name}.")
    if len(meant) > 1:
        raise HandsetError(f"Several are called {name}: {', '.join(sorted(meant))}. Give one of these identifiers.")
    return next(iter(meant))

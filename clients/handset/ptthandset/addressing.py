"""Whom a name means: a contact, a group, a colleague that the handset may see, or an identifier of the server.

Colleagues are the members of one's groups, there or not; for dispatchers, of all groups, and all who are logged in.
"""

import re
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from dataclasses import dataclass

from ptthandset.errors import HandsetError, Refused
from ptthandset.handset import Handset
from pttserver.wire import signalling

_NUMBER = re.compile("(sub|dev)_[0-9a-f]{16}")


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


async def find_people(handset: Handset, names: Sequence[str]) -> list[str]:
    """Identifiers; one is taken as it is, of a device too. Raises HandsetError: nobody is called so, or several are."""
    if all(map(_NUMBER.fullmatch, names)):
        return list(names)
    known = await known_people(handset)
    return [name if _NUMBER.fullmatch(name) else person_called(name, known) for name in names]


async def find_person(handset: Handset, name: str) -> str:
    """The one of `find_people`."""
    (found,) = await find_people(handset, [name])
    return found


async def known_people(handset: Handset) -> dict[str, set[str]]:
    """Identifiers by name: aliases of contacts count before names of colleagues."""
    found: dict[str, set[str]] = {}
    for contact in await handset.contacts.list():
        found.setdefault(contact.alias, set()).add(contact.subscriber)
    aliases = set(found)
    async for subscriber, name in _colleagues(handset):
        if name not in aliases:
            found.setdefault(name, set()).add(subscriber)
    return found


async def _colleagues(handset: Handset) -> AsyncIterator[tuple[str, str]]:
    """Identifier and name. A group that lasts for a while has no names of those who are not logged in: left out."""
    groups = [info.group for info in handset.groups]
    async for page in _overview(handset):
        groups += [state.group for state in page.groups]
        for person in page.people:
            if person.name:
                yield person.subscriber, person.name
    for group in dict.fromkeys(groups):
        with suppress(Refused):  # it is gone
            for member in (await handset.presence(group)).listed or ():
                if member.name:
                    yield member.subscriber, member.name


async def _overview(handset: Handset) -> AsyncIterator[signalling.Overview]:
    """Nothing for whom the organisation does not let oversee."""
    if handset.terms is not None and handset.terms.role != "subscriber":
        with suppress(Refused):
            async for page in handset.dispatch.overview():
                yield page


def person_called(name: str, known: dict[str, set[str]]) -> str:
    """The identifier; one is taken as it is. Raises HandsetError: nobody is called so, or several are."""
    if re.fullmatch("sub_[0-9a-f]{16}", name):
        return name
    meant = known.get(name, set())
    if not meant:
        raise HandsetError(f"No contact, group or colleague is called {name}; a number (sub_...) does too.")
    if len(meant) > 1:
        raise HandsetError(f"Several are called {name}: {', '.join(sorted(meant))}. Give one of these identifiers.")
    return next(iter(meant))

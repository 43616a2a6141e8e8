"""Brings contacts of a file into one's own list. The file stays on this device; the server learns who and the alias."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from ptthandset.addressing import known_people, person_called
from ptthandset.contact_file import Entry, Read, Wrong
from ptthandset.errors import HandsetError, Refused
from ptthandset.handset import Handset

Tell = Callable[[int, str], None]
"""Line of the file, and what became of it."""


@dataclass(slots=True)
class Import:
    """How many were added, were there already, and are wrong. `people`: alias by identifier; `aliases` the reverse."""

    tell: Tell
    added: int = 0
    there: int = 0
    wrong: int = 0
    people: dict[str, str] = field(default_factory=dict)
    aliases: dict[str, str] = field(default_factory=dict)

    def refuse(self, line: int, why: str) -> None:
        self.wrong += 1
        self.tell(line, why)

    def know(self, who: str, alias: str) -> None:
        self.people[who] = alias
        self.aliases[alias] = who


async def import_contacts(handset: Handset, entries: Sequence[Read], tell: Tell, *, dry_run: bool) -> Import:
    """One after the other; what is wrong is told and left out. Nothing of the list is changed that is there already.

    `dry_run`: nothing is sent, so whether an identifier is known shows only in earnest. Raises NotConnected.
    """
    done = Import(tell)
    for contact in await handset.contacts.list():
        done.know(contact.subscriber, contact.alias)
    known = await known_people(handset)
    for entry in entries:
        if isinstance(entry, Wrong):
            done.refuse(entry.line, entry.why)
            continue
        try:
            who = person_called(entry.who, known)
        except HandsetError as error:
            done.refuse(entry.line, str(error))
            continue
        await _add(handset, done, entry, who, dry_run)
    return done


async def _add(handset: Handset, done: Import, entry: Entry, who: str, dry_run: bool) -> None:
    before, other = done.people.get(who), done.aliases.get(entry.alias)
    if before == entry.alias:
        done.there += 1
        done.tell(entry.line, f"{entry.alias} is on your list already")
    elif before is not None:
        done.refuse(entry.line, f"{entry.alias} is on your list already, as {before}")
    elif other is not None:
        done.refuse(entry.line, f"you call {other} {entry.alias} already; choose another name")
    else:
        try:
            if not dry_run:
                await handset.contacts.put(who, entry.alias)
        except Refused as error:
            done.refuse(entry.line, f"{entry.alias}: {error}")
            return
        done.know(who, entry.alias)
        done.added += 1

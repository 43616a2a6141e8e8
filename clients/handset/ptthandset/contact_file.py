"""Contacts in a file: CSV (RFC 4180) or vCard 3 and 4 (RFC 2426, RFC 6350), read on this device alone.

An entry says what its owner calls somebody, and who that is: a `sub_...` identifier or a name that the server shows.
CSV has the columns `name` and, optionally, `subscriber`; a card has FN and, optionally, X-PTT-SUBSCRIBER. Without the
second the first says both. Everything else in the file is passed over.
"""

import csv
import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final

import vobject
from pydantic import ValidationError

from ptthandset.errors import HandsetError
from pttserver.wire.signalling import PutContact

MOST_BYTES: Final = 1 << 20
MOST_ENTRIES: Final = 1000  # what a contact list holds
WHO: Final = "x-ptt-subscriber"
_ANYBODY = "sub_0000000000000000"
_BEGIN, _END = "BEGIN:VCARD", "END:VCARD"


@dataclass(frozen=True, slots=True)
class Entry:
    """`line` counts from 1. `alias`: what the owner calls the person. `who`: identifier or name."""

    line: int
    alias: str
    who: str


@dataclass(frozen=True, slots=True)
class Wrong:
    """What is wrong in a line."""

    line: int
    why: str


Read = Entry | Wrong


def read_contacts(file: Path) -> list[Read]:
    """In the order of the file. Raises HandsetError: it cannot be read, is too large, or no such file at all."""
    text = _text(file)
    is_cards = file.suffix.lower() in (".vcf", ".vcard") or text.lstrip()[: len(_BEGIN)].upper() == _BEGIN
    found = list(islice(_cards(text) if is_cards else _rows(text, file), MOST_ENTRIES + 1))
    if len(found) > MOST_ENTRIES:
        raise HandsetError(f"{file}: more than {MOST_ENTRIES} contacts; split the file.")
    return [_checked(one) for one in found]


def _text(file: Path) -> str:
    try:
        with file.open("rb") as source:
            octets = source.read(MOST_BYTES + 1)
    except OSError as error:
        raise HandsetError(f"{file}: {error.strerror}") from None
    if len(octets) > MOST_BYTES:
        raise HandsetError(f"{file}: larger than {MOST_BYTES >> 20} MiB; leave pictures out, or split the file.")
    try:
        return octets.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise HandsetError(f"{file}: no UTF-8 text (octet {error.start}); save it as UTF-8.") from None


def _checked(one: Read) -> Read:
    """By the rule that the server has for aliases: 1 to 64 characters that can be seen."""
    if isinstance(one, Wrong):
        return one
    try:
        PutContact(id=1, subscriber=_ANYBODY, alias=one.alias)
    except ValidationError:
        return Wrong(one.line, "a name has 1 to 64 visible characters, without controls")
    return one


def _entry(line: int, name: str, who: str) -> Entry:
    return Entry(line, name.strip(), who.strip() or name.strip())


# CSV ----------------------------------------------------------------------------------------------------------------


def _rows(text: str, file: Path) -> Iterator[Read]:
    head = text.split("\n", 1)[0]
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=max(",;\t", key=head.count), strict=True)
    try:
        columns = [column.strip().lower() for column in next(reader, [])]
        if "name" not in columns:
            raise HandsetError(f"{file}: the first line must name the columns, `name` among them (and `subscriber`).")
        yield from _of_rows(reader, columns)
    except csv.Error as error:
        yield Wrong(reader.line_num, f"no CSV from here on: {error}")


def _of_rows(reader: Iterable[list[str]], columns: list[str]) -> Iterator[Read]:
    line = 2
    for row in reader:
        values = dict(zip(columns, row, strict=False))
        if len(row) > len(columns):
            yield Wrong(line, f"{len(row)} columns, but the first line names {len(columns)}")
        elif any(value.strip() for value in row):
            yield _entry(line, values.get("name", ""), values.get("subscriber", ""))
        line = reader.line_num + 1  # type: ignore[attr-defined]  # a quoted value may have several lines


# vCard --------------------------------------------------------------------------------------------------------------


def _cards(text: str) -> Iterator[Read]:
    """Each card by itself, so that one that is broken spoils no other."""
    begun, card = 0, list[str]()
    for number, line in enumerate(text.splitlines(), 1):
        mark = line.strip().upper()
        if mark == _BEGIN:
            if begun:
                yield Wrong(begun, "the card does not end")
            begun, card = number, []
        if begun:
            card.append(line)
        elif mark:
            yield Wrong(number, "it is in no card")
        if begun and mark == _END:
            yield _card(begun, "\r\n".join(card))
            begun = 0
    if begun:
        yield Wrong(begun, "the card does not end")


def _card(line: int, text: str) -> Read:
    try:
        (card,) = vobject.readComponents(text)
        names, who = card.contents.get("fn"), card.contents.get(WHO)
        if not names:
            return Wrong(line, "the card has no FN")
        return _entry(line, str(names[0].value), str(who[0].value) if who else "")
    except vobject.base.ParseError as error:
        return Wrong(line, f"no vCard: {error.msg}")
    except Exception as error:  # the library lets through what its decoders of single values raise
        return Wrong(line, f"no vCard: {type(error).__name__}")

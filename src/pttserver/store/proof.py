"""Proof that destroyed keys are in no file: every octet of the database and beside it is searched for their traces."""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pttserver.errors import StoreUnavailable
from pttserver.store.database import Database
from pttserver.store.octet_search import found_in

OTHERS: Final = "all other files of the data folder"


@dataclass(frozen=True, slots=True)
class Proof:
    """The files that were searched to the last octet: name -> octets. `rewritten`: the database was, to fill its gaps.

    `keys_file`: how the file of subjects' keys, which is sealed, was found.
    """

    searched: dict[str, int]
    rewritten: bool
    keys_file: str


async def empty_log(database: Database) -> None:
    """Raises StoreUnavailable while it cannot be emptied."""
    if not await database.truncate_log():
        raise StoreUnavailable("somebody still reads an older state of the database")


async def search(database: Database, file: Path, traces: Sequence[bytes], keys_file: str) -> Proof:
    """`file`: that of the database, whose write-ahead log was just emptied.

    Raises StoreUnavailable if a trace is found, with where; what lies in the database's gaps is overwritten before.
    """
    searched, found = await asyncio.to_thread(_looked_through, traces, file.parent)
    rewritten = file in found
    if rewritten:  # in a gap of a page, where SQLite moved the row away from
        await database.rewrite()
        await empty_log(database)
        searched, found = await asyncio.to_thread(_looked_through, traces, file.parent)
    if found:
        names = ", ".join(str(each.relative_to(file.parent)) for each in found)
        raise StoreUnavailable(f"the key is still in {names} of {file.parent}: remove every copy of the database there")
    return Proof(_named(searched, file), rewritten, keys_file)


def _looked_through(traces: Sequence[bytes], folder: Path) -> tuple[dict[Path, int], list[Path]]:
    """The size of every file in the folder, and those that hold a trace."""
    sizes: dict[Path, int] = {}
    for file in sorted(folder.rglob("*")):
        with suppress(FileNotFoundError):  # it was removed just now
            if file.is_file():
                sizes[file] = file.stat().st_size
    return sizes, found_in(traces, list(sizes))


def _named(sizes: Mapping[Path, int], file: Path) -> dict[str, int]:
    """The names of other files might tell of somebody."""
    own, named = {file, file.with_name(f"{file.name}-wal")}, Counter[str]()
    for each, size in sizes.items():
        named[each.name if each in own else OTHERS] += size
    return dict(named)

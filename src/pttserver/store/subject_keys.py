"""What opens the backups: the wrapped keys of the living subjects, in one file of which only the newest is kept.

A subject's key never changes, so the newest file opens every backup, and of every backup only what belongs to those who
are still there. It is written from the living database in a turn of its own among the writes: an erasure comes before
it or after it, never between.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from sqlalchemy import Connection, select

from pttserver.store.database import Database
from pttserver.store.governance_schema import subjects
from pttserver.store.schema import subscribers


@dataclass(frozen=True, slots=True)
class SubjectKeyRow:
    """`identifier_index`: what the subscriber is found by; None: by its id only."""

    subject_id: str
    wrapped: bytes = field(repr=False)
    identifier_index: bytes | None = field(repr=False)


async def hand_over(database: Database, use: Callable[[list[SubjectKeyRow]], None]) -> int:
    """Calls `use` with the keys of all subjects while nobody else writes; gives how many. Raises StoreUnavailable."""
    query = (
        select(subjects.c.id, subjects.c.wrapped, subscribers.c.identifier_index)
        .outerjoin(subscribers, subscribers.c.id == subjects.c.id)
        .order_by(subjects.c.id)
    )

    def work(sql: Connection) -> int:
        rows = [SubjectKeyRow(*row) for row in sql.execute(query)]
        use(rows)
        return len(rows)

    return await database.write(work)


async def living(database: Database) -> set[tuple[str, bytes | None]]:
    """Who has a key, each with what it is found by. Raises StoreUnavailable."""
    query = select(subjects.c.id, subscribers.c.identifier_index)
    joined = query.outerjoin(subscribers, subscribers.c.id == subjects.c.id)
    return await database.read(lambda sql: {(row[0], row[1]) for row in sql.execute(joined)})

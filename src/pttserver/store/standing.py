"""Which living sessions and affiliations no longer hold; asked when `standing_number` has changed."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import TypeVar

from sqlalchemy import Connection, select, tuple_

from pttserver.ids import DeviceId, SubscriberId
from pttserver.store.database import Database
from pttserver.store.records import Affiliation, Standing
from pttserver.store.schema import devices, members, standing_changes

PAIRS_PER_QUERY = 500

T = TypeVar("T")

_NUMBER = select(standing_changes.c.number)
_MEMBER = select(members.c.group_id, members.c.subscriber_id, members.c.priority, members.c.listen_only)


async def standing_number(database: Database) -> int:
    """Another number after any commit, of this process or another, that may end a session. Raises StoreUnavailable."""
    return await database.read(lambda sql: sql.execute(_NUMBER).scalar_one())


async def standing(
    database: Database, sessions: Iterable[tuple[DeviceId, SubscriberId]], affiliations: Iterable[Affiliation]
) -> Standing:
    """Compares what the sessions believe with one state of the database. Raises StoreUnavailable."""
    owners, believed = dict(sessions), list(affiliations)

    def work(sql: Connection) -> Standing:
        now = _as_they_are(sql, believed)
        pairs = [(old, now.get((old.group_id, old.subscriber_id))) for old in believed]
        ended = tuple(old for old, new in pairs if new is None)
        changed = tuple(new for old, new in pairs if new is not None and new != old)
        return Standing(_ended_devices(sql, owners), ended, changed)

    return await database.read(work)


def _ended_devices(sql: Connection, owners: Mapping[DeviceId, SubscriberId]) -> frozenset[DeviceId]:
    alive = select(devices.c.id, devices.c.subscriber_id).where(devices.c.revoked_ms.is_(None))
    held: set[tuple[str, str]] = set()
    for some in _chunks(owners):
        held.update((row.id, row.subscriber_id) for row in sql.execute(alive.where(devices.c.id.in_(some))))
    return frozenset(device_id for device_id, owner in owners.items() if (device_id, owner) not in held)


def _as_they_are(sql: Connection, believed: Iterable[Affiliation]) -> dict[tuple[str, str], Affiliation]:
    pair = tuple_(members.c.group_id, members.c.subscriber_id)
    found = {}
    for some in _chunks((a.group_id, a.subscriber_id) for a in believed):
        for row in sql.execute(_MEMBER.where(pair.in_(some))):
            found[row.group_id, row.subscriber_id] = Affiliation(*row)
    return found


def _chunks(items: Iterable[T]) -> Iterator[Sequence[T]]:
    rest = iter(items)
    while some := list(islice(rest, PAIRS_PER_QUERY)):
        yield some

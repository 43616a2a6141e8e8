"""Which living sessions, affiliations, names and rights no longer hold; asked when `standing_number` has changed."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, TypeVar

from sqlalchemy import Connection, Text, bindparam, select, tuple_

from pttserver.errors import MasterKeyMissing, PttError, SealBroken
from pttserver.ids import DeviceId, GroupId, SubscriberId, TenantId
from pttserver.privacy.categories import Category
from pttserver.privacy.cutoffs import Cutoffs
from pttserver.privacy.policy import Policy
from pttserver.store.columns import Sealed
from pttserver.store.database import Database
from pttserver.store.events import events_of
from pttserver.store.records import Affiliation, People, Person, Standing
from pttserver.store.remote_schema import device_controls
from pttserver.store.rights import RIGHTS_COLUMNS, rights_in_force, with_rights
from pttserver.store.schema import devices, groups, members, standing_changes, subscribers
from pttserver.store.vault import KEY_COLUMNS, with_keys

PAIRS_PER_QUERY = 500

T = TypeVar("T")

_NUMBER = select(standing_changes.c.number)
_MEMBER = select(members.c.group_id, members.c.subscriber_id, members.c.priority, members.c.listen_only)

_PERSON = select(
    subscribers.c.id, subscribers.c.display_name, subscribers.c.created_ms, *RIGHTS_COLUMNS, *KEY_COLUMNS
).select_from(with_rights(with_keys(subscribers, subscribers.c.id), subscribers.c.id))
_SOME = bindparam("some", type_=Text, expanding=True)
_PEOPLE = _PERSON.where(subscribers.c.id.in_(_SOME))
_ALIVE = select(devices.c.id, devices.c.subscriber_id).where(devices.c.revoked_ms.is_(None), devices.c.id.in_(_SOME))
_TYPES = select(
    devices.c.id, devices.c.tenant_id, devices.c.subscriber_id, devices.c.device_type, devices.c.enrolled_ms
).where(devices.c.id.in_(_SOME), devices.c.device_type.is_not(None), devices.c.enrolled_ms.is_not(None))
_CONTROLS = select(device_controls).where(device_controls.c.device_id.in_(_SOME))


async def standing_number(database: Database) -> int:
    """Another number after any commit, of this process or another, that may end a session. Raises StoreUnavailable."""
    return await database.read(lambda sql: sql.execute(_NUMBER).scalar_one())


async def standing(
    database: Database,
    sessions: Iterable[tuple[DeviceId, SubscriberId]],
    affiliations: Iterable[Affiliation],
    overseen: Iterable[GroupId] = (),
) -> Standing:
    """Compares what the sessions believe with one state of the database. Raises StoreUnavailable."""
    owners, believed, looked_into = dict(sessions), list(affiliations), set(overseen)

    def work(sql: Connection) -> Standing:
        now = _as_they_are(sql, believed)
        pairs = [(old, now.get((old.group_id, old.subscriber_id))) for old in believed]
        ended = tuple(old for old, new in pairs if new is None)
        changed = tuple(new for old, new in pairs if new is not None and new != old)
        stunned, wiped = _controlled(sql, owners)
        gone = frozenset(looked_into - _present(sql, looked_into))
        return Standing(_ended_devices(sql, owners) - wiped, ended, changed, stunned - wiped, wiped, gone)

    return await database.read(work)


async def people(
    database: Database,
    living: Mapping[SubscriberId, DeviceId | None],
    seen: Mapping[SubscriberId, int],
    policies: Mapping[TenantId, Policy],
    now_ms: int,
) -> People:
    """Those that are not as they were `seen` before: only these are opened. Raises StoreUnavailable.

    `living`: with the device that each is on; None: on none, but the name is held. What is sealed anew has other
    octets, even if it is the same; a restricted subscriber has none to show, nor has one whose name is hidden, or who
    is of a tenant without a policy. So it is with the type of the device. Of whom cannot be opened only the
    rights are told: what changed may be that the name is not to be shown.
    """
    vault = database.vault

    def work(sql: Connection) -> People:
        found, looked_at, unopened = {}, {}, list[PttError]()
        cutoffs = {each: Cutoffs(policy, now_ms, events_of(sql, each)) for each, policy in policies.items()}
        types = _device_types(sql, cutoffs, filter(None, living.values()))
        for some in _chunks(living):
            for row in sql.execute(_PEOPLE, {"some": some}):
                rights, hidden = rights_in_force(row), _is_hidden(cutoffs.get(row.key_tenant), row)
                name, device_type = None if hidden else row.display_name, types.get(living[row.id])
                is_member = _is_member(cutoffs.get(row.key_tenant), row)
                fingerprint = hash((name, device_type, row.key_restricted_ms, rights, is_member))
                looked_at[row.id] = fingerprint
                if seen.get(row.id) == fingerprint:
                    continue
                try:
                    keys = vault.keys(row)
                    found[row.id] = Person(keys.shown_text(name), rights, keys.shown_text(device_type), is_member)
                except (MasterKeyMissing, SealBroken) as error:
                    found[row.id] = Person(None, rights, None, is_member)
                    looked_at[row.id] = ~fingerprint  # no state of the row has it: the next look tries again
                    unopened.append(error)
        return People(found, looked_at, unopened[0] if unopened else None)

    return await database.read(work)


def _is_hidden(cutoffs: Cutoffs | None, row: Any) -> bool:
    return cutoffs is None or cutoffs.is_hidden(Category.SUBSCRIBER_NAME, row.created_ms, row.id)


def _is_member(cutoffs: Cutoffs | None, row: Any) -> bool:
    """Also of a tenant without a policy, which is refused anew and not put out."""
    over_ms = cutoffs.gone(Category.MEMBERSHIP, row.id) if cutoffs is not None else None
    return over_ms is None or row.created_ms > over_ms


def _device_types(
    sql: Connection, cutoffs: Mapping[TenantId, Cutoffs], device_ids: Iterable[DeviceId]
) -> dict[DeviceId | None, Sealed]:
    """As they stand, of those that may be shown."""
    found: dict[DeviceId | None, Sealed] = {}
    for some in _chunks(device_ids):
        for row in sql.execute(_TYPES, {"some": some}):
            by = cutoffs.get(row.tenant_id)
            if by is not None and not by.is_hidden(Category.DEVICE_TYPE, row.enrolled_ms, row.subscriber_id):
                found[row.id] = row.device_type
    return found


def _ended_devices(sql: Connection, owners: Mapping[DeviceId, SubscriberId]) -> frozenset[DeviceId]:
    held: set[tuple[str, str]] = set()
    for some in _chunks(owners):
        held.update((row.id, row.subscriber_id) for row in sql.execute(_ALIVE, {"some": some}))
    return frozenset(device_id for device_id, owner in owners.items() if (device_id, owner) not in held)


def _controlled(sql: Connection, devices: Iterable[DeviceId]) -> tuple[frozenset[DeviceId], frozenset[DeviceId]]:
    """Those that are disabled, and those that are wiped."""
    stunned, wiped = set[DeviceId](), set[DeviceId]()
    for some in _chunks(devices):
        for row in sql.execute(_CONTROLS, {"some": some}):
            if row.stunned_ms is not None:
                stunned.add(row.device_id)
            if row.wiped_ms is not None:
                wiped.add(row.device_id)
    return frozenset(stunned), frozenset(wiped)


def _present(sql: Connection, wanted: Iterable[GroupId]) -> set[GroupId]:
    found = set[GroupId]()
    for some in _chunks(wanted):
        found.update(sql.scalars(select(groups.c.id).where(groups.c.id.in_(some))))
    return found


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

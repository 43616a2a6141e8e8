"""Who can be written to, and with which keys."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence

from sqlalchemy import Connection, select
from sqlalchemy.dialects.sqlite import insert

from pttserver.errors import InvalidValue, NotFound, SealBroken
from pttserver.ids import DeviceId, GroupId, Personal, SubscriberId, TenantId
from pttserver.privacy.released import Released
from pttserver.store.database import Database
from pttserver.store.message_people import People, Person, Reader
from pttserver.store.message_records import Correspondent, MessageDevice
from pttserver.store.message_schema import message_keys
from pttserver.store.schema import devices, groups, members
from pttserver.wire.signalling import MAX_RECIPIENTS

_ALIVE = devices.c.revoked_ms.is_(None) & devices.c.public_key.is_not(None)
_DEVICES = (
    select(
        devices.c.id,
        devices.c.subscriber_id,
        devices.c.public_key.label("signing_key"),
        message_keys.c.public_key,
        message_keys.c.signature,
    )
    .join(message_keys, message_keys.c.device_id == devices.c.id)
    .where(_ALIVE, message_keys.c.public_key.is_not(None), message_keys.c.signature.is_not(None))
    .order_by(devices.c.id)
)


class MessageDirectory:
    """Every method raises StoreUnavailable if the database fails."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def signing_key(self, subscriber_id: SubscriberId, device_id: DeviceId) -> bytes:
        """Ed25519, of an enrolled device. Raises NotFound."""
        vault = self._database.vault
        query = select(devices.c.public_key).where(devices.c.id == device_id, _ALIVE)

        def work(sql: Connection) -> bytes | None:
            return vault.existing(sql, subscriber_id).octets(sql.scalar(query))

        found = await self._database.read(work)
        if found is None:
            raise NotFound
        return found

    async def publish(
        self, subscriber_id: SubscriberId, device_id: DeviceId, key: Released, signature: Released, now_ms: int
    ) -> None:
        """The device's X25519 key. What is there already is not written again. Raises NotFound."""
        vault = self._database.vault
        mine = select(message_keys.c.public_key).where(message_keys.c.device_id == device_id)

        def is_there(sql: Connection) -> bool:
            return vault.existing(sql, subscriber_id).octets(sql.scalar(mine)) == key.value

        def work(sql: Connection) -> None:
            keys = vault.existing(sql, subscriber_id)
            new = {"public_key": keys.seal(key), "signature": keys.seal(signature), "published_ms": now_ms}
            row = insert(message_keys).values(device_id=device_id, subscriber_id=subscriber_id, **new)
            sql.execute(row.on_conflict_do_update(index_elements=["device_id"], set_=new))

        if not await self._database.read(is_there):
            await self._database.write(work)

    async def correspondents(
        self, who: Reader, others: Sequence[SubscriberId] | None, group: GroupId | Collection[SubscriberId] | None
    ) -> list[Correspondent]:
        """The reader first, then the others; None: the members of the group, which are given if it is a temporary one.

        Nobody is named in a group that is larger than the policy shows names of.

        Raises InvalidValue: the group is too large. NotFound: somebody is not of the tenant or the group, or does not
        exist; which of these is not told.
        """
        vault, me = self._database.vault, who.subscriber_id

        def work(sql: Connection) -> list[Correspondent]:
            people, named = People(sql, vault, who), {me, *(others or ())}
            wanted = named if group is None else _members(sql, who.tenant_id, group)
            if others is None and len(wanted) > MAX_RECIPIENTS + 1:
                raise InvalidValue(f"At most {MAX_RECIPIENTS} recipients.")
            found = people.of(wanted)
            if not found.keys() >= named:
                raise NotFound
            ids = [me, *sorted((found.keys() if others is None else named) - {me})]
            devices_of = _devices(sql, ids, found)
            unnamed = group is not None and len(found) > who.policy.roster.names_up_to
            names = {each: Personal("") if unnamed else found[each].name for each in ids}
            return [Correspondent(each, names[each], devices_of[each]) for each in ids]

        return await self._database.read(work)


def _members(sql: Connection, tenant_id: TenantId, group: GroupId | Collection[SubscriberId]) -> set[SubscriberId]:
    if not isinstance(group, str):
        return set(group)
    query = select(members.c.subscriber_id).join(groups)
    return set(sql.scalars(query.where(groups.c.tenant_id == tenant_id, groups.c.id == group)))


def _devices(
    sql: Connection, ids: Sequence[SubscriberId], people: Mapping[SubscriberId, Person]
) -> defaultdict[SubscriberId, list[MessageDevice]]:
    """A device whose row was tampered with is as good as none."""
    found: defaultdict[SubscriberId, list[MessageDevice]] = defaultdict(list)
    for row in sql.execute(_DEVICES.where(devices.c.subscriber_id.in_(ids))):
        mine = people[row.subscriber_id].keys
        try:
            opened = [mine.octets(value) or b"" for value in (row.signing_key, row.public_key, row.signature)]
        except SealBroken:
            continue
        found[row.subscriber_id].append(MessageDevice(row.id, *opened))
    return found

"""Who can be written to, and with which keys."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, select
from sqlalchemy.dialects.sqlite import insert

from pttserver.errors import NotFound, SealBroken
from pttserver.ids import DeviceId, GroupId, Personal, SubscriberId, TenantId
from pttserver.privacy.released import Released
from pttserver.store.database import Database
from pttserver.store.message_records import Correspondent, MessageDevice
from pttserver.store.message_schema import message_keys
from pttserver.store.schema import devices, groups, members, subscribers
from pttserver.store.vault import KEY_COLUMNS, SubjectVault, Vault, with_keys

_PRESENT = subscribers.c.removed_ms.is_(None)
_PEOPLE = select(subscribers.c.id, subscribers.c.display_name, *KEY_COLUMNS).select_from(
    with_keys(subscribers, subscribers.c.id)
)
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
        self, tenant_id: TenantId, me: SubscriberId, others: Sequence[SubscriberId] | None, group_id: GroupId | None
    ) -> list[Correspondent]:
        """`me` first, then the others; None: the members of the group.

        Raises NotFound: somebody is not of the tenant or the group, whether or not there is such a person elsewhere.
        """
        vault = self._database.vault

        def work(sql: Connection) -> list[Correspondent]:
            ids = [me, *sorted({*(others or ())} - {me})]
            if group_id is not None:
                present = _members(sql, tenant_id, group_id)
                if not present.issuperset(ids):
                    raise NotFound
                ids = ids if others is not None else [me, *sorted(present - {me})]
            return _opened(sql, vault, tenant_id, ids)

        return await self._database.read(work)


def _members(sql: Connection, tenant_id: TenantId, group_id: GroupId) -> set[SubscriberId]:
    query = select(members.c.subscriber_id).join(groups).join(subscribers, subscribers.c.id == members.c.subscriber_id)
    return set(sql.scalars(query.where(groups.c.tenant_id == tenant_id, groups.c.id == group_id, _PRESENT)))


def _opened(sql: Connection, vault: Vault, tenant_id: TenantId, ids: Sequence[SubscriberId]) -> list[Correspondent]:
    people = {row.id: row for row in sql.execute(_PEOPLE.where(_of(tenant_id, ids)))}
    if people.keys() != set(ids):
        raise NotFound
    keys = {who: vault.keys(row) for who, row in people.items()}
    found = _devices(sql, ids, keys)
    return [
        Correspondent(who, keys[who].shown_text(people[who].display_name) or Personal(""), found[who]) for who in ids
    ]


def _of(tenant_id: TenantId, ids: Sequence[SubscriberId]) -> Any:
    return (subscribers.c.tenant_id == tenant_id) & subscribers.c.id.in_(ids) & _PRESENT


def _devices(
    sql: Connection, ids: Sequence[SubscriberId], keys: Mapping[SubscriberId, SubjectVault]
) -> defaultdict[SubscriberId, list[MessageDevice]]:
    """A device whose row was tampered with is as good as none."""
    found: defaultdict[SubscriberId, list[MessageDevice]] = defaultdict(list)
    for row in sql.execute(_DEVICES.where(devices.c.subscriber_id.in_(ids))):
        mine = keys[row.subscriber_id]
        try:
            opened = [mine.octets(value) or b"" for value in (row.signing_key, row.public_key, row.signature)]
        except SealBroken:
            continue
        found[row.subscriber_id].append(MessageDevice(row.id, *opened))
    return found

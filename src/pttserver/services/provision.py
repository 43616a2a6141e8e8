"""Provisioning of tenants, groups, members and subscribers: the use cases of an operator.

Objects are addressed by their name or their identifier, within their tenant. Every method raises NotFound for
what does not exist, and StoreUnavailable if the database fails. Messages of errors repeat no personal datum.
"""

import asyncio
from dataclasses import dataclass, field

from pttserver.clock import Clock
from pttserver.crypto.passwords import PinHasher, random_pin
from pttserver.errors import InvalidValue, NotFound
from pttserver.ids import SubscriberId, new_group_id, new_subscriber_id, new_tenant_id
from pttserver.services import naming
from pttserver.store.database import Database
from pttserver.store.groups import Groups
from pttserver.store.records import Group, Member, Membership, Subscriber, Tenant
from pttserver.store.subscribers import Subscribers
from pttserver.store.tenants import Tenants

DEFAULT_ROSTER_LIMIT = 50
DEFAULT_PRIORITY = 100


@dataclass(frozen=True, slots=True)
class NewSubscriber:
    """A subscriber just added, with the PIN: it is shown now or never."""

    subscriber: Subscriber
    pin: str = field(repr=False)


class Provisioning:
    """Use cases of an operator."""

    def __init__(self, database: Database, hasher: PinHasher, clock: Clock) -> None:
        self._tenants = Tenants(database)
        self._groups = Groups(database)
        self._subscribers = Subscribers(database)
        self._hasher = hasher
        self._clock = clock

    # tenants

    async def add_tenant(self, name: str, roster_limit: int = DEFAULT_ROSTER_LIMIT) -> Tenant:
        """Raises AlreadyExists, InvalidValue."""
        if roster_limit < 0:
            raise InvalidValue("a roster limit is not negative")
        tenant = Tenant(new_tenant_id(), naming.name(name), roster_limit, self._clock.utc_ms())
        await self._tenants.add(tenant)
        return tenant

    async def tenants(self) -> list[Tenant]:
        return await self._tenants.all()

    async def tenant(self, tenant: str) -> Tenant:
        found = await self._tenants.find(naming.name_or_id(tenant))
        if found is None:
            raise NotFound("there is no such tenant")
        return found

    async def remove_tenant(self, tenant: str) -> None:
        """With all that belongs to it, its history too."""
        await self._tenants.remove((await self.tenant(tenant)).tenant_id)

    # groups and their members

    async def add_group(self, tenant: str, name: str) -> Group:
        """Raises AlreadyExists, InvalidValue."""
        owner = await self.tenant(tenant)
        group = Group(new_group_id(), owner.tenant_id, naming.name(name), self._clock.utc_ms())
        await self._groups.add(group)
        return group

    async def groups(self, tenant: str) -> list[Group]:
        return await self._groups.of_tenant((await self.tenant(tenant)).tenant_id)

    async def group(self, tenant: str, group: str) -> Group:
        owner = await self.tenant(tenant)
        found = await self._groups.find(owner.tenant_id, naming.name_or_id(group))
        if found is None:
            raise NotFound("the tenant has no such group")
        return found

    async def group_members(self, tenant: str, group: str) -> list[Member]:
        return await self._groups.group_members((await self.group(tenant, group)).group_id)

    async def remove_group(self, tenant: str, group: str) -> None:
        await self._groups.remove((await self.group(tenant, group)).group_id)

    async def set_member(
        self,
        tenant: str,
        group: str,
        subscriber: str,
        *,
        priority: int = DEFAULT_PRIORITY,
        listen_only: bool = False,
    ) -> None:
        """Adds the member, or changes what it may do. Raises InvalidValue."""
        rank = naming.priority(priority)
        of, who = await self.group(tenant, group), await self.subscriber(tenant, subscriber)
        await self._groups.put_member(of.group_id, who.subscriber_id, rank, listen_only)

    async def remove_member(self, tenant: str, group: str, subscriber: str) -> None:
        of, who = await self.group(tenant, group), await self.subscriber(tenant, subscriber)
        if not await self._groups.remove_member(of.group_id, who.subscriber_id):
            raise NotFound("the subscriber is not a member of the group")

    # subscribers

    async def add_subscriber(
        self, tenant: str, identifier: str, *, display_name: str | None = None, pin: str | None = None
    ) -> NewSubscriber:
        """Draws a PIN of six digits if none is given. Raises AlreadyExists, InvalidValue."""
        owner = await self.tenant(tenant)
        known_as, kind = naming.identifier(identifier)
        name = naming.personal_name(display_name, "the display name")
        secret = _pin_or_random(pin)
        now_ms = self._clock.utc_ms()
        subscriber = Subscriber(new_subscriber_id(), owner.tenant_id, known_as, kind, name, now_ms)
        await self._subscribers.add(subscriber, await self._hash(secret))
        return NewSubscriber(subscriber, secret)

    async def subscribers(self, tenant: str) -> list[Subscriber]:
        return await self._subscribers.of_tenant((await self.tenant(tenant)).tenant_id)

    async def subscriber(self, tenant: str, subscriber: str) -> Subscriber:
        owner = await self.tenant(tenant)
        found = await self._subscribers.find(owner.tenant_id, naming.identifier_or_id(subscriber))
        if found is None:
            raise NotFound("the tenant has no such subscriber")
        return found

    async def memberships(self, tenant: str, subscriber: str) -> list[Membership]:
        return await self._groups.memberships(await self._subscriber_id(tenant, subscriber))

    async def rename_subscriber(self, tenant: str, subscriber: str, display_name: str | None) -> None:
        """None or blanks take the display name away. Raises InvalidValue."""
        name = naming.personal_name(display_name, "the display name")
        await self._subscribers.rename(await self._subscriber_id(tenant, subscriber), name)

    async def set_pin(self, tenant: str, subscriber: str, pin: str | None = None) -> str:
        """The new PIN, drawn if none is given; the resume token ends. Raises InvalidValue."""
        secret = _pin_or_random(pin)
        subscriber_id = await self._subscriber_id(tenant, subscriber)
        await self._subscribers.set_pin(subscriber_id, await self._hash(secret))
        return secret

    async def remove_subscriber(self, tenant: str, subscriber: str) -> None:
        """With memberships and devices."""
        await self._subscribers.remove(await self._subscriber_id(tenant, subscriber))

    async def _subscriber_id(self, tenant: str, subscriber: str) -> SubscriberId:
        return (await self.subscriber(tenant, subscriber)).subscriber_id

    async def _hash(self, pin: str) -> str:
        return await asyncio.to_thread(self._hasher.hash, pin)


def _pin_or_random(pin: str | None) -> str:
    return random_pin() if pin is None else naming.pin(pin)

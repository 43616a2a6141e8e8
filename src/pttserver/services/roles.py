"""Roles and rights of subscribers: an operator's use cases. Living sessions follow at once (standing_watch)."""

from dataclasses import replace
from typing import Literal

from pttserver.clock import Clock
from pttserver.errors import NotFound
from pttserver.ids import SubscriberId
from pttserver.roles import Rights, Role
from pttserver.services.provision import Provisioning
from pttserver.store.database import Database
from pttserver.store.records import Subscriber
from pttserver.store.rights import SubscriberRights

Service = Literal["alerts", "location"]


class Roles:
    """Every method raises NotFound, PolicyMissing or StoreUnavailable."""

    def __init__(self, database: Database, provisioning: Provisioning, clock: Clock) -> None:
        self._store = SubscriberRights(database)
        self._provisioning = provisioning
        self._clock = clock

    async def rights(self, who: Subscriber) -> Rights:
        found = await self._store.of(who.subscriber_id)
        if found is None:
            raise NotFound("the tenant has no such subscriber")
        return found

    async def all(self, tenant: str) -> dict[SubscriberId, Rights]:
        """Of each subscriber of the tenant."""
        return await self._store.of_tenant((await self._provisioning.tenant(tenant)).tenant_id)

    async def set_role(self, tenant: str, subscriber: str, role: Role) -> None:
        who = await self._provisioning.subscriber(tenant, subscriber)
        note = self._provisioning.note("subscriber.role", who, role=role.value)
        new = replace(await self.rights(who), role=role)
        await self._store.put(who.subscriber_id, new, self._clock.utc_ms(), note)

    async def allow(self, tenant: str, subscriber: str, service: Service, allowed: bool | None) -> None:
        """Whether the subscriber may raise alerts, or may be located. None: as the policy says for everybody."""
        who = await self._provisioning.subscriber(tenant, subscriber)
        rights = await self.rights(who)
        if service == "alerts":
            new = replace(rights, alerts_allowed=allowed)
        else:
            new = replace(rights, location_allowed=allowed is not False)
        operation = "subscriber.deny" if allowed is False else "subscriber.allow"
        note = self._provisioning.note(operation, who, service=service)
        await self._store.put(who.subscriber_id, new, self._clock.utc_ms(), note)

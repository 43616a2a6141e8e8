"""Fences as an operator provides them: imported from a drawing, listed, removed.

While the policy locates nobody none is added. Those that are there stay, so that who switches location off for a while
loses nothing; they tell nothing, and can be listed and removed.
"""

from pttserver.clock import Clock
from pttserver.errors import InvalidValue, NotFound, PolicyForbids
from pttserver.ids import new_fence_id
from pttserver.places.geojson import fences_of
from pttserver.services.provision import Provisioning
from pttserver.store.database import Database
from pttserver.store.fences import FenceStore, StoredFence


class FenceProvisioning:
    """Every method raises NotFound, PolicyMissing or StoreUnavailable. A server that runs beside it notices."""

    def __init__(self, database: Database, provisioning: Provisioning, clock: Clock) -> None:
        self._store = FenceStore(database)
        self._provisioning = provisioning
        self._clock = clock

    async def add(self, tenant: str, text: str) -> list[StoredFence]:
        """All fences of a GeoJSON text, or none. Raises PolicyForbids, InvalidValue, AlreadyExists."""
        owner, now_ms = await self._provisioning.tenant(tenant), self._clock.utc_ms()
        note = self._provisioning.note_of(owner.tenant_id, "fence.put")
        if not note.gate.policy.locates:
            raise PolicyForbids("the policy of the tenant locates nobody: fences are added once location is on")
        fences = [
            StoredFence(
                new_fence_id(), owner.tenant_id, fence.name, fence.shape.model_dump_json(), fence.dwell_s, now_ms
            )
            for fence in fences_of(text)
        ]
        if not fences:
            raise InvalidValue("there is no feature in it")
        await self._store.put(fences, note.with_details(fences=len(fences)))
        return fences

    async def of_tenant(self, tenant: str) -> list[StoredFence]:
        """By name."""
        owner = await self._provisioning.tenant(tenant)
        return sorted(await self._store.of_tenant(owner.tenant_id), key=lambda fence: fence.name)

    async def remove(self, tenant: str, name_or_id: str) -> None:
        owner = await self._provisioning.tenant(tenant)
        fence = await self._store.find(owner.tenant_id, name_or_id)
        if fence is None:
            raise NotFound("the tenant has no such fence")
        note = self._provisioning.note_of(owner.tenant_id, "fence.remove", fence=fence.fence_id)
        await self._store.remove(owner.tenant_id, fence.fence_id, note)

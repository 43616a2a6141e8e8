"""Fences in use: read from the database as they change, put and removed by dispatchers, listed."""

from pydantic import TypeAdapter

from pttserver.clock import Clock
from pttserver.errors import InvalidValue, NotFound, SealBroken
from pttserver.ids import TenantId, new_fence_id
from pttserver.observe.log import get_logger
from pttserver.places.areas import area
from pttserver.places.fences import Fence, Fences
from pttserver.services.location_looks import LocationLooks
from pttserver.sessions.session import Session
from pttserver.store.fences import FenceStore, StoredFence
from pttserver.wire import signalling

_SHAPES: TypeAdapter[signalling.Shape] = TypeAdapter(signalling.Shape)
_log = get_logger("fencing")


def shape_text(shape: signalling.Shape) -> str:
    """As it is stored. Raises InvalidValue if it is none that a fence can have."""
    area(shape)
    return shape.model_dump_json()


class Fencing:
    """Every method that awaits raises StoreUnavailable if the database fails."""

    def __init__(self, store: FenceStore, looks: LocationLooks, clock: Clock) -> None:
        self._store = store
        self._looks = looks
        self._clock = clock
        self._fences: dict[TenantId, Fences] = {}
        self._seen: dict[TenantId, tuple[int, int]] = {}

    def of(self, tenant_id: TenantId) -> Fences:
        """Those of a tenant, with who is in them."""
        found = self._fences.get(tenant_id)
        if found is None:
            found = self._fences[tenant_id] = Fences()
        return found

    async def load(self) -> None:
        """Takes up what changed since."""
        now = await self._store.changes()
        for tenant_id in now.keys() | self._seen.keys():
            if now.get(tenant_id) != self._seen.get(tenant_id):
                stored = await self._opened(tenant_id)
                self.of(tenant_id).replace(fence for each in stored if (fence := _fence(each)) is not None)
        self._seen = now

    async def _opened(self, tenant_id: TenantId) -> list[StoredFence]:
        """None, loudly, if a seal is broken: the fences of other organisations go on."""
        try:
            return await self._store.of_tenant(tenant_id)
        except SealBroken:
            _log.error("fences_not_opened", tenant=tenant_id)
            return []

    # Requests ----------------------------------------------------------------------------------------------------

    async def put(self, session: Session, request: signalling.PutFence) -> signalling.FenceKept:
        """Raises InvalidValue, AlreadyExists; NotFound if the fence that is named is not there."""
        tenant_id, fence_id = session.identity.tenant_id, request.fence or new_fence_id()
        shape = shape_text(request.shape)
        before = await self._store.find(tenant_id, fence_id) if request.fence else None
        if request.fence and (before is None or before.fence_id != fence_id):
            raise NotFound
        fence = StoredFence(fence_id, tenant_id, request.name, shape, request.dwell_s, self._clock.utc_ms())
        await self._store.put([fence], self._looks.entry(session, "fence.put", fence=fence_id))
        await self.load()
        return signalling.FenceKept(re=request.id, fence=fence_id)

    async def remove(self, session: Session, request: signalling.RemoveFence) -> signalling.Done:
        """Raises NotFound."""
        tenant_id, note = session.identity.tenant_id, self._looks.entry(session, "fence.remove", fence=request.fence)
        if not await self._store.remove(tenant_id, request.fence, note):
            raise NotFound
        await self.load()
        return signalling.Done(re=request.id)

    async def list(self, session: Session, request: signalling.ListFences) -> signalling.Fences:
        most = signalling.MOST_FENCES
        found = await self._store.of_tenant(session.identity.tenant_id, request.after or "", most + 1)
        fences = [
            signalling.Fence(
                fence=each.fence_id, name=each.name, shape=_SHAPES.validate_json(each.shape), dwell_s=each.dwell_s
            )
            for each in found[:most]
        ]
        return signalling.Fences(re=request.id, fences=fences, further=len(found) > most)


def _fence(stored: StoredFence) -> Fence | None:
    """One that another version of the server stored, and this one does not understand, is left out, loudly."""
    try:
        return Fence(stored.fence_id, stored.name, area(_SHAPES.validate_json(stored.shape)), stored.dwell_s)
    except (ValueError, InvalidValue):
        _log.error("fence_not_understood", fence=stored.fence_id)
        return None

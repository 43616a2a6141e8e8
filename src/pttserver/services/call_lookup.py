"""The history of calls for a dispatcher: what the policy lets a dispatcher see of what is not over yet."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from pttserver.clock import Clock
from pttserver.errors import InvalidValue
from pttserver.ids import CallId, Personal, SubscriberId, TenantId
from pttserver.privacy.categories import Category
from pttserver.privacy.purposes import Tier
from pttserver.services.policy_book import PolicyBook
from pttserver.services.provision import Provisioning
from pttserver.services.serving import Serving
from pttserver.store.call_records import CallRecords, PastCall, Wanted
from pttserver.store.database import Database


@dataclass(frozen=True, slots=True)
class ShownCall:
    """A call with names for its numbers, as far as names are kept and shown."""

    call_id: CallId
    group: str
    started_ms: int
    ended_ms: int
    initiator: Personal | None
    initiator_address: Personal | None
    participants: tuple[Personal, ...]


class CallLookup:
    """Raises NotFound, PolicyMissing, StoreUnavailable."""

    def __init__(self, database: Database, policies: PolicyBook, provisioning: Provisioning, clock: Clock) -> None:
        self._records = CallRecords(database)
        self._serving = Serving(database, policies, clock)
        self._policies = policies
        self._provisioning = provisioning

    async def calls(
        self,
        tenant: str,
        *,
        group: str | None = None,
        subscriber: str | None = None,
        since_ms: int | None = None,
        limit: int = 100,
    ) -> list[ShownCall]:
        """Newest first. Raises InvalidValue if the policy does not let a dispatcher see what is asked for."""
        owner = (await self._provisioning.tenant(tenant)).tenant_id
        self._require(owner, Category.CALL_RECORD, "the policy lets no dispatcher see calls")
        if subscriber is not None:
            self._require(owner, Category.PARTICIPANTS, "the policy lets no dispatcher see who took part in a call")
        wanted = Wanted(
            group_id=(await self._provisioning.group(tenant, group)).group_id if group else None,
            subscriber_id=(await self._provisioning.subscriber(tenant, subscriber)).subscriber_id
            if subscriber
            else None,
            since_ms=since_ms,
            limit=limit,
        )
        found = await self._records.calls(owner, await self._serving.cutoffs(owner), wanted)
        groups: dict[str, str] = {each.group_id: each.name for each in await self._provisioning.groups(tenant)}
        names = await self._names(owner, tenant)
        return [_shown(self._allowed(owner, call), groups, names) for call in found]

    def _sees(self, tenant_id: TenantId, category: Category) -> bool:
        return Tier.DISPATCHER in self._policies.policy(tenant_id).rule(category).visible_to

    def _require(self, tenant_id: TenantId, category: Category, otherwise: str) -> None:
        if not self._sees(tenant_id, category):
            raise InvalidValue(otherwise)

    def _allowed(self, tenant_id: TenantId, call: PastCall) -> PastCall:
        if not self._sees(tenant_id, Category.PARTICIPANTS):
            call = replace(call, initiator=None, participants=())
        return call if self._sees(tenant_id, Category.IP_ADDRESS) else replace(call, initiator_address=None)

    async def _names(self, tenant_id: TenantId, tenant: str) -> dict[SubscriberId, Personal]:
        """What a dispatcher knows people by: the name, else the identifier, else the number of the subscriber."""
        shown = [self._sees(tenant_id, category) for category in (Category.SUBSCRIBER_NAME, Category.IDENTIFIER)]
        found = {}
        for each in await self._provisioning.subscribers(tenant):
            known_as = (each.display_name if shown[0] else None, each.identifier if shown[1] else None)
            found[each.subscriber_id] = next((text for text in known_as if text), Personal(each.subscriber_id))
        return found


def _shown(call: PastCall, groups: Mapping[str, str], names: Mapping[SubscriberId, Personal]) -> ShownCall:
    def name(who: SubscriberId) -> Personal:
        return names.get(who, Personal(who))

    return ShownCall(
        call_id=call.call_id,
        group=groups.get(call.group_id, call.group_id),
        started_ms=call.started_ms,
        ended_ms=call.ended_ms,
        initiator=name(call.initiator) if call.initiator else None,
        initiator_address=call.initiator_address,
        participants=tuple(sorted(map(name, call.participants), key=Personal.reveal)),
    )

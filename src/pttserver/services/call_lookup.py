"""The history of calls: what is not over yet, as far as whoever looks may see it, for a purpose of the policy's."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from pttserver.clock import Clock
from pttserver.errors import PolicyForbids
from pttserver.ids import CallId, Personal, SubscriberId, TenantId
from pttserver.privacy.categories import Category
from pttserver.privacy.purposes import Purpose
from pttserver.services.policy_book import PolicyBook
from pttserver.services.provision import Provisioning
from pttserver.services.serving import Serving
from pttserver.services.staff_sight import Sees, StaffSight
from pttserver.services.views import Views
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
    """Every method raises NotFound, PolicyMissing, StoreUnavailable."""

    def __init__(
        self,
        database: Database,
        policies: PolicyBook,
        provisioning: Provisioning,
        views: Views,
        sight: StaffSight,
        clock: Clock,
    ) -> None:
        self._records = CallRecords(database)
        self._serving = Serving(database, policies, clock)
        self._policies = policies
        self._provisioning = provisioning
        self._views = views
        self._sight = sight

    async def calls(
        self,
        tenant: str,
        *,
        group: str | None = None,
        subscriber: str | None = None,
        since_ms: int | None = None,
        limit: int = 100,
        purpose: Purpose = Purpose.OPERATIONS,
        reason: str = "",
    ) -> list[ShownCall]:
        """Newest first; the look is noted. Raises PolicyForbids: not for who looks, or not for this purpose."""
        owner = (await self._provisioning.tenant(tenant)).tenant_id
        asked = (Category.CALL_RECORD, Category.PARTICIPANTS) if subscriber else (Category.CALL_RECORD,)
        await self._sight.require(owner, *asked)
        self._require_purpose(owner, purpose)
        about = (await self._provisioning.subscriber(tenant, subscriber)).subscriber_id if subscriber else None
        wanted = Wanted(
            group_id=(await self._provisioning.group(tenant, group)).group_id if group else None,
            subscriber_id=about,
            since_ms=since_ms,
            limit=limit,
        )
        sees = await self._views.look(owner, "call.list", about, purpose=purpose.value, reason=reason)
        found = await self._records.calls(owner, await self._serving.cutoffs(owner), wanted)
        groups: dict[str, str] = {each.group_id: each.name for each in await self._provisioning.groups(tenant)}
        names = await self._names(tenant, sees)
        return [_shown(_allowed(call, sees), groups, names) for call in found]

    def _require_purpose(self, tenant_id: TenantId, purpose: Purpose) -> None:
        """GDPR Art. 5(1)(b)."""
        named = self._policies.policy(tenant_id).rule(Category.CALL_RECORD).purposes
        if purpose not in named:
            raise PolicyForbids(f"the policy names another purpose of calls: {', '.join(sorted(named))}")

    async def _names(self, tenant: str, sees: Sees) -> dict[SubscriberId, Personal]:
        """What people are known by: the name, else the identifier, else the number of the subscriber."""
        shown = [sees(category) for category in (Category.SUBSCRIBER_NAME, Category.IDENTIFIER)]
        found = {}
        for each in await self._provisioning.subscribers(tenant):
            known_as = (each.display_name if shown[0] else None, each.identifier if shown[1] else None)
            found[each.subscriber_id] = next((text for text in known_as if text), Personal(each.subscriber_id))
        return found


def _allowed(call: PastCall, sees: Sees) -> PastCall:
    if not sees(Category.PARTICIPANTS):
        call = replace(call, initiator=None, participants=())
    return call if sees(Category.IP_ADDRESS) else replace(call, initiator_address=None)


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

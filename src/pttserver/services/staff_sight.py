"""What of people's data whoever is at the operator's desk may see.

1. staff of the organisation: what the policy names dispatchers or managers for
2. a technician of the operator (`support.technicians` in the settings): what the policy opens for the tier of the
   support session that is open; without one, nothing

What may not be seen is replaced where it would be shown, by services/views.py.
"""

from typing import Protocol

from pttserver.errors import PolicyForbids
from pttserver.ids import TenantId
from pttserver.privacy.categories import Category, about
from pttserver.privacy.purposes import Tier
from pttserver.privacy.sight import ORGANISATION, organisation_sees, technician_sees
from pttserver.services.policy_book import PolicyBook
from pttserver.services.support import Support


class Sees(Protocol):
    """Whether data of a category may be seen. `extra`: the name of a field of the tenant's."""

    def __call__(self, category: Category, extra: str = "", /) -> bool: ...


class StaffSight:
    """Every method raises PolicyMissing, StoreUnavailable."""

    def __init__(
        self,
        policies: PolicyBook,
        support: Support,
        *,
        technician: bool,
        tiers: frozenset[Tier] = ORGANISATION,
    ) -> None:
        """`tiers`: what staff of the organisation are; a manager in the browser is a manager only."""
        self._tiers = tiers
        self._policies = policies
        self._support = support
        self._technician = technician

    async def of(self, tenant_id: TenantId) -> Sees:
        """Now, of a tenant's people."""
        policy = self._policies.policy(tenant_id)
        if not self._technician:
            return lambda category, extra="": organisation_sees(policy, category, extra, self._tiers)
        session = await self._support.current(tenant_id)
        if session is None:
            return lambda category, extra="": False
        return lambda category, extra="": technician_sees(policy, session.tier, category, extra)

    async def require(self, tenant_id: TenantId, *categories: Category) -> Sees:
        """Raises PolicyForbids, with what to do about it, unless all of them may be seen."""
        sees = await self.of(tenant_id)
        for category in categories:
            if not sees(category):
                raise PolicyForbids(self._refusal(category))
        return sees

    def require_organisation(self) -> None:
        """Raises PolicyForbids for technicians: what concerns all that is held about a person is not theirs."""
        if self._technician:
            raise PolicyForbids("this is for the organisation's own staff; technicians: pttserver support --help")

    def require_technician(self) -> None:
        """Raises PolicyForbids for the organisation's own staff, who need no support session."""
        if not self._technician:
            raise PolicyForbids("support sessions are for the accounts that the setting support.technicians names")

    async def require_session(self, tenant_id: TenantId) -> None:
        """Raises PolicyForbids unless a support session of the technician's is open."""
        self.require_technician()
        if await self._support.current(tenant_id) is None:
            raise PolicyForbids(
                "no support session of yours is open at this tenant; see: pttserver support open --help"
            )

    def _refusal(self, category: Category) -> str:
        what = about(category).title.lower()
        if self._technician:
            return f"no support session lets you see {what}; see: pttserver support --help"
        return f"the policy of the tenant lets nobody here see {what} (categories.{category}.visible_to)"

    async def ticket(self, tenant_id: TenantId) -> str | None:
        """Of the support session in which a technician looks; None: nobody looks in one."""
        session = await self._support.current(tenant_id) if self._technician else None
        return session.ticket if session else None

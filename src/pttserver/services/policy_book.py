"""The policies in force, by tenant: read from the instruction log, asked before anything personal is kept.

A tenant without a valid policy in force is refused: nobody of it can log in, and nothing about it is written. One whose
policy is beyond bounds that the operator set later is served: the policy is the instruction of who decides, and the
operator is told, to talk to them.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from pttserver.errors import PolicyInvalid, PolicyMissing
from pttserver.ids import TenantId
from pttserver.observe.log import get_logger
from pttserver.privacy.bounds import BoundTexts, parse_bounds, violations
from pttserver.privacy.categories import Category
from pttserver.privacy.cutoffs import Cutoff, Cutoffs
from pttserver.privacy.gate import Gate
from pttserver.privacy.policy import Policy, parse_policy
from pttserver.privacy.sight import may_see
from pttserver.roles import Rights
from pttserver.sessions.session import Identity
from pttserver.store.policies import InForce, Policies

_log = get_logger("policy")


class _Judged(NamedTuple):
    gate: Gate
    beyond: Sequence[str]


class PolicyBook:
    """`load` reads what is in force; the other methods answer at once, from any thread.

    Whoever loads waits for whoever loads already: what was read earlier must not come to be in force later.
    """

    def __init__(self, policies: Policies, bounds: Mapping[str, BoundTexts] | None = None) -> None:
        """`bounds`: the operator's. Raises ConfigError if they are wrong."""
        self._policies = policies
        self._bounds = bounds or {}
        parse_bounds(self._bounds)
        self._beyond: dict[TenantId, Sequence[str]] = {}
        self._gates: dict[TenantId, Gate] = {}
        self._numbers: dict[TenantId, int] = {}
        self._located_since_ms: dict[TenantId, int] = {}
        self._refused: dict[TenantId, str] = {}
        self.changed = asyncio.Event()
        """Set when a policy is taken up; who waits for it clears it."""
        self._loading = asyncio.Lock()

    async def load(self) -> None:
        """Takes up what changed since. Raises StoreUnavailable; then what was in force stays so."""
        async with self._loading:
            await self._load()

    async def _load(self) -> None:
        numbers = await self._policies.numbers()
        for tenant_id in self._gates.keys() - numbers.keys():
            del self._gates[tenant_id], self._numbers[tenant_id], self._located_since_ms[tenant_id]
            del self._beyond[tenant_id]
        if all(number is not None and number == self._numbers.get(each) for each, number in numbers.items()):
            return  # called at every change of a right, of which few are policies
        for tenant_id, version in (await self._policies.in_force()).items():
            if version is None:
                self.refuse(tenant_id, "no policy was ever applied")
            elif version.number != self._numbers.get(tenant_id):
                await self._take_up(tenant_id, version)

    async def _take_up(self, tenant_id: TenantId, version: InForce) -> None:
        number = version.number
        try:
            gate, beyond = await asyncio.to_thread(self._judged, version.text)  # a large one takes a second
        except PolicyInvalid as error:  # applied by a version with other rules: the earlier one stays, if there is one
            _log.error("policy_not_understood", tenant=tenant_id, number=number, error=error.message)
            if tenant_id not in self._gates:
                self.refuse(tenant_id, error.message)
            return
        since_ms = await self._policies.locating_since_ms(tenant_id, number)
        self._gates[tenant_id], self._numbers[tenant_id] = gate, number
        self._located_since_ms[tenant_id] = since_ms
        self._beyond[tenant_id] = beyond
        self._refused.pop(tenant_id, None)
        self.changed.set()
        _log.info("policy_in_force", tenant=tenant_id, number=number, digest=self._gates[tenant_id].policy.digest)
        if beyond:
            _log.error("policy_beyond_bounds", tenant=tenant_id, number=number, reasons=list(beyond))

    def _judged(self, text: str) -> _Judged:
        policy = parse_policy(text)
        return _Judged(Gate(policy), violations(policy, self._bounds))

    def refuse(self, tenant_id: TenantId, reason: str) -> None:
        """Nobody of the tenant can log in until a policy is applied."""
        if self._refused.get(tenant_id) != reason:
            _log.error("tenant_refused", tenant=tenant_id, reason=reason)
        self._refused[tenant_id] = reason

    def accept(self, tenant_id: TenantId) -> None:
        """The reason for which the tenant was refused is gone, if it was the file; a policy must be in force, too."""
        if tenant_id in self._gates and self._refused.pop(tenant_id, None) is not None:
            _log.info("tenant_accepted", tenant=tenant_id)

    def refusal(self, tenant_id: TenantId) -> str | None:
        return self._refused.get(tenant_id)

    @property
    def refused(self) -> int:
        """How many tenants are refused."""
        return len(self._refused)

    @property
    def beyond(self) -> int:
        """How many tenants have a policy in force that is beyond the operator's bounds."""
        return sum(map(bool, self._beyond.values()))

    def beyond_bounds(self, tenant_id: TenantId) -> Sequence[str]:
        """What of the policy in force is beyond the operator's bounds, a sentence each."""
        return self._beyond.get(tenant_id, ())

    def gate(self, tenant_id: TenantId) -> Gate:
        """Raises PolicyMissing if the tenant has no policy in force."""
        gate = self._gates.get(tenant_id)
        if gate is None or tenant_id in self._refused:
            raise PolicyMissing
        return gate

    def number(self, tenant_id: TenantId) -> int:
        """Of the policy that `gate` decides by. Raises PolicyMissing if there is none."""
        self.gate(tenant_id)
        return self._numbers[tenant_id]

    def located_since_ms(self, tenant_id: TenantId, rights: Rights) -> int:
        """What was measured at or before this moment is not ours to know, by the policy and by the person's rights."""
        return max(self._located_since_ms.get(tenant_id, 0), rights.location_since_ms)

    def gates(self) -> list[tuple[TenantId, Gate]]:
        """Of the tenants that have a policy in force."""
        return [(tenant_id, gate) for tenant_id, gate in self._gates.items() if tenant_id not in self._refused]

    async def require(self, tenant_id: TenantId) -> None:
        """Looks once more for the policy of a tenant that was just added. Raises PolicyMissing, StoreUnavailable."""
        if tenant_id not in self._gates:
            await self.load()
        self.gate(tenant_id)

    def tenants(self) -> list[TenantId]:
        """Those with a policy in force."""
        return list(self._gates)

    def policy(self, tenant_id: TenantId) -> Policy:
        """Raises PolicyMissing."""
        return self.gate(tenant_id).policy

    def log_over(self, tenant_id: TenantId, now_ms: int) -> Cutoff:
        """What of the audit log is over, and of what else says who did something and why. Raises PolicyMissing."""
        policy = self.policy(tenant_id)
        return lambda events: Cutoffs(policy, now_ms, events).hidden(Category.AUDIT_LOG)

    def in_force(self, tenant_id: TenantId) -> Policy | None:
        """None: the tenant is refused."""
        try:
            return self.policy(tenant_id)
        except PolicyMissing:
            return None

    def shows(self, who: Identity, category: Category) -> bool:
        """Whether somebody who is logged in is shown such data of others."""
        return may_see(self.in_force(who.tenant_id), who.rights.role, category)

    def names_up_to(self, tenant_id: TenantId) -> int:
        """How many participants a group may have for its members to see their names; 0 without a policy."""
        try:
            return self.policy(tenant_id).roster.names_up_to
        except PolicyMissing:
            return 0

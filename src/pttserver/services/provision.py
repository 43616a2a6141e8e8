"""Provisioning of tenants, groups, members and subscribers: the use cases of an operator.

Objects are addressed by their name or their identifier, within their tenant. Every method raises NotFound for
what does not exist, PolicyMissing if the tenant has no policy in force, and StoreUnavailable if the database fails.
Messages of errors repeat no personal datum. What the policy does not keep is left out, and told.
"""

import asyncio
from dataclasses import dataclass, field, replace
from typing import Protocol

from pttserver.clock import Clock
from pttserver.crypto.passwords import PinHasher, random_pin
from pttserver.errors import InvalidValue, NotFound, PttError
from pttserver.ids import Personal, SubscriberId, TenantId, new_group_id, new_subscriber_id, new_tenant_id
from pttserver.privacy.categories import Category
from pttserver.privacy.gate import Gate
from pttserver.privacy.presets import preset_text
from pttserver.privacy.purposes import Purpose
from pttserver.privacy.released import Released
from pttserver.services import naming
from pttserver.services.instructions import Instruction, Instructions
from pttserver.services.policy_book import PolicyBook
from pttserver.services.retention import Retention
from pttserver.services.serving import Serving
from pttserver.store.audit_chain import AuditNote
from pttserver.store.database import Database
from pttserver.store.erasures import Erasures
from pttserver.store.groups import Groups
from pttserver.store.records import Group, Member, Membership, NewSubscriber, Subscriber, Tenant
from pttserver.store.subscribers import Subscribers
from pttserver.store.tenants import Tenants

DEFAULT_PRIORITY = 100
DEFAULT_PRESET = "default"
FIRST_INSTRUCTION = Instruction(Personal("operator"), Personal("the tenant was added"))


class Whom(Protocol):
    """Anything that belongs to a subscriber."""

    @property
    def tenant_id(self) -> TenantId: ...
    @property
    def subscriber_id(self) -> SubscriberId: ...


@dataclass(frozen=True, slots=True)
class Added:
    """A subscriber just added, with the PIN: it is shown now or never. `left_out`: what the policy does not keep."""

    subscriber: Subscriber
    pin: str = field(repr=False)
    left_out: tuple[Category, ...] = ()


class Provisioning:
    """Use cases of an operator."""

    def __init__(
        self,
        database: Database,
        policies: PolicyBook,
        instructions: Instructions,
        hasher: PinHasher,
        clock: Clock,
        actor: Personal,
        erasures: Erasures,
        retention: Retention,
        reason: Personal | None = None,
    ) -> None:
        """`actor`: who is at the desk, and `reason`: why, if that was said; the audit log says so."""
        self._remarks = {} if reason is None else {"reason": reason.reveal()}
        self._actor = actor
        self._erasures = erasures
        self._retention = retention
        self._serving = Serving(database, policies, clock)
        self._policies = policies
        self._instructions = instructions
        self._tenants = Tenants(database)
        self._groups = Groups(database)
        self._subscribers = Subscribers(database)
        self._hasher = hasher
        self._clock = clock

    # tenants

    async def add_tenant(
        self, name: str, policy: str | None = None, instruction: Instruction = FIRST_INSTRUCTION
    ) -> Tenant:
        """`policy`: the text of its policy file, else a preset's. Raises AlreadyExists, InvalidValue, PolicyInvalid.

        The tenant is there also if its policy file could not be written: `Instructions.publish` tells, and tries again.
        """
        tenant = Tenant(new_tenant_id(), naming.name(name), self._clock.utc_ms())
        text = preset_text(DEFAULT_PRESET) if policy is None else policy
        version, note = await self._instructions.given(tenant.tenant_id, text, instruction, "tenant.add")
        await self._tenants.add(tenant, version, note)
        await self._policies.load()
        await self._instructions.publish(tenant.tenant_id)
        return tenant

    async def tenants(self) -> list[Tenant]:
        return await self._tenants.all()

    async def tenant(self, tenant: str) -> Tenant:
        found = await self._tenants.find(naming.name_or_id(tenant))
        if found is None:
            raise NotFound("there is no such tenant")
        return found

    async def remove_tenant(self, tenant: str) -> str | None:
        """With all that belongs to it, its history and its keys too; no backup brings it back.

        Raises OnHold, and SweepingHalted before anything is removed; ErasureUnfinished: it is in the ledger, and
        removed later.

        None: it is proven that no file has its keys any more; else what stands in the way, and the next round of sweeps
        tries again.
        """
        tenant_id = (await self.tenant(tenant)).tenant_id
        await self._retention.trust_time()
        note = self.note_of(tenant_id, "tenant.remove") if self._policies.in_force(tenant_id) else None
        erased = await self._erasures.erase_tenant(tenant_id, self._clock.utc_ms(), note)
        self._instructions.forget(tenant_id)
        try:
            await self._erasures.prove(erased.entry)
        except PttError as error:
            return error.message
        return None

    # groups and their members

    async def add_group(self, tenant: str, name: str) -> Group:
        """Raises AlreadyExists, InvalidValue."""
        owner = await self.tenant(tenant)
        group = Group(new_group_id(), owner.tenant_id, naming.name(name), self._clock.utc_ms())
        await self._groups.add(group, self.note_of(owner.tenant_id, "group.add", group=group.group_id))
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
        """By identifier; whose account is over is none."""
        of = await self.group(tenant, group)
        return await self._serving.members(of.tenant_id, await self._groups.group_members(of.group_id))

    async def remove_group(self, tenant: str, group: str) -> None:
        """With its memberships. Raises OnHold."""
        of = await self.group(tenant, group)
        note = self.note_of(of.tenant_id, "group.remove", group=of.group_id)
        await self._groups.remove(of.group_id, note.at_ms, note)

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
        note = self.note("group.add_member", who, group=of.group_id, priority=rank, listen_only=int(listen_only))
        await self._groups.put_member(of.group_id, who.subscriber_id, rank, listen_only, note)

    async def remove_member(self, tenant: str, group: str, subscriber: str) -> None:
        """Raises OnHold."""
        of, who = await self.group(tenant, group), await self.subscriber(tenant, subscriber)
        note = self.note("group.remove_member", who, group=of.group_id)
        if not await self._groups.remove_member(of.group_id, who.subscriber_id, note.at_ms, note):
            raise NotFound("the subscriber is not a member of the group")

    # subscribers

    async def add_subscriber(
        self, tenant: str, identifier: str, *, display_name: str | None = None, pin: str | None = None
    ) -> Added:
        """Draws a PIN of six digits if none is given. Raises AlreadyExists, InvalidValue."""
        owner = await self.tenant(tenant)
        gate = self._policies.gate(owner.tenant_id)
        known_as, kind = naming.identifier(identifier)
        name = naming.personal_name(display_name, "the display name")
        secret, who = _pin_or_random(pin), new_subscriber_id()
        kept = gate.release(Category.IDENTIFIER, Purpose.SERVICE, who, known_as)
        shown = gate.release(Category.SUBSCRIBER_NAME, Purpose.SERVICE, who, name) if name else None
        new = NewSubscriber(
            subscriber_id=who,
            tenant_id=owner.tenant_id,
            identifier=kept,
            identifier_kind=kind,
            display_name=shown,
            pin_hash=await self._pin_hash(gate, who, secret),
            created_ms=self._clock.utc_ms(),
        )
        await self._subscribers.add(new, self.note("subscriber.add", new))
        found = await self.subscriber(tenant, who)
        given = {Category.IDENTIFIER: kept, Category.SUBSCRIBER_NAME: shown if name else new.pin_hash}
        return Added(found, secret, tuple(category for category, value in given.items() if value is None))

    async def subscribers(self, tenant: str) -> list[Subscriber]:
        owner = (await self.tenant(tenant)).tenant_id
        return await self._serving.subscribers(owner, await self._subscribers.of_tenant(owner))

    async def subscriber(self, tenant: str, subscriber: str, *, exactly: bool = False) -> Subscriber:
        owner = await self.tenant(tenant)
        wanted = naming.identifier_or_id(subscriber)
        found = await self._subscribers.find(owner.tenant_id, wanted, exactly=exactly)
        served = await self._serving.subscribers(owner.tenant_id, [found]) if found else []
        if not served:
            raise NotFound("the tenant has no such subscriber")
        return served[0]

    async def memberships(self, tenant: str, subscriber: str) -> list[Membership]:
        who = await self._subscriber_id(tenant, subscriber)
        return await self._serving.memberships(who, await self._groups.memberships(who))

    async def rename_subscriber(self, tenant: str, subscriber: str, display_name: str | None) -> None:
        """None or blanks take the display name away. Raises InvalidValue, also if no names are kept; OnHold."""
        name = naming.personal_name(display_name, "the display name")
        who = await self.subscriber(tenant, subscriber)
        gate = self._policies.gate(who.tenant_id)
        kept = gate.release(Category.SUBSCRIBER_NAME, Purpose.SERVICE, who.subscriber_id, name) if name else None
        if name and kept is None:
            raise InvalidValue("the policy of the tenant keeps no display names")
        await self._subscribers.rename(
            who.subscriber_id, kept, self._clock.utc_ms(), self.note("subscriber.rename", who)
        )

    async def set_pin(self, tenant: str, subscriber: str, pin: str | None = None) -> str:
        """The new PIN, drawn if none is given; the resume token ends. Raises InvalidValue."""
        secret = _pin_or_random(pin)
        who = await self.subscriber(tenant, subscriber)
        gate = self._policies.gate(who.tenant_id)
        pin_hash = await self._pin_hash(gate, who.subscriber_id, secret)
        await self._subscribers.set_pin(who.subscriber_id, pin_hash, self.note("subscriber.set_pin", who))
        return secret

    async def remove_subscriber(self, tenant: str, subscriber: str) -> bool:
        """With memberships and devices, at once; the rest when its period is over: by default at once too.

        Whether what went is proven to be gone from all files; else the next round of sweeps tries. Raises OnHold, and
        SweepingHalted before anything is removed.
        """
        who = await self.subscriber(tenant, subscriber, exactly=True)
        await self._retention.trust_time()
        note = self.note("subscriber.remove", who)
        await self._subscribers.remove(who.subscriber_id, self._clock.utc_ms(), note)
        return await self._retention.sweep_subject(who.tenant_id, who.subscriber_id)

    def note(self, operation: str, about: Whom, **details: str | int) -> AuditNote:
        """For the audit log. Raises PolicyMissing."""
        return replace(self.note_of(about.tenant_id, operation, **details), subject_id=about.subscriber_id)

    def note_of(self, tenant_id: TenantId, operation: str, **details: str | int) -> AuditNote:
        """Of what is about nobody in particular. Raises PolicyMissing."""
        return AuditNote(
            gate=self._policies.gate(tenant_id),
            operation=operation,
            tenant_id=tenant_id,
            actor=self._actor,
            at_ms=self._clock.utc_ms(),
            details=details,
            remarks=self._remarks,
        )

    async def _subscriber_id(self, tenant: str, subscriber: str) -> SubscriberId:
        return (await self.subscriber(tenant, subscriber)).subscriber_id

    async def _pin_hash(self, gate: Gate, subscriber_id: SubscriberId, pin: str) -> Released | None:
        pin_hash = await asyncio.to_thread(self._hasher.hash, pin)
        return gate.release(Category.CREDENTIAL, Purpose.SECURITY, subscriber_id, pin_hash)


def _pin_or_random(pin: str | None) -> str:
    return random_pin() if pin is None else naming.pin(pin)

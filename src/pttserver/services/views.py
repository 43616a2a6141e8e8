"""What the operator's commands show of people: each look is in the audit log, and shows what whoever looks may see.

1. the entry is written first: what cannot be noted is not shown (unless the policy keeps no audit log)
2. what the policy does not let whoever looks see is replaced: a text by `(not shown)`, a time by none
3. what is over, or hidden by a request, is left out, whether or not it was swept yet
"""

from dataclasses import replace
from typing import Final, TypeVar

from pttserver.ids import Personal, TenantId
from pttserver.privacy.categories import Category
from pttserver.services.audit import Audit
from pttserver.services.console_provision import ConsoleProvisioning, ListedAccount
from pttserver.services.instructions import Instruction
from pttserver.services.periods import Periods
from pttserver.services.profile import CONTACT
from pttserver.services.provision import Provisioning
from pttserver.services.provision_devices import DeviceProvisioning
from pttserver.services.rights import Hit, Rights
from pttserver.services.serving import Serving
from pttserver.services.staff_sight import Sees, StaffSight
from pttserver.store.audit import AuditEntry, AuditLog
from pttserver.store.audit_pages import AuditFilter, AuditPage
from pttserver.store.holds import Hold
from pttserver.store.policies import LoggedInstruction
from pttserver.store.records import Device, Member, Subscriber

NOT_SHOWN: Final = Personal("(not shown)")
Named = TypeVar("Named", Member, ListedAccount)
Said = TypeVar("Said", Hold, LoggedInstruction)


class Views:
    """Every method raises NotFound, PolicyMissing, StoreUnavailable."""

    def __init__(
        self,
        provisioning: Provisioning,
        devices: DeviceProvisioning,
        rights: Rights,
        audit: Audit,
        log: AuditLog,
        sight: StaffSight,
        serving: Serving,
        periods: Periods,
        console: ConsoleProvisioning,
    ) -> None:
        self._provisioning = provisioning
        self._devices = devices
        self._rights = rights
        self._audit = audit
        self._log = log
        self._sight = sight
        self._serving = serving
        self._periods = periods
        self._console = console

    async def look(
        self, tenant_id: TenantId, operation: str, subject_id: str | None = None, **details: str | int
    ) -> Sees:
        """Notes a look, at one person or at everybody; gives what may be seen."""
        ticket = await self._sight.ticket(tenant_id)
        note = self._provisioning.note_of(tenant_id, operation, **details, **({"ticket": ticket} if ticket else {}))
        await self._log.add(replace(note, subject_id=subject_id))
        return await self._sight.of(tenant_id)

    async def added(self, who: Subscriber) -> Subscriber:
        """Somebody whom whoever asks has just added, as `subscribers` shows the same: that is no look at anybody."""
        return _subscriber(who, await self._sight.of(who.tenant_id))

    async def subscribers(self, tenant: str) -> list[Subscriber]:
        sees = await self.look((await self._provisioning.tenant(tenant)).tenant_id, "subscriber.list")
        return [_subscriber(each, sees) for each in await self._provisioning.subscribers(tenant)]

    async def subscriber(self, tenant: str, subscriber: str) -> tuple[Subscriber, dict[str, Personal]]:
        """With contact data and own fields by name."""
        who = await self._provisioning.subscriber(tenant, subscriber)
        sees = await self.look(who.tenant_id, "subscriber.show", who.subscriber_id)
        fields = await self._rights.fields(who.tenant_id, who.subscriber_id)
        return _subscriber(who, sees), {name: _field(name, text, sees) for name, text in fields.items()}

    async def members(self, tenant: str, group: str) -> list[Member]:
        """None of them if memberships may not be seen."""
        owner = (await self._provisioning.tenant(tenant)).tenant_id
        sees = await self.look(owner, "group.show")
        found = await self._provisioning.group_members(tenant, group)
        return [_named(each, sees) for each in found if sees(Category.MEMBERSHIP)]

    async def devices(self, tenant: str, subscriber: str | None = None) -> list[Device]:
        owner = (await self._provisioning.tenant(tenant)).tenant_id
        found = await self._devices.devices(tenant, subscriber)
        about = found[0].subscriber_id if subscriber and found else None
        sees = await self.look(owner, "device.list", about)
        return [_device(each, sees) for each in await self._serving.devices(owner, found)]

    async def device(self, tenant: str, device: str) -> Device:
        found = await self._devices.device(tenant, device)
        sees = await self.look(found.tenant_id, "device.show", found.subscriber_id)
        (served,) = await self._serving.devices(found.tenant_id, [found])
        return _device(served, sees)

    async def find(self, tenant: str, text: str, by: Instruction) -> list[Hit]:
        """People of whom something is held, also without an account. Noted with who wants it and why."""
        owner = (await self._provisioning.tenant(tenant)).tenant_id
        sees = await self._sight.of(owner)
        return [_hit(each, sees) for each in await self._rights.find(owner, text, by, sees)]

    async def audit(self, tenant: str, operation: str) -> list[AuditEntry]:
        """Raises PolicyForbids."""
        owner = (await self._provisioning.tenant(tenant)).tenant_id
        await self._sight.require(owner, Category.AUDIT_LOG)
        entries = await self._audit.entries(owner)
        await self.look(owner, operation)
        return entries

    async def audit_page(self, tenant: str, wanted: AuditFilter, before: int | None, limit: int) -> AuditPage:
        """Raises PolicyForbids."""
        owner = (await self._provisioning.tenant(tenant)).tenant_id
        await self._sight.require(owner, Category.AUDIT_LOG)
        page = await self._audit.page(owner, wanted, before, limit)
        await self.look(owner, "audit.show")
        return page

    async def console_accounts(self, tenant: str) -> list[ListedAccount]:
        owner = (await self._provisioning.tenant(tenant)).tenant_id
        sees = await self.look(owner, "console.list")
        return [_named(each, sees) for each in await self._console.accounts(tenant)]

    async def holds(self, tenant: str) -> list[Hold]:
        """Who laid one and why is seen by whoever may see the audit log, which says the same."""
        owner = (await self._provisioning.tenant(tenant)).tenant_id
        sees = await self.look(owner, "hold.list")
        return [_said(each, sees) for each in await self._periods.holds(tenant)]

    async def policies(self, tenant: str) -> list[LoggedInstruction]:
        """All that were ever in force, newest first; who gave one and why likewise."""
        owner = (await self._provisioning.tenant(tenant)).tenant_id
        sees = await self.look(owner, "policy.history")
        return [_said(each, sees) for each in await self._serving.policies(owner)]


def _text(value: Personal | None, shown: bool) -> Personal | None:
    return value if shown or value is None else NOT_SHOWN


def _field(name: str, text: Personal, sees: Sees) -> Personal:
    shown = sees(Category.CONTACT_DATA) if name in CONTACT else sees(Category.EXTRA, name)
    return text if shown else NOT_SHOWN


def _hit(one: Hit, sees: Sees) -> Hit:
    return replace(
        one,
        identifier=_text(one.identifier, sees(Category.IDENTIFIER)),
        display_name=_text(one.display_name, sees(Category.SUBSCRIBER_NAME)),
    )


def _subscriber(who: Subscriber, sees: Sees) -> Subscriber:
    return replace(
        who,
        identifier=_text(who.identifier, sees(Category.IDENTIFIER)),
        display_name=_text(who.display_name, sees(Category.SUBSCRIBER_NAME)),
        last_login_ms=who.last_login_ms if sees(Category.LAST_LOGIN) else None,
    )


def _named(who: Named, sees: Sees) -> Named:
    return replace(
        who,
        identifier=_text(who.identifier, sees(Category.IDENTIFIER)),
        display_name=_text(who.display_name, sees(Category.SUBSCRIBER_NAME)),
    )


def _said(one: Said, sees: Sees) -> Said:
    shown = sees(Category.AUDIT_LOG)
    return replace(one, actor=_text(one.actor, shown), reason=_text(one.reason, shown))


def _device(one: Device, sees: Sees) -> Device:
    return replace(
        one,
        label=_text(one.label, sees(Category.NICKNAME)),
        device_type=_text(one.device_type, sees(Category.DEVICE_TYPE)),
    )

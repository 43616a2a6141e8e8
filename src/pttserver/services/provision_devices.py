"""Provisioning of devices: each gets a one-time enrolment code, which goes into a QR code.

A device is addressed by its identifier, or by its label if no other device of the tenant carries the same.
"""

from dataclasses import dataclass, field

from pttserver.clock import Clock
from pttserver.config import Settings
from pttserver.crypto.enrolment_code import code_digest, draw_code
from pttserver.errors import InvalidValue, NotFound
from pttserver.ids import new_device_id
from pttserver.privacy.categories import Category
from pttserver.privacy.purposes import Purpose
from pttserver.services import naming
from pttserver.services.certificate import device_url, ensure_certificate
from pttserver.services.policy_book import PolicyBook
from pttserver.services.provision import Provisioning
from pttserver.store.database import Database
from pttserver.store.devices import Devices
from pttserver.store.enrolment import Enrolments
from pttserver.store.records import Device, NewDevice
from pttserver.wire.enrolment import Enrolment, build_enrolment

DEFAULT_EXPIRES_H = 24.0
MAX_EXPIRES_H = 720.0
_HOUR_MS = 3_600_000


@dataclass(frozen=True, slots=True)
class Ticket:
    """What a device enrols with, once, until `expires_ms`: shown now or never. `text` is for the QR code."""

    device: Device
    code: str = field(repr=False)
    text: str = field(repr=False)
    expires_ms: int


class DeviceProvisioning:
    """Every method raises NotFound for what does not exist, and StoreUnavailable if the database fails."""

    def __init__(
        self, database: Database, policies: PolicyBook, provisioning: Provisioning, settings: Settings, clock: Clock
    ) -> None:
        self._policies = policies
        self._devices = Devices(database)
        self._enrolments = Enrolments(database)
        self._provisioning = provisioning
        self._settings = settings
        self._clock = clock

    async def add(
        self,
        tenant: str,
        subscriber: str,
        *,
        label: str | None = None,
        expires_h: float = DEFAULT_EXPIRES_H,
    ) -> Ticket:
        """Makes the server's certificate if there is none yet. Raises InvalidValue, ConfigError."""
        who = await self._provisioning.subscriber(tenant, subscriber)
        name = naming.personal_name(label, "the label")
        gate = self._policies.gate(who.tenant_id)
        kept = gate.release(Category.NICKNAME, Purpose.SERVICE, who.subscriber_id, name) if name else None
        now_ms = self._clock.utc_ms()
        new = NewDevice(new_device_id(), who.tenant_id, who.subscriber_id, kept, now_ms)
        shown = Device(new.device_id, new.tenant_id, new.subscriber_id, name if kept else None, None, now_ms)
        ticket = self._ticket(shown, expires_h, now_ms)
        note = self._provisioning.note("device.add", new, device=new.device_id)
        await self._devices.add(new, code_digest(ticket.code), ticket.expires_ms, note)
        return ticket

    async def new_code(self, tenant: str, device: str, *, expires_h: float = DEFAULT_EXPIRES_H) -> Ticket:
        """Replaces the code of a device that is not revoked; an enrolled one keeps its key until it is used.

        Raises InvalidValue, ConfigError.
        """
        found = await self.device(tenant, device)
        now_ms = self._clock.utc_ms()
        ticket = self._ticket(found, expires_h, now_ms)
        note = self._provisioning.note("device.new_code", found, device=found.device_id)
        await self._enrolments.issue(found.device_id, code_digest(ticket.code), ticket.expires_ms, now_ms, note)
        return ticket

    async def devices(self, tenant: str, subscriber: str | None = None) -> list[Device]:
        """A tenant's or a subscriber's; oldest first."""
        if subscriber is None:
            return await self._devices.of_tenant((await self._provisioning.tenant(tenant)).tenant_id)
        who = await self._provisioning.subscriber(tenant, subscriber)
        return await self._devices.of_tenant(who.tenant_id, who.subscriber_id)

    async def device(self, tenant: str, device: str) -> Device:
        """Raises InvalidValue if several devices carry the label."""
        owner = await self._provisioning.tenant(tenant)
        found = await self._devices.find(owner.tenant_id, naming.name_or_id(device))
        if not found:
            raise NotFound("the tenant has no such device")
        if len(found) > 1:
            raise InvalidValue("several devices carry this label: " + ", ".join(d.device_id for d in found))
        return found[0]

    async def revoke(self, tenant: str, device: str) -> None:
        """For good: its session ends within a second or two, it never logs in again. The record stays."""
        found = await self.device(tenant, device)
        note = self._provisioning.note("device.revoke", found, device=found.device_id)
        if not await self._devices.revoke(found.device_id, self._clock.utc_ms(), note):
            raise InvalidValue("the device is revoked already")

    async def remove(self, tenant: str, device: str) -> None:
        """With its record. Raises OnHold; a device that is held can be revoked."""
        found = await self.device(tenant, device)
        note = self._provisioning.note("device.remove", found, device=found.device_id)
        await self._devices.remove(found.device_id, self._clock.utc_ms(), note)

    def _ticket(self, device: Device, expires_h: float, now_ms: int) -> Ticket:
        if not 0 < expires_h <= MAX_EXPIRES_H:
            raise InvalidValue(f"a code is valid for more than 0 and at most {MAX_EXPIRES_H:.0f} hours")
        pin = ensure_certificate(self._settings, self._clock).pin()
        code = draw_code()
        text = build_enrolment(Enrolment(device_url(self._settings), pin, code))
        return Ticket(device, code, text, now_ms + round(expires_h * _HOUR_MS))

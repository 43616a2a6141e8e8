"""REST of managers: devices, and the codes that they enrol with."""

from pttserver.net.manage.door import AsAdministrator, AsManager, manage_router, plain
from pttserver.services.managed_people import phone_link
from pttserver.services.management import Manager
from pttserver.services.provision_devices import Ticket
from pttserver.store.records import Device as DeviceRecord
from pttserver.wire import manage_people as wire
from pttserver.wire.signalling.parts import Device

router = manage_router()


@router.get("/devices", summary="The devices of the organisation", response_model_exclude_none=True)
async def devices(manager: AsManager) -> wire.DeviceList:
    """Oldest first. Noted as a look at everybody."""
    found = await manager.office().views.devices(manager.tenant_id)
    return wire.DeviceList(devices=[_told(each) for each in found])


@router.post("/devices", summary="Add a device", response_model_exclude_none=True)
async def add_device(body: wire.AddDevice, manager: AsAdministrator) -> wire.DeviceCode:
    """Its code is told once."""
    ticket = await manager.office().devices.add(
        manager.tenant_id, body.subscriber, label=body.label, expires_h=body.expires_h
    )
    return _code(manager, ticket)


@router.post("/devices/{device}/code", summary="A new code for a device", response_model_exclude_none=True)
async def new_code(device: Device, body: wire.NewCode, manager: AsAdministrator) -> wire.DeviceCode:
    """Told once; an earlier code is worth nothing then. The device keeps its key until the new code is used."""
    ticket = await manager.office().devices.new_code(manager.tenant_id, device, expires_h=body.expires_h)
    return _code(manager, ticket)


@router.post("/devices/{device}/revoke", status_code=204, summary="Lock a lost or stolen device out for good")
async def revoke_device(device: Device, body: wire.Because, manager: AsAdministrator) -> None:
    """Its session ends within a second or two. Its record stays."""
    await manager.office(body.reason).devices.revoke(manager.tenant_id, device)


def _code(manager: Manager, ticket: Ticket) -> wire.DeviceCode:
    return wire.DeviceCode(
        device=_told(ticket.device),
        code=ticket.code,
        enrolment=ticket.text,
        link=phone_link(manager.premises.settings, ticket.text),
        expires_ms=ticket.expires_ms,
    )


def _told(device: DeviceRecord) -> wire.DeviceInfo:
    return wire.DeviceInfo(
        device=device.device_id,
        subscriber=device.subscriber_id,
        label=plain(device.label),
        device_type=plain(device.device_type),
        created_ms=device.created_ms,
        enrolled_ms=device.enrolled_ms,
        revoked_ms=device.revoked_ms,
    )

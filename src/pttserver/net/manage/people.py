"""REST of managers: subscribers."""

from pttserver.net.manage.door import AsAdministrator, AsManager, manage_router, plain
from pttserver.roles import Role
from pttserver.services.managed_people import ManagedSubscriber, managed_subscriber, managed_subscribers
from pttserver.wire import manage_people as wire
from pttserver.wire.signalling.parts import Subscriber

router = manage_router()


@router.get("/subscribers", summary="The people and posts of the organisation", response_model_exclude_none=True)
async def subscribers(manager: AsManager) -> wire.SubscriberList:
    """Noted as a look at everybody."""
    return wire.SubscriberList(subscribers=[_told(each) for each in await managed_subscribers(manager)])


@router.post("/subscribers", summary="Add somebody", response_model_exclude_none=True)
async def add_subscriber(body: wire.AddSubscriber, manager: AsAdministrator) -> wire.SubscriberAdded:
    """A PIN that was drawn is told once."""
    new = await manager.office().provisioning.add_subscriber(
        manager.tenant_id, body.identifier, display_name=body.name, pin=body.pin
    )
    return wire.SubscriberAdded(
        subscriber=_told(await managed_subscriber(manager, new.subscriber.subscriber_id)),
        pin=new.pin if body.pin is None else None,
        left_out=[category.value for category in new.left_out],
    )


@router.post("/subscribers/{subscriber}/name", status_code=204, summary="Change the display name")
async def rename_subscriber(subscriber: Subscriber, body: wire.Rename, manager: AsAdministrator) -> None:
    """Living sessions show it within a second or two."""
    await manager.office().provisioning.rename_subscriber(manager.tenant_id, subscriber, body.name)


@router.post("/subscribers/{subscriber}/pin", summary="Draw a new PIN")
async def new_pin(subscriber: Subscriber, body: wire.Because, manager: AsAdministrator) -> wire.NewPin:
    """Told once."""
    return wire.NewPin(pin=await manager.office(body.reason).provisioning.set_pin(manager.tenant_id, subscriber))


@router.post("/subscribers/{subscriber}/role", status_code=204, summary="Make somebody a dispatcher, or no longer")
async def set_role(subscriber: Subscriber, body: wire.SetRole, manager: AsAdministrator) -> None:
    """Sessions in the browser of who is no dispatcher any more end."""
    manager.refuse_oneself(subscriber)
    await manager.office(body.reason).roles.set_role(manager.tenant_id, subscriber, Role(body.role))


@router.post("/subscribers/{subscriber}/service", status_code=204, summary="Allow or deny alerts, or being located")
async def set_service(subscriber: Subscriber, body: wire.SetService, manager: AsAdministrator) -> None:
    """As far as the policy lets."""
    await manager.office(body.reason).roles.allow(manager.tenant_id, subscriber, body.service, body.allowed)


@router.post("/subscribers/{subscriber}/invitation", summary="Invite somebody to the console")
async def invite(subscriber: Subscriber, manager: AsAdministrator) -> wire.Invited:
    """Dispatchers and managers without an account; an earlier code is worth nothing then."""
    made = await manager.office().console.invite(manager.tenant_id, subscriber)
    return wire.Invited(link=made.link, code=made.code, expires_ms=made.expires_ms)


@router.post("/subscribers/{subscriber}/remove", summary="Remove somebody, with all devices")
async def remove_subscriber(subscriber: Subscriber, body: wire.Because, manager: AsAdministrator) -> wire.Removed:
    """What is held goes by the policy's periods: by default at once."""
    manager.refuse_oneself(subscriber)
    provisioning = manager.office(body.reason).provisioning
    return wire.Removed(proven=await provisioning.remove_subscriber(manager.tenant_id, subscriber))


def _told(one: ManagedSubscriber) -> wire.SubscriberInfo:
    who, rights = one.subscriber, one.rights
    return wire.SubscriberInfo.model_validate(
        {
            "subscriber": who.subscriber_id,
            "identifier": plain(who.identifier),
            "name": plain(who.display_name),
            "role": rights.role.value,
            "alerts_allowed": rights.alerts_allowed,
            "location_allowed": rights.location_allowed,
            "location_wanted": rights.location_wanted,
            "account": one.account,
            "restricted": who.restricted,
            "created_ms": who.created_ms,
            "last_login_ms": who.last_login_ms,
        }
    )

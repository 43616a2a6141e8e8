"""REST of managers: groups, and who belongs to them."""

from pttserver.net.manage.door import AsAdministrator, AsManager, manage_router, plain
from pttserver.store.records import Group as GroupRecord
from pttserver.wire import manage_people as wire
from pttserver.wire.signalling.parts import Group

router = manage_router()


@router.get("/groups", summary="The talkgroups of the organisation")
async def groups(manager: AsManager) -> wire.GroupList:
    """By name."""
    found = await manager.office().provisioning.groups(manager.tenant_id)
    return wire.GroupList(groups=[_told(each) for each in found])


@router.post("/groups", summary="Add a group")
async def add_group(body: wire.AddGroup, manager: AsAdministrator) -> wire.GroupInfo:
    """Without members yet."""
    return _told(await manager.office().provisioning.add_group(manager.tenant_id, body.name))


@router.post("/groups/{group}/remove", status_code=204, summary="Remove a group")
async def remove_group(group: Group, body: wire.Because, manager: AsAdministrator) -> None:
    """Its members stay subscribers."""
    await manager.office(body.reason).provisioning.remove_group(manager.tenant_id, group)


@router.get("/groups/{group}/members", summary="Who belongs to a group", response_model_exclude_none=True)
async def members(group: Group, manager: AsManager) -> wire.MemberList:
    """Noted as a look; nobody if the policy does not let managers see memberships."""
    found = await manager.office().views.members(manager.tenant_id, group)
    return wire.MemberList(
        members=[
            wire.MemberInfo(
                subscriber=each.subscriber_id,
                identifier=plain(each.identifier),
                name=plain(each.display_name),
                priority=each.priority,
                listen_only=each.listen_only,
            )
            for each in found
        ]
    )


@router.post("/groups/{group}/members", status_code=204, summary="Add a member, or change what it may do")
async def set_member(group: Group, body: wire.SetMember, manager: AsAdministrator) -> None:
    """At once, for who is talking too."""
    await manager.office().provisioning.set_member(
        manager.tenant_id, group, body.subscriber, priority=body.priority, listen_only=body.listen_only
    )


@router.post("/groups/{group}/members/remove", status_code=204, summary="Take a member out of a group")
async def remove_member(group: Group, body: wire.RemoveMember, manager: AsAdministrator) -> None:
    """At once, for who is talking too."""
    await manager.office(body.reason).provisioning.remove_member(manager.tenant_id, group, body.subscriber)


def _told(group: GroupRecord) -> wire.GroupInfo:
    return wire.GroupInfo(group=group.group_id, name=group.name, created_ms=group.created_ms)

"""Tenants, groups and members, as rows."""

import pytest

from pttserver.errors import AlreadyExists, NotFound
from pttserver.ids import GroupId, Personal, SubscriberId, TenantId
from pttserver.store.records import Group, Member, Membership, Tenant
from pttserver.store.shredding import shred_tenant
from store.organisation import first_policy, subscriber


async def test_a_tenant_is_found_by_name_and_id(acme):
    tenant = Tenant(acme.tenant_id, "ACME", 1)
    assert await acme.tenants.all() == [tenant]
    assert await acme.tenants.find("ACME") == await acme.tenants.find(acme.tenant_id) == tenant
    assert await acme.tenants.find("acme") is None


async def test_names_are_unique_within_their_tenant(acme):
    with pytest.raises(AlreadyExists, match="tenant of this name"):
        await acme.tenants.add(Tenant(TenantId("ten_2"), "ACME", 1), first_policy(TenantId("ten_2")))
    with pytest.raises(AlreadyExists, match="group of this name"):
        await acme.groups.add(Group(GroupId("grp_2"), acme.tenant_id, "Patrol", 1))
    await acme.tenants.add(Tenant(TenantId("ten_2"), "Other", 1), first_policy(TenantId("ten_2")))
    await acme.groups.add(Group(GroupId("grp_2"), TenantId("ten_2"), "Patrol", 1))
    assert [group.group_id for group in await acme.groups.of_tenant(acme.tenant_id)] == [acme.group_id]
    assert await acme.groups.find(acme.tenant_id, "grp_2") is None


async def test_a_group_needs_its_tenant(acme):
    with pytest.raises(NotFound):
        await acme.groups.add(Group(GroupId("grp_2"), TenantId("ten_2"), "Patrol", 1))


async def test_members_from_both_sides(acme):
    await acme.groups.put_member(acme.group_id, acme.bert, 7, True)
    number, name = Personal("+491511234567"), Personal("Anna")
    assert await acme.groups.group_members(acme.group_id) == [
        Member(acme.group_id, acme.anna, number, name, 100, False, 3),
        Member(acme.group_id, acme.bert, Personal("Gate 4"), None, 7, True, 3),
    ]
    seen = Membership(acme.group_id, "Patrol", acme.tenant_id, 7, True)
    assert await acme.groups.memberships(acme.bert) == [seen]
    assert await acme.groups.group_for_member(acme.group_id, acme.bert) == seen
    await acme.groups.put_member(acme.group_id, acme.bert, 8, False)
    assert (await acme.groups.memberships(acme.bert))[0].priority == 8
    assert await acme.groups.remove_member(acme.group_id, acme.bert, 9)
    assert not await acme.groups.remove_member(acme.group_id, acme.bert, 9)
    assert await acme.groups.group_for_member(acme.group_id, acme.bert) is None


async def test_no_members_across_tenants(acme):
    await acme.tenants.add(Tenant(TenantId("ten_2"), "Other", 1), first_policy(TenantId("ten_2")))
    stranger = subscriber(SubscriberId("sub_x"), "X", tenant_id=TenantId("ten_2"))
    await acme.subscribers.add(stranger)
    with pytest.raises(NotFound):
        await acme.groups.put_member(acme.group_id, stranger.subscriber_id, 100, False)


async def test_removing_takes_what_is_part(acme, database):
    await acme.enrol()
    assert await acme.groups.remove(acme.group_id, 9)
    assert await acme.groups.memberships(acme.anna) == []
    assert await database.write(lambda sql: shred_tenant(sql, acme.tenant_id))
    assert not await database.write(lambda sql: shred_tenant(sql, acme.tenant_id))
    assert await acme.devices.login_candidate(acme.radio) is None


async def test_records_print_no_person(acme):
    member = (await acme.groups.group_members(acme.group_id))[0]
    assert "Anna" not in f"{member} {member!r} {member.display_name}"
    assert member.display_name.reveal() == "Anna"

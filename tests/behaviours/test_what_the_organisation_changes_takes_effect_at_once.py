"""The administrator's commands act on living sessions within a second: revoke, remove from a group, listen only."""

import asyncio

import pytest

from e2e.voices import say, sentence
from ptthandset.errors import FloorRefused, SessionEnded
from ptthandset.handset import GroupGone
from pttserver.roles import Role
from running_server import PLAIN_POLICY, TENANT, Platform, until


async def test_a_revoked_device_is_out(platform: Platform) -> None:
    await platform.organise("Patrol")
    credentials = await platform.enrol("Anna", "Patrol")
    anna = await platform.log_in(credentials)
    await anna.affiliate("Patrol")
    await platform.devices.revoke(TENANT, credentials.device)
    with pytest.raises(SessionEnded, match="revoked"):
        await asyncio.wait_for(anna.wait_closed(), 3)
    assert len(platform.server.services.sessions) == 0


async def test_a_removed_member_leaves_the_group_and_the_others_get_a_new_key(platform: Platform) -> None:
    await platform.organise("Patrol", "Gate")
    anna, bert = [await platform.log_in(await platform.enrol(name, "Patrol", "Gate")) for name in ("Anna", "Bert")]
    gone = []
    bert.listeners.append(gone.append)
    patrol, _, bert_at_the_gate = [
        await anna.affiliate("Patrol"),
        await bert.affiliate("Patrol"),
        await bert.affiliate("Gate"),
    ]
    epoch = patrol.keys.number
    await platform.provisioning.remove_member(TENANT, "Patrol", "Bert")
    await until(lambda: GroupGone(patrol.group_id) in gone)
    await until(lambda: patrol.count == 1 and patrol.keys.number == epoch + 1)
    assert bert.talkgroups == {bert_at_the_gate.group_id: bert_at_the_gate}


async def test_a_talker_who_may_only_listen_now_stops(platform: Platform) -> None:
    await platform.organise("Patrol")
    anna, bert = [await platform.log_in(await platform.enrol(name, "Patrol")) for name in ("Anna", "Bert")]
    group, _ = [await handset.affiliate("Patrol") for handset in (anna, bert)]
    talking = asyncio.create_task(say(group, sentence()))
    await until(lambda: platform.server.services.talk.bursts_in_progress == 1)
    await platform.provisioning.set_member(TENANT, "Patrol", "Anna", priority=100, listen_only=True)
    await until(lambda: platform.server.services.talk.bursts_in_progress == 0, timeout_s=3)
    assert (await talking).lost is not None
    with pytest.raises(FloorRefused, match="listen"):
        await say(group, sentence(0, seconds=0.1))


async def test_a_large_group_is_told_the_count_only(platform: Platform) -> None:
    await platform.organise("Patrol", policy=PLAIN_POLICY + "[roster]\nnames_up_to = 2\n")
    handsets = [await platform.log_in(await platform.enrol(name, "Patrol")) for name in ("Anna", "Bert", "Carl")]
    groups = [await handset.affiliate("Patrol") for handset in handsets]
    await until(lambda: all(group.count == 3 and group.participants is None for group in groups))
    presence = await handsets[0].presence("Patrol")
    assert (presence.affiliated, presence.online, presence.members, presence.listed) == (3, 3, 3, None)

    talking = asyncio.create_task(say(groups[0], sentence(0, seconds=0.4)))
    await until(lambda: groups[2].talker is not None)
    assert groups[2].talker.name == "Anna"  # the talker is named in a group of any size
    await talking


async def test_a_role_and_rights_reach_a_session_that_lives_and_its_handset_is_told(platform: Platform) -> None:
    await platform.organise("Patrol")
    anna = await platform.log_in(await platform.enrol("Anna", "Patrol"))
    assert anna.terms is not None
    assert (anna.terms.role, anna.terms.alerts) == ("subscriber", True)
    await platform.office.roles.set_role(TENANT, "Anna", Role.DISPATCHER)
    await until(lambda: anna.terms is not None and anna.terms.role == "dispatcher")
    tenant_id = (await platform.provisioning.tenant(TENANT)).tenant_id
    assert [s.identity.subscriber_id for s in platform.server.services.sessions.dispatchers(tenant_id)]
    await platform.office.roles.allow(TENANT, "Anna", "alerts", False)
    await until(lambda: anna.terms is not None and not anna.terms.alerts)
    await platform.office.roles.set_role(TENANT, "Anna", Role.SUBSCRIBER)
    await until(lambda: anna.terms is not None and anna.terms.role == "subscriber")
    assert platform.server.services.sessions.dispatchers(tenant_id) == []
    assert not anna.terms.alerts

"""What dispatchers see and do: an overview that follows, any group, floors taken back, devices controlled from afar."""

import asyncio
import contextlib
from pathlib import Path

import pytest

from attacks.bare_radio import BareRadio, Refusal
from e2e.voices import say, sentence
from ptthandset.credentials import Credentials
from ptthandset.errors import Refused, SessionEnded, Wiped
from ptthandset.floor_effects import FloorLost
from ptthandset.handset import Handset, Options
from pttserver.ids import Personal
from pttserver.privacy.categories import Category
from pttserver.roles import Role
from pttserver.services.instructions import Instruction
from pttserver.wire import signalling
from pttserver.wire.floor_control import MessageType, RevokeCause
from running_server import PIN, TENANT, Platform, until

WHY = "because a test wants it"


async def with_role(platform: Platform, name: str, role: Role = Role.DISPATCHER, tenant: str = TENANT) -> Handset:
    """Somebody with a role, in no group."""
    credentials = await platform.enrol(name, tenant=tenant)
    await platform.office.roles.set_role(tenant, name, role)
    return await platform.log_in(credentials)


def number(handset: Handset) -> str:
    return handset.credentials.subscriber


async def operations(platform: Platform, tenant: str = TENANT) -> list[tuple[str, str]]:
    """What the audit log has of acts, with their reasons."""
    tenant_id = (await platform.provisioning.tenant(tenant)).tenant_id
    entries = await platform.server.services.audit.entries(tenant_id)
    return [(entry.operation, str(entry.details.get("reason", ""))) for entry in entries]


# Seeing


async def test_the_overview_shows_who_is_there_and_what_the_groups_do(platform: Platform) -> None:
    await platform.organise("Patrol", "Traffic")
    dispatcher = await with_role(platform, "Dora")
    anna = await platform.log_in(await platform.enrol("Anna", "Patrol"))
    bert = await platform.log_in(await platform.enrol("Bert", "Patrol"), use_udp=False)
    patrol, _ = [await handset.affiliate("Patrol") for handset in (anna, bert)]
    await patrol.request_floor()
    (page,) = [page async for page in dispatcher.dispatch.overview()]
    people = {person.name: person for person in page.people}
    assert people.keys() == {"Anna", "Bert", "Dora"}
    assert (page.online, people["Dora"].role, people["Bert"].via) == (3, "dispatcher", "websocket")
    assert people["Anna"].device == anna.credentials.device
    groups = {group.name: group for group in page.groups}
    assert groups.keys() == {"Patrol", "Traffic"}
    assert (groups["Patrol"].affiliated, groups["Patrol"].talker.name) == (2, "Anna")
    assert (groups["Traffic"].affiliated, groups["Traffic"].talker) == (0, None)
    looked = [entry for entry in await operations(platform) if entry[0] == "dispatch.overview"]
    assert len(looked) == 1


async def test_who_watches_is_told_of_changes_and_not_of_private_calls(platform: Platform) -> None:
    await platform.organise("Patrol")
    dispatcher = await with_role(platform, "Dora")
    told: list[signalling.DispatchChanged] = []
    dispatcher.dispatch.listeners.append(told.append)
    await dispatcher.dispatch.watch()
    anna = await platform.log_in(await platform.enrol("Anna", "Patrol"))
    bert = await platform.log_in(await platform.enrol("Bert", "Patrol"))
    patrol, _ = [await handset.affiliate("Patrol") for handset in (anna, bert)]

    def newest(name: str) -> signalling.GroupState | None:
        states = [state for event in told for state in event.groups or () if state.name == name]
        return states[-1] if states else None

    await until(lambda: newest("Patrol") and newest("Patrol").affiliated == 2)
    assert {person.name for event in told for person in event.people or ()} >= {"Anna", "Bert"}
    await patrol.request_floor()
    await until(lambda: newest("Patrol").talker)
    assert newest("Patrol").talker.name == "Anna"
    patrol.release_floor()
    await until(lambda: newest("Patrol").talker is None)
    bert.calls.auto_answer = True
    call = await anna.calls.private(number(bert))
    await call.connected()
    await bert.log_out()
    await until(lambda: any(number(bert) in (event.gone or ()) for event in told))
    assert {state.name for event in told for state in event.groups or ()} == {"Patrol"}
    assert not any(event.dissolved for event in told)
    with pytest.raises(Refused):
        await dispatcher.affiliate(call.talk_group.group_id)


async def test_a_subscriber_sees_and_does_nothing_of_this(platform: Platform) -> None:
    await platform.organise("Patrol")
    anna = await BareRadio.log_in(await platform.enrol("Anna", "Patrol"))
    group, device = anna.session.groups[0].group, "dev_" + 16 * "0"
    for request in (
        signalling.GetOverview(id=1),
        signalling.Watch(id=1, on=True),
        signalling.RevokeFloor(id=1, group=group, reason=WHY),
        signalling.LogOutDevice(id=1, who=device, reason=WHY),
        signalling.DisableDevice(id=1, who=device, reason=WHY),
        signalling.EnableDevice(id=1, who=device, reason=WHY),
        signalling.WipeDevice(id=1, who=device, reason=WHY),
        signalling.Regroup(id=1, subscriber=anna.session.subscriber, remove=[group], reason=WHY),
        signalling.MakeGroup(id=1, name="Mine", members=[anna.session.subscriber], reason=WHY),
        signalling.DissolveGroup(id=1, group=group, reason=WHY),
    ):
        with pytest.raises(Refusal) as caught:
            await anna.ask(request, signalling.Reply)
        assert caught.value.code == "auth.forbidden", request
    with pytest.raises(Refusal) as caught:  # nobody told it to
        await anna.ask(signalling.DeviceWiped(id=1), signalling.Done)
    assert caught.value.code == "not_found"
    await anna.close()


async def test_a_dispatcher_takes_part_in_any_group_until_the_role_is_taken_away(platform: Platform) -> None:
    await platform.organise("Patrol", "Traffic")
    dispatcher = await with_role(platform, "Dora")
    anna = await platform.log_in(await platform.enrol("Anna", "Patrol"))
    patrol = await anna.affiliate("Patrol")
    (page,) = [page async for page in dispatcher.dispatch.overview()]
    monitored = [await dispatcher.affiliate(group.group) for group in page.groups]
    assert [group.priority for group in monitored] == [200, 200]
    await until(lambda: "Dora" in (patrol.participants or {}).values())
    await say(monitored[0], sentence(0, seconds=0.3))
    await asyncio.sleep(1.2)  # the watch over memberships has looked, and let the dispatcher be
    assert len(dispatcher.talkgroups) == 2
    await platform.office.roles.set_role(TENANT, "Dora", Role.SUBSCRIBER)
    await until(lambda: not dispatcher.talkgroups)
    with pytest.raises(Refused):
        await dispatcher.affiliate(patrol.group_id)


async def test_a_group_that_is_removed_is_gone_for_who_oversees_it(platform: Platform) -> None:
    await platform.organise("Patrol")
    dispatcher = await with_role(platform, "Dora")
    anna = await platform.log_in(await platform.enrol("Anna", "Patrol"))
    await dispatcher.affiliate(anna.groups[0].group)
    await platform.provisioning.remove_group(TENANT, "Patrol")
    await until(lambda: not dispatcher.talkgroups)


# The floor


async def test_a_dispatcher_takes_the_floor_back(platform: Platform) -> None:
    await platform.organise("Patrol")
    dispatcher = await with_role(platform, "Dora")
    anna = await platform.log_in(await platform.enrol("Anna", "Patrol"))
    bert = await platform.log_in(await platform.enrol("Bert", "Patrol"))
    patrol, at_bert = [await handset.affiliate("Patrol") for handset in (anna, bert)]
    lost: list[FloorLost] = []
    patrol.listeners.append(lambda event: lost.append(event) if isinstance(event, FloorLost) else None)
    with pytest.raises(Refused):
        await dispatcher.dispatch.revoke_floor(patrol.group_id, WHY)
    await patrol.request_floor()
    await until(lambda: at_bert.talker)
    await dispatcher.dispatch.revoke_floor(patrol.group_id, WHY)
    await until(lambda: lost)
    assert (lost[0].must_stop, lost[0].cause) == (True, RevokeCause.NO_PERMISSION_TO_SEND)
    await until(lambda: at_bert.talker is None)
    assert ("floor.revoke", WHY) in await operations(platform)


async def test_peril_of_a_group_is_told_to_all_and_to_whoever_joins(platform: Platform) -> None:
    await platform.organise("Patrol")
    anna, bert, carl = [await platform.log_in(await platform.enrol(n, "Patrol")) for n in ("Anna", "Bert", "Carl")]
    mute = await platform.log_in(await platform.enrol("Mia", "Patrol", listen_only=True))
    patrol, at_bert, _ = [await handset.affiliate("Patrol") for handset in (anna, bert, mute)]
    for handset, code in ((mute, "auth.forbidden"), (carl, "not_found")):
        with pytest.raises(Refused) as caught:
            await handset.calls.set_peril(patrol.group_id, True)
        assert caught.value.code == code
    await anna.calls.set_peril(patrol.group_id, True)
    await until(lambda: patrol.imminent_peril and at_bert.imminent_peril)
    assert (await carl.affiliate("Patrol")).imminent_peril
    with pytest.raises(Refused, match="ends it"):
        await bert.calls.set_peril(patrol.group_id, False)
    await anna.calls.set_peril(patrol.group_id, False)
    await until(lambda: not patrol.imminent_peril and not at_bert.imminent_peril)


# Regrouping


async def test_a_group_for_a_while_is_made_used_and_dissolved(platform: Platform) -> None:
    await platform.organise("Patrol")
    dispatcher = await with_role(platform, "Dora")
    anna, bert = [await platform.log_in(await platform.enrol(name, "Patrol")) for name in ("Anna", "Bert")]
    group_id = await dispatcher.dispatch.make_group("Search", [number(anna)], WHY)
    await until(lambda: any(group.name == "Search" for group in anna.groups))
    search, heard = await anna.affiliate("Search"), await dispatcher.affiliate(group_id)
    with pytest.raises(Refused):
        await bert.affiliate(group_id)
    await say(search, sentence(0, seconds=0.5))
    await until(lambda: heard.finished_streams or heard.has_voice)
    assert (await anna.presence("Search")).members == 2
    assert [group.name for group in await anna.refresh_groups()] == ["Patrol", "Search"]
    await dispatcher.dispatch.dissolve_group(group_id, WHY)
    await until(lambda: not anna.talkgroups and not dispatcher.talkgroups)
    assert [group.name for group in await anna.refresh_groups()] == ["Patrol"]
    assert (await operations(platform))[-3:] == [("group.make", WHY), ("access.refused", ""), ("group.dissolve", WHY)]


async def test_somebodys_groups_are_changed_all_at_once_or_not_at_all(platform: Platform) -> None:
    await platform.organise("Patrol", "Traffic")
    dispatcher = await with_role(platform, "Dora")
    anna = await platform.log_in(await platform.enrol("Anna", "Patrol"))
    await anna.affiliate("Patrol")
    patrol = anna.groups[0].group
    traffic = (await platform.provisioning.group(TENANT, "Traffic")).group_id
    with pytest.raises(Refused):
        await dispatcher.dispatch.regroup(
            number(anna), WHY, add=[signalling.Seat(group="grp_" + 16 * "0")], remove=[patrol]
        )
    assert [group.name for group in await anna.refresh_groups()] == ["Patrol"]
    await dispatcher.dispatch.regroup(
        number(anna), WHY, add=[signalling.Seat(group=traffic, priority=7, listen_only=True)], remove=[patrol]
    )
    await until(lambda: not anna.talkgroups and [group.name for group in anna.groups] == ["Traffic"])
    assert [(g.name, g.priority, g.listen_only) for g in await anna.refresh_groups()] == [("Traffic", 7, True)]
    assert ("subscriber.regroup", WHY) in await operations(platform)


async def test_a_membership_that_a_hold_covers_neither_goes_nor_changes(platform: Platform) -> None:
    await platform.organise("Patrol", "Traffic")
    dispatcher = await with_role(platform, "Dora")
    anna = await platform.log_in(await platform.enrol("Anna", "Patrol"))
    patrol = anna.groups[0].group
    traffic = (await platform.provisioning.group(TENANT, "Traffic")).group_id
    because = Instruction(Personal("Olga"), Personal("case 7"))
    hold = await platform.office.periods.hold(TENANT, because, subscriber="Anna", category=Category.MEMBERSHIP)
    for add, remove in (
        ([], [patrol]),
        ([signalling.Seat(group=patrol, priority=7)], []),
        ([signalling.Seat(group=traffic)], [patrol]),
    ):
        with pytest.raises(Refused) as refused:
            await dispatcher.dispatch.regroup(number(anna), WHY, add=add, remove=remove)
        assert refused.value.code == "hold"
        assert hold.hold_id in str(refused.value)
        assert "case" not in str(refused.value)
    assert [(group.name, group.priority) for group in await anna.refresh_groups()] == [("Patrol", 100)]
    same = [signalling.Seat(group=patrol, priority=100), signalling.Seat(group=traffic)]
    await dispatcher.dispatch.regroup(number(anna), WHY, add=same, remove=[])  # nothing that is there is lost
    assert {group.name for group in await anna.refresh_groups()} == {"Patrol", "Traffic"}
    await platform.office.periods.end_hold(TENANT, hold.hold_id, because)
    await dispatcher.dispatch.regroup(number(anna), WHY, add=[], remove=[patrol])
    assert {group.name for group in await anna.refresh_groups()} == {"Traffic"}


# Devices


async def test_a_device_that_is_logged_out_needs_the_pin_again(platform: Platform) -> None:
    await platform.organise("Patrol")
    dispatcher = await with_role(platform, "Dora")
    credentials = await platform.enrol("Anna", "Patrol")
    anna = await platform.log_in(credentials)
    token = anna.credentials.resume_token
    await dispatcher.dispatch.log_out(number(anna), WHY)
    with pytest.raises(SessionEnded, match="logged this device out"):
        await anna.wait_closed()
    assert anna.credentials.resume_token is None
    with pytest.raises(Refused) as caught:
        await Handset.connect(credentials.with_token(token))
    assert caught.value.code == "auth.failed"
    await platform.log_in(credentials)


async def test_a_stunned_device_is_out_refused_and_dropped_until_it_is_enabled(platform: Platform) -> None:
    await platform.organise("Patrol")
    dispatcher = await with_role(platform, "Dora")
    credentials = await platform.enrol("Anna", "Patrol")
    listener = await BareRadio.log_in(await platform.enrol("Bert", "Patrol"))
    radio = await BareRadio.log_in(credentials)
    token = radio.session.resume_token
    await radio.affiliate()
    await listener.affiliate()
    await radio.use_udp()
    await radio.say(radio.floor_message(MessageType.FLOOR_REQUEST))
    burst = await radio_granted(radio)
    relay = platform.server.services.relay
    radio.send_udp(radio.voice(burst, 1))
    await until(lambda: relay.packets_relayed == 1)

    await dispatcher.dispatch.stun(credentials.device, WHY)
    before = relay.drops.no_floor + relay.drops.unknown_ssrc
    for sequence in range(2, 12):  # it goes on sending
        radio.send_udp(radio.voice(burst, sequence))
        radio.send_udp(radio.uplink.protect_rtcp(radio.keepalive()))
    await until(lambda: relay.drops.no_floor + relay.drops.unknown_ssrc == before + 20)
    assert relay.packets_relayed == 1
    assert radio.events[-1] == signalling.SessionEnded(reason="disabled")
    for attempt in ("pin", "token"):
        again = await BareRadio.open(credentials.server_url)
        await again.hello()
        with pytest.raises(Refusal) as caught:
            await (again.login(credentials) if attempt == "pin" else again.resume(credentials, token))
        assert caught.value.code == "auth.disabled"
        await again.close()
    stranger = await BareRadio.open(credentials.server_url)
    await stranger.hello()
    with pytest.raises(Refusal) as caught:  # without the PIN it is told nothing
        await stranger.login(credentials, pin="0000")
    assert caught.value.code == "auth.failed"

    await dispatcher.dispatch.enable(credentials.device, WHY)
    await platform.log_in(credentials)
    acts = [entry for entry in await operations(platform) if entry[0].startswith("device.")]
    assert acts[-2:] == [("device.stun", WHY), ("device.enable", WHY)]
    for closing in (radio, listener, stranger):
        await closing.close()


async def radio_granted(radio: BareRadio) -> int:
    """The grant comes by UDP; who has the downlink key reads it."""
    from pttserver.wire import rtcp

    for _ in range(200):
        for datagram in radio.datagrams():
            with contextlib.suppress(Exception):
                for packet in rtcp.decode(radio.downlink.unprotect_rtcp(datagram)):
                    if getattr(packet, "type", None) is MessageType.FLOOR_GRANTED:
                        return packet.granted_ssrc
        await asyncio.sleep(0.01)
    raise AssertionError("no grant")


async def test_a_wiped_device_deletes_its_keys_says_so_and_never_comes_back(platform: Platform, tmp_path: Path) -> None:
    await platform.organise("Patrol")
    dispatcher = await with_role(platform, "Dora")
    told: list[signalling.DeviceChanged] = []
    dispatcher.dispatch.listeners.append(told.append)
    credentials = await platform.enrol("Anna", "Patrol")
    file = tmp_path / "anna.json"
    credentials.save(file)

    def keep(token: bytes | None) -> None:
        credentials.with_token(token).save(file)

    anna = await Handset.connect(credentials, pin=PIN, options=Options(on_token=keep, on_wiped=file.unlink))
    await anna.affiliate("Patrol")
    await dispatcher.dispatch.wipe(number(anna), WHY)
    with pytest.raises(Wiped):
        await anna.wait_closed()
    await until(lambda: [event.confirmed for event in told] == [False, True])
    assert (anna.credentials.private_key, anna.credentials.resume_token) == (b"", None)
    assert not file.exists()
    await anna.close()
    assert not file.exists()
    with pytest.raises(Wiped):
        await Handset.connect(credentials, pin=PIN)
    acts = [entry[0] for entry in await operations(platform) if entry[0].startswith("device.w")]
    assert acts == ["device.wipe", "device.wiped"]


async def test_a_device_that_is_away_is_wiped_when_it_shows_its_key(platform: Platform) -> None:
    await platform.organise("Patrol")
    dispatcher = await with_role(platform, "Dora")
    credentials = await platform.enrol("Anna", "Patrol")
    await dispatcher.dispatch.wipe(credentials.device, WHY)
    wiped: list[bool] = []
    with pytest.raises(Wiped):  # the thief does not know the PIN
        await Handset.connect(credentials, pin="0000", options=Options(on_wiped=lambda: wiped.append(True)))
    assert wiped == [True]
    other = await platform.another_device("Anna")
    forged = Credentials(
        **{**{name: getattr(credentials, name) for name in Credentials.__slots__}, "private_key": other.private_key}
    )
    with pytest.raises(Refused) as caught:  # another key is told nothing
        await Handset.connect(forged, pin=PIN)
    assert caught.value.code == "auth.failed"


async def test_a_device_that_does_not_answer_is_out_of_every_group_and_can_do_nothing_else(platform: Platform) -> None:
    await platform.organise("Patrol")
    dispatcher = await with_role(platform, "Dora")
    credentials = await platform.enrol("Anna", "Patrol")
    stubborn = await BareRadio.log_in(credentials)
    affiliation = await stubborn.affiliate()
    await dispatcher.dispatch.wipe(credentials.device, WHY)
    await until(lambda: signalling.WipeOrdered() in stubborn.events)
    assert platform.server.services.talk.affiliations(affiliation.group) == []
    with pytest.raises(Refusal) as caught:
        await stubborn.affiliate(affiliation.group)
    assert caught.value.code == "auth.forbidden"
    await until(lambda: stubborn.events[-1] == signalling.SessionEnded(reason="revoked"), timeout_s=8)
    await stubborn.close()


async def test_devices_of_managers_are_controlled_by_managers(platform: Platform) -> None:
    await platform.organise("Patrol")
    dispatcher, manager = await with_role(platform, "Dora"), await with_role(platform, "Max", Role.MANAGER)
    with pytest.raises(Refused) as caught:
        await dispatcher.dispatch.stun(number(manager), WHY)
    assert caught.value.code == "auth.forbidden"
    await manager.dispatch.log_out(number(dispatcher), WHY)
    with pytest.raises(SessionEnded):
        await dispatcher.wait_closed()


# Others, and nonsense


async def test_what_is_another_organisations_is_not_there(platform: Platform) -> None:
    """The same words for what is foreign and for what does not exist, and nothing happens."""
    await platform.organise("Patrol")
    await platform.organise("Patrol", tenant="Other")
    dispatcher = await with_role(platform, "Dora", tenant="Other")
    anna = await platform.log_in(await platform.enrol("Anna", "Patrol"))
    bert = await platform.log_in(await platform.enrol("Bert", "Patrol"))
    patrol, _ = [await handset.affiliate("Patrol") for handset in (anna, bert)]
    await patrol.request_floor()
    bert.calls.auto_answer = True
    call = await anna.calls.private(number(bert))
    await call.connected()
    theirs = {
        "group": patrol.group_id,
        "call's group": call.talk_group.group_id,
        "device": anna.credentials.device,
        "subscriber": number(anna),
    }
    nothing = {name: f"{value[:4]}{16 * '0'}" for name, value in theirs.items()}
    act = dispatcher.dispatch

    async def answers(to: dict[str, str]) -> list[tuple[str, str]]:
        own = (await platform.provisioning.group("Other", "Patrol")).group_id
        found = []
        for attempt in (
            dispatcher.affiliate(to["group"]),
            dispatcher.affiliate(to["call's group"]),
            act.revoke_floor(to["group"], WHY),
            act.revoke_floor(to["call's group"], WHY),
            act.dissolve_group(to["call's group"], WHY),
            act.stun(to["device"], WHY),
            act.wipe(to["subscriber"], WHY),
            act.enable(to["device"], WHY),
            act.log_out(to["subscriber"], WHY),
            act.regroup(to["subscriber"], WHY, add=[signalling.Seat(group=own)]),
            act.regroup(number(dispatcher), WHY, add=[signalling.Seat(group=to["group"])]),
            act.make_group("Mixed", [to["subscriber"]], WHY),
            dispatcher.calls.private(to["subscriber"]),
            dispatcher.calls.ask_to_call_back(to["subscriber"]),
            dispatcher.calls.broadcast(group=to["group"]),
            dispatcher.calls.broadcast(to=[to["subscriber"]]),
            dispatcher.calls.set_peril(to["group"], True),
        ):
            with pytest.raises(Refused) as caught:
                await attempt
            found.append((caught.value.code, str(caught.value)))
        return found

    of_others, of_none = await answers(theirs), await answers(nothing)
    assert of_others == of_none
    assert {code for code, _ in of_others} == {"not_found"}
    assert patrol.grant is not None
    assert call.reason is None
    (page,) = [page async for page in act.overview()]
    assert {person.name for person in page.people} == {"Dora"}
    assert [entry for entry in await operations(platform) if entry[1] == WHY] == []


@pytest.mark.parametrize(
    "name", ["", "x" * 65, "a\nb", "\u202egpj.exe", "\x00", "a\u200bb", "\ud800"], ids=[f"odd {n}" for n in range(7)]
)
async def test_giant_and_odd_names_are_refused(platform: Platform, name: str) -> None:
    await platform.organise("Patrol")
    dispatcher = await with_role(platform, "Dora")
    text = signalling.MakeGroup(id=1, name="Search", members=[number(dispatcher)], reason=WHY).to_json()
    radio = await BareRadio.log_in(dispatcher.credentials)
    escaped = name.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")
    odd = text.replace('"Search"', '"' + "".join(f"\\u{ord(c):04x}" for c in escaped) + '"').replace(
        '"id":1', '"id":77'
    )
    with pytest.raises(Refusal) as caught:
        await radio.ask_text(odd, 77, signalling.GroupMade)
    assert caught.value.code == "protocol.malformed"
    assert len(platform.server.services.memberships.temporary) == 0
    await radio.close()


async def test_who_rings_without_end_has_to_wait(platform: Platform) -> None:
    await platform.organise("Patrol")
    anna = await platform.log_in(await platform.enrol("Anna", "Patrol"))
    bert = await platform.log_in(await platform.enrol("Bert", "Patrol"))
    refused = []
    for _ in range(15):
        try:
            await (await anna.calls.private(number(bert))).end()
        except Refused as error:
            refused.append((error.code, error.retry_after_s is not None))
    assert set(refused) == {("busy", True)}
    assert 3 <= len(refused) <= 5

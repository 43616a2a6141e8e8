"""The console's radio against a real server, and beside a Python handset: they talk, write and call for help."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from itertools import pairwise
from pathlib import Path

import pytest

from console.driven_radio import DrivenRadio, RadioRefused, bundle
from e2e.voices import say, sentence
from locating import LOCATED, now_ms
from ptthandset.message_chain import Verdict
from ptthandset.message_events import Attachment, MessageReceived, OutcomeChanged
from ptthandset.talkgroup import Talkgroup
from pttserver.roles import Role
from pttserver.wire.message_body import AttachmentName
from pttserver.wire.rtp import RtpPacket
from running_server import PIN, TENANT, Platform, until

Start = Callable[..., Awaitable[DrivenRadio]]
FRAMES = [bytes([0x48, number]) * 20 for number in range(40)]


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return bundle(tmp_path_factory.mktemp("console"))


@pytest.fixture
async def browser(platform: Platform, program: Path) -> AsyncIterator[Start]:
    """Starts a browser, enrolled for a subscriber (a new one if `groups` are named), but not logged in."""
    async with AsyncExitStack() as running:

        async def start(name: str, *groups: str, role: Role | None = None) -> DrivenRadio:
            if groups:
                await platform.provisioning.add_subscriber(TENANT, name, display_name=name, pin=PIN)
                for group in groups:
                    await platform.provisioning.set_member(TENANT, group, name, priority=100)
            if role is not None:
                await platform.office.roles.set_role(TENANT, name, role)
            radio = await running.enter_async_context(DrivenRadio.running(program, platform.server.signalling_port))
            await radio.enrol((await platform.devices.add(TENANT, name)).text)
            return radio

        yield start


def hex_frames(frames: list[bytes]) -> list[str]:
    return [frame.hex() for frame in frames]


def timestamp(packet: bytes) -> int:
    return int.from_bytes(packet[4:8])


def recording(group: Talkgroup) -> list[bytes]:
    """Every RTP packet that the group hears from now on."""
    heard: list[bytes] = []
    receive = group.receive_voice

    def record(now: float, packet: RtpPacket) -> None:
        heard.append(packet.encode())
        receive(now, packet)

    group.receive_voice = record  # type: ignore[method-assign]
    return heard


async def test_two_browsers_and_a_handset_talk_to_each_other(platform: Platform, browser: Start) -> None:
    await platform.organise("Patrol")
    carl = await platform.log_in(await platform.enrol("Carl", "Patrol"))
    anna, bert = await browser("Anna", "Patrol"), await browser("Bert", "Patrol")
    patrol = carl.groups[0].group
    with pytest.raises(RadioRefused, match=r"auth\.failed"):
        await anna.do("logIn", "0000")
    await anna.do("logIn", PIN)
    await bert.do("logIn", PIN)
    carls = await carl.affiliate("Patrol")
    await anna.do("affiliate", patrol)
    joined = await bert.do("affiliate", patrol)
    assert (joined["name"], joined["count"], sorted(joined["people"])) == ("Patrol", 3, ["Anna", "Bert", "Carl"])
    await anna.hears("talkgroup", lambda told: told["count"] == 3)
    heard = recording(carls)

    # Anna speaks before the floor is hers, and the encoder gives her last frame after the release
    await asyncio.gather(anna.do("press", patrol), anna.do("say", *hex_frames(FRAMES[:10])))
    granted = await anna.becomes("granted")
    assert 25 < await anna.do("remaining", patrol) <= 30
    taken = await bert.hears("talkgroup", lambda told: told.get("talker") and told["kind"] == "talker")
    assert taken["talker"]["name"] == "Anna"
    assert taken["talker"]["burstSsrc"] == granted["burstSsrc"]
    await anna.do("say", *hex_frames(FRAMES[10:30]))

    # Bert waits behind her, and says something when it is his turn
    await bert.do("press", patrol)
    assert (await bert.becomes("queued"))["position"] == 1
    await anna.do("release", patrol, FRAMES[30].hex())
    await bert.becomes("granted")
    await until(lambda: len(heard) == 31)
    await until(lambda: len(anna.packets("said")) >= 31)
    said = anna.packets("said")
    assert heard == said
    assert [packet[12:] for packet in said] == FRAMES[:31]
    assert {(later - earlier) % 2**32 for earlier, later in pairwise(map(timestamp, said))} == {960}
    await bert.do("say", *hex_frames(FRAMES[:5]))
    await until(lambda: len(heard) == 36)
    await bert.do("release", patrol)
    await bert.becomes("idle")
    await until(lambda: len(anna.packets("voice")) >= 5 and len(bert.packets("said")) >= 5)
    assert anna.packets("voice") == bert.packets("said") == heard[31:]

    # and the handset, as it sends it
    sent: list[bytes] = []
    assert carl.media is not None
    send = carl.media.send_voice

    def send_and_record(packet: bytes) -> None:
        sent.append(packet)
        send(packet)

    carl.media.send_voice = send_and_record  # type: ignore[method-assign]
    await say(carls, sentence(seconds=0.6))
    await until(lambda: len(anna.packets("voice")) >= 5 + len(sent) and len(bert.packets("voice")) >= 31 + len(sent))
    assert anna.packets("voice")[5:] == sent
    assert bert.packets("voice")[31:] == sent


async def test_a_lost_connection_costs_nothing_that_is_said(platform: Platform, browser: Start) -> None:
    await platform.organise("Patrol")
    carl = await platform.log_in(await platform.enrol("Carl", "Patrol"), use_udp=False)
    anna = await browser("Anna", "Patrol")
    await anna.do("logIn", PIN)
    carls = await carl.affiliate("Patrol")
    await anna.do("affiliate", carls.group_id)
    heard = recording(carls)
    await anna.do("press", carls.group_id)
    await anna.becomes("granted")
    await anna.do("say", *hex_frames(FRAMES[:10]))
    await anna.do("cut")
    await anna.do("say", *hex_frames(FRAMES[10:20]))
    back = await anna.hears("radio", lambda told: told["kind"] == "connected")
    assert back["resumed"]
    await anna.do("say", *hex_frames(FRAMES[20:30]))
    await anna.do("release", carls.group_id)
    await anna.becomes("idle")
    await until(lambda: carls.talker is None)
    assert [packet[12:] for packet in heard] == FRAMES[:30]
    assert (await anna.do("state"))["is"] == "connected"


async def test_a_page_that_is_loaded_anew_needs_no_pin_until_it_is_logged_out(
    platform: Platform, browser: Start
) -> None:
    await platform.organise("Patrol")
    anna = await browser("Anna", "Patrol")
    assert not await anna.do("resume")
    await anna.do("logIn", PIN)
    await anna.do("close")
    assert (await anna.do("state"))["reason"] == {"why": "closed"}
    await anna.do("reload")
    assert await anna.do("resume")
    await anna.do("logOut")
    await anna.do("reload")
    assert not await anna.do("resume")


async def test_a_second_device_takes_over_and_the_first_does_not_come_back(platform: Platform, browser: Start) -> None:
    await platform.organise("Patrol")
    first = await browser("Anna", "Patrol")
    second = await browser("Anna")
    await first.do("logIn", PIN)
    await second.do("logIn", PIN)
    ended = await first.hears("radio", lambda told: told["state"]["is"] == "ended")
    assert ended["state"]["reason"]["why"] == "superseded"
    assert ended["state"]["reason"]["deviceType"] == "test browser"
    connected = await second.hears("radio", lambda told: told["kind"] == "connected")
    assert connected["superseded"]["device_type"] == "test browser"
    await asyncio.sleep(2)
    assert (await first.do("state"))["is"] == "ended"
    assert (await second.do("state"))["is"] == "connected"
    with pytest.raises(RadioRefused, match="superseded"):
        await first.do("contacts")


async def test_messages_go_sealed_from_browser_to_handset_and_back(platform: Platform, browser: Start) -> None:
    await platform.organise("Patrol")
    carl = await platform.log_in(await platform.enrol("Carl", "Patrol"))
    received: list[object] = []
    carl.messages.listeners.append(received.append)
    await carl.messages.ready()
    anna = await browser("Anna", "Patrol")
    await anna.do("logIn", PIN)
    letter = {"name": "plan.txt", "octets": (b"the plan " * 9000).hex()}
    sent = await anna.do("send", "Hør: 🚒", {"people": [carl.credentials.subscriber]}, letter)
    await until(lambda: any(isinstance(event, MessageReceived) for event in received))
    message = next(event.message for event in received if isinstance(event, MessageReceived))
    assert (message.id, message.verdict, message.text) == (sent["message"], Verdict.GENUINE, "Hør: 🚒")
    assert message.attachment is not None
    assert message.attachment.name == "plan.txt"
    assert await carl.messages.attachment(message) == b"the plan " * 9000
    await anna.hears("message", lambda told: told["kind"] == "outcome" and told["outcome"]["state"] == "delivered")

    plan = Attachment(AttachmentName(kind="file", name="answer.txt", media_type="text/plain"), b"yes " * 20_000)
    await carl.messages.send("Kommt sofort", to=[anna.subscriber], attachment=plan)
    told = await anna.hears("message", lambda told: told["kind"] == "received")
    assert (told["message"]["verdict"], told["message"]["text"]) == ("genuine", "Kommt sofort")
    assert bytes.fromhex(await anna.do("attachmentOf", told["message"]["id"])) == b"yes " * 20_000
    await anna.do("confirmRead", told["message"]["id"])
    await until(lambda: any(isinstance(event, OutcomeChanged) and event.state == "read" for event in received))

    history = await anna.do("history", {"people": [carl.credentials.subscriber]})
    assert [each["text"] for each in history] == ["Kommt sofort", "Hør: 🚒"]
    await anna.do("deleteMessage", sent["message"])
    history = await anna.do("history", {"people": [carl.credentials.subscriber]})
    assert [each["text"] for each in history] == ["Kommt sofort"]
    await anna.do("putContact", carl.credentials.subscriber, "C.")
    assert [contact["alias"] for contact in await anna.do("contacts")] == ["C."]


async def test_a_call_for_help_is_raised_in_a_browser_and_answered_from_a_handset(
    platform: Platform, browser: Start
) -> None:
    await platform.organise("Patrol")
    carl_keys = await platform.enrol("Carl", "Patrol")
    await platform.office.roles.set_role(TENANT, "Carl", Role.DISPATCHER)
    carl = await platform.log_in(carl_keys)
    anna = await browser("Anna", "Patrol")
    await anna.do("logIn", PIN)
    alert = await anna.do("alert")
    await until(lambda: alert in carl.alerts.open)
    await anna.hears("alert", lambda told: told["kind"] == "step" and told["step"]["step"]["kind"] == "delivered")
    await carl.alerts.acknowledge(alert)
    await anna.hears("alert", lambda told: told["kind"] == "step" and told["step"]["state"] == "acknowledged")
    assert [info["state"] for info in await anna.do("openAlerts")] == ["acknowledged"]
    await carl.alerts.resolve(alert, "resolved", "found her")
    step = await anna.hears("alert", lambda told: told["kind"] == "step" and told["step"]["state"] == "resolved")
    assert step["step"]["step"]["note"] == "found her"
    assert await anna.do("openAlerts") == []


async def test_in_an_open_alert_a_browser_tells_where_it_is_and_lets_itself_be_heard(
    platform: Platform, browser: Start
) -> None:
    policy = LOCATED.replace("sos_exception = false", "sos_exception = true\nsos_interval_s = 5")
    await platform.organise("Patrol", policy=f"{policy}\n[alerts]\nambient_listening = true\n")
    carl_keys = await platform.enrol("Carl", "Patrol")
    await platform.office.roles.set_role(TENANT, "Carl", Role.DISPATCHER)
    carl = await platform.log_in(carl_keys)
    anna = await browser("Anna", "Patrol")
    await anna.do("logIn", PIN)
    await anna.do("offerMicrophone")
    place = {"latitude": 53.5, "longitude": 10, "accuracy_m": 8}
    assert await anna.do("alertMoved", {**place, "at_ms": now_ms()}) == "early"  # she has not called for help
    alert = await anna.do("alert")
    await until(lambda: alert in carl.alerts.open)
    assert await anna.do("alertMoved", {**place, "at_ms": now_ms()}) == "taken"
    await until(lambda: carl.alerts.open[alert].position is not None)
    assert await anna.do("alertMoved", {**place, "at_ms": now_ms()}) == "early"

    ambient = await carl.listening.listen(alert, "no answer to our calls")
    shown = (await anna.hears("microphone", lambda told: told["open"]))["shown"]
    assert [each["name"] for each in shown["listeners"]] == ["Carl"]
    await anna.hears("alert", lambda told: told["kind"] == "step" and told["step"]["step"]["kind"] == "listening_begun")
    heard = recording(ambient.group)
    await anna.do("say", *hex_frames(FRAMES[:20]))
    await until(lambda: len(heard) == 20)
    assert [packet[12:] for packet in heard] == FRAMES[:20]
    assert not [told for told in anna.events if told["event"] == "signal"]  # no sound of the radio itself
    anna.forget()
    await carl.alerts.resolve(alert, "resolved")
    await anna.hears("microphone", lambda told: not told["open"] and told.get("shown") is None)
    await until(ambient.over.is_set)
    assert ambient.why == "alert_over"
    assert await anna.do("alertMoved", {**place, "at_ms": now_ms() + 5000}) == "early"  # nothing is sent any more


async def test_a_call_for_help_outlives_a_lost_connection(platform: Platform, browser: Start) -> None:
    await platform.organise("Patrol")
    anna = await browser("Anna", "Patrol")
    await anna.do("logIn", PIN)
    await anna.do("cut")
    alert = await anna.do("alert")
    assert [info["alert"] for info in await anna.do("openAlerts")] == [alert]
    await anna.do("cancelAlert", alert, "by mistake")
    await anna.hears("alert", lambda told: told["kind"] == "step" and told["step"]["state"] == "cancelled")


@pytest.mark.parametrize("duplex", [False, True])
async def test_a_browser_calls_a_handset(platform: Platform, browser: Start, duplex: bool) -> None:
    await platform.organise("Patrol")
    carl = await platform.log_in(await platform.enrol("Carl", "Patrol"))
    carl.calls.auto_answer = True
    anna = await browser("Anna", "Patrol")
    await anna.do("logIn", PIN)
    call = await anna.do("call", carl.credentials.subscriber, duplex)
    connected = await anna.hears("call", lambda told: told["kind"] == "connected")
    assert connected["party"]["name"] == "Carl"
    assert (connected["talk"] == connected["listen"]) is not duplex
    await until(lambda: carl.calls.live and next(iter(carl.calls.live.values())).listen_group is not None)
    carls = next(iter(carl.calls.live.values())).listen_group
    heard = recording(carls)
    if not duplex:
        await anna.do("press", connected["talk"])
        await anna.becomes("granted")
    await until(lambda: carls.talker is not None)
    await anna.do("say", *hex_frames(FRAMES[:5]))
    await until(lambda: [packet[12:] for packet in heard] == FRAMES[:5])
    await anna.do("hangUp", call)
    await until(lambda: not carl.calls.live)


async def test_a_dispatcher_in_a_browser_sees_regroups_and_controls(platform: Platform, browser: Start) -> None:
    await platform.organise("Patrol")
    carl = await platform.log_in(await platform.enrol("Carl", "Patrol"))
    anna = await browser("Anna", "Patrol", role=Role.DISPATCHER)
    await anna.do("logIn", PIN)
    await anna.do("watchOverview")
    overview = await anna.do("overview")
    assert sorted(person["name"] for person in overview["people"]) == ["Anna", "Carl"]
    assert [group["name"] for group in overview["groups"]] == ["Patrol"]

    made = await anna.do("makeGroup", "Quay", [carl.credentials.subscriber])
    await until(lambda: any(info.group == made for info in carl.groups))
    await anna.hears("radio", lambda told: any(info["group"] == made for info in told["groups"]))
    await anna.do("dissolveGroup", made)
    await anna.hears("radio", lambda told: told.get("removed") == made)

    await anna.do("affiliate", carl.groups[0].group)
    carls = await carl.affiliate("Patrol")
    talking = asyncio.create_task(say(carls, sentence()))
    await anna.hears("talkgroup", lambda told: told.get("talker"))
    await anna.do("revokeFloor", carl.groups[0].group)
    assert (await talking).lost is not None

    await anna.do("callBack", carl.credentials.subscriber)
    await until(lambda: anna.subscriber in carl.calls.callbacks)
    await anna.do("control", "stun", carl.credentials.device)
    await anna.hears("dispatch", lambda told: told["kind"] == "overview" and told["online"] == ["Anna"])


async def test_a_browser_is_disabled_enabled_and_wiped(platform: Platform, browser: Start) -> None:
    await platform.organise("Patrol")
    anna = await browser("Anna", "Patrol")
    boss = await browser("Boss", "Patrol", role=Role.DISPATCHER)
    await boss.do("logIn", PIN)
    await anna.do("logIn", PIN)
    await boss.do("control", "stun", anna.device)
    ended = await anna.hears("radio", lambda told: told["state"]["is"] == "ended")
    assert ended["state"]["reason"] == {"why": "disabled"}
    await anna.do("reload")
    with pytest.raises(RadioRefused, match=r"auth\.disabled"):
        await anna.do("resume")
    await boss.do("control", "enable", anna.device)
    assert await anna.do("resume")
    anna.forget()
    await boss.do("control", "wipe", anna.device)
    ended = await anna.hears("radio", lambda told: told["state"]["is"] == "ended")
    assert ended["state"]["reason"] == {"why": "wiped"}
    assert not await anna.do("stored")


async def test_positions_go_as_far_as_the_terms_allow(platform: Platform, browser: Start) -> None:
    await platform.organise("Patrol", policy=LOCATED)
    anna = await browser("Anna", "Patrol")
    boss = await browser("Boss", "Patrol", role=Role.DISPATCHER)
    await boss.do("logIn", PIN)
    await anna.do("logIn", PIN)
    await boss.do("watchLocation")
    await anna.do("moved", {"latitude": 55.6761, "longitude": 12.5683, "accuracy_m": 8, "at_ms": now_ms()})
    seen = await boss.hears("location", lambda told: told["kind"] == "position")
    assert seen["position"]["name"] == "Anna"
    assert (await boss.do("whereIs", anna.subscriber))["latitude"] == pytest.approx(55.6761, abs=0.01)
    assert (await boss.do("whereIs", anna.subscriber))["latitude"] == pytest.approx(55.6761, abs=0.01)  # known since
    assert (await boss.do("lastKnown", anna.subscriber))["position"]["longitude"] == pytest.approx(12.5683, abs=0.01)
    shape = {"kind": "circle", "center": {"latitude": 55.6761, "longitude": 12.5683}, "radius_m": 150}
    fence = await boss.do("putFence", {"name": "Quay", "shape": shape})
    assert [each["fence"] for each in await boss.do("fences")] == [fence]
    await anna.do("switchLocation", False)
    await boss.hears("location", lambda told: told["kind"] == "gone")
    await anna.hears("location", lambda told: told["kind"] == "terms")
    boss.forget()
    await anna.do("moved", {"latitude": 55.0, "longitude": 12.0, "accuracy_m": 8, "at_ms": now_ms()})
    with pytest.raises(RadioRefused, match=r"policy\.forbids"):
        await boss.do("lastKnown", anna.subscriber)

"""The phone page in real Chromium, against a real server, with handsets at the other end."""

import asyncio
from pathlib import Path
from urllib.parse import unquote

import pytest
from playwright.async_api import expect

from behaviours.control_room import Control
from browser.phone import HOLD_S, RATE_HZ, WAKE_LOCKS, Phone, microphone_file
from browser.qr_camera import READER, QrCamera
from browser.site import Site
from e2e.messaging import writer
from e2e.voices import listening, say, sentence
from locating import LOCATED
from ptthandset.audio.similarity import similarity
from ptthandset.errors import CallOver
from ptthandset.handset import Handset
from ptthandset.speech import SENTENCES, sentence_pcm
from ptthandset.talkgroup import Talkgroup
from pttserver.roles import Role
from running_server import PIN, PLAIN_POLICY, TENANT, Platform, until

pytestmark = pytest.mark.system

SAID_BY_PHONE = 1
SAID_BY_HANDSET = 2
SMALL_PHONE = {"width": 360, "height": 640}
LONG_NAME = "Maria Magdalena Freifrau von Hohenwaldeck-Niederstetten"


@pytest.fixture
async def phone(site: Site, tmp_path: Path) -> Phone:
    await site.platform.organise("Patrol")
    return await Phone.bought(site, microphone=microphone_file(tmp_path, SAID_BY_PHONE))


def best_likeness(sound: bytes) -> int:
    """Which of the sentences it is, most clearly."""
    likeness = [similarity(sentence_pcm(index, RATE_HZ), sound, RATE_HZ) for index in range(len(SENTENCES))]
    first, second = sorted(likeness)[:-3:-1]
    assert first > 0.6, likeness
    assert first > second + 0.1, likeness
    return likeness.index(first)


async def handset_in(platform: Platform, name: str, priority: int = 100) -> tuple[Handset, Talkgroup]:
    handset = await platform.log_in(await platform.enrol(name, "Patrol", priority=priority))
    return handset, await handset.affiliate("Patrol")


async def test_phone_and_handset_hear_each_other(phone: Phone) -> None:
    _, bert = await handset_in(phone.site.platform, "Bert")
    link = await phone.link("Anna", "Patrol")
    await phone.enrol(link)
    assert phone.page.url == f"{phone.site.address}/phone"  # the code is taken out of the address at once
    await phone.log_in()
    await phone.shows("2 here")

    async with listening(bert) as (heard,):
        await phone.press(phone.talk_button)
        await until(lambda: bert.talker is not None)
        assert bert.talker is not None
        assert bert.talker.name == "Anna"
        await asyncio.sleep(2 * len(sentence(SAID_BY_PHONE)) / RATE_HZ / 2 + 1)
        await phone.shows("You are talking")
        await phone.let_go()
        await until(lambda: bert.talker is None and not bert.has_voice)
    assert best_likeness(bytes(heard)) == SAID_BY_PHONE

    talking = asyncio.create_task(say(bert, sentence(SAID_BY_HANDSET)))
    await phone.shows("Bert")
    await talking
    await asyncio.sleep(1)
    assert best_likeness(await phone.played()) == SAID_BY_HANDSET
    assert phone.window.foreign == []
    assert phone.complaints == []


async def test_who_comes_second_is_refused_or_waits(phone: Phone) -> None:
    _, bert = await handset_in(phone.site.platform, "Bert", priority=200)
    await phone.enter("Anna", "Patrol")
    talking = asyncio.create_task(say(bert, sentence(SAID_BY_HANDSET)))
    await phone.shows("Hold to ask for the floor")
    await phone.press(phone.talk_button)
    await phone.shows("Waiting, number 1 in line")
    await talking
    await phone.shows("You are talking")
    await phone.let_go()
    await phone.shows("Hold to talk")


async def test_alone_in_the_group_the_floor_is_denied(phone: Phone) -> None:
    await phone.enter("Anna", "Patrol")
    await phone.press(phone.talk_button)
    await phone.shows("Denied: nobody else is here")
    await phone.let_go()


async def test_a_call_for_help_is_followed_to_its_end(phone: Phone) -> None:
    platform = phone.site.platform
    dora, _ = await handset_in(platform, "Dora")
    await dora.close()
    await platform.office.roles.set_role(TENANT, "Dora", Role.DISPATCHER)
    dora = await platform.log_in(await platform.another_device("Dora"))
    await phone.enter("Anna", "Patrol")

    await phone.hold_sos(HOLD_S / 2)
    await phone.shows("Let go too early: nothing was sent.")
    assert not dora.alerts.open

    await phone.hold_sos()
    await until(lambda: dora.alerts.open)
    (alert,) = dora.alerts.open.values()
    assert (alert.name, alert.position) == ("Anna", None)
    await phone.shows("Your SOS has arrived")
    await phone.shows("Your position was not sent. Say where you are.")
    await dora.alerts.acknowledge(alert.alert)
    await phone.shows("Help has seen your SOS")
    await dora.alerts.handle(alert.alert)
    await phone.shows("Help is on it")
    await phone.shows("Dora")
    await phone.page.reload()
    await phone.shows("Help is on it")
    await dora.alerts.resolve(alert.alert, "resolved")
    await phone.shows("The SOS was closed: resolved.")

    await phone.hold_sos()
    await phone.shows("Your SOS has arrived")
    await phone.page.get_by_role("button", name="Take the SOS back").click()
    dialog = phone.page.get_by_role("dialog")
    await dialog.get_by_label("Reason").fill("pressed in the pocket")
    await dialog.get_by_role("button", name="Take the SOS back").click()
    await phone.shows("The SOS was taken back.")
    await until(lambda: not dora.alerts.open)


async def test_location_is_shared_as_it_says_and_off_sends_nothing(site: Site) -> None:
    place = {"latitude": 47.12, "longitude": 11.76, "accuracy": 5}
    phone = await Phone.bought(site, geolocation=place, permissions=["geolocation", "microphone"])
    await site.platform.organise("Patrol", policy=LOCATED)
    await phone.enter("Anna", "Patrol")
    await phone.go_to("Location")
    await phone.shows("You are being located")
    await phone.shows("Dispatchers and managers of ACME may see it; each look is noted below.")
    await until(lambda: phone.asked("location.report"))
    (position,) = phone.asked("location.report")[0]["positions"]
    assert position["latitude"] == place["latitude"]

    await phone.page.get_by_role("switch", name="You are being located").click()
    await phone.shows("You have switched it off.")
    await phone.shows("No position leaves this phone now.")
    phone.sent.clear()
    for step in range(3):
        await phone.page.context.set_geolocation({**place, "latitude": 48.0 + step})
        await asyncio.sleep(0.7)
    await phone.go_to("Talk")
    await phone.hold_sos()
    await phone.shows("Your position was not sent.")
    assert phone.asked("alert.raise")
    assert not phone.asked("location.report")
    assert all("48." not in str(request) and "47.12" not in str(request) for request in phone.sent)


async def dispatcher_on_duty(platform: Platform) -> Handset:
    """Dora."""
    credentials = await platform.enrol("Dora", "Patrol")
    await platform.office.roles.set_role(TENANT, "Dora", Role.DISPATCHER)
    return await platform.log_in(credentials)


async def test_in_an_open_sos_the_phone_sends_where_it_is_and_says_so(site: Site) -> None:
    place = {"latitude": 47.12, "longitude": 11.76, "accuracy": 5}
    phone = await Phone.bought(site, geolocation=place, permissions=["geolocation", "microphone"])
    policy = LOCATED.replace("sos_exception = false", "sos_exception = true\nsos_interval_s = 1")
    await site.platform.organise("Patrol", policy=policy)
    dora = await dispatcher_on_duty(site.platform)
    await phone.enter("Anna", "Patrol")
    await phone.go_to("Location")
    await phone.page.get_by_role("switch", name="You are being located").click()
    await phone.shows("No position leaves this phone now.")
    await phone.go_to("Talk")

    await phone.hold_sos()
    await until(lambda: dora.alerts.open)
    (alert,) = dora.alerts.open
    for step in range(1, 4):
        await asyncio.sleep(1.1)
        await phone.page.context.set_geolocation({**place, "latitude": 47.12 + step / 1000})
        await until(lambda: _latitude(dora, alert) == pytest.approx(47.12 + step / 1000))  # noqa: B023
    await phone.shows("Where you are is sent every 1\u00a0s, until the SOS is closed.")
    await phone.page.get_by_role("img", name="You are being located").wait_for()
    await phone.go_to("Location")
    await phone.page.get_by_role("switch", name="You are located for the SOS only").wait_for()
    await phone.shows("Your SOS is open: until it is closed, this phone sends where it is every 1\u00a0s")
    assert await phone.page.get_by_text("No position leaves this phone now.").count() == 0

    await dora.alerts.resolve(alert, "resolved")
    await phone.shows("No position leaves this phone now.")
    phone.sent.clear()
    for step in range(3):
        await asyncio.sleep(1.1)
        await phone.page.context.set_geolocation({**place, "latitude": 48.0 + step})
    assert not phone.asked("alert.position")
    assert phone.complaints == []


def _latitude(dispatcher: Handset, alert: str) -> float | None:
    position = dispatcher.alerts.open[alert].position
    return position.latitude if position is not None else None


async def test_a_dispatcher_hears_the_phone_while_its_sos_is_open_and_the_phone_says_so(
    site: Site, tmp_path: Path
) -> None:
    phone = await Phone.bought(site, microphone=microphone_file(tmp_path, SAID_BY_PHONE))
    await site.platform.organise("Patrol", policy=f"{PLAIN_POLICY}\n[alerts]\nambient_listening = true\n")
    dora = await dispatcher_on_duty(site.platform)
    _, bert = await handset_in(site.platform, "Bert")
    await phone.enter("Anna", "Patrol")
    await phone.hold_sos()
    await until(lambda: dora.alerts.open)
    (alert,) = dora.alerts.open
    shown = phone.page.get_by_role("region", name="Your microphone is open")
    assert not await shown.count()

    ambient = await dora.listening.listen(alert, "no answer to our calls", 60)
    await shown.get_by_text("Dora can hear you").wait_for()
    async with listening(ambient.group, bert) as (at_dora, at_bert):
        await asyncio.sleep(len(sentence(SAID_BY_PHONE)) / RATE_HZ + 1)
    assert best_likeness(bytes(at_dora)) == SAID_BY_PHONE
    assert not any(at_bert)
    await phone.go_to("Messages")
    await shown.wait_for()  # in every room
    assert await shown.get_by_role("timer").inner_text() in {f"0:{left:02}" for left in range(30, 60)}
    await phone.go_to("Talk")

    async with listening(ambient.group, bert) as (at_dora, at_bert):  # the key goes on to work
        await phone.press(phone.talk_button)
        await phone.shows("You are talking")
        await asyncio.sleep(len(sentence(SAID_BY_PHONE)) / RATE_HZ + 1)
        await phone.let_go()
        await until(lambda: bert.talker is None and not bert.has_voice)
    assert best_likeness(bytes(at_bert)) == SAID_BY_PHONE
    assert best_likeness(bytes(at_dora)) == SAID_BY_PHONE

    assert phone.complaints == []

    await phone.page.reload()  # both sides are told that it is over, and it can be asked for again
    await until(ambient.over.is_set, 15)
    assert ambient.why == "device_gone"
    await phone.page.get_by_text("Nobody hears you now.").wait_for()
    await shown.wait_for(state="detached")
    ambient = await dora.listening.listen(alert, "your page was opened anew", 60)
    await shown.get_by_text("Dora can hear you").wait_for()
    await phone.page.get_by_text("Nobody hears you now.").wait_for(state="detached")

    maria = await Control(site.platform).on_duty(LONG_NAME, role=Role.DISPATCHER)
    await maria.handset.listening.listen(alert, "I know the place", 60)
    await shown.get_by_text("Dora and Maria").wait_for()
    await phone.page.set_viewport_size(SMALL_PHONE)
    for element in (shown, phone.talk_button, phone.page.get_by_text("Dora and Maria")):
        await expect(element).to_be_in_viewport(ratio=1)

    await dora.alerts.resolve(alert, "resolved")
    await shown.wait_for(state="detached")
    await until(ambient.over.is_set)
    assert ambient.why == "alert_over"


async def test_the_screen_stays_on_while_somebody_talks_or_calls_for_help_and_not_longer(phone: Phone) -> None:
    await handset_in(phone.site.platform, "Bert")
    await phone.page.add_init_script(WAKE_LOCKS)
    await phone.enter("Anna", "Patrol")
    await phone.keeps_awake(True)  # a group is heard
    await phone.go_to("Settings")
    await phone.page.get_by_role("switch", name="Keep the screen on").click()
    await phone.keeps_awake(False)
    await phone.go_to("Talk")

    await phone.press(phone.talk_button)
    await phone.shows("You are talking")
    await phone.keeps_awake(True)
    await phone.let_go()
    await phone.keeps_awake(False)

    await phone.hold_sos()
    await phone.keeps_awake(True)
    await phone.page.get_by_role("button", name="Take the SOS back").click()
    dialog = phone.page.get_by_role("dialog")
    await dialog.get_by_label("Reason").fill("pressed in the pocket")
    await dialog.get_by_role("button", name="Take the SOS back").click()
    await phone.shows("The SOS was taken back.")
    await phone.keeps_awake(False)


async def test_a_qr_code_in_sight_of_the_camera_enrols_and_the_camera_goes_off(site: Site, tmp_path: Path) -> None:
    await site.platform.organise("Patrol")
    await site.platform.provisioning.add_subscriber(TENANT, "Anna", display_name="Anna", pin=PIN)
    camera = QrCamera(tmp_path, (await site.platform.devices.add(TENANT, "Anna")).text)
    phone = await Phone.bought(site, *camera.flags)
    await phone.page.expose_function("readModules", camera.text_of)
    await phone.page.add_init_script(READER)
    await phone.page.goto(f"{site.address}/phone")
    await phone.page.get_by_role("button", name="Scan the QR code").click()
    await phone.page.get_by_label("Your PIN").wait_for()
    assert await phone.page.evaluate("cameras.map(({ readyState }) => readyState)") == ["ended"]
    assert camera.reads > 0


async def test_a_browser_that_reads_no_qr_codes_says_what_to_do(phone: Phone) -> None:
    await phone.page.goto(f"{phone.site.address}/phone")
    await phone.shows(
        "This browser reads no QR codes. Scan it with the phone's camera app and paste here what it shows"
    )
    assert not await phone.page.get_by_role("button", name="Scan the QR code").count()
    pasted = (await phone.link("Anna", "Patrol")).partition("#enroll=")[2]
    await phone.page.get_by_label("Enrolment code").fill(unquote(pasted))
    await phone.page.get_by_role("button", name="Enrol this phone").click()
    await phone.page.get_by_label("Your PIN").wait_for()


async def test_a_log_in_elsewhere_is_told_and_can_be_taken_back(phone: Phone) -> None:
    await phone.enter("Anna", "Patrol")
    other = await phone.site.platform.log_in(await phone.site.platform.another_device("Anna"))
    await phone.shows("You logged in on “test radio”")
    await phone.page.get_by_role("button", name="Take over here").click()
    await phone.log_in()
    await phone.shows("You were logged in on test radio until now; that one was logged out.")
    await other.close()


async def test_a_reload_goes_on_without_the_pin_and_one_tab_is_the_radio(phone: Phone) -> None:
    await phone.enter("Anna", "Patrol")
    await phone.page.reload()
    await phone.talk_button.wait_for()
    await phone.shows("1 here")

    second = Phone(phone.site, await phone.site.another_window(phone.page.context, "/phone"))
    await second.shows("The radio is open in another tab of this browser.")
    await second.page.get_by_role("button", name="Take over here").click()
    await second.talk_button.wait_for()
    await phone.shows("The radio is open in another tab of this browser.")
    await second.shows("1 here")


async def test_a_lost_connection_is_said_and_comes_back(phone: Phone) -> None:
    await phone.enter("Anna", "Patrol")
    await phone.lose_connection()
    await phone.shows("No connection, trying again")
    await phone.shows("Connected")
    await phone.shows("1 here")
    await phone.shows("Hold to talk")


async def test_without_a_microphone_the_page_says_so_and_listens(site: Site) -> None:
    await site.platform.organise("Patrol")
    phone = await Phone.bought(site, "--use-fake-device-for-media-stream")
    await phone.enter("Anna", "Patrol")
    await phone.shows("The browser does not let this page use the microphone.")
    _, bert = await handset_in(site.platform, "Bert")
    await say(bert, sentence(SAID_BY_HANDSET))
    await asyncio.sleep(1)
    assert best_likeness(await phone.played()) == SAID_BY_HANDSET


async def test_a_call_comes_in_and_is_talked_in(phone: Phone) -> None:
    bert, _ = await handset_in(phone.site.platform, "Bert")
    await phone.enter("Anna", "Patrol")
    anna = await phone.subscriber()
    rejected = await bert.calls.private(anna)
    await phone.shows("Calls you")
    await phone.page.get_by_role("button", name="Decline").click()
    await until(lambda: not bert.calls.live)
    with pytest.raises(CallOver, match="rejected"):
        await rejected.connected()

    call = await bert.calls.private(anna)
    bar = phone.page.get_by_role("region", name="Call with Bert")
    await bar.get_by_role("button", name="Answer").click()
    await call.connected()
    async with listening(call.listen_group) as (heard,):
        await phone.press(bar.locator("[data-talk-button]"))
        await asyncio.sleep(len(sentence(SAID_BY_PHONE)) / RATE_HZ + 1)
        await phone.let_go()
        await until(lambda: call.listen_group.talker is None and not call.listen_group.has_voice)
    assert best_likeness(bytes(heard)) == SAID_BY_PHONE
    await bar.get_by_role("button", name="Hang up").click()
    await until(lambda: not bert.calls.live)


async def test_messages_go_both_ways_and_tell_what_became_of_them(phone: Phone) -> None:
    platform = phone.site.platform
    bert = await writer(platform, await platform.enrol("Bert", "Patrol"))
    await phone.enter("Anna", "Patrol")
    await phone.go_to("Messages")
    await phone.page.get_by_role("button", name="Patrol").click()
    await phone.page.get_by_label("Message to Patrol").fill("Gate 4 is open\n<b>now</b>")
    await phone.page.get_by_role("button", name="Send", exact=True).click()
    await bert.has("Gate 4 is open\n<b>now</b>")
    await phone.shows("Delivered")
    await phone.page.get_by_role("button", name="Back").click()
    await phone.go_to("Talk")
    await bert.messages.send("Is it?", to=[await phone.subscriber()])
    await phone.shows("1 unread message")
    await phone.go_to("Messages")
    await phone.page.get_by_role("button", name="Bert").click()
    await phone.page.get_by_role("log").get_by_text("Is it?").wait_for()


async def test_logged_out_and_forgotten(phone: Phone) -> None:
    await phone.enter("Anna", "Patrol")
    await phone.go_to("Settings")
    await phone.page.get_by_role("button", name="Log out").click()
    await phone.log_in("0000")
    await phone.shows("That did not match.")
    await phone.log_in()
    await phone.talk_button.wait_for()
    await phone.go_to("Settings")
    await phone.page.get_by_role("button", name="Forget this phone").click()
    await phone.page.get_by_role("dialog").get_by_role("button", name="Forget this phone").click()
    await phone.shows("New radio")
    await phone.page.reload()
    await phone.shows("New radio")


async def test_an_installed_phone_opens_without_the_server(phone: Phone) -> None:
    await phone.enter("Anna", "Patrol")
    await phone.page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    await phone.page.reload()
    await phone.talk_button.wait_for()
    names = await phone.page.evaluate(
        "caches.keys().then((keys) => caches.open(keys[0])).then((cache) => cache.keys())"
        ".then((kept) => kept.map(({ url }) => new URL(url).pathname))"
    )
    assert "/phone" in names
    assert all(name == "/phone" or name.startswith("/assets/") for name in names)
    await phone.page.context.set_offline(True)
    await phone.page.reload()
    await phone.shows("The server does not answer.")
    await phone.page.context.set_offline(False)
    await phone.talk_button.wait_for()


async def test_a_wrong_code_is_explained(phone: Phone) -> None:
    await phone.page.goto(f"{phone.site.address}/phone")
    code = phone.page.get_by_label("Enrolment code")
    enrol = phone.page.get_by_role("button", name="Enrol this phone")
    await code.fill("hello")
    await enrol.click()
    await phone.shows("That is no enrolment code.")
    text = (await phone.link("Anna", "Patrol")).replace("localhost", "ptt.example")
    await code.fill(text)
    await enrol.click()
    await phone.shows(f"This code is for another server. Open {text.split('#')[0]} and use it there.")
    await code.fill("7K3Q-0F9A-XWZ2-M4TB")
    await enrol.click()
    await phone.shows("This code is used, expired or mistyped.")

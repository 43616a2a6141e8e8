"""The dispatch console in real Chromium, with handsets on the same groups."""

import asyncio
import base64
import functools
import wave
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from browser.conftest import CONSOLE, Launch
from browser.dispatcher import (
    SHOWN_MS,
    activate_by_code,
    card,
    choose_password,
    console_window,
    desk_is_open,
    first_step,
    go_to,
    log_out,
)
from browser.site import Site, Window
from console_visitor import dispatcher
from e2e.voices import RATE_HZ, listening, say, sentence
from ptthandset.audio.similarity import similarity
from ptthandset.errors import SessionEnded
from ptthandset.handset import Handset
from ptthandset.speech import SENTENCES, sentence_pcm
from pttserver.clock import Clock
from pttserver.config import ConsoleSettings, SignallingSettings
from pttserver.crypto import totp
from pttserver.net.pages import Pages
from pttserver.roles import Role
from running_server import TENANT, running_platform, until

pytestmark = pytest.mark.system

EARS = Path(__file__).with_name("ears.js")
AXE = CONSOLE / "node_modules" / "axe-core" / "axe.min.js"
PAUSE_S = 0.4
IDLE_S = 10
EXPECTED = ("status of 401", "AudioContext was not allowed to start")  # nobody is logged in yet; no gesture yet


def unexpected(window: Window) -> list[str]:
    return [text for text in window.complaints if not any(words in text for words in EXPECTED)]


async def handset(site: Site, name: str, group: str) -> Handset:
    return await site.platform.log_in(await site.platform.enrol(name, group))


@pytest.fixture
def speech(tmp_path: Path) -> Path:
    """A sentence and a pause, for a microphone that plays it over and over."""
    path = tmp_path / "speech.wav"
    with wave.open(str(path), "wb") as wav:
        wav.setnchannels(1)
        wav.setsampwidth(2)
        wav.setframerate(48_000)
        wav.writeframes(sentence_pcm(0, 48_000) + bytes(2 * int(PAUSE_S * 48_000)))
    return path


# The way in


async def test_a_dispatcher_activates_the_account_and_logs_in_by_authenticator_app(site: Site) -> None:
    await site.platform.organise("Patrol")
    code = await dispatcher(site.platform)
    await site.platform.provisioning.set_member(TENANT, "Patrol", "Dora")
    window = await site.window(f"/#activate={code}")
    page = window.page
    await page.get_by_role("heading", name="Activate your account").wait_for()
    assert await page.evaluate("location.href") == f"{site.address}/"
    secret = await activate_by_code(page)
    await card(page, "Patrol").wait_for()
    await log_out(page)
    await page.get_by_text("You are logged out.").wait_for()
    await first_step(page, "Dora", password="not the password")
    await page.get_by_text("That did not match.").wait_for()
    await first_step(page, "Dora")
    later = totp.code_at(secret, Clock().utc_ms() // 30_000 + 1)  # the code that activated the account counts
    await page.get_by_label("Code", exact=True).fill(later)
    await desk_is_open(page)
    assert window.foreign == []
    assert [cookie["name"] for cookie in await page.context.cookies()] == ["__Host-ptt"]
    assert unexpected(window) == []


async def test_a_passkey_activates_the_account_and_logs_in(site: Site) -> None:
    await site.platform.organise("Patrol")
    code = await dispatcher(site.platform)
    window = await site.window("/")
    page = window.page
    devtools = await page.context.new_cdp_session(page)
    await devtools.send("WebAuthn.enable")
    of_this_machine = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }
    added = await devtools.send("WebAuthn.addVirtualAuthenticator", {"options": of_this_machine})
    await page.goto(f"{site.address}/#activate={code}")
    await page.reload()  # the fragment alone loads nothing anew
    await choose_password(page)
    await page.get_by_role("button", name="Create the passkey").click()
    await desk_is_open(page)
    await log_out(page)
    await first_step(page, "Dora")
    await page.get_by_role("button", name="Use a passkey").click()
    await desk_is_open(page)
    kept = await devtools.send("WebAuthn.getCredentials", {"authenticatorId": added["authenticatorId"]})
    assert [credential["rpId"] for credential in kept["credentials"]] == ["localhost"]
    assert [credential["signCount"] for credential in kept["credentials"]] == [2]


async def test_who_loads_the_page_again_goes_on_and_a_second_tab_is_asked(site: Site) -> None:
    await site.platform.organise("Patrol")
    window = await console_window(site, "Dora", "Patrol")
    await window.page.reload()
    await desk_is_open(window.page)
    await card(window.page, "Patrol").get_by_role("button", name="Talk").wait_for()
    second = await site.another_window(window.page.context, "/")
    await second.page.get_by_text("The radio is open in another tab of this browser.").wait_for()
    await second.page.get_by_role("button", name="Take over here").click()
    await desk_is_open(second.page)
    await window.page.get_by_text("The radio is open in another tab of this browser.").wait_for()
    assert len(site.platform.server.services.sessions) == 1


# Voice


async def test_console_and_handset_hear_each_other(site: Site, speech: Path) -> None:
    await site.platform.organise("Patrol")
    anna = await handset(site, "Anna", "Patrol")
    window = await console_window(site, "Dora", "Patrol", microphone=speech, before=EARS)
    page = window.page
    await plain_microphone(page)
    patrol = await anna.affiliate("Patrol")
    await page.get_by_text("2 of 2 people online").wait_for()

    async with listening(patrol) as (at_anna,):
        await page.keyboard.down(" ")
        await page.get_by_text("You are talking ·").first.wait_for()
        await until(lambda: patrol.talker is not None)
        assert patrol.talker is not None
        assert patrol.talker.name == "Dora Dahl"
        await asyncio.sleep(2 * len(sentence_pcm(0, RATE_HZ)) / 2 / RATE_HZ + PAUSE_S)
        await page.keyboard.up(" ")
        await until(lambda: patrol.talker is None and not patrol.has_voice)
    assert_sounds_like(0, bytes(at_anna), RATE_HZ)

    await page.evaluate("forget()")
    talking = asyncio.create_task(say(patrol, sentence(1)))
    await card(page, "Patrol").get_by_text("Anna").first.wait_for()
    assert (await talking).lost is None
    await card(page, "Patrol").get_by_text("Free").wait_for()
    await asyncio.sleep(0.5)  # what is buffered is played to its end
    sound, rate_hz = await page.evaluate("heard()")
    assert_sounds_like(1, base64.b64decode(sound), int(rate_hz))
    await page.get_by_role("tab", name="Activity").click()
    names = await page.get_by_role("list", name="Last bursts in Patrol").last.locator(".who").all_inner_texts()
    assert names == ["Anna", "Dora Dahl"]
    assert [text for text in unexpected(window) if "ScriptProcessorNode is deprecated" not in text] == []  # our ears


async def plain_microphone(page: Any) -> None:
    """What the browser does to improve speech would be measured too."""
    await page.get_by_role("button", name="Account").click()
    await page.get_by_role("menuitem", name="Preferences").click()
    await page.get_by_role("switch", name="Improve the microphone's sound").click()
    await page.get_by_role("button", name="Close").click()


def assert_sounds_like(index: int, heard: bytes, rate_hz: int) -> None:
    likeness = [similarity(sentence_pcm(each, rate_hz), heard, rate_hz) for each in range(len(SENTENCES))]
    others = max(value for each, value in enumerate(likeness) if each != index)
    assert likeness[index] > 0.7
    assert likeness[index] > others + 0.1


async def test_who_presses_while_another_talks_waits_and_a_dispatcher_takes_the_floor_back(
    site: Site, speech: Path
) -> None:
    await site.platform.organise("Patrol")
    anna = await handset(site, "Anna", "Patrol")
    page = (await console_window(site, "Dora", "Patrol", microphone=speech)).page
    patrol = await anna.affiliate("Patrol")
    talking = asyncio.create_task(say(patrol, sentence(0, 3) * 5))
    dock = page.get_by_role("region", name="Talk", exact=True)
    await dock.get_by_text("Anna").first.wait_for()
    button = dock.get_by_role("button")
    await button.hover()
    await page.mouse.down()
    await dock.get_by_text("Waiting, number 1 in line").first.wait_for()
    await page.mouse.up()
    await dock.get_by_text("Hold to ask for the floor").wait_for()

    await card(page, "Patrol").get_by_role("button", name="More about Patrol").click()
    await page.get_by_role("menuitem", name="Take the floor back").click()
    revoke = page.get_by_role("dialog").get_by_role("button", name="Take the floor back")
    await revoke.click()
    await page.get_by_text("Say why: it is written into the audit log.").wait_for()
    await page.get_by_label("Reason").fill("the line is needed")
    await revoke.click()
    assert (await talking).lost is not None
    await dock.get_by_text("Free").first.wait_for()


# Calls


async def test_a_private_call_goes_out_and_comes_in(site: Site, speech: Path) -> None:
    await site.platform.organise("Patrol")
    anna = await handset(site, "Anna", "Patrol")
    window = await console_window(site, "Dora", "Patrol", microphone=speech)
    page = window.page
    await anna.affiliate("Patrol")
    anna.calls.auto_answer = True
    await page.get_by_role("button", name="Actions for Anna").click()
    await page.get_by_role("menuitem", name="Private call", exact=True).click()
    bar = page.get_by_role("region", name="Call with Anna")
    await bar.get_by_text("In a call").wait_for()
    (call,) = anna.calls.live.values()
    await call.connected()
    assert call.listen_group is not None
    talk = bar.get_by_role("button", name="Talk")
    await talk.hover()
    await page.mouse.down()
    await until(lambda: call.listen_group is not None and call.listen_group.talker is not None)
    await page.mouse.up()
    await bar.get_by_role("button", name="Hang up").click()
    await call.over.wait()
    await bar.wait_for(state="hidden")

    (dora,) = (who.subscriber for who in (await anna.presence("Patrol")).listed or () if who.name == "Dora Dahl")
    ringing = await anna.calls.private(dora, duplex=True)
    await bar.get_by_text("Calls you").wait_for()
    await bar.get_by_role("button", name="Answer").click()
    await ringing.connected()
    await bar.get_by_text("Both at once").wait_for()
    assert ringing.listen_group is not None
    await until(lambda: ringing.listen_group is not None and ringing.listen_group.talker is not None)
    await ringing.end()
    await bar.get_by_text("Call ended").wait_for()
    assert unexpected(window) == []


async def test_a_wish_to_be_called_back_is_shown_until_it_is_seen(site: Site) -> None:
    await site.platform.organise("Patrol")
    anna = await handset(site, "Anna", "Patrol")
    page = (await console_window(site, "Dora", "Patrol")).page
    (dora,) = (who.subscriber for who in (await anna.presence("Patrol")).listed or () if who.name == "Dora Dahl")
    assert await anna.calls.ask_to_call_back(dora)
    await page.get_by_text("asks you to call back").wait_for()
    await page.get_by_role("button", name="Seen").click()
    await page.get_by_text("asks you to call back").wait_for(state="hidden")


# Dispatching


async def test_people_are_gathered_in_a_temporary_group_and_a_device_is_disabled(site: Site) -> None:
    await site.platform.organise("Patrol")
    anna = await handset(site, "Anna", "Patrol")
    page = (await console_window(site, "Dora", "Patrol")).page
    await page.get_by_role("button", name="Temporary group").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("Name", exact=True).fill("Container 17")
    await dialog.get_by_label("Reason").fill("a fire")
    await dialog.get_by_label("Anna").check()
    await dialog.get_by_role("button", name="Make the group").click()
    await dialog.wait_for(state="hidden")
    await card(page, "Container 17").get_by_text("Selected").wait_for()
    await until(lambda: any(group.name == "Container 17" for group in anna.groups))
    await page.keyboard.press("1")
    await card(page, "Patrol").get_by_text("Selected").wait_for()

    await page.get_by_role("button", name="Actions for Anna").click()
    await page.get_by_role("menuitem", name="Disable devices").click()
    await page.get_by_label("Reason").fill("lost at the station")
    await page.get_by_role("dialog").get_by_role("button", name="Disable devices").click()
    await page.get_by_role("dialog").wait_for(state="hidden")
    with pytest.raises(SessionEnded, match="disabled"):
        await asyncio.wait_for(anna.wait_closed(), 5)


# The session


@pytest.fixture
async def brief_site(
    tmp_path: Path, launch: Launch, build_pages: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Site]:
    """A server whose console sessions end soon when nobody uses them."""
    monkeypatch.setattr(Pages, "load", functools.partial(Pages.load, build_pages("vite.config.ts")))
    named = SignallingSettings(address="127.0.0.1", port=0, public_host="localhost")
    async with running_platform(tmp_path, signalling=named, console=ConsoleSettings(idle_s=IDLE_S)) as platform:
        yield Site(platform, launch)


async def test_a_session_about_to_end_is_told_stayed_and_ended(brief_site: Site) -> None:
    await brief_site.platform.organise("Patrol")
    page = (await console_window(brief_site, "Dora", "Patrol")).page
    notice = page.get_by_text("You will be logged out in")
    await notice.wait_for()
    await asyncio.sleep(IDLE_S / 2)
    await page.get_by_role("button", name="Stay logged in").click()
    await asyncio.sleep(IDLE_S * 0.7)
    assert await notice.is_visible()
    await page.get_by_text("so you were logged out").wait_for(timeout=SHOWN_MS)
    await page.get_by_role("heading", name="Log in").wait_for()


async def test_a_locked_account_is_out_at_once(site: Site) -> None:
    await site.platform.organise("Patrol")
    page = (await console_window(site, "Dora", "Patrol")).page
    await site.platform.office.console.lock(TENANT, "Dora")
    await page.get_by_text("You are logged out.").wait_for()
    await first_step(page, "Dora")
    await page.get_by_text("That did not match.").wait_for()


# Everybody


async def test_axe_finds_no_serious_fault_in_any_room(site: Site) -> None:
    await site.platform.organise("Patrol", "Gate North")
    await handset(site, "Anna", "Patrol")
    window = await console_window(site, "Mona", "Patrol", role=Role.MANAGER, before=AXE)  # who sees every room
    page = window.page
    rooms = await page.get_by_role("navigation").get_by_role("button").all_inner_texts()
    for theme in ("dark", "light"):
        await page.emulate_media(color_scheme=theme, reduced_motion="reduce")
        for room in rooms:
            await go_to(page, room)
            assert await serious_faults(page) == []
    await log_out(page)
    await page.get_by_text("You are logged out.").wait_for()
    assert await serious_faults(page) == []
    assert window.foreign == []


async def serious_faults(page: Any) -> list[str]:
    """Of WCAG 2.2 A and AA, and of axe-core's own rules."""
    found = await page.evaluate(
        "axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']})"
    )
    return [
        f"{fault['id']}: {node['target']} {node.get('failureSummary', '')[:200]}"
        for fault in found["violations"]
        if fault["impact"] in ("serious", "critical")
        for node in fault["nodes"]
    ]

"""An emergency from end to end: a handset's SOS at the console in Chromium, until it is debriefed and heard again."""

import asyncio
import base64
import contextlib
import io
import json
import wave
from collections.abc import AsyncIterable, AsyncIterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from playwright.async_api import expect

from behaviours.control_room import Control, Person
from browser.dispatcher import console_window, desk_is_open, go_to
from browser.site import Site
from e2e.voices import RATE_HZ, say, sentence
from ptthandset.audio.codec import OpusEncoder
from ptthandset.audio.pacing import spoken
from ptthandset.audio.similarity import similarity
from ptthandset.listening import ListeningEvent, MicrophoneClosed, MicrophoneOpened
from ptthandset.speech import SENTENCES, sentence_pcm
from pttserver.roles import Role
from pttserver.services.provision import FIRST_INSTRUCTION
from pttserver.wire.signalling import AlertStepped
from running_server import PLAIN_POLICY, TENANT, until

pytestmark = pytest.mark.system

EARS = Path(__file__).with_name("ears.js")
RECORDED = f"{PLAIN_POLICY}\n[recording]\nat_consoles = true\n"
OVERHEARD = f"{PLAIN_POLICY}\n[alerts]\nambient_listening = true\n"
NOTE = "She cannot feel her legs."
PASSPHRASE = "correct horse battery"
WAV_RATE_HZ = 48_000
SOUNDS_AGAIN_S = 2.0
"""An alert that nobody answers sounds at such intervals."""
LOUD = 500  # of 32767


# What is heard -------------------------------------------------------------------------------------------------------


async def heard(page: Any) -> tuple[NDArray[np.int16], int]:
    """What the page has played since `forget`, and its rate."""
    sound, rate_hz = await page.evaluate("heard()")
    return np.frombuffer(base64.b64decode(sound), dtype="<i2"), int(rate_hz)


async def plays(page: Any, is_loud: bool, seconds: float) -> None:
    """Waits until the page has played so long what is loud somewhere, or silence from end to end."""
    async with asyncio.timeout(15):
        while True:
            sound, rate_hz = await heard(page)
            latest = np.abs(sound[-round(seconds * rate_hz) :].astype(int))
            if len(latest) == round(seconds * rate_hz) and (latest.max() > LOUD) == is_loud:
                return
            await asyncio.sleep(0.5)  # who looks oftener disturbs what is played


async def plays_sentence(page: Any, index: int) -> None:
    """Waits until the page has played it from end to end."""
    async with asyncio.timeout(40):
        while True:
            await asyncio.sleep(len(sentence(index)) / 2 / RATE_HZ)
            sound, rate_hz = await heard(page)
            if await asyncio.to_thread(likeness, index, sound.tobytes(), rate_hz) > 0.7:
                return


def likeness(index: int, sound: bytes, rate_hz: int) -> float:
    """To the sentence; 0 if it is more like another one."""
    found = [similarity(sentence_pcm(each, rate_hz), sound, rate_hz) for each in range(len(SENTENCES))]
    return found[index] if max(found) == found[index] else 0


# What is done --------------------------------------------------------------------------------------------------------


async def unlock_recordings(page: Any) -> None:
    await go_to(page, "Recordings")
    await page.get_by_label("Passphrase", exact=True).fill(PASSPHRASE)
    await page.get_by_label("Passphrase again").fill(PASSPHRASE)
    await page.get_by_role("button", name="Choose a passphrase").click()
    await page.get_by_text("Not recording", exact=True).wait_for()


async def resolve(page: Any, note: str) -> None:
    await page.get_by_role("button", name="Resolve").click()
    dialog = page.get_by_role("dialog", name="Resolve")
    await dialog.get_by_label("Note").fill(note)
    await dialog.get_by_role("button", name="Resolve").click()
    await dialog.wait_for(state="hidden")


def notes(person: Person) -> dict[str, str | None]:
    """What the steps that the handset was told of say."""
    return {event.step.kind: event.step.note for event in person.events if isinstance(event, AlertStepped)}


async def test_a_call_for_help_is_seen_heard_answered_recorded_and_debriefed(site: Site) -> None:
    await site.platform.organise("Patrol", policy=RECORDED)
    anna = await Control(site.platform).on_duty("Anna", "Patrol")
    eve = await Control(site.platform).on_duty("Eve", role=Role.DISPATCHER)
    window = await console_window(site, "Dora", "Patrol", before=EARS)
    page = window.page
    await unlock_recordings(page)
    await go_to(page, "Desk")
    patrol = await anna.handset.affiliate("Patrol")
    await page.get_by_text("2 of 2 people online").wait_for()

    await page.evaluate("forget()")
    await anna.handset.alerts.raise_alert()
    takeover = page.get_by_role("dialog", name="Anna")
    await takeover.get_by_text("This alert is being recorded on this computer.").wait_for()
    await anna.sees("delivered")
    await plays(page, True, SOUNDS_AGAIN_S)
    await page.evaluate("forget()")
    await plays(page, True, SOUNDS_AGAIN_S)  # it goes on until somebody answers
    await page.keyboard.press("Escape")
    await takeover.get_by_role("button", name="Acknowledge").click()
    await takeover.wait_for(state="hidden")
    await anna.sees("acknowledged")
    await plays(page, False, 1.5 * SOUNDS_AGAIN_S)

    await go_to(page, "Alerts")
    await page.get_by_role("button", name="Handle it here").click()
    await anna.sees("handling")
    timeline = page.get_by_role("list", name="Timeline")
    await eve.handset.alerts.note(anna.handset.alerts.own.alert, "The ambulance knows.")
    await timeline.get_by_text("The ambulance knows.", exact=True).wait_for()
    await page.get_by_label("Write a note").fill(NOTE)
    await page.get_by_role("button", name="Add the note").click()
    await timeline.get_by_text(NOTE, exact=True).wait_for()
    await expect(page.get_by_label("Write a note")).to_have_value("")
    await eve.sees("noted")
    assert (await say(patrol, sentence(1))).lost is None
    await resolve(page, "A sprained ankle; the car is there.")
    await anna.sees("resolved")
    assert notes(anna)["resolved"] == "A sprained ankle; the car is there."

    await page.get_by_role("tab", name="Past").click()
    await page.get_by_role("list", name="Past").get_by_role("button", name="Anna").click()
    for step in ("SOS raised", "Shown to", "Acknowledged", "Taken in hand", "A sprained ankle; the car is there."):
        await timeline.get_by_text(step, exact=True).first.wait_for()
    report = json.loads((await window.download(page.get_by_role("button", name="Save as JSON").click()))[1])
    assert [recording["talker"] for recording in report["recordings"]] == ["Anna"]
    assert [step["kind"] for step in report["steps"]] == [
        "raised", "delivered", "delivered", "acknowledged", "handling", "noted", "noted", "resolved",
    ]  # fmt: skip

    await go_to(page, "Recordings")
    await page.get_by_text("Not recording", exact=True).wait_for()  # with the alert it is over
    await page.get_by_label("Person").fill("Bert")
    await page.get_by_text("Nothing that was recorded fits the search.").wait_for()
    await page.get_by_label("Person").fill("anna")
    await page.get_by_text("1 recording", exact=True).wait_for()
    await page.get_by_role("list", name="Recordings").get_by_role("button", name="Anna").click()
    details = page.get_by_label("The chosen recording")
    await details.get_by_text("Alert", exact=True).wait_for()
    name, octets = await window.download(page.get_by_role("button", name="Save as WAV").click())
    assert name.endswith("Patrol Anna.wav")
    with wave.open(io.BytesIO(octets)) as wav:
        assert (wav.getframerate(), wav.getnchannels(), wav.getsampwidth()) == (WAV_RATE_HZ, 1, 2)
        pcm = wav.readframes(wav.getnframes())
    assert len(pcm) == pytest.approx(len(sentence_pcm(1, WAV_RATE_HZ)), rel=0.05)
    assert likeness(1, pcm, WAV_RATE_HZ) > 0.9
    await details.get_by_role("button", name="Play", exact=True).click()
    await page.get_by_label("Playing").wait_for()
    await page.get_by_label("Playing").wait_for(state="hidden")

    await page.reload()  # the console knows nothing any more: what is past comes from the server
    await desk_is_open(page)
    await go_to(page, "Alerts")
    await page.get_by_role("tab", name="Past").click()
    await page.get_by_role("list", name="Past").get_by_role("button", name="Anna").click()
    await timeline.get_by_text(NOTE, exact=True).wait_for()
    again = json.loads((await window.download(page.get_by_role("button", name="Save as JSON").click()))[1])
    assert [(step["kind"], step["by"]) for step in again["steps"]] == [
        (step["kind"], step["by"]) for step in report["steps"]
    ]
    assert window.foreign == []


# Ambient listening ---------------------------------------------------------------------------------------------------


class Microphone:
    """Of a device: it hears a sentence again and again. `told`: what the device shows of it to its user."""

    def __init__(self, person: Person, index: int) -> None:
        self.told: list[ListeningEvent] = []
        self._pcm = sentence(index)
        person.handset.listening.microphone = self._open
        person.handset.listening.listeners.append(self.told.append)

    @contextlib.asynccontextmanager
    async def _open(self, encoder: OpusEncoder) -> AsyncIterator[AsyncIterable[bytes]]:
        yield spoken(self._pcm * 20, encoder.frame_bytes, encoder.frame_ms)


async def ask_to_listen(page: Any, reason: str) -> None:
    await page.get_by_role("button", name="Ask to listen in").click()
    dialog = page.get_by_role("dialog", name="Ask to listen in")
    await dialog.get_by_label("Reason").fill(reason)
    await dialog.get_by_role("button", name="Ask to listen in").click()
    await dialog.wait_for(state="hidden")


async def test_a_dispatcher_listens_in_as_the_device_shows_until_it_is_ended(site: Site) -> None:
    await site.platform.organise("Patrol", policy=OVERHEARD)
    anna = await Control(site.platform).on_duty("Anna", "Patrol")
    microphone = Microphone(anna, 2)
    page = (await console_window(site, "Dora", "Patrol", before=EARS)).page
    await anna.handset.alerts.raise_alert()
    await page.get_by_role("dialog", name="Anna").get_by_role("button", name="Acknowledge").click()
    await go_to(page, "Alerts")
    await ask_to_listen(page, "no answer to our calls")
    await page.get_by_text("You hear the surroundings.").wait_for()
    await until(lambda: microphone.told)
    opened = microphone.told[0]
    assert isinstance(opened, MicrophoneOpened)
    assert opened.names == ("Dora Dahl",)

    await page.evaluate("forget()")
    await plays_sentence(page, 2)
    await page.get_by_role("button", name="End it").click()
    await page.get_by_text("The last listening ended: the dispatcher had heard enough.").wait_for()
    await until(lambda: isinstance(microphone.told[-1], MicrophoneClosed))
    await plays(page, False, 1)
    await anna.sees("listening_ended")


async def test_where_the_organisation_does_not_allow_it_nobody_listens_in(site: Site) -> None:
    await site.platform.organise("Patrol")
    anna = await Control(site.platform).on_duty("Anna", "Patrol")
    microphone = Microphone(anna, 2)
    page = (await console_window(site, "Dora", "Patrol")).page
    await anna.handset.alerts.raise_alert()
    await page.get_by_role("dialog", name="Anna").get_by_role("button", name="Acknowledge").click()
    await go_to(page, "Alerts")
    await page.get_by_text("Your organisation does not allow listening in.").wait_for()
    assert await page.get_by_role("button", name="Ask to listen in").count() == 0
    tenant = await site.platform.provisioning.tenant(TENANT)
    await site.platform.office.instructions.apply(tenant.tenant_id, OVERHEARD, FIRST_INSTRUCTION)
    await page.get_by_role("button", name="Ask to listen in").wait_for()
    assert microphone.told == []

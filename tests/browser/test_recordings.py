"""Recordings in real Chromium: encrypted files of its own, found, seen, heard, saved and erased; nothing is lost."""

import asyncio
import wave
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from browser.conftest import Launch, served
from ptthandset.audio.codec import OpusEncoder
from ptthandset.audio.pcm import frames
from ptthandset.audio.similarity import similarity
from ptthandset.speech import sentence_pcm

pytestmark = pytest.mark.system

PASSPHRASE = "correct horse battery"
RATE_HZ = 48_000
FAKE_SOUND_CARD = "--use-fake-device-for-media-stream"
SIZE = {"width": 1440, "height": 900}
RECORDED = 3
"""Bursts of `three_bursts`: Anna and Bert in one group, Anna in another."""


@pytest.fixture
def address(build_pages: Callable[[str], Path]) -> Iterator[str]:
    with served(build_pages("tests/recording/vite.config.ts")) as address:
        yield f"{address}/room.html"


class Room:
    """The test page `clients/console/tests/recording/room.ts`."""

    def __init__(self, page: Any) -> None:
        self.page = page
        self.complaints: list[str] = []
        self.requests: list[str] = []
        page.on("console", lambda message: message.type == "error" and self.complaints.append(message.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", lambda request: self.requests.append(request.url))

    async def call(self, name: str, argument: object = None) -> Any:
        return await self.page.evaluate(f"argument => page.{name}(argument)", argument)

    async def press(self, button: str) -> None:
        await self.page.get_by_role("button", name=button, exact=True).click()

    async def may(self, **terms: object) -> None:
        await self.call("may", {"allowed": True, **terms})

    async def choose(self, passphrase: str = PASSPHRASE) -> None:
        await self.page.get_by_label("Passphrase", exact=True).fill(passphrase)
        await self.page.get_by_label("Passphrase again").fill(passphrase)
        await self.press("Choose a passphrase")

    async def unlock(self, passphrase: str = PASSPHRASE) -> None:
        await self.page.get_by_label("Passphrase", exact=True).fill(passphrase)
        await self.press("Open the recordings")

    async def say(self, sentence: int, name: str, group: str = "grp_1") -> None:
        encoder = OpusEncoder(RATE_HZ, 20)
        packets = [list(encoder.encode(pcm)) for pcm in frames(sentence_pcm(sentence, RATE_HZ), encoder.frame_bytes)]
        await self.call("say", {"group": group, "name": name, "frames": packets})
        await self.page.wait_for_timeout(30)  # so that no two begin in the same millisecond

    async def shows(self, count: int) -> None:
        """That many recordings are found."""
        words = "1 recording" if count == 1 else f"{count} recordings"
        await self.page.get_by_text(words, exact=True).wait_for(timeout=15_000)

    async def rows(self) -> list[str]:
        return [text.split("\n")[0] for text in await self.page.locator("ul button").all_inner_texts()]

    async def files(self) -> dict[str, bytes]:
        return {name: bytes(octets) for name, octets in (await self.call("files")).items()}

    async def saved(self, button: str) -> bytes:
        """PCM of the WAV file that the button gives."""
        async with self.page.expect_download() as waiting:
            await self.press(button)
        download = await waiting.value
        assert download.suggested_filename.endswith(".wav")
        with wave.open(str(await download.path())) as wav:
            assert (wav.getframerate(), wav.getnchannels(), wav.getsampwidth()) == (RATE_HZ, 1, 2)
            return wav.readframes(wav.getnframes())


@pytest.fixture
async def room(launch: Launch, address: str) -> Room:
    browser = await launch(FAKE_SOUND_CARD)
    room = Room(await (await browser.new_context(viewport=SIZE, locale="en-GB")).new_page())
    await room.page.goto(address)
    await room.may()
    return room


@pytest.fixture
async def recorded(room: Room) -> Room:
    """Three bursts are recorded."""
    await room.choose()
    await room.press("Start recording")
    await three_bursts(room)
    return room


async def three_bursts(room: Room) -> None:
    await room.say(0, "Anna marker-person")
    await room.say(1, "Bert")
    await room.say(2, "Anna marker-person", "grp_2")
    await room.shows(RECORDED)


async def test_they_lie_encrypted_on_this_computer_and_nothing_leaves_it(recorded: Room) -> None:
    files = await recorded.files()
    assert sum(name.endswith(".burst") for name in files) == RECORDED
    for name, octets in files.items():
        for marker in (b"marker-person", b"marker-group", b"Bert", b"grp_1", b"sub_"):
            assert marker not in octets, name
    opus = OpusEncoder(RATE_HZ, 20)
    said = [opus.encode(pcm) for pcm in frames(sentence_pcm(0, RATE_HZ), opus.frame_bytes)]
    whole = b"".join(files.values())
    assert not any(packet in whole for packet in said[10:60])
    assert {url.split("/")[2] for url in recorded.requests if not url.startswith("blob:")} == {
        recorded.page.url.split("/")[2]
    }
    assert [text for text in recorded.complaints if "404" not in text] == []  # the page has no icon


async def test_after_a_reload_the_passphrase_opens_them_and_no_other_does(recorded: Room) -> None:
    await recorded.page.reload()
    await recorded.may()
    await recorded.unlock("another passphrase")
    await recorded.page.get_by_text("does not open the recordings").wait_for()
    assert await recorded.rows() == []
    await recorded.unlock()
    await recorded.shows(RECORDED)
    assert await recorded.rows() == ["Anna marker-person", "Bert", "Anna marker-person"]


async def test_they_are_found_by_group_person_and_time(recorded: Room) -> None:
    page = recorded.page
    await page.get_by_label("Person").fill("anna")
    await recorded.shows(2)
    await page.get_by_role("combobox", name="Group").select_option("Pier 4")
    await recorded.shows(1)
    await recorded.press("Clear the search")
    await recorded.shows(RECORDED)
    await page.get_by_label("From", exact=True).fill("2000-01-01T00:00")
    await recorded.shows(RECORDED)
    await page.get_by_label("To", exact=True).fill("2000-01-02T00:00")
    await page.get_by_text("Nothing that was recorded fits the search.").wait_for()


async def test_one_is_shown_played_from_any_place_and_saved_as_it_was_said(recorded: Room) -> None:
    page = recorded.page
    await page.locator("ul button").nth(1).click()
    details = page.get_by_label("The chosen recording")
    for words in ("Bert", "Patrol marker-group", "Group call"):
        await details.get_by_text(words).first.wait_for()
    slider = page.get_by_role("slider", name="Position in the recording")
    await slider.wait_for()
    drawn = "canvas => new Set(canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data).size"
    assert await page.locator("canvas").evaluate(drawn) > 2
    said = sentence_pcm(1, RATE_HZ)
    wav = await recorded.saved("Save as WAV")
    assert len(wav) == pytest.approx(len(said), rel=0.05)
    assert similarity(said, wav, RATE_HZ) > 0.9
    assert similarity(sentence_pcm(0, RATE_HZ), wav, RATE_HZ) < similarity(said, wav, RATE_HZ) - 0.1
    await slider.fill("1.5")
    await room_is(recorded, "document.querySelector('input[type=range]').valueAsNumber > 1.6")
    await recorded.press("Stop")
    await page.get_by_role("button", name="Play", exact=True).wait_for()


async def test_a_session_is_played_in_sequence_and_saved_as_one(recorded: Room) -> None:
    wav = await recorded.saved("Save all as one WAV")
    for sentence in range(RECORDED):
        assert similarity(sentence_pcm(sentence, RATE_HZ), wav, RATE_HZ) > 0.9
    await recorded.press("Play all in sequence")
    played = recorded.page.get_by_label("Playing")
    order = []
    for index in range(RECORDED):
        await recorded.page.locator("ul li").nth(index).get_by_label("Playing").wait_for(timeout=20_000)
        assert await played.count() == 1
        order.append(index)
    assert order == [0, 1, 2]


async def test_a_damaged_file_is_said_to_be_and_what_is_good_of_it_is_kept(recorded: Room) -> None:
    files = sorted(item for item in (await recorded.files()).items() if item[0].endswith(".burst"))
    late, early = files[0], files[1]
    await recorded.call("overwrite", {"name": late[0], "octets": list(flipped(late[1], len(late[1]) * 3 // 4))})
    await recorded.call("overwrite", {"name": early[0], "octets": list(flipped(early[1], 20))})
    await recorded.page.reload()
    await recorded.may()
    await recorded.unlock()
    await recorded.shows(RECORDED)
    rows = recorded.page.locator("ul button")
    await rows.nth(0).click()
    await recorded.page.get_by_text("What stands before the damage").wait_for()
    wav = await recorded.saved("Save as WAV")
    said = sentence_pcm(0, RATE_HZ)
    assert 0.3 < len(wav) / len(said) < 0.9
    assert similarity(said[: len(wav)], wav, RATE_HZ) > 0.9
    await rows.nth(1).click()
    await recorded.page.get_by_text("damaged from its beginning").wait_for()
    await recorded.press("Erase")
    await recorded.page.get_by_role("dialog").get_by_role("button", name="Erase").click()
    await recorded.shows(RECORDED - 1)
    assert early[0] not in await recorded.files()


async def test_full_storage_is_said_and_nothing_that_was_recorded_is_lost(recorded: Room) -> None:
    page = recorded.page
    before = await recorded.files()
    devtools = await page.context.new_cdp_session(page)
    used = await page.evaluate("navigator.storage.estimate().then(({ usage }) => usage)")
    origin = await page.evaluate("location.origin")
    await devtools.send("Storage.overrideQuotaForOrigin", {"origin": origin, "quotaSize": used + 3_000})
    await recorded.say(3, "Carl")
    await page.get_by_text("the browser's disk space is full").wait_for()
    assert (await recorded.call("state"))["state"] == "full"
    after = await recorded.files()
    assert {name: after[name] for name in before} == before
    await recorded.say(0, "Dora")
    assert len(await recorded.files()) == len(after)
    await devtools.send("Storage.overrideQuotaForOrigin", {"origin": origin})
    await recorded.press("Try again")
    await recorded.say(0, "Dora")
    await page.get_by_text("Dora").first.wait_for()
    await page.reload()
    await recorded.may()
    await recorded.unlock()
    await page.get_by_text("Dora").first.wait_for()
    assert (await recorded.rows())[:RECORDED] == ["Anna marker-person", "Bert", "Anna marker-person"]


async def test_an_alert_begins_it_and_what_the_organisation_forbids_stops_it_at_once(room: Room) -> None:
    await room.may(onAlert=True)
    await room.call("raise")
    await (
        room.page.get_by_text("is NOT being recorded")
        .or_(room.page.get_by_text("Choose a passphrase"))
        .first.wait_for()
    )
    await room.choose()
    await room.page.get_by_text("Recording: an alert is open").wait_for()
    await room.say(0, "Anna")
    await room.shows(1)
    await room.call("close")
    await room.page.get_by_text("Not recording").wait_for()
    await room.press("Start recording")
    await room.may(allowed=False)
    await room.page.get_by_text("does not let this console record").wait_for()
    await room.say(1, "Bert")
    assert await room.rows() == ["Anna"]


async def test_what_is_older_than_the_organisation_lets_it_be_is_erased(recorded: Room) -> None:
    await recorded.page.wait_for_timeout(1_100)
    await recorded.page.reload()
    await recorded.may(keepS=1)
    await recorded.page.get_by_label("Passphrase", exact=True).wait_for()
    await room_is(recorded, "page.files().then(all => !Object.keys(all).some(name => name.endsWith('.burst')))")
    await recorded.unlock()
    await recorded.page.get_by_text("Nothing is recorded yet.").wait_for()


async def room_is(room: Room, expression: str) -> None:
    """Waits until the expression is true; the page's rules keep playwright from waiting there."""
    async with asyncio.timeout(10):
        while not await room.page.evaluate(expression):
            await asyncio.sleep(0.05)


def flipped(octets: bytes, at: int) -> bytes:
    return octets[:at] + bytes((octets[at] ^ 1,)) + octets[at + 1 :]

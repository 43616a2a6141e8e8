"""The console's voice in real Chromium: a microphone that plays speech, packets over a bad link, and what is heard."""

import asyncio
import base64
import wave
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from playwright.async_api import Page as PlaywrightPage

from browser.conftest import Launch, fake_microphone, served
from browser.site import becomes
from ptthandset.audio.codec import OpusEncoder, carries_fec, packet_duration_ms
from ptthandset.audio.pcm import frames
from ptthandset.audio.playout import PlayoutStream
from ptthandset.audio.similarity import similarity
from ptthandset.speech import SENTENCES, sentence_pcm
from pttserver.wire.rtp import RtpPacket

pytestmark = pytest.mark.system

SENTENCE = 0
PAUSE_S = 0.4
PIECE_S = 1.2
HEADSET = {"processing": False}  # what the browser does to improve speech would be measured too
MIDDLE = {"volume": 1, "pan": 0, "muted": False}
BAD_LINK = {"loss": 0.1, "jitterMs": 60, "doubling": 0.1, "seed": 4}


@dataclass(frozen=True)
class Heard:
    """One utterance: both ears and the microphone on one clock (samples), and when the key was pressed and released."""

    rate_hz: int
    left: NDArray[np.int16]
    right: NDArray[np.int16]
    microphone: NDArray[np.int16]
    press: int
    release: int
    packets: list[bytes]
    first_frame_ms: float
    statistics: dict[str, Any]

    @property
    def said(self) -> NDArray[np.int16]:
        return self.microphone[self.press : self.release]

    def likeness(self, heard: NDArray[np.int16] | None = None) -> float:
        """Of what was heard (the left ear) to what the microphone gave while the key was pressed.

        In pieces of PIECE_S: when the machine is busy, a pause may become longer, and a later one shorter for it.
        """
        sound = (self.left if heard is None else heard).tobytes()
        length = int(PIECE_S * self.rate_hz)
        starts = range(0, max(1, len(self.said) - length // 2), length)
        likenesses = [similarity(self.said[at : at + length].tobytes(), sound, self.rate_hz) for at in starts]
        return float(np.mean(likenesses))

    def lag_ms(self, start: int, length_ms: float = 300) -> tuple[float, float]:
        """How much later a stretch of the microphone is heard, and how well its wave fits there (1 is the same)."""
        length = int(length_ms * self.rate_hz / 1000)
        pattern = self.microphone[start : start + length].astype(float)
        sound = self.left[start:].astype(float)
        running = np.concatenate([[0], np.cumsum(np.square(sound))])
        energy = running[length:] - running[:-length]
        fit = correlation(sound, pattern) / np.sqrt(np.maximum(energy * np.square(pattern).sum(), 1))
        best = int(np.argmax(fit))
        return 1000 * best / self.rate_hz, float(fit[best])


class Page:
    """The test page `clients/console/tests/voice/loop.ts`."""

    def __init__(self, page: Any) -> None:
        self.page = page
        self.rate_hz = 0
        self.complaints: list[str] = []
        self.requests: list[str] = []
        page.on("console", lambda message: self.complaints.append(message.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", lambda request: self.requests.append(request.url))

    async def call(self, name: str, argument: object = None) -> Any:
        return await self.page.evaluate(f"argument => page.{name}(argument)", argument)

    async def open(self, **options: object) -> None:
        self.rate_hz = await self.call("open", {**HEADSET, **options})

    async def say(self, seconds: float, *, in_mid_word: bool = False, link: dict[str, float] | None = None,
                  **channels: dict[str, object]) -> Heard:  # fmt: skip
        utterance = {
            "channels": channels or {"group": MIDDLE},
            "seconds": seconds,
            "inMidWord": in_mid_word,
            "conditions": link or {},
        }
        result = await self.call("say", utterance)
        left, right, microphone = (samples_of(sound) for sound in result["sound"])
        return Heard(
            self.rate_hz,
            left,
            right,
            microphone,
            result["press"],
            result["release"],
            [bytes(frame["opus"]) for frame in result["frames"]],
            result["frames"][0]["afterPressMs"],
            result["statistics"],
        )


@pytest.fixture
def address(build_pages: Callable[[str], Path]) -> Iterator[str]:
    with served(build_pages("tests/voice/vite.config.ts")) as address:
        yield f"{address}/loop.html"


@pytest.fixture
def speech(tmp_path: Path) -> Path:
    return speech_file(tmp_path / "speech.wav")


def speech_file(path: Path) -> Path:
    """A sentence and a pause, for a microphone that plays it over and over."""
    with wave.open(str(path), "wb") as wav:
        wav.setnchannels(1)
        wav.setsampwidth(2)
        wav.setframerate(48_000)
        wav.writeframes(sentence_pcm(SENTENCE, 48_000) + bytes(2 * int(PAUSE_S * 48_000)))
    return path


@pytest.fixture
async def page(launch: Launch, address: str, speech: Path) -> Page:
    browser = await launch(*fake_microphone(speech))
    page = Page(await browser.new_page())
    await page.page.goto(address)
    return page


def samples_of(sound: str) -> NDArray[np.int16]:
    return np.frombuffer(base64.b64decode(sound), dtype="<i2")


def correlation(sound: NDArray[np.float64], pattern: NDArray[np.float64]) -> NDArray[np.float64]:
    """Of the pattern with each stretch of the sound of its length."""
    size = 1 << (len(sound) + len(pattern)).bit_length()
    product = np.fft.irfft(np.fft.rfft(sound, size) * np.conj(np.fft.rfft(pattern, size)), size)
    return product[: len(sound) - len(pattern) + 1]


def level(sound: NDArray[np.int16]) -> float:
    return float(np.sqrt(np.mean(np.square(sound.astype(float)))))


async def test_what_the_microphone_hears_is_played(page: Page) -> None:
    await page.open()
    heard = await page.say(2 * len(sentence_pcm(SENTENCE, 48_000)) / 96_000 + PAUSE_S)
    assert heard.likeness() > 0.85
    likeness = [
        similarity(sentence_pcm(index, heard.rate_hz), heard.left.tobytes(), heard.rate_hz)
        for index in range(len(SENTENCES))
    ]
    others = max(value for index, value in enumerate(likeness) if index != SENTENCE)
    assert likeness[SENTENCE] > others + 0.1
    (burst,) = heard.statistics["bursts"]
    assert (burst["received"], burst["played"], burst["lost"]) == (len(heard.packets), len(heard.packets), 0)


async def test_it_keeps_to_the_rules_of_the_page(page: Page) -> None:
    await page.open()
    await page.say(0.5)
    known = ("404", "Permissions-Policy header: Unrecognized feature")  # no icon; older Chromium
    assert [text for text in page.complaints if not any(words in text for words in known)] == []
    assert {url.rsplit("/", 1)[0].removesuffix("/assets") for url in page.requests} == {page.page.url.rsplit("/", 1)[0]}


async def test_over_a_bad_link_speech_stays_intelligible(page: Page) -> None:
    await page.open()
    heard = await page.say(4, link=BAD_LINK)
    assert heard.likeness() > 0.75
    (burst,) = heard.statistics["bursts"]
    assert burst["received"] == burst["played"] + burst["late"] + burst["duplicated"]
    assert burst["duplicated"] > 5
    assert burst["lost"] > 5
    assert burst["concealed"] >= burst["lost"] - burst["late"]
    assert burst["undecodable"] == 0


async def test_neither_the_first_nor_the_last_syllable_is_clipped(page: Page) -> None:
    await page.open()
    await page.say(0.3)
    heard = await page.say(1.5, in_mid_word=True)
    first_lag_ms, first_fit = heard.lag_ms(heard.press + heard.rate_hz * 30 // 1000)
    last_lag_ms, last_fit = heard.lag_ms(heard.release - heard.rate_hz * 300 // 1000)
    assert first_fit > 0.6
    assert last_fit > 0.6
    assert 0 < first_lag_ms < 600
    assert 0 < last_lag_ms < 800
    assert heard.statistics["pressToSampleMs"] < 100


async def test_a_handset_hears_a_page(page: Page) -> None:
    await page.open()
    heard = await page.say(3)
    assert {packet_duration_ms(packet) for packet in heard.packets} == {20}
    assert sum(carries_fec(packet) for packet in heard.packets) > len(heard.packets) // 4
    assert 12_000 < 50 * 8 * np.mean([len(packet) for packet in heard.packets]) < 32_000
    stream, sound = PlayoutStream(heard.rate_hz if heard.rate_hz == 48_000 else 16_000), b""
    for number, packet in enumerate(heard.packets):
        stream.push(number / 50, RtpPacket(number, number * 960, 7, packet))
        sound += stream.pull(number / 50, 20)
    sound += b"".join(stream.pull((len(heard.packets) + late) / 50, 20) for late in range(10))
    assert similarity(resampled(heard.said, heard.rate_hz, stream.sample_rate_hz), sound, stream.sample_rate_hz) > 0.9


async def test_a_page_hears_a_handset_and_survives_what_is_not_opus(page: Page) -> None:
    await page.open(warm=False)
    encoder = OpusEncoder(16_000, 20)
    said = sentence_pcm(2, 16_000)
    packets = [encoder.encode(frame) for frame in frames(said, encoder.frame_bytes)]
    for at in (60, 100):
        packets[at] = bytes([9 << 3 | 2, 255])  # two frames, the first longer than the packet
    packets[80] = b""
    result = await page.call("hear", [list(packet) for packet in packets])
    sound = resampled(samples_of(result["sound"]), page.rate_hz, 16_000)
    assert similarity(said, sound, 16_000) > 0.8
    burst = result["burst"]
    assert (burst["undecodable"], burst["malformed"], burst["played"]) == (2, 1, len(packets) - 1)


async def test_pan_volume_and_mute(page: Page) -> None:
    await page.open()
    left = await page.say(1.2, in_mid_word=True, one={**MIDDLE, "pan": -1})
    assert left.likeness(left.left) > 0.8
    assert level(left.right) < 1
    right = await page.say(1.2, in_mid_word=True, one={**MIDDLE, "pan": 1})
    assert right.likeness(right.right) > 0.8
    assert level(right.left) < 1
    both = await page.say(
        1.2, in_mid_word=True, one={**MIDDLE, "pan": -1}, two={"volume": 0.25, "pan": 1, "muted": False}
    )
    assert level(both.left) == pytest.approx(4 * level(both.right), rel=0.25)
    muted = await page.say(1.2, in_mid_word=True, one={**MIDDLE, "muted": True})
    assert max(level(muted.left), level(muted.right)) < 1
    assert muted.statistics["bursts"][-1]["played"] == len(muted.packets)


@pytest.mark.alone
async def test_twenty_groups_at_once(page: Page) -> None:
    await page.open()
    await page.say(1)
    before = await page.say(0.5)
    channels = {f"group {n}": {"volume": 0.05, "pan": n / 10 - 0.95, "muted": False} for n in range(20)}
    heard = await page.say(6, **channels)
    bursts = heard.statistics["bursts"][-20:]
    assert {burst["group"] for burst in bursts} == set(channels)
    assert {(burst["played"], burst["lost"]) for burst in bursts} == {(len(heard.packets), 0)}
    assert heard.statistics["underruns"] - before.statistics["underruns"] < 6  # less than one a second
    assert heard.likeness() > 0.85
    assert level(heard.left) == pytest.approx(level(heard.right), rel=0.1)


async def audible_at_open(page: PlaywrightPage) -> bool:
    """Asked without the gesture that Playwright says of each evaluation: it would let the page sound."""
    devtools = await page.context.new_cdp_session(page)
    question = {"expression": "page.state()?.audibleAtOpen", "returnByValue": True, "userGesture": False}
    async with asyncio.timeout(20):
        while "value" not in (found := (await devtools.send("Runtime.evaluate", question))["result"]):
            await asyncio.sleep(0.05)
    return bool(found["value"])


async def test_sound_waits_for_a_gesture(launch: Launch, address: str) -> None:
    browser = await launch("--autoplay-policy=document-user-activation-required")
    page = Page(await browser.new_page())
    await page.page.goto(f"{address}?open")
    assert await audible_at_open(page.page) is False
    await page.page.mouse.click(5, 5)
    await becomes(page.page, "page.state().audible")
    assert (await page.call("state"))["told"] >= 1


async def test_a_microphone_that_nobody_allowed_is_denied(launch: Launch, address: str) -> None:
    browser = await launch("--use-fake-device-for-media-stream")
    page = Page(await browser.new_page())
    await page.page.goto(address)
    await page.open(warm=False)
    assert await page.call("press") == "denied"


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("NotAllowedError", "denied"),
        ("NotFoundError", "absent"),
        ("NotReadableError", "busy"),
        ("TypeError", "unsupported"),
    ],
)
async def test_each_refusal_has_its_reason(page: Page, name: str, reason: str) -> None:
    await page.open(warm=False)
    await page.call("refuseMicrophone", name)
    assert await page.call("press") == reason
    assert (await page.call("state"))["microphoneOpen"] is False


async def test_a_cold_microphone_is_opened_by_the_press(page: Page) -> None:
    await page.open(warm=False)
    assert (await page.call("state"))["microphoneOpen"] is False
    assert await page.call("press") is None
    assert (await page.call("state"))["microphoneOpen"] is True


async def test_after_the_microphone_was_unplugged_another_takes_its_place(page: Page) -> None:
    await page.open()
    await page.call("unplug")
    await becomes(page.page, "page.state().microphoneOpen")
    heard = await page.say(1.5, link=None)
    assert level(heard.left) > 100
    await page.call("refuseMicrophone", "NotFoundError")
    assert await page.call("loseWhileTalking") == "absent"
    assert (await page.call("state"))["microphoneOpen"] is False


async def test_signals_sound_without_files_and_differ(page: Page) -> None:
    await page.open(warm=False)
    signals = {name: samples_of(sound) for name, sound in (await page.call("signals")).items()}
    assert set(signals) == {"granted", "denied", "released", "alert", "call"}
    for name, sound in signals.items():
        sounding = np.flatnonzero(np.abs(sound) > 500)
        assert len(sounding) > 0.05 * 48_000, name
        assert np.abs(np.diff(sound.astype(float))).max() < 2500, f"{name} clicks"
    assert len({sound.tobytes() for sound in signals.values()}) == len(signals)


def resampled(sound: NDArray[np.int16], from_hz: int, to_hz: int) -> bytes:
    """Good enough to compare words: linear."""
    places = np.arange(0, len(sound) - 1, from_hz / to_hz)
    return np.interp(places, np.arange(len(sound)), sound.astype(float)).astype("<i2").tobytes()

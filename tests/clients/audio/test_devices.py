"""With miniaudio's NULL backend: real threads and real callbacks, no sound."""

import asyncio

import miniaudio
import pytest

from ptthandset.audio import devices
from ptthandset.audio.devices import AudioDeviceError, Microphone, Speaker


async def test_the_microphone_gives_whole_frames() -> None:
    async with Microphone(16_000, 20, null_devices=True) as microphone:
        heard = [await anext(microphone) for _ in range(5)]
    assert heard == [bytes(640)] * 5


async def test_pieces_of_any_length_are_cut_into_frames() -> None:
    microphone = Microphone(16_000, 20)
    capture = microphone._capture(asyncio.get_running_loop())
    next(capture)
    for piece in (b"a" * 100, b"b" * 700, b"c" * 1120):
        capture.send(piece)
    await asyncio.sleep(0)
    frames = [await anext(microphone) for _ in range(3)]
    assert b"".join(frames) == b"a" * 100 + b"b" * 700 + b"c" * 1120


async def test_when_nobody_listens_the_oldest_frames_are_dropped_and_counted() -> None:
    microphone = Microphone(16_000, 20)
    for n in range(25):
        microphone._offer(bytes([n]))
    assert microphone.dropped == 5
    assert await anext(microphone) == bytes([5])


def test_a_microphone_that_outlives_its_loop_falls_silent() -> None:
    loop = asyncio.new_event_loop()
    capture = Microphone(16_000, 20)._capture(loop)
    next(capture)
    loop.close()
    with pytest.raises(StopIteration):
        capture.send(bytes(640))


async def test_the_speaker_plays_what_is_written() -> None:
    with Speaker(16_000, 20, null_devices=True) as speaker:
        speaker.write(bytes(1280))
        async with asyncio.timeout(10):
            while speaker.queued_bytes or not speaker.starved_bytes:
                await asyncio.sleep(0.005)
    assert speaker.dropped_bytes == 0


def test_the_speaker_gives_sound_then_silence() -> None:
    speaker = Speaker(16_000, 20)
    playback = speaker._playback()
    next(playback)
    speaker.write(b"ab" * 200)
    assert playback.send(100) == b"ab" * 100
    assert playback.send(200) == b"ab" * 100 + bytes(200)
    assert speaker.starved_bytes == 200


def test_a_speaker_that_is_full_drops_the_oldest_sound() -> None:
    speaker = Speaker(16_000, 20)
    for n in range(12):
        speaker.write(bytes([n]) * 640)
    assert speaker.queued_bytes == 200 * 32
    assert speaker.dropped_bytes == 2 * 640
    assert speaker._take(640) == bytes([2]) * 640


class Deviceless:
    """A machine where miniaudio finds nothing, or nothing but its silent last resort."""

    backend = "Null"

    def __init__(self, *_: object, **__: object) -> None:
        self.closed = False

    def close(self) -> None:
        self.closed = True


def refuse(*_: object, **__: object) -> None:
    raise miniaudio.MiniaudioError("failed to init device", -401)


@pytest.mark.parametrize("found", [Deviceless, refuse])
async def test_without_a_device_the_error_says_what_to_do(monkeypatch, found) -> None:
    monkeypatch.setattr(devices.miniaudio, "CaptureDevice", found)
    monkeypatch.setattr(devices.miniaudio, "PlaybackDevice", found)
    with pytest.raises(AudioDeviceError, match="--wav"):
        async with Microphone():
            pass
    with pytest.raises(AudioDeviceError, match="--wav"), Speaker():
        pass

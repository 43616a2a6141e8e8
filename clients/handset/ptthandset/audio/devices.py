"""The microphone and the loudspeaker of this machine, and the crossing from their threads to the loop."""

import asyncio
import threading
from collections.abc import Callable, Generator
from types import TracebackType
from typing import Any, Self

import miniaudio

from ptthandset.audio.pcm import PcmFrame, pcm_bytes, rms_dbfs
from ptthandset.errors import HandsetError

__all__ = ["AudioDeviceError", "Microphone", "Speaker", "rms_dbfs"]

MICROPHONE_QUEUE_MS = 400  # a loop that is stuck for longer loses the oldest speech
SPEAKER_QUEUE_MS = 200  # more would be delay that no jitter buffer knows of


class AudioDeviceError(HandsetError):
    """No sound device can be used: plug one in, or use --wav to talk from a file and listen into one."""


class Microphone:
    """Frames of speech, as an async iterator: `async with Microphone() as speech: async for pcm in speech`.

    Each frame is `frame_ms` of s16le mono. When nobody reads for MICROPHONE_QUEUE_MS, the oldest frames are
    dropped and counted in `dropped`. `null_devices` stands for a microphone that hears silence, on a
    machine without sound. Entering raises AudioDeviceError.
    """

    def __init__(self, sample_rate_hz: int = 16_000, frame_ms: int = 20, null_devices: bool = False) -> None:
        self.dropped = 0
        self._sample_rate_hz = sample_rate_hz
        self._frame_ms = frame_ms
        self._null_devices = null_devices
        self._queue: asyncio.Queue[PcmFrame] = asyncio.Queue(maxsize=max(1, MICROPHONE_QUEUE_MS // frame_ms))
        self._device: Any = None

    async def __aenter__(self) -> Self:
        capture = self._capture(asyncio.get_running_loop())
        next(capture)
        self._device = await asyncio.to_thread(self._open, capture)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await asyncio.to_thread(self._device.close)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> PcmFrame:
        return await self._queue.get()

    def _open(self, capture: Generator[None, bytes, None]) -> Any:
        return _start(
            lambda backends: miniaudio.CaptureDevice(
                miniaudio.SampleFormat.SIGNED16, 1, self._sample_rate_hz, self._frame_ms, backends=backends
            ),
            capture,
            self._null_devices,
        )

    def _capture(self, loop: asyncio.AbstractEventLoop) -> Generator[None, bytes, None]:
        """Runs in miniaudio's thread; devices give pieces of any length."""
        frame_bytes = pcm_bytes(self._sample_rate_hz, self._frame_ms)
        heard = bytearray()
        while True:
            heard += yield
            while len(heard) >= frame_bytes:
                frame = bytes(heard[:frame_bytes])
                del heard[:frame_bytes]
                try:
                    loop.call_soon_threadsafe(self._offer, frame)
                except RuntimeError:  # the loop closed before the device did
                    return

    def _offer(self, frame: PcmFrame) -> None:
        if self._queue.full():
            self._queue.get_nowait()
            self.dropped += 1
        self._queue.put_nowait(frame)


class Speaker:
    """Plays what is written to it: `with Speaker() as speaker: speaker.write(pcm)`.

    Frames are s16le mono. Write at the pace of sound: beyond SPEAKER_QUEUE_MS the oldest sound is dropped,
    and when there is none, silence is played; `dropped_bytes` and `starved_bytes` count both. Entering
    raises AudioDeviceError.
    """

    def __init__(self, sample_rate_hz: int = 16_000, frame_ms: int = 20, null_devices: bool = False) -> None:
        self.dropped_bytes = 0
        self.starved_bytes = 0
        self._sample_rate_hz = sample_rate_hz
        self._frame_ms = frame_ms
        self._null_devices = null_devices
        self._capacity_bytes = pcm_bytes(sample_rate_hz, SPEAKER_QUEUE_MS)
        self._queued = bytearray()
        self._lock = threading.Lock()
        self._device: Any = None

    def __enter__(self) -> Self:
        playback = self._playback()
        next(playback)
        self._device = _start(
            lambda backends: miniaudio.PlaybackDevice(
                miniaudio.SampleFormat.SIGNED16, 1, self._sample_rate_hz, self._frame_ms, backends=backends
            ),
            playback,
            self._null_devices,
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._device.close()

    def write(self, pcm: PcmFrame) -> None:
        """Queues sound. Never waits; may be called from any thread."""
        with self._lock:
            self._queued += pcm
            excess = max(0, len(self._queued) - self._capacity_bytes)
            del self._queued[:excess]
            self.dropped_bytes += excess

    @property
    def queued_bytes(self) -> int:
        """What is written and not yet played."""
        return len(self._queued)

    def _playback(self) -> Generator[bytes, int, None]:
        """Runs in miniaudio's thread, which says how many samples it wants."""
        sound = b""
        while True:
            sample_count = yield sound
            sound = self._take(2 * sample_count)

    def _take(self, wanted: int) -> bytes:
        with self._lock:
            sound = bytes(self._queued[:wanted])
            del self._queued[:wanted]
            self.starved_bytes += wanted - len(sound)
        return sound.ljust(wanted, b"\0")


def _start(make: Callable[[list[Any]], Any], callback: Generator[Any, Any, None], null_devices: bool) -> Any:
    """Opens a device and starts it. May wait for a sound server."""
    try:
        device = make([miniaudio.Backend.NULL] if null_devices else [])
        if device.backend == "Null" and not null_devices:  # miniaudio's last resort: nobody would hear it
            device.close()
            raise AudioDeviceError
        device.start(callback)
    except miniaudio.MiniaudioError as error:
        raise AudioDeviceError(f"{AudioDeviceError.__doc__} ({error})") from error
    return device

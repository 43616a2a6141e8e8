"""Speech over a simulated link, in simulated time: what a listener hears of what was said."""

import random
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from ptthandset.audio.codec import FrameMs, OpusEncoder
from ptthandset.audio.pcm import frames
from ptthandset.audio.playout import PlayoutStream
from pttserver.wire.rtp import RtpPacket

RATE_HZ = 16_000


@dataclass(frozen=True)
class Heard:
    pcm: bytes
    stream: PlayoutStream
    played: list[tuple[int, int, int, float]]


def speak(pcm: bytes, frame_ms: FrameMs = 20, **settings: int) -> list[RtpPacket]:
    encoder = OpusEncoder(RATE_HZ, frame_ms, **settings)
    cut = frames(pcm, encoder.frame_bytes)
    return [RtpPacket(n, n * frame_ms * 48, 7, encoder.encode(frame)) for n, frame in enumerate(cut)]


def listen(arrivals: list[tuple[float, RtpPacket]], seconds: float, tick_ms: float = 20) -> Heard:
    """`arrivals` in any order; the listener pulls every `tick_ms`, out of step with the talker."""
    played: list[tuple[int, int, int, float]] = []
    stream = PlayoutStream(RATE_HZ, on_played=lambda *report: played.append(report))
    coming = sorted(arrivals, key=lambda arrival: arrival[0])
    heard, now = b"", 0.007
    while now < seconds:
        while coming and coming[0][0] <= now:
            stream.push(*coming.pop(0))
        if not coming:
            stream.end()
        heard += stream.pull(now, tick_ms)
        now += tick_ms / 1000
    return Heard(heard, stream, played)


def converse(pcm: bytes, *, loss: float = 0, jitter_s: float = 0, seed: int = 1, frame_ms: FrameMs = 20,
             fec: bool = True) -> Heard:  # fmt: skip
    """Says `pcm` over a link with independent loss and evenly spread jitter."""
    link = random.Random(seed)
    packets = speak(pcm, frame_ms, fec=fec, expected_loss_percent=max(10, round(100 * loss)))
    arrivals = [(p.timestamp / 48_000 + link.random() * jitter_s, p) for p in packets if link.random() >= loss]
    return listen(arrivals, len(pcm) / (2 * RATE_HZ) + 0.8)


@pytest.fixture(scope="session", name="speak")
def speak_fixture() -> Callable[..., list[RtpPacket]]:
    return speak


@pytest.fixture(scope="session", name="listen")
def listen_fixture() -> Callable[..., Heard]:
    return listen


@pytest.fixture(scope="session", name="converse")
def converse_fixture() -> Callable[..., Heard]:
    return converse

"""What PCM means in this SDK: signed 16-bit little-endian samples of one channel."""

import math
from collections.abc import Iterator
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

PcmFrame: TypeAlias = bytes
"""s16le, mono, at the sample rate of whoever made it."""

BYTES_PER_SAMPLE = 2
SILENCE_DBFS = -120.0
_FULL_SCALE = 32768.0


def pcm_bytes(sample_rate_hz: int, duration_ms: float) -> int:
    """Octets of `duration_ms` of sound."""
    return BYTES_PER_SAMPLE * round(sample_rate_hz * duration_ms / 1000)


def pcm_seconds(pcm: bytes | bytearray, sample_rate_hz: int) -> float:
    """How long `pcm` lasts."""
    return len(pcm) / (BYTES_PER_SAMPLE * sample_rate_hz)


def frames(pcm: bytes, frame_bytes: int) -> Iterator[PcmFrame]:
    """Cuts `pcm` into frames of `frame_bytes`; the last one is filled up with silence."""
    for start in range(0, len(pcm), frame_bytes):
        yield pcm[start : start + frame_bytes].ljust(frame_bytes, b"\0")


def samples(pcm: bytes) -> NDArray[np.float32]:
    """The samples as numbers from -1 to 1; an odd last octet is ignored."""
    whole = len(pcm) - len(pcm) % BYTES_PER_SAMPLE
    return np.frombuffer(pcm[:whole], dtype="<i2").astype(np.float32) / np.float32(_FULL_SCALE)


def rms_dbfs(pcm: bytes) -> float:
    """Level of `pcm` in decibels below full scale (a full square wave is 0), never under -120."""
    if len(pcm) < BYTES_PER_SAMPLE:
        return SILENCE_DBFS
    mean_square = float(np.mean(np.square(samples(pcm), dtype=np.float64)))
    return max(SILENCE_DBFS, 10 * math.log10(mean_square)) if mean_square else SILENCE_DBFS

"""A voice message: speech as Opus in Ogg (RFC 7845), for an attachment."""

import io
from fractions import Fraction

import av
import numpy as np

RATE_HZ = 16_000
BIT_RATE = 20_000


def to_ogg(pcm: bytes) -> bytes:
    """`pcm`: 16 bit mono at `RATE_HZ`."""
    target = io.BytesIO()
    with av.open(target, "w", format="ogg") as container:
        stream = container.add_stream("libopus", rate=RATE_HZ, layout="mono", bit_rate=BIT_RATE)
        frame = av.AudioFrame.from_ndarray(np.frombuffer(pcm, np.int16).reshape(1, -1), format="s16", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = RATE_HZ, 0, Fraction(1, RATE_HZ)
        for packet in (*stream.encode(frame), *stream.encode(None)):
            container.mux(packet)
    return target.getvalue()

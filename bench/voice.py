"""Opus packets of the sentences in `ptthandset.speech`, as a talker's encoder gives them: 20 ms, 24 kbit/s."""

from functools import cache

from ptthandset.audio.codec import OpusEncoder
from ptthandset.speech import SENTENCES, sentence_pcm
from pttserver.wire.rtp import RtpPacket

PACKETS_PER_S = 50
TIMESTAMP_STEP = 960  # 20 ms at 48 kHz (RFC 7587 §4.1)
SAMPLE_RATE_HZ = 16_000


@cache
def sentence_packets(index: int) -> tuple[bytes, ...]:
    """The Opus packets of one sentence."""
    pcm = sentence_pcm(index, SAMPLE_RATE_HZ)
    encoder = OpusEncoder(SAMPLE_RATE_HZ)
    size = encoder.frame_bytes
    return tuple(encoder.encode(pcm[at : at + size]) for at in range(0, len(pcm) - size, size))


def encode_sentences() -> None:
    """Takes the time for encoding before it counts."""
    for index in range(len(SENTENCES)):
        sentence_packets(index)


def speech(talker: int, count: int) -> list[bytes]:
    """`count` packets: the talker's sentence, again and again."""
    packets = sentence_packets(talker % len(SENTENCES))
    return [packets[index % len(packets)] for index in range(count)]


def rtp_stream(ssrc: int, talker: int, count: int) -> list[bytes]:
    """Plain RTP packets of a talker, from sequence number 0."""
    return [
        RtpPacket(number, number * TIMESTAMP_STEP, ssrc, payload, marker=number == 0).encode()
        for number, payload in enumerate(speech(talker, count))
    ]

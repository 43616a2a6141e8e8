"""Reads the first bytes of an Opus packet (RFC 6716 §3): how long it is, and whether it repeats the one
before it.

Pure, and without libopus: the jitter buffer needs both facts and decodes nothing.

     0 1 2 3 4 5 6 7
    +-+-+-+-+-+-+-+-+
    | config  |s| c |   TOC byte: config = mode, bandwidth and frame size; s = stereo; c = frames
    +-+-+-+-+-+-+-+-+
"""

from ptthandset.errors import HandsetError

MAX_PACKET_MS = 120  # RFC 6716 §3.2.5 [R5]

# RFC 6716 §3.1, table 2
_SILK_FRAMES_MS = (10.0, 20.0, 40.0, 60.0)
_HYBRID_FRAMES_MS = (10.0, 20.0)
_CELT_FRAMES_MS = (2.5, 5.0, 10.0, 20.0)
_FRAME_MS = _SILK_FRAMES_MS * 3 + _HYBRID_FRAMES_MS * 2 + _CELT_FRAMES_MS * 4
_FIRST_CELT_CONFIG = 16

_DTX_BYTES = 2


class CodecError(HandsetError):
    """The packet is not Opus, or is damaged."""


def packet_duration_ms(packet: bytes) -> float:
    """Milliseconds of sound in a packet, a multiple of 2.5 (RFC 6716 §3.1, §3.2). Raises CodecError."""
    if not packet:
        raise CodecError("The Opus packet is empty.")
    duration_ms = _FRAME_MS[packet[0] >> 3] * _frame_count(packet)
    if not 0 < duration_ms <= MAX_PACKET_MS:
        raise CodecError(f"The Opus packet claims {duration_ms:g} ms of sound; 120 is the most there can be.")
    return duration_ms


def carries_fec(packet: bytes) -> bool:
    """Whether a packet repeats the end of the one before (LBRR frames, RFC 6716 §4.2.4). Never raises.

    The SILK header starts with one voice-activity bit per 20 ms, then the LBRR flag (§4.2.3): these first
    symbols of the range coder are plain bits. Packets of more than one Opus frame answer False, for no more
    than a missed chance.
    """
    if len(packet) < 2 or packet[0] >> 3 >= _FIRST_CELT_CONFIG or packet[0] & 3:
        return False
    silk_frames = max(1, int(_FRAME_MS[packet[0] >> 3]) // 20)
    return bool(packet[1] >> (7 - silk_frames) & 1)


def is_silence(packet: bytes) -> bool:
    """Whether an encoder with DTX means that this packet need not be sent: two octets or fewer."""
    return len(packet) <= _DTX_BYTES


def _frame_count(packet: bytes) -> int:
    code = packet[0] & 3
    if code < 3:
        return 1 if code == 0 else 2
    if len(packet) < 2:
        raise CodecError("The Opus packet ends before its frame count.")
    return packet[1] & 0x3F

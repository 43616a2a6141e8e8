import ctypes.util
import random
import subprocess
import sys
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ptthandset.audio import libopus
from ptthandset.audio.codec import (
    MAX_PACKET_BYTES,
    CodecError,
    OpusDecoder,
    OpusEncoder,
    carries_fec,
    packet_duration_ms,
)
from ptthandset.audio.pcm import frames, rms_dbfs
from ptthandset.audio.similarity import similarity
from ptthandset.speech import sentence_pcm

RATE_HZ = 16_000
SPEECH = sentence_pcm(0, RATE_HZ)


@pytest.mark.parametrize("frame_ms", [10, 20, 40, 60])
@pytest.mark.parametrize("rate_hz", [8_000, 16_000, 48_000])
def test_speech_survives_in_every_frame_length(frame_ms, rate_hz) -> None:
    speech = sentence_pcm(1, rate_hz)
    encoder, decoder = OpusEncoder(rate_hz, frame_ms), OpusDecoder(rate_hz, 20)
    packets = [encoder.encode(frame) for frame in frames(speech, encoder.frame_bytes)]
    assert {packet_duration_ms(packet) for packet in packets} == {frame_ms}
    assert max(map(len, packets)) <= MAX_PACKET_BYTES
    heard = [decoder.decode(packet) for packet in packets]
    assert {len(pcm) for pcm in heard} == {encoder.frame_bytes}
    assert similarity(speech, b"".join(heard), rate_hz) > 0.9


def test_a_bit_rate_is_kept() -> None:
    for bitrate_bps in (8_000, 16_000, 24_000):
        encoder = OpusEncoder(RATE_HZ, 20, bitrate_bps)
        octets = sum(len(encoder.encode(frame)) for frame in frames(SPEECH, encoder.frame_bytes))
        assert octets * 8 / (len(SPEECH) / 2 / RATE_HZ) == pytest.approx(bitrate_bps, rel=0.25)


def test_a_frame_of_the_wrong_length_is_a_mistake_of_the_caller() -> None:
    encoder = OpusEncoder(RATE_HZ, 20)
    with pytest.raises(ValueError, match="640 octets"):
        encoder.encode(bytes(639))


def test_speech_packets_repeat_the_packet_before_only_when_asked() -> None:
    for fec in (True, False):
        encoder = OpusEncoder(RATE_HZ, 20, fec=fec)
        repeated = [carries_fec(encoder.encode(frame)) for frame in frames(SPEECH, encoder.frame_bytes)]
        assert (sum(repeated) > len(repeated) / 2) is fec


def test_more_loss_reported_means_more_repetition() -> None:
    encoder = OpusEncoder(RATE_HZ, 20, expected_loss_percent=0)
    cut = list(frames(SPEECH, encoder.frame_bytes))
    assert not any(carries_fec(encoder.encode(frame)) for frame in cut)
    encoder.expect_loss(20)
    assert sum(carries_fec(encoder.encode(frame)) for frame in cut) > len(cut) / 2


def test_dtx_makes_silence_cost_nothing() -> None:
    encoder = OpusEncoder(RATE_HZ, 20, dtx=True)
    packets = [encoder.encode(bytes(640)) for _ in range(100)]
    assert sum(len(packet) <= 2 for packet in packets) > 60


def heard_with_loss(fec: bool, loss: float, seed: int) -> float:
    """Similarity when every lost frame is brought back from the next packet, or else concealed."""
    link = random.Random(seed)
    encoder = OpusEncoder(RATE_HZ, 20, fec=fec, expected_loss_percent=20)
    packets = [encoder.encode(frame) for frame in frames(SPEECH, encoder.frame_bytes)]
    arrived = [packet if link.random() >= loss else None for packet in packets]
    decoder, heard = OpusDecoder(RATE_HZ), b""
    for packet, following in zip(arrived, [*arrived[1:], None], strict=True):
        if packet is not None:
            heard += decoder.decode(packet)
        else:
            heard += decoder.decode_fec(following) if fec and following else decoder.conceal()
    assert len(heard) == len(packets) * encoder.frame_bytes
    return similarity(SPEECH, heard, RATE_HZ)


def test_fec_hears_more_than_concealment_alone() -> None:
    with_fec = [heard_with_loss(True, 0.2, seed) for seed in range(5)]
    without = [heard_with_loss(False, 0.2, seed) for seed in range(5)]
    assert sum(with_fec) / 5 > sum(without) / 5 + 0.01
    assert min(with_fec) > 0.85


def test_concealment_fades_out() -> None:
    encoder, decoder = OpusEncoder(RATE_HZ, 20), OpusDecoder(RATE_HZ)
    loud = [frame for frame in frames(SPEECH, encoder.frame_bytes) if rms_dbfs(frame) > -30][:20]
    for frame in loud:
        decoder.decode(encoder.encode(frame))
    guesses = [rms_dbfs(decoder.conceal(20)) for _ in range(15)]
    assert guesses[0] > -40
    assert guesses[-1] < guesses[0] - 15


def test_concealment_lasts_as_long_as_the_last_packet_unless_told() -> None:
    encoder, decoder = OpusEncoder(RATE_HZ, 60), OpusDecoder(RATE_HZ)
    assert len(decoder.conceal()) == 640
    packet = encoder.encode(SPEECH[:1920])
    decoder.decode(packet)
    assert len(decoder.conceal()) == 1920
    assert len(decoder.conceal(20)) == 640
    assert len(decoder.decode_fec(packet)) == 1920
    assert len(decoder.decode_fec(packet, 20)) == 640
    with pytest.raises(CodecError):
        decoder.conceal(140)


DECODER = OpusDecoder(RATE_HZ)  # one for all examples: damage must not last


@given(st.binary(max_size=300))
def test_any_octets_are_sound_or_an_error(packet: bytes) -> None:
    for decode in (DECODER.decode, DECODER.decode_fec):
        try:
            assert len(decode(packet)) <= 120 * 32
        except CodecError:
            assert len(DECODER.conceal(20)) == 640


@given(st.integers(0, 150), st.data())
def test_damaged_and_cut_packets_never_crash(index: int, data: st.DataObject) -> None:
    packet = bytearray(PACKETS[index])
    packet[data.draw(st.integers(0, len(packet) - 1))] ^= data.draw(st.integers(1, 255))
    cut = bytes(packet[: data.draw(st.integers(0, len(packet)))])
    with suppress(CodecError):
        assert len(DECODER.decode(cut)) <= 120 * 32


_ENCODER = OpusEncoder(RATE_HZ, 20)
PACKETS = [_ENCODER.encode(frame) for frame in frames(SPEECH, _ENCODER.frame_bytes)]


def test_the_library_of_the_wheel_serves_where_the_system_has_none() -> None:
    script = (
        "import ctypes.util; ctypes.util.find_library = nothing = lambda name: None\n"
        "from ptthandset.audio import codec, libopus\n"
        "assert codec._opus.api.libopus._name == libopus.wheel_library()\n"
        "assert ctypes.util.find_library is nothing\n"
        "encoder = codec.OpusEncoder(); packet = encoder.encode(bytes(640))\n"
        "assert len(codec.OpusDecoder().decode(packet)) == 640\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


def test_a_library_that_cannot_be_loaded_is_said_with_the_remedy() -> None:
    script = (
        "import ctypes.util; ctypes.util.find_library = lambda name: '/no/such/libopus.so'\n"
        "from ptthandset.audio.opus_packet import CodecError\n"
        "try:\n    from ptthandset.audio import codec\n"
        "except CodecError as error:\n    assert 'install libopus0' in str(error)\n"
        "else:\n    raise SystemExit('no error')\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


def test_loading_leaves_the_finder_of_libraries_alone() -> None:
    before = ctypes.util.find_library
    libopus.load()
    assert ctypes.util.find_library is before

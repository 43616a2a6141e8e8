import random
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ptthandset.audio.opus_packet import is_silence
from ptthandset.audio.playout import PlayoutStream
from ptthandset.audio.similarity import similarity
from ptthandset.speech import SENTENCES, sentence_pcm
from pttserver.wire.rtp import RtpPacket

RATE_HZ = 16_000
SPEECH = sentence_pcm(0, RATE_HZ)


@pytest.mark.parametrize("tick_ms", [10, 20, 60])
@pytest.mark.parametrize("frame_ms", [10, 20, 40, 60])
def test_packets_of_any_length_fill_ticks_of_any_length(speak, listen, frame_ms, tick_ms) -> None:
    packets = speak(SPEECH, frame_ms)
    heard = listen([(packet.timestamp / 48_000, packet) for packet in packets], 4.5, tick_ms)
    assert len(heard.pcm) % (tick_ms * 32) == 0
    assert similarity(SPEECH, heard.pcm, RATE_HZ) > 0.9
    assert [sequence for _, sequence, _, _ in heard.played] == list(range(len(packets)))
    assert heard.stream.finished


@pytest.mark.parametrize("index", range(len(SENTENCES)))
@pytest.mark.parametrize(("loss", "least"), [(0, 0.95), (0.05, 0.93), (0.2, 0.85)])
def test_speech_stays_intelligible(converse, index, loss, least) -> None:
    pcm = sentence_pcm(index, RATE_HZ)
    heard = converse(pcm, loss=loss, jitter_s=0.05, seed=index)
    assert similarity(pcm, heard.pcm, RATE_HZ) > least
    statistics = heard.stream.statistics
    assert statistics.received == statistics.played + statistics.late


def test_fec_is_worth_its_bits_over_a_link_that_loses_a_fifth(converse) -> None:
    likeness = {
        fec: sum(similarity(SPEECH, converse(SPEECH, loss=0.2, seed=seed, fec=fec).pcm, RATE_HZ) for seed in range(6))
        for fec in (True, False)
    }
    assert likeness[True] > likeness[False] + 0.06


@pytest.mark.parametrize(("frame_ms", "tick_ms"), [(60, 20), (20, 60)])
def test_each_packet_is_reported_when_its_first_sample_is_heard(speak, listen, frame_ms, tick_ms) -> None:
    packets = speak(SPEECH, frame_ms)
    arrivals = [(packet.timestamp / 48_000, packet) for packet in packets]
    heard = listen(arrivals, 4.5, tick_ms)
    assert {ssrc for ssrc, _, _, _ in heard.played} == {7}
    assert [timestamp for _, _, timestamp, _ in heard.played] == [packet.timestamp for packet in packets]
    gaps = [after[3] - before[3] for before, after in pairwise(heard.played)]
    assert gaps == pytest.approx([frame_ms / 1000] * len(gaps))


def test_preroll_is_heard_whole(speak, listen) -> None:
    packets = speak(SPEECH)
    heard = listen([(max(1.5, packet.timestamp / 48_000), packet) for packet in packets], 5.5)
    assert similarity(SPEECH, heard.pcm, RATE_HZ) > 0.95
    assert heard.stream.statistics.played == len(packets)


def test_with_dtx_the_pauses_between_words_keep_their_length(speak, listen) -> None:
    said = SPEECH + bytes(32_000) + SPEECH
    arrivals = [(p.timestamp / 48_000, p) for p in speak(said, dtx=True) if not is_silence(p.payload)]
    sent = [RtpPacket(n, p.timestamp, 7, p.payload) for n, (_, p) in enumerate(arrivals)]
    assert len(sent) < len(said) / 640 - 30
    for waited_s in (0, 1.5):  # live, and as pre-roll
        heard = listen([(max(waited_s, p.timestamp / 48_000), p) for p in sent], len(said) / 32_000 + 2.5)
        assert similarity(said, heard.pcm, RATE_HZ) > 0.93
        assert heard.stream.statistics.lost == 0


def test_before_and_after_the_burst_there_is_silence() -> None:
    stream = PlayoutStream(RATE_HZ)
    assert stream.pull(0.0, 20) == bytes(640)
    stream.end()
    assert stream.finished
    assert stream.pull(0.02, 60) == bytes(1920)


def test_a_packet_that_libopus_refuses_is_concealed_and_counted() -> None:
    stream = PlayoutStream(RATE_HZ, initial_delay_s=0.02)
    bad = bytes([9 << 3 | 2, 255])  # two frames, the first longer than the packet
    stream.push(0.0, RtpPacket(0, 0, 7, bad))
    assert len(stream.pull(0.1, 40)) == 1280
    assert stream.undecodable == 1


@settings(max_examples=60, deadline=None)
@given(st.lists(st.binary(min_size=1, max_size=40), max_size=30), st.integers(0, 2**32))
def test_any_payloads_give_whole_frames(payloads, seed) -> None:
    link, stream, now = random.Random(seed), PlayoutStream(RATE_HZ), 0.0
    for n, payload in enumerate(payloads):
        if link.random() < 0.8:
            stream.push(now, RtpPacket(n, n * 960, 7, payload))
        assert len(stream.pull(now, 20)) == 640
        now += 0.02
    statistics = stream.statistics
    assert statistics.received >= statistics.played + statistics.malformed + statistics.late


def test_the_delay_that_was_learnt_is_offered_to_the_next_burst(converse) -> None:
    heard = converse(sentence_pcm(1, RATE_HZ), jitter_s=0.15)
    assert 0.1 < heard.stream.target_delay_s < 0.16

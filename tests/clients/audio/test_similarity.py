import numpy as np
import pytest

from ptthandset.audio.pcm import samples
from ptthandset.audio.similarity import similarity
from ptthandset.speech import SENTENCES, sentence_pcm

RATE_HZ = 16_000
ALL = range(len(SENTENCES))
SPOKEN = [sentence_pcm(index, RATE_HZ) for index in ALL]


def noise(seconds: float, amplitude: float = 3000) -> bytes:
    return (np.random.default_rng(1).normal(size=int(RATE_HZ * seconds)) * amplitude).astype("<i2").tobytes()


@pytest.fixture(scope="module", params=[0, 0.05, 0.2])
def matrix(request, converse):
    heard = [converse(pcm, loss=request.param, seed=index).pcm for index, pcm in enumerate(SPOKEN)]
    return np.array([[similarity(said, what, RATE_HZ) for what in heard] for said in SPOKEN])


def test_each_sentence_is_known_from_all_others(matrix) -> None:
    same, other = matrix.diagonal(), matrix[~np.eye(len(SENTENCES), dtype=bool)]
    assert same.min() > 0.85
    assert other.max() < 0.5


@pytest.mark.parametrize("index", ALL)
def test_noise_and_silence_are_nothing_that_was_said(index) -> None:
    for nothing in (b"", bytes(64_000), noise(4), noise(4, amplitude=1)):
        assert similarity(SPOKEN[index], nothing, RATE_HZ) < 0.3
    assert similarity(bytes(64_000), SPOKEN[index], RATE_HZ) == 0


def test_delay_and_level_do_not_count() -> None:
    later = noise(0.3, amplitude=2) + bytes(33_333 * 2) + SPOKEN[2] + bytes(20_000)
    quieter = (samples(SPOKEN[2]) * 1000).astype("<i2").tobytes()
    assert similarity(SPOKEN[2], SPOKEN[2], RATE_HZ) == pytest.approx(1)
    assert similarity(SPOKEN[2], later, RATE_HZ) > 0.97
    assert similarity(SPOKEN[2], quieter, RATE_HZ) > 0.95


def test_a_sentence_is_found_among_others() -> None:
    assert similarity(SPOKEN[0], SPOKEN[1] + SPOKEN[0] + SPOKEN[2], RATE_HZ) > 0.95
    assert similarity(SPOKEN[3], SPOKEN[1] + SPOKEN[0] + SPOKEN[2], RATE_HZ) < 0.5


def test_a_stretched_pause_costs_little_and_a_missing_half_much() -> None:
    middle = len(SPOKEN[0]) // 4 * 2
    stretched = SPOKEN[0][:middle] + bytes(4_800) + SPOKEN[0][middle:]  # 150 ms
    assert similarity(SPOKEN[0], stretched, RATE_HZ) > 0.85
    assert similarity(SPOKEN[0], SPOKEN[0][:middle], RATE_HZ) < 0.7


def test_noise_behind_speech_leaves_it_known() -> None:
    noisy = samples(SPOKEN[0]) + samples(noise(len(SPOKEN[0]) / 2 / RATE_HZ, amplitude=300))
    assert similarity(SPOKEN[0], (noisy * 30_000).astype("<i2").tobytes(), RATE_HZ) > 0.6


@pytest.mark.parametrize("rate_hz", [8_000, 48_000])
def test_other_sample_rates_work(rate_hz) -> None:
    said, other = sentence_pcm(0, rate_hz), sentence_pcm(1, rate_hz)
    assert similarity(said, bytes(rate_hz) + said, rate_hz) > 0.97
    assert similarity(said, other, rate_hz) < 0.5


def test_clips_shorter_than_a_window_are_nothing() -> None:
    assert similarity(SPOKEN[0], SPOKEN[0][:100], RATE_HZ) == 0

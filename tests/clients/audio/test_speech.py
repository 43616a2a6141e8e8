from pathlib import Path

import numpy as np
import pytest

from ptthandset import speech
from ptthandset.audio.pcm import rms_dbfs, samples
from ptthandset.speech import SENTENCES, sentence_pcm

FOLDER = Path(speech.__file__).parent


@pytest.mark.parametrize("index", range(len(SENTENCES)))
def test_each_sentence_is_short_and_equally_loud(index) -> None:
    pcm = sentence_pcm(index, 16_000)
    assert 2.5 <= len(pcm) / 32_000 <= 4.5
    assert rms_dbfs(pcm) == pytest.approx(-20, abs=1)
    assert np.mean(np.abs(samples(pcm)) > 0.95) < 0.001
    assert len(sentence_pcm(index, 48_000)) == pytest.approx(3 * len(pcm), abs=200)


def test_the_files_are_those_of_the_sentences_and_small() -> None:
    files = sorted(FOLDER.glob("*.ogg"))
    assert [file.stem for file in files] == sorted(sentence.name for sentence in SENTENCES)
    assert sum(file.stat().st_size for file in files) < 150_000


def test_voices_and_texts_differ() -> None:
    assert len(SENTENCES) == len({sentence.text for sentence in SENTENCES}) == 8
    assert len({sentence.voice for sentence in SENTENCES}) == 8


def test_there_is_no_ninth_sentence() -> None:
    with pytest.raises(IndexError):
        sentence_pcm(8, 16_000)

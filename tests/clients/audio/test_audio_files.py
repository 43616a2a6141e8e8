import wave
from pathlib import Path

import numpy as np
import pytest

from ptthandset.audio.files import AudioFileError, WavWriter, frames, read_audio
from ptthandset.audio.pcm import rms_dbfs, samples

SPEECH_FILE = Path(__file__).parents[3] / "clients/handset/ptthandset/speech/backup.ogg"


def tone(rate_hz: int, seconds: float = 1.0, channels: int = 1) -> bytes:
    wave_form = np.sin(2 * np.pi * 440 * np.arange(int(rate_hz * seconds)) / rate_hz) * 10_000
    return np.repeat(wave_form.astype("<i2"), channels).tobytes()


def write_wav(path: Path, pcm: bytes, rate_hz: int, channels: int = 1) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setparams((channels, 2, rate_hz, 0, "NONE", ""))
        file.writeframes(pcm)
    return path


def test_what_is_written_is_read_back(tmp_path) -> None:
    pcm = tone(16_000)
    with WavWriter(tmp_path / "heard.wav", 16_000) as writer:
        for frame in frames(pcm, 640):
            writer.write(frame)
    assert read_audio(tmp_path / "heard.wav", 16_000) == pcm


def test_a_listener_that_is_killed_leaves_a_whole_file(tmp_path) -> None:
    path = tmp_path / "heard.wav"
    writer = WavWriter(path, 16_000)
    for frame in frames(tone(16_000), 640):
        writer.write(frame)
        with wave.open(str(path), "rb") as on_disk:
            assert on_disk.readframes(on_disk.getnframes()).endswith(frame)
    writer.close()


@pytest.mark.parametrize(("rate_hz", "channels"), [(8_000, 1), (44_100, 2), (48_000, 1)])
def test_any_rate_and_channels_become_mono_at_the_rate_asked_for(tmp_path, rate_hz, channels) -> None:
    path = write_wav(tmp_path / "tone.wav", tone(rate_hz, channels=channels), rate_hz, channels)
    pcm = read_audio(path, 16_000)
    assert len(pcm) == pytest.approx(32_000, rel=0.01)
    spectrum = np.abs(np.fft.rfft(samples(pcm)))
    assert np.argmax(spectrum) * 16_000 / (len(pcm) // 2) == pytest.approx(440, abs=2)
    assert rms_dbfs(pcm) == pytest.approx(-13.3, abs=0.5)


def test_compressed_files_are_read_too() -> None:
    assert 2.5 < len(read_audio(SPEECH_FILE, 16_000)) / 32_000 < 4.5


def test_what_cannot_be_read_says_what_to_do(tmp_path) -> None:
    with pytest.raises(AudioFileError, match="There is no file"):
        read_audio(tmp_path / "missing.wav", 16_000)
    (tmp_path / "notes.txt").write_text("not sound at all")
    with pytest.raises(AudioFileError, match="convert it to WAV"):
        read_audio(tmp_path / "notes.txt", 16_000)
    (tmp_path / "empty").touch()
    with pytest.raises(AudioFileError):
        read_audio(tmp_path / "empty", 16_000)
    with pytest.raises(AudioFileError, match="holds no sound"):
        read_audio(write_wav(tmp_path / "silent.wav", b"", 16_000), 16_000)


def test_a_file_that_cannot_be_made_says_so(tmp_path) -> None:
    with pytest.raises(AudioFileError, match="choose another file"):
        WavWriter(tmp_path / "no" / "such" / "folder.wav", 16_000)


def test_the_last_frame_is_filled_up_with_silence() -> None:
    assert list(frames(b"abcdef", 4)) == [b"abcd", b"ef\0\0"]
    assert list(frames(b"", 4)) == []


def test_levels_are_decibels_below_full_scale() -> None:
    square = np.tile(np.array([-32768, 32767], dtype="<i2"), 100).tobytes()
    assert rms_dbfs(square) == pytest.approx(0, abs=0.01)
    assert rms_dbfs(tone(16_000)) == pytest.approx(20 * np.log10(10_000 / 32768 / np.sqrt(2)), abs=0.01)
    assert rms_dbfs(bytes(640)) == rms_dbfs(b"") == -120

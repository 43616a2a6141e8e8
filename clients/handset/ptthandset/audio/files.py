"""Reads speech from any audio file, and writes what was heard to a WAV file."""

import wave
from pathlib import Path
from types import TracebackType
from typing import Self

import av
from av.error import FFmpegError

from ptthandset.audio.pcm import BYTES_PER_SAMPLE, frames
from ptthandset.errors import HandsetError

__all__ = ["AudioFileError", "WavWriter", "frames", "read_audio"]


class AudioFileError(HandsetError):
    """The audio file cannot be used."""


def read_audio(path: Path | str, sample_rate_hz: int) -> bytes:
    """The first audio track of a file (WAV, Ogg, MP3, FLAC, ...) as s16le mono. Raises AudioFileError."""
    path = Path(path)
    if not path.is_file():
        raise AudioFileError(f"There is no file {path}: check the name, or record one.")
    try:
        pcm = _decode(path, sample_rate_hz)
    except (FFmpegError, OSError) as error:
        raise AudioFileError(f"{path} cannot be read as sound ({error}): convert it to WAV.") from error
    if not pcm:
        raise AudioFileError(f"{path} holds no sound: record it again.")
    return pcm


def _decode(path: Path, sample_rate_hz: int) -> bytes:
    resampler = av.AudioResampler(format="s16", layout="mono", rate=sample_rate_hz)
    with av.open(str(path)) as container:
        if not container.streams.audio:
            return b""
        sound = [piece for frame in container.decode(audio=0) for piece in resampler.resample(frame)]
    sound += resampler.resample(None) if sound else []
    return b"".join(bytes(piece.planes[0])[: piece.samples * BYTES_PER_SAMPLE] for piece in sound)


class WavWriter:
    """Writes s16le mono to a WAV file; use as a context manager.

    After every `write` the file on disk is whole, header included: a listener that is killed leaves a
    playable file. Raises AudioFileError when the file cannot be made.
    """

    def __init__(self, path: Path | str, sample_rate_hz: int) -> None:
        try:
            self._file = Path(path).open("wb")  # noqa: SIM115 - __exit__ closes it
        except OSError as error:
            reason = error.strerror
            raise AudioFileError(f"{path} cannot be written ({reason}): choose another file.") from error
        self._wave = wave.open(self._file, "wb")  # noqa: SIM115
        self._wave.setparams((1, BYTES_PER_SAMPLE, sample_rate_hz, 0, "NONE", "not compressed"))

    def write(self, pcm: bytes) -> None:
        """Appends whole samples."""
        self._wave.writeframes(pcm)  # unlike writeframesraw, corrects the header every time
        self._file.flush()

    def close(self) -> None:
        self._wave.close()
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

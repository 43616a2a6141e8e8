"""Makes the sentences of `ptthandset.speech` with espeak-ng, whenever their texts change.

A tool for contributors: `python bench/make_speech.py` needs espeak-ng and rewrites `ptthandset/speech/*.ogg`.
"""

import io
import subprocess
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from ptthandset import speech
from ptthandset.audio.pcm import samples

SAMPLE_RATE_HZ = 48_000
BITRATE_BPS = 24_000
LEVEL_DBFS = -20.0
PEAK = 0.9
SILENT = 0.003

# espeak-ng voice, pitch (0-99), words per minute
VOICES = {
    "north_gate": ("en-us+m3", 40, 160),
    "backup": ("en-gb+f2", 55, 165),
    "radio_check": ("en-gb-scotland+m1", 35, 155),
    "ambulance": ("en-us+f4", 60, 170),
    "stairs": ("en-gb-x-rp+m5", 30, 160),
    "vehicle": ("en-029+m7", 45, 150),
    "child_found": ("en-gb+f5", 70, 165),
    "stand_down": ("en-us+m8", 25, 170),
}


def main() -> None:
    folder = Path(speech.__file__).parent
    total = 0
    for sentence in speech.SENTENCES:
        sound = level(trim(synthesise(sentence)))
        path = folder / f"{sentence.name}.ogg"
        write_opus(path, sound)
        total += path.stat().st_size
        print(f"{path.name:20} {len(sound) / SAMPLE_RATE_HZ:4.1f} s {path.stat().st_size:6} octets")
    print(f"{total} octets in all")


def synthesise(sentence: speech.Sentence) -> NDArray[np.float32]:
    voice, pitch, speed = VOICES[sentence.name]
    command = ["espeak-ng", "-v", voice, "-p", str(pitch), "-s", str(speed), "--stdout", sentence.text]
    wav = subprocess.run(command, check=True, capture_output=True).stdout
    resampler = av.AudioResampler("s16", "mono", SAMPLE_RATE_HZ)
    with av.open(io.BytesIO(wav), "r") as container:
        decoded = [piece for frame in container.decode(audio=0) for piece in resampler.resample(frame)]
    return samples(b"".join(piece.to_ndarray().tobytes() for piece in decoded))


def trim(sound: NDArray[np.float32]) -> NDArray[np.float32]:
    """Leaves 100 ms of what is silent at both ends, as after a key press."""
    loud = np.flatnonzero(np.abs(sound) > SILENT)
    margin = SAMPLE_RATE_HZ // 10
    return sound[max(0, int(loud[0]) - margin) : int(loud[-1]) + margin]


def level(sound: NDArray[np.float32]) -> NDArray[np.float32]:
    """The same loudness for every voice; the rare peak above PEAK is clipped, unheard."""
    rms = float(np.sqrt(np.mean(np.square(sound))))
    return np.asarray(np.clip(sound * (10 ** (LEVEL_DBFS / 20) / rms), -PEAK, PEAK), dtype=np.float32)


def write_opus(path: Path, sound: NDArray[np.float32]) -> None:
    pcm = (sound * 32767).astype("<i2").reshape(1, -1)
    with av.open(str(path), "w", format="ogg", container_options={"fflags": "+bitexact"}) as container:
        stream = container.add_stream("libopus", rate=SAMPLE_RATE_HZ, layout="mono", options={"application": "voip"})
        stream.bit_rate = BITRATE_BPS
        frame = av.AudioFrame.from_ndarray(pcm, format="s16", layout="mono")
        frame.sample_rate = SAMPLE_RATE_HZ
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


if __name__ == "__main__":
    main()

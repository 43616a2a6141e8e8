"""Eight short radio sentences, spoken by espeak-ng, for demonstrations, tests and load without a microphone.

`bench/make_speech.py` made the files beside this one (Ogg/Opus, 24 kbit/s).
"""

from dataclasses import dataclass
from functools import cache
from importlib import resources

from ptthandset.audio.files import read_audio


@dataclass(frozen=True, slots=True)
class Sentence:
    """A recording: `name` is its file, `text` what is said, `voice` who says it."""

    name: str
    text: str
    voice: str


SENTENCES: tuple[Sentence, ...] = (
    Sentence("north_gate", "Patrol two to control, the north gate is closed.", "man, American"),
    Sentence("backup", "Control, this is unit seven, we need backup at the main entrance.", "woman, British"),
    Sentence("radio_check", "All stations, radio check. How do you read me? Over.", "man, Scottish"),
    Sentence("ambulance", "The ambulance is four minutes away, keep the road clear.", "woman, American"),
    Sentence("stairs", "Smoke on the third floor, crew one is taking the west stairs.", "man, British"),
    Sentence("vehicle", "A white van with no plates is leaving through car park B.", "man, Caribbean"),
    Sentence("child_found", "Good news, the missing child was found safe near the fountain.", "child, British"),
    Sentence("stand_down", "Exercise complete. All teams stand down and return to base.", "man, deep voice"),
)


@cache
def sentence_pcm(index: int, sample_rate_hz: int) -> bytes:
    """The sentence `SENTENCES[index]` as s16le mono, 2.5 to 4.5 s long. Raises IndexError."""
    name = f"{SENTENCES[index].name}.ogg"
    with resources.as_file(resources.files(__name__) / name) as path:
        return read_audio(path, sample_rate_hz)

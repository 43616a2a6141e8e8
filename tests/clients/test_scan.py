"""Scanning: which of several groups the loudspeaker gives, in simulated time."""

from typing import cast

import pytest

from ptthandset.scan import HANG_TIME_S, Scan
from ptthandset.talkgroup import Talkgroup

FRAME_S = 0.02


class Group:
    """A group that has voice while its name is among the `talking`."""

    def __init__(self, name: str, talking: set[str]) -> None:
        self.name = name
        self.pulled = 0
        self._talking = talking

    @property
    def has_voice(self) -> bool:
        return self.name in self._talking

    def pull(self, now: float, frame_ms: float = 20) -> bytes:
        self.pulled += 1
        return self.name.encode() if self.has_voice else b"-"


class Listener:
    """Alarm has the highest priority, then Patrol, then Chat."""

    def __init__(self) -> None:
        self.now = 100.0
        self.talking: set[str] = set()
        self.groups = [Group(name, self.talking) for name in ("Alarm", "Patrol", "Chat")]
        self.scan = Scan(cast(list[Talkgroup], self.groups))

    def hears(self, *talking: str, seconds: float = FRAME_S) -> str:
        """What the loudspeaker gives at the end of the time in which these groups have voice."""
        self.talking.clear()
        self.talking.update(talking)
        frame = b""
        for _ in range(round(seconds / FRAME_S)):
            self.now += FRAME_S
            frame = self.scan.pull(self.now)
        return frame.decode()


@pytest.fixture
def ears() -> Listener:
    return Listener()


def test_silence_has_the_length_of_a_frame(ears: Listener) -> None:
    assert ears.scan.pull(0.0) == b"\0"


def test_the_group_that_has_voice_is_heard(ears: Listener) -> None:
    assert ears.hears("Chat") == "Chat"


def test_of_two_that_begin_together_the_higher_priority_is_heard(ears: Listener) -> None:
    assert ears.hears("Chat", "Patrol") == "Patrol"


def test_a_higher_priority_cuts_in_and_a_lower_one_waits(ears: Listener) -> None:
    assert ears.hears("Patrol") == "Patrol"
    assert ears.hears("Patrol", "Chat", seconds=10) == "Patrol"
    assert ears.hears("Patrol", "Chat", "Alarm") == "Alarm"


def test_after_a_burst_its_group_keeps_the_loudspeaker_for_the_hang_time(ears: Listener) -> None:
    ears.hears("Patrol")
    assert ears.hears("Chat", seconds=HANG_TIME_S - 2 * FRAME_S) == "-"
    assert ears.hears("Patrol", "Chat") == "Patrol", "the answer is not cut off"
    assert ears.hears("Chat", seconds=HANG_TIME_S + 2 * FRAME_S) == "Chat"


def test_the_hang_time_does_not_hold_up_a_higher_priority(ears: Listener) -> None:
    ears.hears("Patrol")
    assert ears.hears("Alarm") == "Alarm"


def test_no_group_falls_behind(ears: Listener) -> None:
    ears.hears("Patrol", "Chat", seconds=1)
    assert {group.pulled for group in ears.groups} == {50}

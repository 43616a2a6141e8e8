"""Scanning: several groups, one loudspeaker; the group of the highest priority that has voice is heard.

The groups are given in the order of their priority. A talk burst is heard to its end, unless a group of higher priority
starts; after it, its group keeps the loudspeaker for the hang time, so that an answer is not cut off by another group.
"""

from collections.abc import Sequence

from ptthandset.talkgroup import Talkgroup

HANG_TIME_S = 1.5


class Scan:
    """Pulls all groups, so that none falls behind, and gives the frame of the one that is heard."""

    def __init__(self, groups: Sequence[Talkgroup], hang_time_s: float = HANG_TIME_S) -> None:
        self.groups = list(groups)
        self.heard: Talkgroup | None = None
        self._hang_time_s = hang_time_s
        self._until = 0.0

    def pull(self, now: float, frame_ms: float = 20) -> bytes:
        """The next frame for the loudspeaker; silence if no group has voice."""
        self._choose(now)
        frames = [(group, group.pull(now, frame_ms)) for group in self.groups]
        return next((frame for group, frame in frames if group is self.heard), None) or bytes(len(frames[0][1]))

    def _choose(self, now: float) -> None:
        speaking = next((group for group in self.groups if group.has_voice), None)
        if self.heard is not None and self.heard.has_voice:
            self._until = now + self._hang_time_s
        if speaking is None:
            return
        outranks = self.heard is None or self.groups.index(speaking) <= self.groups.index(self.heard)
        if outranks or now >= self._until:
            self.heard = speaking
            self._until = now + self._hang_time_s

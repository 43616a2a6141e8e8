"""Who talks, as far as a participant was told: Floor Taken, Floor Idle, and T103 if neither comes."""

import math

from ptthandset.floor_effects import FloorEffect, FloorIdle, FloorTaken
from pttserver.wire.floor_control import FloorMessage

_NUMBERS = 1 << 16


def is_older(number: int, newest: int) -> bool:
    """Serial number arithmetic (RFC 1982 §3.2) of 16-bit Message Sequence-Numbers."""
    return 0 < (newest - number) % _NUMBERS < _NUMBERS // 2


class Hearing:
    """The present talker, told to the user once and not at every repetition. Times are monotonic seconds."""

    def __init__(self, t103_end_of_rtp_s: float) -> None:
        self.talker_ssrc: int | None = None
        self.deadline = math.inf
        self._t103_s = t103_end_of_rtp_s
        self._idle_told = False
        self._media_at = -math.inf
        self._server_ssrc: int | None = None
        self._newest: int | None = None

    def is_late(self, message: FloorMessage) -> bool:
        """True for a message that a newer one has overtaken (TS 24.380 §8.2.3.10); else notes its number."""
        if message.ssrc != self._server_ssrc:  # another server counts anew
            self._server_ssrc, self._newest = message.ssrc, None
        number = message.sequence_number
        if number is None:
            return False
        if self._newest is not None and is_older(number, self._newest):
            return True
        self._newest = number
        return False

    def taken(self, now: float, taken: FloorMessage) -> list[FloorEffect]:
        self.deadline = now + self._t103_s
        self._idle_told = False
        if self.talker_ssrc is not None and self.talker_ssrc == taken.granted_ssrc:
            return []
        self.talker_ssrc = taken.granted_ssrc
        may_request = taken.permission_to_request is not False
        name, user_id = taken.functional_alias, taken.granted_party
        return [FloorTaken(taken.granted_ssrc, user_id, name, taken.indicator, may_request)]

    def idle(self) -> list[FloorEffect]:
        """Nobody talks: Floor Idle came, or nothing did for T103."""
        told = self._idle_told
        self.pause()
        self._idle_told = True
        return [] if told else [FloorIdle()]

    def pause(self) -> None:
        """We talk ourselves."""
        self.talker_ssrc = None
        self.deadline = math.inf
        self._idle_told = False

    def media_received(self, now: float) -> None:
        self._media_at = now

    def next_deadline(self) -> float:
        """T103; infinite if nobody is known to talk."""
        if self.talker_ssrc is not None:
            self.deadline = max(self.deadline, self._media_at + self._t103_s)
        return self.deadline

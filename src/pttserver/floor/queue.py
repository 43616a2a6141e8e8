"""The queue of a group: requests that wait, the most urgent first, equals in order of arrival."""

from bisect import insort
from typing import NamedTuple

from pttserver.floor.priority import EffectivePriority, Kind


class Request(NamedTuple):
    """A wish to talk: the participant's SSRC and the effective priority of what it sent."""

    ssrc: int
    priority: EffectivePriority


NOBODY = Request(0, EffectivePriority(Kind.ORDINARY, 0))
"""Stands for the sender of an event that is not a message; SSRC 0 is never drawn."""


class FloorQueue:
    """Waiting requests, at most one of a participant and `limit` in all; 0 turns queueing off."""

    __slots__ = ("_waiting", "limit")

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._waiting: list[Request] = []

    def __len__(self) -> int:
        return len(self._waiting)

    def join(self, request: Request, *, overriding: bool = False) -> Request | None:
        """Places the request; returns the one that found no room: this one, or one that yields; else None.

        A repeated request keeps its place, a more urgent one of the same participant is placed anew. Who
        overrides the talker waits for the grace (T3) only, so there is always room for it.
        """
        known = self.find(request.ssrc)
        if known is not None and known.priority >= request.priority:
            return None
        self.leave(request.ssrc)
        insort(self._waiting, request, key=_rank)
        if known is not None or overriding or len(self._waiting) <= self.limit:
            return None
        return self._yield_room(request)

    def _yield_room(self, newcomer: Request) -> Request:
        """First come, first served; but ordinary requests that fill the queue keep no emergency out."""
        last = self._waiting[-1]
        yields = newcomer.priority.pre_emptive and last.priority.kind < newcomer.priority.kind
        turned_away = last if yields else newcomer
        self._waiting.remove(turned_away)
        return turned_away

    def leave(self, ssrc: int) -> None:
        """Takes the participant's request away, if it has one."""
        self._waiting = [request for request in self._waiting if request.ssrc != ssrc]

    def pop(self) -> Request | None:
        """Takes the next one to talk."""
        return self._waiting.pop(0) if self._waiting else None

    def find(self, ssrc: int) -> Request | None:
        return next((request for request in self._waiting if request.ssrc == ssrc), None)

    def position(self, ssrc: int) -> int | None:
        """1 is next; None: does not wait."""
        found = (place for place, request in enumerate(self._waiting, start=1) if request.ssrc == ssrc)
        return next(found, None)


def _rank(request: Request) -> tuple[int, int]:
    return -request.priority.kind, -request.priority.number

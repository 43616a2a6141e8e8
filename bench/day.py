"""The plan of a fleet's day, compressed: who comes on duty when, who talks to whom, who roams, what goes wrong.

Pure: the same keys and seed give the same day. Hours are of the day that is played, seconds are of the run.
"""

import random
from bisect import insort
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from bench.groups import Formation

HOURS = 24
SETTLED_S = 1.0  # after an arrival and before a departure nobody is counted on
QUEUED_S = 3.0  # that a press may wait for the floor
EMERGENCY_AFTER_S = 1.0

Kind = Literal["arrive", "leave", "talk", "roam", "look", "herd", "emergency"]


@dataclass(frozen=True, slots=True, order=True)
class Action:
    """What happens at a second of the run. `group` is size and number; `handsets` are who it is about."""

    at_s: float
    kind: Kind
    handsets: tuple[int, ...]
    group: tuple[int, int] = (0, 0)
    talk_s: float = 0.0


@dataclass(slots=True)
class Day:
    """`keys` are the scenario's; `formations` say who is a member of which groups."""

    keys: dict[str, Any]
    formations: list[Formation]
    duty: dict[int, list[tuple[float, float]]] = field(default_factory=dict)
    """Handset -> from when to when it is on duty, in seconds of the run."""

    @property
    def hour_s(self) -> float:
        return float(self.keys["seconds"]) / HOURS

    def on_duty(self, handset: int, from_s: float, to_s: float) -> bool:
        """The whole time, with room on both sides."""
        spans = self.duty.get(handset, [])
        return any(begin + SETTLED_S <= from_s and to_s <= end - SETTLED_S for begin, end in spans)

    def plan(self) -> list[Action]:
        """All actions in order of time."""
        chance = random.Random(self.keys["seed"])
        found = list(self._shifts(chance))
        for actions in (self._talks(chance), self._moves(chance), self._looks(chance), self._herd(chance)):
            found += actions
        return sorted([*found, *self._emergency(chance)])

    def _shifts(self, chance: random.Random) -> Iterator[Action]:
        """A crew has one shift; its members come and go within `spread_h` of its begin and end."""
        shifts = self.keys["shifts"]
        crews = self.formations[0].groups
        shares = [shift["share"] for shift in shifts]
        for crew in crews:
            shift = chance.choices(shifts, shares)[0]
            for handset in crew:
                for begin_h, end_h in _spans(shift["from_h"], shift["to_h"]):
                    begin, end = (self._near(chance, hour) for hour in (begin_h, end_h))
                    insort(self.duty.setdefault(handset, []), (begin, end))
                    yield Action(begin, "arrive", (handset,))
                    if end < self.keys["seconds"]:
                        yield Action(end, "leave", (handset,))

    def _near(self, chance: random.Random, hour: float) -> float:
        if hour >= HOURS:
            return float(self.keys["seconds"]) + 60
        spread_h = self.keys["spread_h"]
        return max(0.0, (hour + (chance.random() if not hour else chance.uniform(-1, 1)) * spread_h) * self.hour_s)

    def _talks(self, chance: random.Random) -> Iterator[Action]:
        """Keys are pressed at exponentially distributed moments, as often as the hour's load says."""
        busy: dict[int, float] = {}
        for at_s in self._moments(chance, self.keys["peak_presses_per_s"], self.keys["load"]):
            talk_s = chance.uniform(*self.keys["talk_s"])
            done_s = at_s + talk_s + QUEUED_S
            one = chance.choices(self.formations, self.keys["weights"])[0]
            number = chance.randrange(len(one.groups))
            ready = [n for n in one.groups[number] if self.on_duty(n, at_s, done_s)]
            ready = [n for n in ready if busy.get(n, 0) <= at_s]
            if len(ready) >= 2:
                talker = chance.choice(ready)
                busy[talker] = done_s
                yield Action(at_s, "talk", (talker,), (one.size, number), round(talk_s, 2))

    def _moves(self, chance: random.Random) -> Iterator[Action]:
        for at_s in self._moments(chance, self.keys["roams_per_s"], self.keys["load"]):
            yield from self._by_one_on_duty(chance, at_s, "roam")

    def _looks(self, chance: random.Random) -> Iterator[Action]:
        for at_s in self._moments(chance, self.keys["looks_per_s"], self.keys["load"]):
            yield from self._by_one_on_duty(chance, at_s, "look")

    def _by_one_on_duty(self, chance: random.Random, at_s: float, kind: Kind) -> Iterator[Action]:
        ready = [handset for handset in self.duty if self.on_duty(handset, at_s, at_s)]
        if ready:
            yield Action(at_s, kind, (chance.choice(ready),))

    def _herd(self, chance: random.Random) -> Iterator[Action]:
        """A cell fails: a share of those on duty lose their connections at once."""
        at_s = self.keys["herd_at_h"] * self.hour_s
        ready = [handset for handset in self.duty if self.on_duty(handset, at_s, at_s)]
        yield Action(at_s, "herd", tuple(chance.sample(ready, round(len(ready) * self.keys["herd_share"]))))

    def _emergency(self, chance: random.Random) -> Iterator[Action]:
        """Somebody talks in a large group; another needs the floor now."""
        at_s = self.keys["emergency_at_h"] * self.hour_s
        one = self.formations[-2]
        talk_s = EMERGENCY_AFTER_S + self.keys["talk_s"][1]
        group = [n for n in one.groups[0] if self.on_duty(n, at_s, at_s + talk_s + QUEUED_S)]
        if len(group) >= 3:
            talker, caller = chance.sample(group, 2)
            yield Action(at_s, "talk", (talker,), (one.size, 0), talk_s)
            yield Action(at_s + EMERGENCY_AFTER_S, "emergency", (caller,), (one.size, 0), talk_s / 2)

    def _moments(self, chance: random.Random, peak_per_s: float, load: list[float]) -> Iterator[float]:
        """Of a Poisson process whose rate follows the load by the hour (thinning)."""
        at_s = 0.0
        while peak_per_s and (at_s := at_s + chance.expovariate(peak_per_s)) < self.keys["seconds"]:
            if chance.random() < load[int(at_s / self.hour_s) % HOURS]:
                yield round(at_s, 3)


def _spans(from_h: float, to_h: float) -> list[tuple[float, float]]:
    """A shift over midnight is on duty at both ends of the day."""
    return [(from_h, to_h)] if from_h < to_h else [(0, to_h), (from_h, HOURS)]


def formations_of(handsets: int, sizes: list[int]) -> list[Formation]:
    """Groups of each size over the same handsets: crews within districts within regions."""
    return [Formation(size, [list(range(n, n + size)) for n in range(0, handsets - size + 1, size)]) for size in sizes]

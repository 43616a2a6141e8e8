"""How handsets are put into groups of one size, and who talks in each."""

from dataclasses import dataclass

import numpy as np

from bench.crowd import Seat
from bench.tally import Stream


@dataclass(slots=True)
class Formation:
    """`groups[g]` are handset numbers; the first of each talks."""

    size: int
    groups: list[list[int]]

    @property
    def talkers(self) -> list[int]:
        return [group[0] for group in self.groups]

    @property
    def members(self) -> dict[int, int]:
        """Handset -> group."""
        return {handset: number for number, group in enumerate(self.groups) for handset in group}

    def stream(self, handsets: int) -> Stream:
        group_of = np.full(handsets, -1, np.int32)
        for handset, group in self.members.items():
            group_of[handset] = group
        return Stream(group_of, np.array(self.talkers, np.int32))

    def seats(self, group_ids: list[str]) -> list[Seat]:
        return [Seat(row, talker, group_ids[row]) for row, talker in enumerate(self.talkers)]


def formation(size: int, delivered_per_s: float, packets_per_s: float) -> Formation:
    """As many groups of the size as deliver that much; at least one."""
    count = max(1, round(delivered_per_s / packets_per_s / (size - 1)))
    return Formation(size, [list(range(number * size, (number + 1) * size)) for number in range(count)])


def handsets_needed(formations: list[Formation]) -> int:
    return max(len(one.groups) * one.size for one in formations)

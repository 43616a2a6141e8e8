"""A crowd whose handsets report where they are, evenly spread, while some of them talk."""

import asyncio
import random
import time
from collections import Counter
from typing import Any

from bench.talking_crowd import TalkingCrowd

CITY = (55.55, 12.35, 0.2, 0.3)  # south, west, height and width in degrees: some 20 km each way
STEP_DEGREES = 0.0003
ACCURACY_M = 8.0
MOST_ROUND_TRIPS = 100_000


class LocatedCrowd(TalkingCrowd):
    """`report_positions` starts, `reported` tells what came of it since."""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self._places: dict[int, tuple[float, float]] = {}
        self._reporting: asyncio.Task[None] | None = None
        self._asked: set[asyncio.Task[None]] = set()
        self._took_ms: list[float] = []
        self._answers: Counter[str] = Counter()

    async def watch_positions(self, numbers: list[int]) -> None:
        """These are dispatchers, and are told everybody's positions."""
        for number in numbers:
            if number in self._handsets:
                await self._handsets[number].ask("location.watch")

    async def report_positions(self, interval_s: float) -> None:
        """From now on each walks, and reports at this interval; 0 stops that."""
        if self._reporting is not None:
            self._reporting.cancel()
            self._reporting = None
        if interval_s > 0:
            draw = random.Random(7)
            south, west, height, width = CITY
            for number in self._handsets:
                self._places[number] = (south + draw.random() * height, west + draw.random() * width)
            self._reporting = asyncio.create_task(self._report_all(interval_s, draw))

    async def _report_all(self, interval_s: float, draw: random.Random) -> None:
        handsets = list(self._handsets.values())
        start, number = time.monotonic(), 0
        while True:
            due = start + number * interval_s / len(handsets)
            if due > time.monotonic():
                await asyncio.sleep(due - time.monotonic())
            task = asyncio.create_task(self._report(handsets[number % len(handsets)].number, draw))
            self._asked.add(task)
            task.add_done_callback(self._asked.discard)
            number += 1

    async def _report(self, number: int, draw: random.Random) -> None:
        north, east = self._places[number]
        north, east = (place + draw.uniform(-STEP_DEGREES, STEP_DEGREES) for place in (north, east))
        self._places[number] = (north, east)
        position = {
            "latitude": north, "longitude": east, "accuracy_m": ACCURACY_M, "at_ms": time.time_ns() // 1_000_000,
        }  # fmt: skip
        begun = time.monotonic()
        answer = await self._handsets[number].ask("location.report", positions=[position])
        if len(self._took_ms) < MOST_ROUND_TRIPS:
            self._took_ms.append(1000 * (time.monotonic() - begun))
        self._answers["accepted"] += answer["accepted"]
        self._answers.update(answer["dropped"])

    async def reported(self) -> tuple[list[float], dict[str, int]]:
        """Round trips in ms and answers since the last time."""
        found = self._took_ms, dict(self._answers)
        self._took_ms, self._answers = [], Counter()
        return found

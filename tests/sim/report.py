"""The table of the simulated link, in Markdown: `python tests/sim/report.py [SEED]`."""

import asyncio
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))

import uvloop

from running_server import running_platform
from sim.exercise import Outcome, exercise
from sim.profiles import PROFILES, Profile

AT_ONCE = 13
"""Exercises that run side by side. They share one loop: too many, and its own delays would show in the figures."""

HEADINGS = (
    "profile",
    "access p50 ms",
    "access p95 ms",
    "frames",
    "lost %",
    "recovered by FEC %",
    "heard %",
    "path changes",
    "presses unanswered",
)


async def all_exercises(data_dir: Path, seed: int = 1) -> list[Outcome]:
    """One server, one group for each profile."""
    turnstile = asyncio.Semaphore(AT_ONCE)
    async with running_platform(data_dir) as platform:
        await platform.organise(*(profile.name for profile in PROFILES))

        async def run(profile: Profile) -> Outcome:
            async with turnstile:
                return await exercise(platform, profile, seed)

        return list(await asyncio.gather(*(run(profile) for profile in PROFILES)))


def markdown(outcomes: Sequence[Outcome]) -> str:
    rows = [_row(outcome) for outcome in outcomes]
    lines = [HEADINGS, tuple("---" if at == 0 else "---:" for at in range(len(HEADINGS))), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _row(outcome: Outcome) -> tuple[str, ...]:
    share = 100 / outcome.expected
    return (
        outcome.profile.name,
        f"{outcome.access_percentile_ms(50):.0f}",
        f"{outcome.access_percentile_ms(95):.0f}",
        str(outcome.expected),
        f"{100 - outcome.played * share:.1f}",
        f"{outcome.recovered * share:.1f}",
        f"{outcome.heard_percent:.1f}",
        str(outcome.path_changes),
        str(outcome.unanswered),
    )


if __name__ == "__main__":
    chosen = int(sys.argv[1]) if len(sys.argv) > 1 else 1
    with tempfile.TemporaryDirectory() as folder:
        print(markdown(uvloop.run(all_exercises(Path(folder), chosen))))

"""Listeners that change their network while they listen, and what they hear of it.

A handset that is on another network has another address. It says so with a keep-alive, as proto/media.md wants it, over
its bad link, until the server's answer has come; what the server sends to the old address in the meantime is gone.
"""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from bench.bad_link import SEED, Link, Profile
from bench.ear import Heard

ANYWHERE = -1  # the port of what came on a WebSocket
ANSWER_S = 0.25  # then a handset tries again (clients/handset does)


@dataclass(slots=True)
class Roam:
    """A handset listens on another of its ports from this moment on (CLOCK_REALTIME)."""

    handset: int
    port: int
    at_ns: int


async def roam(
    handset: int, profile: Profile, seconds: float, move: Callable[[int], None], alive: Callable[[], Awaitable[bool]]
) -> list[Roam]:
    """For so long every `roam_every_s`, from a random moment on.

    `move` takes the port; `alive` sends one keep-alive and says whether its answer came within `ANSWER_S`.
    """
    chance = random.Random(f"{SEED} roam {handset}")
    up, down = Link(profile, f"up of listener {handset}"), Link(profile, f"down to listener {handset}")
    found: list[Roam] = []
    until = time.monotonic() + seconds
    await asyncio.sleep(chance.random() * profile["roam_every_s"])
    while time.monotonic() < until:
        port = (len(found) + 1) % 2
        move(port)
        found.append(Roam(handset, port, time.time_ns()))
        while not await _tell(up, down, alive) and time.monotonic() < until + 5:
            pass
        moved_s = (time.time_ns() - found[-1].at_ns) / 1e9
        await asyncio.sleep(max(0.0, profile["roam_every_s"] - moved_s))
    return found


async def _tell(up: Link, down: Link, alive: Callable[[], Awaitable[bool]]) -> bool:
    delays_s = up.delays_s()
    if not delays_s:
        await asyncio.sleep(ANSWER_S)
        return False
    await asyncio.sleep(min(delays_s))
    return await alive() and bool(down.delays_s())


def at_present_port(heard: Heard, roams: list[Roam]) -> NDArray[np.bool_]:
    """Which arrivals came to the port that the handset had at that moment."""
    present = np.zeros(len(heard.handset), np.int32)
    order = np.argsort(heard.handset, kind="stable")
    roamed = sorted(roams, key=lambda roam: (roam.handset, roam.at_ns))
    for handset, of_one in groupby(roamed, key=lambda roam: roam.handset):
        stays = list(of_one)
        begin, end = np.searchsorted(heard.handset, [handset, handset + 1], sorter=order)
        mine = order[begin:end]
        ports = np.array([0, *(one.port for one in stays)], np.int32)
        present[mine] = ports[np.searchsorted([one.at_ns for one in stays], heard.arrival_ns[mine], "right")]
    return np.asarray((heard.port == present) | (heard.port == ANYWHERE))


def gaps_ms(heard: Heard, roams: list[Roam]) -> list[float]:
    """For each roam: milliseconds until the first voice came to the new port; a roam without any is left out."""
    gaps = []
    for one in roams:
        mine = (heard.handset == one.handset) & (heard.port == one.port) & (heard.arrival_ns >= one.at_ns)
        if mine.any():
            gaps.append(float(heard.arrival_ns[mine].min() - one.at_ns) / 1e6)
    return gaps


def over_the_air(profile: Profile, arrivals: int) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """What the way down makes of that many datagrams: which come through, and milliseconds on the way."""
    chance = np.random.default_rng([SEED, arrivals])
    through = chance.random(arrivals) >= profile["loss_percent"] / 100
    return through, profile["delay_ms"] + profile["jitter_ms"] * chance.random(arrivals)

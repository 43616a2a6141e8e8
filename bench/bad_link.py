"""Bad links between handsets and the server, seeded: loss, doubling, jitter and so reordering, changes of address.

A profile says per direction: `loss_percent`, `doubling_percent`, a one-way delay drawn evenly from `delay_ms` to
`delay_ms + jitter_ms`, and `roam_every_s`, after how long a handset is on another network (0: never).
"""

import random
import socket
import time
from typing import Any

from bench.board import LONGEST_STREAM, Board

PACKETS_PER_S = 50
SEED = 3
Profile = dict[str, Any]
Departure = tuple[float, int, int, int]  # seconds, talker, sequence number, which of the talker's ports


class Link:
    """One direction of a handset's link; the same seed gives the same fates."""

    def __init__(self, profile: Profile, seed: str) -> None:
        self._profile = profile
        self._chance = random.Random(f"{SEED} {profile['name']} {seed}")

    def delays_s(self) -> list[float]:
        """When a datagram comes out at the other end: not at all, once, or twice."""
        profile, chance = self._profile, self._chance
        if chance.random() < profile["loss_percent"] / 100:
            return []
        copies = 2 if chance.random() < profile.get("doubling_percent", 0) / 100 else 1
        return [(profile["delay_ms"] + chance.random() * profile["jitter_ms"]) / 1000 for _ in range(copies)]


def departures(profile: Profile, talkers: int, packets: int) -> list[Departure]:
    """When each packet reaches the server's network, in order of time; lost ones are left out."""
    found = []
    for talker in range(talkers):
        link = Link(profile, f"up {talker}")
        for number in range(packets):
            spoken_s = (number + talker / talkers) / PACKETS_PER_S
            port = int(spoken_s / profile["roam_every_s"]) if profile["roam_every_s"] else 0
            found += [(spoken_s + delay_s, talker, number, port) for delay_s in link.delays_s()]
    return sorted(found)


class RoamingPorts:
    """A talker's UDP ports: the first is the one that it proved, the others are new networks."""

    def __init__(self, first: socket.socket) -> None:
        self._ports = [first]

    def __getitem__(self, number: int) -> socket.socket:
        while len(self._ports) <= number:
            port = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            port.bind(("127.0.0.1", 0))
            self._ports.append(port)
        return self._ports[number]

    def close(self) -> None:
        """All but the first."""
        for port in self._ports[1:]:
            port.close()


def send_departures(
    plan: list[Departure],
    rows: list[int],
    ports: list[RoamingPorts],
    packets: dict[int, list[bytes]],
    address: tuple[str, int],
    board: Board,
) -> None:
    """Blocks until all is sent; runs in a thread. `rows` and `ports` are by talker, `packets` by row."""
    stamps = memoryview(board.sent_ns).cast("B").cast("q")
    start = time.monotonic()
    for due_s, talker, number, port in plan:
        ahead = start + due_s - time.monotonic()
        if ahead > 0:
            time.sleep(ahead)
        place = rows[talker] * LONGEST_STREAM + number
        stamps[place] = stamps[place] or time.time_ns()  # of the first copy
        ports[talker][port].sendto(packets[rows[talker]][number], address)

"""A talker's bad link to the server: loss, jitter and so reordering, changes of address; seeded."""

import random
import socket
import time
from typing import Any

from bench.board import LONGEST_STREAM, Board

PACKETS_PER_S = 50
SEED = 3
Departure = tuple[float, int, int, int]  # seconds, talker, sequence number, which of the talker's ports


def departures(profile: dict[str, Any], talkers: int, packets: int) -> list[Departure]:
    """When each packet reaches the server's network, in order of time; lost ones are left out."""
    chance = random.Random(f"{SEED} {profile['name']}")
    found = []
    for talker in range(talkers):
        for number in range(packets):
            if chance.random() < profile["loss"]:
                continue
            spoken_s = (number + talker / talkers) / PACKETS_PER_S
            delay_s = chance.expovariate(1000 / profile["jitter_ms"]) if profile["jitter_ms"] else 0.0
            port = int(spoken_s / profile["roam_every_s"]) if profile["roam_every_s"] else 0
            found.append((spoken_s + delay_s, talker, number, port))
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
        stamps[rows[talker] * LONGEST_STREAM + number] = time.time_ns()
        ports[talker][port].sendto(packets[rows[talker]][number], address)

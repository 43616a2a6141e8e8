"""Debian's mumble-server with the same groups, streams and pace: one channel per group, OCB2 voice by UDP."""

import getpass
import os
import secrets
import socket
import subprocess
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.board import WITNESS
from bench.ear import Heard
from bench.ensemble import Ensemble
from bench.figures import StepFigures, harness_warnings, spent
from bench.groups import Formation, handsets_needed
from bench.machine import server_cores
from bench.meter import mark
from bench.peers.mumble_crowd import MumbleCrowd, Seat
from bench.server_process import ServerFailed, die_with_parent
from bench.stage import Stage
from bench.talking import Pace
from bench.tally import tally

MURMURD = "/usr/sbin/murmurd"
START_TIMEOUT_S = 20.0
DRAIN_S = 0.4
SPARE_S = 0.3
_INI = """database={folder}/mumble.sqlite
logfile={folder}/mumble.log
host=127.0.0.1
port={port}
users=20000
bandwidth=1000000
timeout=3600
messageburst=100000
messagelimit=100000
autobanAttempts=0
allowping=true
bonjour=false
rememberchannel=false
opusthreshold=0
welcometext=
uname={user}
"""


def is_installed() -> bool:
    return Path(MURMURD).exists()


class MumbleProcess:
    """murmurd in the foreground, with its limits out of the way and nothing else changed."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self._ini = folder / "mumble.ini"
        self._ini.write_text(_INI.format(folder=folder, port=self.port, user=getpass.getuser()))
        self._folder = folder
        self.superuser_password = secrets.token_urlsafe(12)

    def start(self) -> None:
        """Raises ServerFailed."""
        subprocess.run(
            [MURMURD, "-ini", str(self._ini), "-supw", self.superuser_password], check=True, capture_output=True
        )
        with (self._folder / "stdout").open("wb") as output:
            self._process = subprocess.Popen(
                [MURMURD, "-fg", "-ini", str(self._ini)],
                stdin=subprocess.DEVNULL, stdout=output, stderr=output, preexec_fn=die_with_parent,  # noqa: PLW1509 - no other thread lives
            )  # fmt: skip
        os.sched_setaffinity(self._process.pid, server_cores())
        deadline = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < deadline and self._process.poll() is None:
            with socket.socket() as trial:
                if trial.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.1)
        raise ServerFailed((self._folder / "stdout").read_text()[-1000:])

    @property
    def pid(self) -> int:
        return self._process.pid

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()


class MumbleColumn:
    """All users logged in; `measure` moves them into channels of one size and lets one of each talk."""

    name = "mumble"

    def __init__(self, stage: Stage, formations: list[Formation]) -> None:
        self._stage = stage
        self._count = handsets_needed(formations)
        most = max(len(one.groups) for one in formations)
        self.ensemble = Ensemble(self._count, most, make_crowd=MumbleCrowd, per_crowd=self._count)
        self.server = MumbleProcess(stage.folder / "mumble")
        self.logins_per_s = 0.0

    def __enter__(self) -> "MumbleColumn":
        self.ensemble.__enter__()
        self.ensemble.be_opaque()
        self.server.start()
        begun = time.monotonic()
        self._stage.note(f"mumble-server: {self._count} users log in ...")
        try:
            self.ensemble.order("log_in", self.server.port, self.server.superuser_password)
            self.logins_per_s = self._count / (time.monotonic() - begun)
            self.ensemble.order("open_paths")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.ensemble.__exit__()
        self.server.stop()

    def measure(self, one: Formation, packets_per_s: float, warm_s: float, seconds: float) -> StepFigures:
        """One size at one pace."""
        ensemble, board = self.ensemble, self.ensemble.board
        what = f"mumble-server, groups of {one.size}"
        self._stage.show(f"{what}: users move to their channels")
        board.forget_stream()
        board.wanted[:] = 0
        board.wanted[[group[1] for group in one.groups]] = WITNESS
        ensemble.order("gather_in", str(one.size), one.groups)
        seats = [Seat(row, talker) for row, talker in enumerate(one.talkers)]
        ensemble.order("prepare", seats, round((warm_s + seconds + SPARE_S) * packets_per_s))
        ensemble.record()
        ensemble.start("talk", lambda _: (seats, packets_per_s))
        ensemble.wait(self._stage, what, warm_s)
        begin = mark(self.server.pid)
        ensemble.wait(self._stage, what, seconds)
        end = mark(self.server.pid)
        pace: Pace = ensemble.finish()[0]
        time.sleep(DRAIN_S)
        heard = ensemble.report()
        stream = one.stream(self._count)
        known = dict(ensemble.order("first_sequences", heard.first, one.members))
        members = one.members
        relayed = {members[witness]: order for witness, order in ensemble.order("relayed", heard.whole)}
        places = _places(heard, known, relayed, stream.group_of)
        delivery, arrived = tally(stream, board.sent_ns, heard, places, (begin.at_ns, end.at_ns))
        return StepFigures(
            column="mumble",
            groups=len(one.groups),
            members=one.size,
            datagram_bytes=round(heard.octets / max(1, len(heard.handset)), 1),
            **spent(begin, end, arrived),
            delivery=delivery,
            verified=len(known),
            listeners=int(stream.listeners().sum()),
            harness={
                "ear": round(heard.busy, 3),
                "talkers": round(pace.cpu_s / pace.seconds, 3),
                "unread": heard.unread,
            },
            warnings=harness_warnings(pace, heard.busy, heard.unread),
        )


def _places(
    heard: Heard, known: dict[int, int], relayed: dict[int, list[int]], group_of: NDArray[np.int32]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Group (-1: unknown) and sequence number of each datagram, from the counter octet before its sealed part.

    The server counts up for each datagram to a listener, and sends nothing but one talker's voice in a step. So a
    listener's counter, less a constant that its first datagram tells, is a place in the order in which the server
    relayed the talker's packets; a witness in each group tells that order.
    """
    group = np.full(len(heard.handset), -1, np.int64)
    sequence = np.zeros(len(heard.handset), np.int64)
    order = np.argsort(heard.handset, kind="stable")
    starts = np.flatnonzero(np.diff(heard.handset[order], prepend=-1))
    for mine in np.split(order, starts[1:]):
        handset = int(heard.handset[mine[0]]) if len(mine) else -1
        relays = relayed.get(int(group_of[handset]), [])
        if known.get(handset, -1) not in relays:
            continue
        octets = heard.head[mine, 0].astype(np.int64)
        steps = (np.diff(octets, prepend=octets[0]) + 128) % 256 - 128  # reordering reads as a step back
        place = relays.index(known[handset]) + np.cumsum(steps)
        inside = (place >= 0) & (place < len(relays))
        sequence[mine[inside]] = np.array(relays)[place[inside]]
        group[mine[inside]] = group_of[handset]
    return np.where(sequence >= 0, group, -1), np.maximum(sequence, 0)

"""Attack: forged datagrams at a high rate beside live calls; each kind of forgery in turn."""

import multiprocessing
import os
import socket
import time
from multiprocessing.connection import Connection
from typing import Any

from bench.groups import Formation
from bench.machine import harness_cores
from bench.meter import drops, lag_ms, mark
from bench.mmsg import FanOut
from bench.scenario import Scenario
from bench.stage import Stage
from bench.stand import Order, Stand
from bench.tally import rtp_places, tally

PACKETS_PER_S = 50
BATCH = 256
DRAIN_S = 0.4
WARM_S = 0.5


def run(scenario: Scenario, stage: Stage) -> dict[str, Any]:
    """Calm first, then each kind of forgery."""
    members = scenario["members"]
    groups = Formation(members, [list(range(n * members, (n + 1) * members)) for n in range(scenario["groups"])])
    count = scenario["groups"] * members
    with Stand(stage, Order(count, [groups], {"sessions": {"dead_after_s": 900}}, per_crowd=count)) as stand:
        stand.log_in()
        stand.join()
        found = {}
        for kind in ["calm", *scenario["kinds"]]:
            found[kind] = _under(kind, stand, groups, scenario)
            stage.note(_line(kind, found[kind]))
    return {"attacks": found}


def _under(kind: str, stand: Stand, groups: Formation, scenario: Scenario) -> dict[str, Any]:
    ensemble, board, pid = stand.ensemble, stand.ensemble.board, stand.server.pid
    seats, seconds = groups.seats(stand.muster.group_ids[groups.size]), scenario["seconds"]
    board.forget_stream()
    board.wanted[:] = 0
    ensemble.order("key_up", seats)
    ensemble.order("prepare", seats, round((WARM_S + seconds + 0.3) * PACKETS_PER_S))
    metrics = stand.scrape()
    ensemble.record()
    ensemble.start("talk", lambda _: (seats, PACKETS_PER_S))
    ensemble.wait(stand.stage, kind, WARM_S)
    begin = mark(pid)
    attacker = Attacker(kind, scenario["forged_per_s"], stand.server.ports["media"], int(board.ssrc[0]))
    ensemble.wait(stand.stage, f"attack: {kind}", seconds)
    sent, answered = attacker.stop()
    end = mark(pid)
    ensemble.finish()
    time.sleep(DRAIN_S)
    heard, after = ensemble.report(), stand.scrape()
    ensemble.order("release", seats)
    places = rtp_places(heard.head, board.ssrc[: len(seats)])
    delivery, _ = tally(groups.stream(ensemble.board.handsets), board.sent_ns, heard, places, (begin.at_ns, end.at_ns))
    took = (end.at_ns - begin.at_ns) / 1e9
    taken = after["datagrams_received"] - metrics["datagrams_received"]
    return {
        "forged": sent,
        "forged_per_s": round(sent / took),
        "datagrams_answered": answered,
        "datagrams_read_by_server": int(taken),
        "cpu_share": round((end.cpu_s - begin.cpu_s) / took, 3),
        "delivery": delivery.plain(),
        "drops": drops(metrics, after),
        "lag_ms": lag_ms(metrics, after),
    }


class Attacker:
    """A process that forges datagrams until `stop`, which tells how many it sent and how many came back."""

    def __init__(self, kind: str, per_s: int, media_port: int, live_ssrc: int) -> None:
        fork = multiprocessing.get_context("fork")
        self._orders, theirs = fork.Pipe()
        self._process = None
        if kind != "calm":
            arguments = (theirs, kind, per_s, ("127.0.0.1", media_port), live_ssrc)
            self._process = fork.Process(target=forge, args=arguments, daemon=True)
            self._process.start()

    def stop(self) -> tuple[int, int]:
        """Datagrams sent, datagrams answered."""
        if self._process is None:
            return 0, 0
        self._orders.send("stop")
        sent, answered = self._orders.recv()
        self._process.join(2)
        return int(sent), int(answered)


def forge(orders: Connection, kind: str, per_s: int, address: tuple[str, int], live_ssrc: int) -> None:
    """A batch of one forgery, then the next; whatever comes back is counted."""
    os.sched_setaffinity(0, harness_cores())
    port = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    port.setblocking(False)
    fan = FanOut([address] * BATCH)
    start, sent = time.monotonic(), 0
    while not orders.poll():
        sent += fan.send(port.fileno(), forgery(kind, live_ssrc))
        ahead = start + sent / per_s - time.monotonic()
        if ahead > 0:
            time.sleep(ahead)
    answered = 0
    try:
        while port.recv(2048):
            answered += 1
    except BlockingIOError:
        pass
    orders.send((sent, answered))


def forgery(kind: str, live_ssrc: int) -> bytes:
    """100 octets that are not what they look like."""
    if kind == "noise":
        return os.urandom(100)
    ssrc = live_ssrc if kind == "bad_tag" else int.from_bytes(os.urandom(4), "big")
    return bytes((0x80, 111)) + os.urandom(6) + ssrc.to_bytes(4, "big") + os.urandom(88)


def _line(kind: str, figures: dict[str, Any]) -> str:
    delivery = figures["delivery"]
    return (
        f"{kind:>12}: {figures['forged_per_s']:9,}/s forged, calls lose {delivery['loss']:.2%}, "
        f"p99 {delivery['delay_ms'].get('p99', 0):.2f} ms, {figures['datagrams_answered']} answered, "
        f"{figures['cpu_share']:.0%} of the core"
    )

"""Crowd: idle sessions with TLS and UDP; what each costs in memory and in keep-alives, and how fast they log in."""

import os
import time
from typing import Any

from bench.machine import server_cores
from bench.meter import lag_ms, mark, rss_bytes
from bench.muster import PIN
from bench.scenario import Scenario
from bench.stage import Stage
from bench.stand import Order, Stand
from bench.tally import percentiles
from pttserver.crypto.passwords import PinHasher

SETTLE_S = 1.0


def run(scenario: Scenario, stage: Stage) -> dict[str, Any]:
    """The crowd with cheap PIN hashes, then some log-ins at the server's default cost."""
    figures = idle(scenario, stage)
    figures["logins_with_pin"] = expensive_logins(scenario, stage)
    stage.note(
        f"{figures['handsets']} idle sessions: {figures['rss_kib_per_session']:.1f} KiB each, keep-alives "
        f"{figures['keepalive_cpu_percent_per_1000']:.2f} % of a core per 1,000; log-ins/s "
        f"{figures['logins']['per_s']:.0f} (PIN hash of 8 KiB), {figures['logins_with_pin']['per_s']:.1f} (default)"
    )
    return figures


def idle(scenario: Scenario, stage: Stage) -> dict[str, Any]:
    """Logs all in, proves their UDP paths, and lets them keep alive."""
    count, interval_s = scenario["handsets"], scenario["keepalive_interval_s"]
    tables = {"sessions": {"keepalive_interval_s": interval_s, "dead_after_s": 900}}
    with Stand(stage, Order(count, tables=tables)) as stand:
        pid = stand.server.pid
        empty = rss_bytes(pid)
        logins = timed_logins(stand)
        stand.ordered("prove UDP", "open_paths", lambda _: (), by_udp=True)
        time.sleep(SETTLE_S)
        full = rss_bytes(pid)
        before = mark(pid)
        stand.ensemble.wait(stage, "no keep-alives", scenario["seconds"] / 4)
        between = mark(pid)
        stand.ensemble.order("keep_alive", interval_s)
        metrics, begin = stand.scrape(), mark(pid)
        stand.ensemble.wait(stage, f"{count} idle sessions", scenario["seconds"])
        end, after = mark(pid), stand.scrape()
        stand.ensemble.order("keep_alive", 0)
    alive = _share(begin, end)
    still = _share(before, between)
    answered = after["datagrams_received"] - metrics["datagrams_received"]
    return {
        "handsets": count,
        "logins": logins,
        "rss_empty_mib": round(empty / 2**20, 1),
        "rss_mib": round(full / 2**20, 1),
        "rss_kib_per_session": round((full - empty) / 1024 / count, 2),
        "keepalive_interval_s": interval_s,
        "cpu_percent_without": round(100 * still, 3),
        "cpu_percent_with": round(100 * alive, 3),
        "keepalive_cpu_percent_per_1000": round(100 * (alive - still) * 1000 / count, 3),
        "cpu_us_per_keepalive": round(1e6 * (end.cpu_s - begin.cpu_s) / max(1, answered), 1),
        "keepalives_received": int(answered),
        "lag_ms": lag_ms(metrics, after),
        "sessions": int(after["sessions"]),
    }


def timed_logins(stand: Stand) -> dict[str, Any]:
    """All log in by PIN: how many per second, and the server's share of its core."""
    pid = stand.server.pid
    stand.enlist()
    own = stand.ensemble.busiest_crowd_s()
    begin, begun = mark(pid), time.monotonic()
    took = stand.ordered("log in", "log_in", lambda _: ())
    seconds, end = time.monotonic() - begun, mark(pid)
    return {
        "per_s": round(len(took) / seconds, 1),
        "seconds": round(seconds, 2),
        "server_cpu_ms_each": round(1000 * (end.cpu_s - begin.cpu_s) / len(took), 3),
        "server_cpu_share": round((end.cpu_s - begin.cpu_s) / seconds, 3),
        "harness_cpu_share": round((stand.ensemble.busiest_crowd_s() - own) / seconds, 3),
        "latency_ms": percentiles([1000 * one for one in took]),
    }


def expensive_logins(scenario: Scenario, stage: Stage) -> dict[str, Any]:
    """With the server's default argon2 cost."""
    memory_kib, count = scenario["pin_hash_memory_kib"], scenario["pin_logins"]
    with Stand(stage, Order(count, pin_hash_memory_kib=memory_kib)) as stand:
        alone_ms = argon2_ms(memory_kib)
        return {"pin_hash_memory_kib": memory_kib, "argon2_ms": alone_ms, "count": count, **timed_logins(stand)}


def argon2_ms(memory_kib: int, rounds: int = 10) -> float:
    """What one PIN costs, on the core of the server while it is idle."""
    hasher, own = PinHasher(memory_kib, 1), os.sched_getaffinity(0)
    os.sched_setaffinity(0, server_cores())
    try:
        pin_hash, begun = hasher.hash(PIN), time.process_time()
        for _ in range(rounds):
            hasher.verify(pin_hash, PIN)
        return round(1000 * (time.process_time() - begun) / rounds, 2)
    finally:
        os.sched_setaffinity(0, own)


def _share(begin: Any, end: Any) -> float:
    """Of a core."""
    return float((end.cpu_s - begin.cpu_s) / ((end.at_ns - begin.at_ns) / 1e9))

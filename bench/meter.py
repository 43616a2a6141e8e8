"""Reads a process from outside: CPU time, memory, and what the server's metrics endpoint tells."""

import os
import re
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_SAMPLE = re.compile(r'^(pttserver_\w+)(?:\{(\w+)="([^"]*)"\})? ([0-9.e+-]+|NaN)$')
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


def cpu_s(pid: int) -> float:
    """CPU seconds of all threads, to the nanosecond (/proc/PID/task/TID/schedstat; /proc/PID/stat has 10 ms ticks).

    The kernel delivers a datagram on loopback to its receiver's socket within the sender's system call, so that work
    is in here too, for every server alike.
    """
    total = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        try:
            total += int((task / "schedstat").read_text().split()[0])
        except OSError:
            continue
    return total / 1e9


def rss_bytes(pid: int) -> int:
    """Resident memory."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE_BYTES


def context_switches(pid: int) -> int:
    """Of all threads: how often they waited or were put off."""
    total = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        try:
            text = (task / "status").read_text()
        except OSError:
            continue
        total += sum(int(line.split()[1]) for line in text.splitlines() if "ctxt_switches" in line)
    return total


@dataclass(slots=True)
class Mark:
    """A moment: CLOCK_REALTIME, CPU seconds and context switches of the measured process so far."""

    at_ns: int
    cpu_s: float
    switches: int


def mark(pid: int) -> Mark:
    return Mark(time.time_ns(), cpu_s(pid), context_switches(pid))


Metrics = dict[str, float]


def scrape(port: int) -> Metrics:
    """The server's metrics; a label's value is appended with a slash (`packets_dropped/bad_tag`)."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        text = answer.read().decode()
    found: Metrics = {}
    for line in text.splitlines():
        sample = _SAMPLE.match(line)
        if sample:
            name, _, label, value = sample.groups()
            name = name.removeprefix("pttserver_").removesuffix("_total")
            found[f"{name}/{label}" if label else name] = float(value)
    return found


def drops(before: Metrics, after: Metrics) -> dict[str, int]:
    """Drop counters that moved, by reason."""
    names = [name for name in after if name.startswith(("packets_dropped/", "send_"))]
    moved = {name.removeprefix("packets_dropped/"): int(after[name] - before.get(name, 0)) for name in names}
    return {name: count for name, count in moved.items() if count}


def lag_ms(before: Metrics, after: Metrics) -> dict[str, Any]:
    """Event-loop lag: how many probes, their mean, and the bucket that holds the 99th of a hundred."""
    name = "event_loop_lag_seconds"
    count = after.get(f"{name}_count", 0) - before.get(f"{name}_count", 0)
    total = after.get(f"{name}_sum", 0) - before.get(f"{name}_sum", 0)
    edges = sorted(float(key.split("/")[1]) for key in after if key.startswith(f"{name}_bucket/") and "Inf" not in key)
    for edge in edges:
        key = next(k for k in after if k.startswith(f"{name}_bucket/") and float(k.split("/")[1]) == edge)
        if count and after[key] - before.get(key, 0) >= 0.99 * count:
            return {"probes": int(count), "mean": round(1000 * total / count, 3), "p99_below": edge * 1000}
    return {"probes": int(count), "mean": round(1000 * total / max(1, count), 3), "p99_below": None}

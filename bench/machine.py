"""On what machine, with what versions, at what commit a result was measured."""

import importlib.metadata
import os
import platform
import resource
import subprocess
import time
from pathlib import Path
from typing import Any

_LIBRARIES = ("pttserver", "uvloop", "cryptography", "pylibsrtp", "uvicorn", "websockets", "cffi", "argon2-cffi")
WANTED_DESCRIPTORS = 65_536


def describe() -> dict[str, Any]:
    """For the JSON of a result."""
    return {
        "measured_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "cpu": _cpu(),
        "cores": os.cpu_count(),
        "memory_mib": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") >> 20,
        "kernel": platform.release(),
        "python": platform.python_version(),
        "versions": {name: _version(name) for name in _LIBRARIES},
        "mumble_server": _mumble(),
        "commit": _commit(),
        "load_average_before": os.getloadavg()[0],
    }


def loop_ms() -> float:
    """How fast this machine is just now: milliseconds of CPU for a million additions in Python, on the server's core.

    Cores that others share are at times two or three times slower; two results can be compared if this is alike.
    """
    own = os.sched_getaffinity(0)
    os.sched_setaffinity(0, server_cores())
    try:
        begun, total = time.process_time(), 0
        for number in range(1_000_000):
            total += number
        return round(1000 * (time.process_time() - begun), 1)
    finally:
        os.sched_setaffinity(0, own)


def _cpu() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor()


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "none"


def _output(*command: str) -> str:
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=10, check=False).stdout.strip()
    except OSError:
        return ""


def _mumble() -> str:
    return _output("dpkg-query", "-W", "-f", "${Version}", "mumble-server") or "not installed"


def _commit() -> str:
    dirty = "+changes" if _output("git", "status", "--porcelain", "--", "src") else ""
    return _output("git", "rev-parse", "--short", "HEAD") + dirty


def server_cores() -> set[int]:
    """The measured server's core: the first."""
    return {min(os.sched_getaffinity(0))}


def harness_cores() -> set[int]:
    """All the others, or the same one if there is no other."""
    allowed = os.sched_getaffinity(0)
    return allowed - server_cores() or allowed


def raise_descriptor_limit() -> int:
    """As far as this user may; servers and crowds inherit it."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    for limit in (WANTED_DESCRIPTORS, hard):
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (limit, max(limit, hard)))
        except (ValueError, OSError):
            continue
        return limit
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]

"""The figures of one step of a scenario on one server, and how they are made of marks and counts."""

from dataclasses import asdict, dataclass, field
from typing import Any

from bench.meter import Mark
from bench.talking import Pace
from bench.tally import Delivery

HARNESS_IS_BUSY = 0.85


@dataclass(slots=True)
class StepFigures:
    """CPU in microseconds for each datagram that arrived within the window. `harness`: the shares of a core that the
    busiest process of the harness used, and warnings if it cannot be trusted."""

    column: str
    groups: int
    members: int
    datagram_bytes: float
    seconds: float
    delivered_per_s: float
    cpu_us_per_datagram: float
    cpu_share: float
    switches_per_s: float
    delivery: Delivery
    verified: int = 0
    listeners: int = 0
    access_ms: dict[str, float] = field(default_factory=dict)
    lag_ms: dict[str, Any] = field(default_factory=dict)
    drops: dict[str, int] = field(default_factory=dict)
    harness: dict[str, float] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)

    def plain(self) -> dict[str, Any]:
        return {**asdict(self), "delivery": self.delivery.plain()}


def harness_warnings(pace: Pace, ear_busy: float, unread: int = 0) -> list[str]:
    """Why a figure may say more of the harness than of the server."""
    warnings = []
    if pace.late > pace.sent / 100:
        warnings.append(f"the talkers were late: {pace.late} of {pace.sent} packets, up to {pace.latest_ms:.0f} ms")
    if ear_busy > HARNESS_IS_BUSY:
        warnings.append(f"an ear used {ear_busy:.0%} of a core")
    if unread:
        warnings.append(f"the ears did not read {unread:,} datagrams in time")
    return warnings


def spent(begin: Mark, end: Mark, arrived: int) -> dict[str, float]:
    """What the measured process spent between two marks."""
    seconds = (end.at_ns - begin.at_ns) / 1e9
    cpu = end.cpu_s - begin.cpu_s
    return {
        "seconds": round(seconds, 3),
        "delivered_per_s": round(arrived / seconds, 1),
        "cpu_us_per_datagram": round(1e6 * cpu / max(1, arrived), 4),
        "cpu_share": round(cpu / seconds, 4),
        "switches_per_s": round((end.switches - begin.switches) / seconds, 1),
    }

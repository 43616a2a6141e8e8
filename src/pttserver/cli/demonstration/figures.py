"""What the handsets of the demonstration measured, put together: the report."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

DELIVERED_AT_LEAST = 0.999
PRESS_TO_CONSOLE_MS = 1000.0
SIMILAR_AT_LEAST = 0.8  # other sentences reach 0.42, the same one after 20 % loss 0.89

Message = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Percentiles:
    """In milliseconds; None where nothing was measured."""

    p50: float | None
    p95: float | None
    max: float | None

    @classmethod
    def of(cls, seconds: Iterable[float]) -> "Percentiles":
        ordered = sorted(1000 * value for value in seconds)
        if not ordered:
            return cls(None, None, None)
        return cls(*(round(_rank(ordered, share), 1) for share in (0.5, 0.95, 1.0)))


def _rank(ordered: Sequence[float], share: float) -> float:
    """Nearest rank."""
    return ordered[max(0, -int(-share * len(ordered) // 1) - 1)]


@dataclass(frozen=True, slots=True)
class Listener:
    """What one handset heard of the others in its group."""

    handset: str
    group: str
    via: str
    bursts: int
    frames_expected: int
    frames_delivered: int
    least_similarity: float | None
    recording: str


@dataclass(slots=True)
class Report:
    """The JSON report of `pttserver demo`."""

    handsets: int
    groups: int
    seconds: float
    bursts: int
    frames_expected: int
    frames_delivered: int
    access_time_ms: Percentiles
    mouth_to_ear_ms: Percentiles
    floor_granted_from_queue: int
    floor_denied: int
    recordings: list[str]
    listeners: list[Listener]
    press_to_console_ms: float | None
    emergency: list[str]
    problems: list[str] = field(default_factory=list)

    def as_json(self) -> Message:
        return asdict(self)

    @property
    def everything_was_heard(self) -> bool:
        return not self.problems


def make_report(
    *,
    jobs: Sequence[Message],
    done: Sequence[Message],
    reports: Sequence[Message],
    told: Sequence[Message],
    seconds: float,
) -> Report:
    """`done`: what talkers said of their bursts; `reports`: what each handset sent and played, by burst; `told`: the
    steps of the emergency."""
    sent = {ssrc: (r["handset"], r["group"], frames) for r in reports for ssrc, frames in r["sent"].items()}
    listeners = [_listener(r, sent, _recording(jobs, r["handset"])) for r in reports]
    granted = [message for message in done if "denied" not in message]
    report = Report(
        handsets=len(jobs),
        groups=len({job["group"] for job in jobs}),
        seconds=round(seconds, 1),
        bursts=len(granted),
        frames_expected=sum(listener.frames_expected for listener in listeners),
        frames_delivered=sum(listener.frames_delivered for listener in listeners),
        access_time_ms=Percentiles.of(m["access_time_s"] for m in granted if not m["queued"]),
        mouth_to_ear_ms=Percentiles.of(_delays(reports, sent)),
        floor_granted_from_queue=sum(m["queued"] for m in granted),
        floor_denied=len(done) - len(granted),
        recordings=[listener.recording for listener in listeners],
        listeners=listeners,
        press_to_console_ms=_between(told, "pressed the alarm", "shown to the dispatcher"),
        emergency=[f"{step['by']}: {step['told']}" for step in told],
    )
    report.problems = list(_problems(report))
    return report


def _between(told: Sequence[Message], one: str, other: str) -> float | None:
    """Milliseconds; None if either did not happen."""
    at_ns = {step["told"]: step["at_ns"] for step in reversed(told)}
    return round((at_ns[other] - at_ns[one]) / 1e6, 1) if {one, other} <= at_ns.keys() else None


def _recording(jobs: Sequence[Message], handset: str) -> str:
    return next(str(job["recording"]) for job in jobs if job["name"] == handset)


def _listener(report: Message, sent: dict[str, tuple[str, str, Message]], recording: str) -> Listener:
    mine = {
        ssrc: frames
        for ssrc, (talker, group, frames) in sent.items()
        if group == report["group"] and talker != report["handset"]
    }
    heard = report["similarity"]
    return Listener(
        handset=report["handset"],
        group=report["group"],
        via=report["via"],
        bursts=len(mine),
        frames_expected=sum(map(len, mine.values())),
        frames_delivered=sum(
            len(frames.keys() & report["played"].get(ssrc, {}).keys()) for ssrc, frames in mine.items()
        ),
        least_similarity=round(min(heard.get(ssrc, 0.0) for ssrc in mine), 3) if mine else None,
        recording=recording,
    )


def _delays(reports: Sequence[Message], sent: dict[str, tuple[str, str, Message]]) -> Iterable[float]:
    for report in reports:
        for ssrc, frames in report["played"].items():
            spoken_at = sent[ssrc][2] if ssrc in sent else {}
            yield from (heard_at - spoken_at[n] for n, heard_at in frames.items() if n in spoken_at)


def _problems(report: Report) -> Iterable[str]:
    if report.press_to_console_ms is None or report.press_to_console_ms > PRESS_TO_CONSOLE_MS:
        yield "the dispatcher did not see the alert within a second"
    if not any(step.endswith("entered Quay") for step in report.emergency):
        yield "nobody was seen to enter the fence"
    if not report.bursts:
        yield "nobody talked"
    if report.frames_delivered < DELIVERED_AT_LEAST * report.frames_expected:
        yield f"{report.frames_expected - report.frames_delivered} of {report.frames_expected} frames were not heard"
    if report.floor_denied:
        yield f"{report.floor_denied} floor requests were denied"
    for listener in report.listeners:
        if listener.least_similarity is not None and listener.least_similarity < SIMILAR_AT_LEAST:
            yield f"{listener.handset} did not hear what was said (similarity {listener.least_similarity})"

"""Relay: groups of several sizes, one talker each, the same streams through every column's server in turn."""

import time
from typing import Any

from bench.ensemble import MakeCrowd
from bench.figures import StepFigures, harness_warnings, spent
from bench.groups import Formation, formation, handsets_needed
from bench.meter import drops, lag_ms, mark
from bench.peers.bare import BareColumn
from bench.peers.mumble import MumbleColumn, is_installed
from bench.scenario import Scenario
from bench.stage import Stage
from bench.stand import Order, Stand
from bench.talking import Pace
from bench.talking_crowd import TalkingCrowd
from bench.tally import percentiles, rtp_places, tally

DRAIN_S = 0.4
SPARE_S = 0.3
Step = dict[str, Any]


def run(scenario: Scenario, stage: Stage) -> dict[str, Any]:
    """Every column, every size."""
    formations = [formation(size, scenario["delivered_per_s"], scenario["packets_per_s"]) for size in scenario["sizes"]]
    steps: list[Step] = []
    for column in scenario["columns"]:
        steps += [step.plain() for step in _COLUMNS[column](scenario, stage, formations)]
    return {"steps": steps}


class PttserverColumn:
    """A pttserver with all handsets logged in and in their groups of every size; `measure` runs one size."""

    name = "pttserver"

    def __init__(
        self,
        stage: Stage,
        formations: list[Formation],
        media: dict[str, Any] | None = None,
        *,
        handsets: int | None = None,
        make_crowd: MakeCrowd = TalkingCrowd,
    ) -> None:
        """`handsets`: if there are more than talk and listen."""
        self._stage = stage
        self._count = handsets or handsets_needed(formations)
        tables = {"sessions": {"dead_after_s": 900, "keepalive_interval_s": 300}, "media": media or {}}
        self.stand = Stand(stage, Order(self._count, formations, tables, per_crowd=self._count, make_crowd=make_crowd))

    def __enter__(self) -> "PttserverColumn":
        self._stage.note(f"pttserver: {self._count} handsets log in and join ...")
        self.stand.__enter__()
        try:
            self.stand.log_in()
            self.stand.join()
        except BaseException:
            self.stand.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stand.__exit__()

    def measure(self, one: Formation, packets_per_s: float, warm_s: float, seconds: float) -> StepFigures:
        """One size at one pace."""
        stand, ensemble = self.stand, self.stand.ensemble
        board, pid = ensemble.board, stand.server.pid
        group_ids = stand.muster.group_ids[one.size]
        seats = one.seats(group_ids)
        board.forget_stream()
        board.wanted[:] = 0
        access = ensemble.order("key_up", seats)
        ensemble.order("prepare", seats, round((warm_s + seconds + SPARE_S) * packets_per_s))
        metrics = stand.scrape()
        ensemble.record()
        ensemble.start("talk", lambda _: (seats, packets_per_s))
        ensemble.wait(self._stage, f"pttserver, groups of {one.size}", warm_s)
        begin = mark(pid)
        ensemble.wait(self._stage, f"pttserver, groups of {one.size}", seconds)
        end = mark(pid)
        pace: Pace = ensemble.finish()[0]
        time.sleep(DRAIN_S)
        heard = ensemble.report()
        after = stand.scrape()
        ensemble.order("release", seats)
        stream = one.stream(self._count)
        places = rtp_places(heard.head, board.ssrc[: len(seats)])
        delivery, arrived = tally(stream, board.sent_ns, heard, places, (begin.at_ns, end.at_ns))
        groups = {handset: (group_ids[group], group) for handset, group in one.members.items()}
        return StepFigures(
            column="pttserver",
            groups=len(one.groups),
            members=one.size,
            datagram_bytes=round(heard.octets / max(1, len(heard.handset)), 1),
            **spent(begin, end, arrived),
            delivery=delivery,
            verified=sum(ensemble.order("verify", heard.first, groups)),
            listeners=int(stream.listeners().sum()),
            access_ms=percentiles(access),
            lag_ms=lag_ms(metrics, after),
            drops=drops(metrics, after),
            harness={
                "ear": round(heard.busy, 3),
                "talkers": round(pace.cpu_s / pace.seconds, 3),
                "unread": heard.unread,
            },
            warnings=harness_warnings(pace, heard.busy, heard.unread),
        )


def _pttserver(scenario: Scenario, stage: Stage, formations: list[Formation]) -> list[StepFigures]:
    steps = []
    with PttserverColumn(stage, formations) as column:
        for one in formations:
            steps.append(column.measure(one, scenario["packets_per_s"], scenario["warm_s"], scenario["seconds"]))
            stage.note(line(steps[-1]))
    return steps


def _bare(scenario: Scenario, stage: Stage, formations: list[Formation]) -> list[StepFigures]:
    steps = []
    with BareColumn(formations) as column:
        for one in formations:
            steps.append(column.measure(stage, one, scenario["packets_per_s"], scenario["warm_s"], scenario["seconds"]))
            stage.note(line(steps[-1]))
    return steps


def _mumble(scenario: Scenario, stage: Stage, formations: list[Formation]) -> list[StepFigures]:
    if not is_installed():
        stage.note("mumble-server is not installed: its column stays empty (apt-get install mumble-server)")
        return []
    steps = []
    with MumbleColumn(stage, formations) as column:
        for one in formations:
            steps.append(column.measure(one, scenario["packets_per_s"], scenario["warm_s"], scenario["seconds"]))
            stage.note(line(steps[-1]))
    return steps


def line(step: StepFigures) -> str:
    """One step in a line of text."""
    delay = step.delivery.delay_ms
    warned = f"  [yellow]{'; '.join(step.warnings)}[/]" if step.warnings else ""
    return (
        f"{step.column:>10}  {step.groups:4} x {step.members:<4} {step.delivered_per_s:10,.0f}/s  "
        f"{step.cpu_us_per_datagram:6.3f} us  loss {step.delivery.loss:7.3%}  "
        f"p50 {delay.get('p50', 0):.3f} p99 {delay.get('p99', 0):.3f} max {delay.get('max', 0):.2f} ms{warned}"
    )


_COLUMNS = {"pttserver": _pttserver, "mumble": _mumble, "bare": _bare}

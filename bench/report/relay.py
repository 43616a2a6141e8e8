"""The columns of a relay run side by side, with the ratios and whether each target is met."""

from dataclasses import dataclass
from typing import Any

from bench.report.section import Figures, Table, Verdict, at_most, cell

COLUMNS = ("pttserver", "mumble", "bare")
Step = dict[str, Any]
CPU_HEADINGS = ("groups", "pttserver", "mumble", "bare", "of mumble", "of bare", "targets")
DELAY_HEADINGS = ("groups", "p50 pttserver", "p50 mumble", "p50 bare", "p99 pttserver", "p99 mumble", "p99 bare")
LOSS_HEADINGS = ("groups", "pttserver", "mumble", "bare")


@dataclass(slots=True)
class Row:
    """One size of groups: the steps by column."""

    members: int
    groups: int
    steps: dict[str, Step]

    @property
    def name(self) -> str:
        return f"{self.groups} x {self.members}"

    def cpu(self, column: str) -> float | None:
        return self.steps[column]["cpu_us_per_datagram"] if column in self.steps else None

    def delay(self, column: str, point: str) -> float | None:
        return self.steps[column]["delivery"]["delay_ms"].get(point) if column in self.steps else None

    def loss(self, column: str) -> float | None:
        return self.steps[column]["delivery"]["loss"] if column in self.steps else None

    def ratio(self, other: str) -> float | None:
        """CPU of pttserver by that of the other."""
        ours, theirs = self.cpu("pttserver"), self.cpu(other)
        return ours / theirs if ours is not None and theirs else None

    def verdicts(self) -> list[Verdict]:
        """The targets that this row can speak of."""
        found: list[tuple[str, float | None, float]] = []
        if self.members >= 100:
            found += [("CPU, of bare sendmmsg", self.ratio("bare"), 1.2)]
            found += [("CPU, of mumble-server", self.ratio("mumble"), 0.33)]
        elif self.members == 10:
            found += [("CPU, of mumble-server", self.ratio("mumble"), 0.5)]
        ours, theirs = self.delay("pttserver", "p99"), self.delay("mumble", "p99")
        if self.members in (10, 100, 1000) and ours is not None and theirs:
            found += [("p99 delay, of mumble-server", ours / theirs, 1.0)]
        return [
            at_most(f"{name}, groups of {self.members}", value, limit, unit=" x")
            for name, value, limit in found
            if value is not None
        ]


def rows(figures: Figures) -> list[Row]:
    """By the size of the groups."""
    found: dict[int, Row] = {}
    for step in figures["steps"]:
        found.setdefault(step["members"], Row(step["members"], step["groups"], {})).steps[step["column"]] = step
    return [found[size] for size in sorted(found)]


def verdicts(figures: Figures) -> list[Verdict]:
    return [verdict for row in rows(figures) for verdict in row.verdicts()]


def tables(figures: Figures) -> list[Table]:
    """CPU, delay, loss."""
    found = rows(figures)
    return [
        Table("Server CPU per delivered datagram, microseconds", CPU_HEADINGS, [_cpu(row) for row in found]),
        Table("One-way delay, milliseconds", DELAY_HEADINGS, [_delay(row) for row in found]),
        Table("Lost", LOSS_HEADINGS, [_loss(row) for row in found]),
    ]


def _cpu(row: Row) -> list[str]:
    judged = ", ".join(f"{verdict.word} {verdict.limit}" for verdict in row.verdicts() if "CPU" in verdict.target)
    ratios = [cell(row.ratio(other), "{:.2f} x") for other in ("mumble", "bare")]
    return [row.name, *(cell(row.cpu(column)) for column in COLUMNS), *ratios, judged]


def _delay(row: Row) -> list[str]:
    return [row.name, *(cell(row.delay(column, point)) for point in ("p50", "p99") for column in COLUMNS)]


def _loss(row: Row) -> list[str]:
    return [row.name, *(cell(row.loss(column), "{:.2%}") for column in COLUMNS)]

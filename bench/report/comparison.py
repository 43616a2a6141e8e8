"""Puts the columns of a relay run side by side, with the ratios and whether each target is met."""

from dataclasses import dataclass
from typing import Any

from rich.table import Table

COLUMNS = ("pttserver", "mumble", "bare")
Step = dict[str, Any]


@dataclass(slots=True)
class Row:
    """One size of groups: the steps by column."""

    members: int
    groups: int
    steps: dict[str, Step]

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

    def verdicts(self) -> list[tuple[str, bool]]:
        """The targets of issue 3 that this row can speak of."""
        found: list[tuple[str, float | None, float]] = []
        if self.members >= 100:
            found += [("<= 1.2 x bare", self.ratio("bare"), 1.2), ("<= 0.33 x mumble", self.ratio("mumble"), 0.33)]
        elif self.members == 10:
            found += [("<= 0.5 x mumble", self.ratio("mumble"), 0.5)]
        ours, theirs = self.delay("pttserver", "p99"), self.delay("mumble", "p99")
        if self.members in (10, 100, 1000) and ours is not None and theirs:
            found += [("p99 below mumble", ours / theirs, 1.0)]
        return [(name, value <= limit) for name, value, limit in found if value is not None]


def rows(steps: list[Step]) -> list[Row]:
    """By the size of the groups."""
    found: dict[int, Row] = {}
    for step in steps:
        found.setdefault(step["members"], Row(step["members"], step["groups"], {})).steps[step["column"]] = step
    return [found[size] for size in sorted(found)]


def cpu_cells(row: Row) -> list[str]:
    """As `CPU_HEADINGS` says."""
    cpu = [_number(row.cpu(column), "{:.2f}") for column in COLUMNS]
    ratios = [_number(row.ratio("mumble"), "{:.2f}"), _number(row.ratio("bare"), "{:.2f}")]
    verdict = ", ".join(("met: " if met else "MISSED: ") + name for name, met in row.verdicts())
    return [f"{row.groups} x {row.members}", *cpu, *ratios, verdict]


def delay_cells(row: Row) -> list[str]:
    """As `DELAY_HEADINGS` says."""
    delays = [_number(row.delay(column, point), "{:.2f}") for point in ("p50", "p99") for column in COLUMNS]
    loss = [_number(row.loss(column), "{:.2%}") for column in COLUMNS]
    return [f"{row.groups} x {row.members}", *delays, *loss]


CPU_HEADINGS = ("groups", "pttserver", "mumble", "bare", "/ mumble", "/ bare", "targets")
DELAY_HEADINGS = ("groups", "p50 ptt", "mumble", "bare", "p99 ptt", "mumble", "bare", "lost ptt", "mumble", "bare")
TABLES = (
    ("Server CPU per delivered datagram, microseconds", CPU_HEADINGS, cpu_cells),
    ("One-way delay, milliseconds, and loss", DELAY_HEADINGS, delay_cells),
)


def relay_tables(steps: list[Step]) -> list[Table]:
    """For the terminal."""
    return [_table(title, headings, [cells(row) for row in rows(steps)]) for title, headings, cells in TABLES]


def _table(title: str, headings: tuple[str, ...], lines: list[list[str]]) -> Table:
    table = Table(title=title, title_justify="left")
    for heading in headings:
        table.add_column(heading, justify="left" if heading in ("groups", "targets") else "right")
    for line in lines:
        table.add_row(*line)
    return table


def _number(value: float | None, form: str) -> str:
    return "-" if value is None else form.format(value)

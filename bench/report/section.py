"""What a report shows of one result: verdicts, tables, plots, warnings. The kinds of scenarios fill it in."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Figures = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Verdict:
    """A target and what was measured, both as texts."""

    target: str
    limit: str
    value: str
    met: bool

    @property
    def word(self) -> str:
        return "met" if self.met else "MISSED"


@dataclass(frozen=True, slots=True)
class Table:
    """`lines` are texts, a column for each heading; the first column is what the line is about."""

    title: str
    headings: tuple[str, ...]
    lines: list[list[str]]
    note: str = ""


@dataclass(frozen=True, slots=True)
class Kind:
    """How the figures of one kind of scenario are shown. `plots`: title -> figure."""

    tables: Callable[[Figures], list[Table]]
    verdicts: Callable[[Figures], list[Verdict]] = lambda _: []
    plots: Callable[[Figures], "dict[str, Figure]"] = lambda _: {}


@dataclass(slots=True)
class Section:
    """One result, ready to be written."""

    result: dict[str, Any]
    verdicts: list[Verdict]
    tables: list[Table]
    plots: "dict[str, Figure]"
    warnings: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        return str(self.result["scenario"])


def at_most(target: str, value: float, limit: float, form: str = "{:,.2f}", unit: str = "") -> Verdict:
    """Less is better."""
    return Verdict(target, f"<= {limit:g}{unit}", form.format(value) + unit, value <= limit)


def at_least(target: str, value: float, limit: float, form: str = "{:,.0f}", unit: str = "") -> Verdict:
    """More is better."""
    return Verdict(target, f">= {limit:g}{unit}", form.format(value) + unit, value >= limit)


def cell(value: float | None, form: str = "{:,.2f}") -> str:
    return "-" if value is None else form.format(value)


def points(percentiles: dict[str, float], *wanted: str) -> list[str]:
    """Cells of percentiles, `-` where there are none."""
    return [cell(percentiles.get(point)) for point in wanted or ("p50", "p95", "p99", "max")]

"""Plots of a relay run: CPU by size of group, delay by size, the spread of delays."""

import io
from typing import Any

import matplotlib
import numpy as np

matplotlib.use("Agg")
from matplotlib import pyplot
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench.report.comparison import COLUMNS, Row, rows
from bench.tally import HISTOGRAM_MS

COLOURS = {"pttserver": "#0b6e4f", "mumble": "#c8553d", "bare": "#8d99ae"}
LABELS = {"pttserver": "pttserver", "mumble": "mumble-server", "bare": "bare sendmmsg"}
_STYLE = {
    "font.family": "sans-serif", "font.size": 11, "axes.spines.top": False, "axes.spines.right": False,
    "axes.grid": True, "grid.color": "#e6e6e6", "axes.axisbelow": True, "legend.frameon": False, "svg.fonttype": "none",
}  # fmt: skip


def relay_figures(steps: list[dict[str, Any]]) -> dict[str, Figure]:
    """Title -> figure."""
    with matplotlib.rc_context(_STYLE):
        found = rows(steps)
        return {
            "Server CPU per delivered datagram": _by_size(found, _cpu, "microseconds"),
            "One-way delay, p50 and p99": _by_size(found, _delays, "milliseconds", logarithmic=True),
            "How delays are spread": _spread(found),
        }


def _by_size(found: list[Row], draw: Any, unit: str, *, logarithmic: bool = False) -> Figure:
    figure, axes = pyplot.subplots(figsize=(8.4, 3.8), layout="constrained")
    for column in COLUMNS:
        draw(axes, found, column)
    sizes = [row.members for row in found]
    axes.set_xscale("log")
    axes.set_xticks(sizes, [str(size) for size in sizes])
    axes.minorticks_off()
    axes.set_xlabel("members of a group, one of them talking")
    axes.set_ylabel(unit)
    if logarithmic:
        axes.set_yscale("log")
    else:
        axes.set_ylim(bottom=0)
    axes.legend()
    return figure


def _cpu(axes: Axes, found: list[Row], column: str) -> None:
    points = [(row.members, row.cpu(column)) for row in found if row.cpu(column) is not None]
    if points:
        axes.plot(*zip(*points, strict=True), "o-", color=COLOURS[column], label=LABELS[column], linewidth=2)


def _delays(axes: Axes, found: list[Row], column: str) -> None:
    for point, line, label in (("p99", "o-", LABELS[column]), ("p50", "o:", None)):
        points = [(row.members, row.delay(column, point)) for row in found if row.delay(column, point)]
        if points:
            axes.plot(*zip(*points, strict=True), line, color=COLOURS[column], label=label, linewidth=2, markersize=4)


def _spread(found: list[Row]) -> Figure:
    """Share of datagrams that took longer than so many milliseconds, for the sizes that have targets."""
    chosen = [row for row in found if row.members in (10, 100, 1000)] or found[:3]
    figure, panels = pyplot.subplots(
        1, len(chosen), figsize=(8.4, 3.4), sharey=True, squeeze=False, layout="constrained"
    )
    for axes, row in zip(panels[0], chosen, strict=True):
        for column in COLUMNS:
            if column in row.steps:
                counts = np.array(row.steps[column]["delivery"]["delay_histogram"], float)
                longer = 1 - np.cumsum(counts) / max(1, counts.sum())
                axes.loglog(HISTOGRAM_MS[1:], np.maximum(longer, 1e-6), color=COLOURS[column], label=LABELS[column])
        axes.set(title=f"groups of {row.members}", xlabel="milliseconds", ylim=(1e-5, 1.1), xlim=(0.01, 500))
    panels[0][0].set_ylabel("share that took longer")
    panels[0][-1].legend(fontsize=8)
    return figure


def svg(figure: Figure) -> str:
    """To stand inside HTML."""
    text = io.StringIO()
    figure.savefig(text, format="svg")
    return text.getvalue()[text.getvalue().index("<svg") :]

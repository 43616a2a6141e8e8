"""How plots look, and those of a relay run: CPU by size of group, delay by size, the spread of delays."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from bench.report.relay import COLUMNS, Row, rows
from bench.report.section import Figures
from bench.tally import HISTOGRAM_MS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = {"pttserver": "#0b6e4f", "mumble": "#c8553d", "bare": "#8d99ae"}
LABELS = {"pttserver": "pttserver", "mumble": "mumble-server", "bare": "bare sendmmsg"}
WIDTH = 8.4
_STYLE = {
    "font.family": "sans-serif", "font.size": 10.5, "axes.spines.top": False, "axes.spines.right": False,
    "axes.grid": True, "grid.color": "#e8ebea", "axes.axisbelow": True, "axes.edgecolor": "#9aa7a3",
    "axes.labelcolor": "#46545a", "xtick.color": "#46545a", "ytick.color": "#46545a", "legend.frameon": False,
    "figure.facecolor": "none", "axes.facecolor": "none",
}  # fmt: skip


@contextmanager
def panels(count: int, height: float, *, rows: bool = False, share_x: bool = False) -> Iterator[tuple[Any, list[Any]]]:
    """A figure and its axes, side by side or (`rows`) one over the other, in the style of the report."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    with matplotlib.rc_context(_STYLE):
        layout = (count, 1) if rows else (1, count)
        figure, axes = pyplot.subplots(
            *layout, figsize=(WIDTH, height), squeeze=False, sharex=share_x, layout="constrained"
        )
        yield figure, list(axes.ravel())
        pyplot.close(figure)


def relay(figures: Figures) -> "dict[str, Figure]":
    """Title -> figure."""
    found = rows(figures)
    return {
        "Server CPU per delivered datagram": _by_size(found, _cpu, "microseconds"),
        "One-way delay, p50 (dotted) and p99": _by_size(found, _delays, "milliseconds", logarithmic=True),
        "How delays are spread": _spread(found),
    }


def _by_size(found: list[Row], draw: Any, unit: str, *, logarithmic: bool = False) -> "Figure":
    with panels(1, 3.6) as (figure, (axes,)):
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
        return figure  # type: ignore[no-any-return]


def _cpu(axes: "Axes", found: list[Row], column: str) -> None:
    points = [(row.members, row.cpu(column)) for row in found if row.cpu(column) is not None]
    if points:
        axes.plot(*zip(*points, strict=True), "o-", color=COLOURS[column], label=LABELS[column], linewidth=2)


def _delays(axes: "Axes", found: list[Row], column: str) -> None:
    for point, line, label in (("p99", "o-", LABELS[column]), ("p50", "o:", None)):
        points = [(row.members, row.delay(column, point)) for row in found if row.delay(column, point)]
        if points:
            axes.plot(*zip(*points, strict=True), line, color=COLOURS[column], label=label, linewidth=2, markersize=4)


def _spread(found: list[Row]) -> "Figure":
    """Share of datagrams that took longer than so many milliseconds, for the sizes that have targets."""
    chosen = [row for row in found if row.members in (10, 100, 1000)] or found[:3]
    with panels(len(chosen), 3.2) as (figure, axes_of):
        for axes, row in zip(axes_of, chosen, strict=True):
            for column in COLUMNS:
                if column in row.steps:
                    counts = np.array(row.steps[column]["delivery"]["delay_histogram"], float)
                    longer = 1 - np.cumsum(counts) / max(1, counts.sum())
                    axes.loglog(HISTOGRAM_MS[1:], np.maximum(longer, 1e-6), color=COLOURS[column], label=LABELS[column])
            axes.set(title=f"groups of {row.members}", xlabel="milliseconds", ylim=(1e-5, 1.1), xlim=(0.01, 500))
        axes_of[0].set_ylabel("share that took longer")
        axes_of[-1].legend(fontsize=8)
        return figure  # type: ignore[no-any-return]


def svg(figure: "Figure") -> str:
    """To stand inside HTML; its letters are the page's."""
    import matplotlib

    text = io.StringIO()
    with matplotlib.rc_context({"svg.fonttype": "none"}):
        figure.savefig(text, format="svg", transparent=True)
    return text.getvalue()[text.getvalue().index("<svg") :]

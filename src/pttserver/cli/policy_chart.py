"""Charts of a simulated policy: lines of blocks for a terminal, and a picture."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from pttserver.errors import InvalidValue

if TYPE_CHECKING:  # slow to import, see main.py
    from collections.abc import Sequence

    from pttserver.privacy.retention import Event
    from pttserver.privacy.simulation import Simulation

_BLOCKS = " ▁▂▃▄▅▆▇█"
_DAY_MS = 86_400_000
_MARKS = "abcdefghij"


def text_chart(simulation: "Simulation", width: int) -> list[str]:
    """Lines of at most `width` columns: a row for each kind of data, scaled to its own peak, over a line of years."""
    label = max(len(held.name) for held in simulation.held)
    columns = max(20, width - label - 26)
    lines = [f"{'':<{label}}  {_years(simulation.moments_ms, columns)}  {'most':>6} {'oldest':>14}"]
    for held in simulation.held:
        peak = max(held.counts)
        oldest = f"{held.oldest_ms // _DAY_MS:,} days" if peak else "-"
        row = _bars(held.counts, columns) if peak else f"{'never written':<{columns}}"
        lines.append(f"{held.name:<{label}}  {row}  {peak or '-':>6} {oldest:>14}")
    lines.append(f"{'':<{label}}  {_marks(simulation, columns)}")
    lines += [f"{mark}: {_told(event)}" for mark, event in zip(_MARKS, simulation.landmarks, strict=False)]
    return lines


def picture(simulation: "Simulation", title: str, file: Path) -> None:
    """Writes a PNG. Raises InvalidValue if matplotlib is not there or the file cannot be written."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise InvalidValue("pictures need matplotlib: pip install matplotlib") from None
    figure = Figure(figsize=(10, 0.45 * len(simulation.held) + 1.5), layout="constrained")
    rows = figure.subplots(len(simulation.held), 1, sharex=True)
    moments = [datetime.fromtimestamp(at_ms / 1000, UTC) for at_ms in simulation.moments_ms]
    for axes, held in zip(rows, simulation.held, strict=True):
        axes.fill_between(moments, held.counts, step="post", color="tab:blue")
        axes.set_ylabel(held.name, rotation=0, ha="right", va="center")
        axes.set_yticks([max(held.counts)] if any(held.counts) else [])
        axes.set_ylim(0, max(1, *held.counts) * 1.15)
        for event in simulation.landmarks:
            axes.axvline(datetime.fromtimestamp(event.at_ms / 1000, UTC), color="tab:red", linewidth=0.8)
    figure.align_ylabels(rows)
    landmarks = ", ".join(map(_told, simulation.landmarks))
    figure.suptitle(f"{title}: records held, one made a day\nred: {landmarks}", fontsize="medium")
    try:
        figure.savefig(file, format="png", dpi=120)
    except OSError as error:
        raise InvalidValue(f"{file}: {error.strerror}") from None


def _bars(counts: "Sequence[int]", columns: int) -> str:
    """What is there is seen, however little: only 0 is blank."""
    peak, samples = max(counts), len(counts)
    found = (max(counts[at * samples // columns : (at + 1) * samples // columns] or [0]) for at in range(columns))
    return "".join(_BLOCKS[-(-count * (len(_BLOCKS) - 1) // peak)] for count in found)


def _years(moments_ms: "Sequence[int]", columns: int) -> str:
    line = [" "] * (columns + 4)
    years = [datetime.fromtimestamp(at_ms / 1000, UTC).year for at_ms in moments_ms]
    place = 0
    for year in sorted(set(years)):
        begins = years.index(year) * columns // len(years)
        if begins >= place and begins + 4 <= columns:
            line[begins : begins + 4] = str(year)
            place = begins + 5
    return "".join(line)[:columns]


def _marks(simulation: "Simulation", columns: int) -> str:
    line = [" "] * columns
    first, last = simulation.moments_ms[0], simulation.moments_ms[-1]
    for mark, event in zip(_MARKS, simulation.landmarks, strict=False):
        line[min(columns - 1, (event.at_ms - first) * columns // (last - first))] = mark
    return "".join(line)


def _told(event: "Event") -> str:
    return f"{event.kind.replace('_', ' ')} {datetime.fromtimestamp(event.at_ms / 1000, UTC):%Y-%m-%d}"

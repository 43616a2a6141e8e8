"""Plots of the scenarios but `relay`: a day, a climb, a return, floor access, attacks, bad links."""

from typing import TYPE_CHECKING, Any

import numpy as np

from bench.report.plots import COLOURS, LABELS, panels
from bench.report.section import Figures
from bench.report.sessions import RESUMED_PER_S

if TYPE_CHECKING:
    from matplotlib.figure import Figure

GREEN, RED, GREY, BLUE, SAND = "#0b6e4f", "#c8553d", "#8d99ae", "#2f6690", "#e0a458"
HOURS = range(0, 25, 3)


def mixed(figures: Figures) -> "dict[str, Figure]":
    """The day in four panels over each other."""
    rows = figures["timeline"]
    hours = [row["hour"] for row in rows]
    with panels(4, 8.6, rows=True, share_x=True) as (figure, (people, load, times, memory)):
        _filled(people, hours, [row["sessions"] for row in rows], BLUE, "sessions")
        _beside(people, hours, [row["presses"] for row in rows], SAND, "presses")
        _filled(load, hours, [row["sent_per_s"] for row in rows], GREEN, "datagrams/s")
        _beside(load, hours, [100 * row["cpu_share"] for row in rows], RED, "CPU, % of a core")
        for key, point, colour, label in (
            ("delay_ms", "p50", GREY, "delay p50"), ("delay_ms", "p99", GREEN, "delay p99"),
            ("access_ms", "p95", SAND, "access p95"), ("login_ms", "p95", BLUE, "log-in p95"),
        ):  # fmt: skip
            known = [(row["hour"], row[key][point]) for row in rows if row[key]]
            if known:
                times.plot(*zip(*known, strict=True), color=colour, label=label, linewidth=1.6)
        times.set(yscale="log", ylabel="milliseconds")
        times.legend(ncols=4, fontsize=8.5, loc="lower left", bbox_to_anchor=(0, 0.98), borderaxespad=0)
        memory.plot(hours, [row["rss_mib"] for row in rows], color=BLUE, linewidth=1.8)
        memory.set(ylabel="memory, MiB", ylim=(0, None), xlabel="hour of the day", xlim=(0, 24), xticks=HOURS)
        _beside(memory, hours, [row["lost"] for row in rows], RED, "copies lost")
        for axes in (people, load, times, memory):
            for name in ("herd", "emergency"):
                axes.axvline(figures[f"{name}_at_h"], color=GREY, linewidth=1, linestyle=":")
        for name in ("herd", "emergency"):
            people.annotate(name, (figures[f"{name}_at_h"], 1.02), xycoords=("data", "axes fraction"), fontsize=8.5)
        return {"The day": figure}


def _filled(axes: Any, x: list[float], y: list[float], colour: str, label: str) -> None:
    axes.fill_between(x, y, color=colour, alpha=0.18, linewidth=0)
    axes.plot(x, y, color=colour, linewidth=1.8)
    axes.set_ylabel(label, color=colour)
    axes.set_ylim(bottom=0)


def _beside(axes: Any, x: list[float], y: list[float], colour: str, label: str) -> None:
    """On a scale of its own at the right."""
    right = axes.twinx()
    right.plot(x, y, color=colour, linewidth=1.4)
    right.set_ylabel(label, color=colour)
    right.set_ylim(0, max([*y, 1]) * 1.15)
    right.grid(visible=False)


def saturate(figures: Figures) -> "dict[str, Figure]":
    """Delivered, and how late, by the pace."""
    with panels(2, 3.6) as (figure, (delivered, late)):
        for column in figures["limits"]:
            steps = sorted((s for s in figures["climb"] if s["column"] == column), key=lambda step: step["pace_per_s"])
            pace = [step["pace_per_s"] / 1000 for step in steps]
            style = {"color": COLOURS[column], "label": LABELS[column], "linewidth": 2, "markersize": 4}
            delivered.plot(pace, [step["delivered_per_s"] / 1000 for step in steps], "o-", **style)
            late.plot(pace, [step["delivery"]["delay_ms"]["p99"] for step in steps], "o-", **style)
        top = max(step["pace_per_s"] for step in figures["climb"]) / 1000
        delivered.plot([0, top], [0, top], ":", color=GREY, linewidth=1)
        delivered.set(xlabel="due, 1,000 datagrams/s", ylabel="delivered, 1,000/s", xlim=(0, top), ylim=(0, top))
        late.set(xlabel="due, 1,000 datagrams/s", ylabel="delay p99, ms", yscale="log", xlim=(0, top))
        delivered.legend()
        return {"Delivered and delayed by pace": figure}


def reconnect(figures: Figures) -> "dict[str, Figure]":
    """How many are back when."""
    with panels(1, 3.4) as (figure, (axes,)):
        share = np.linspace(0, figures["handsets"], len(figures["network_lost"]["back_curve_s"]))
        for key, colour, label in (("network_lost", GREEN, "network lost"), ("server_killed", RED, "server killed")):
            axes.plot(figures[key]["back_curve_s"], share, color=colour, label=label, linewidth=2)
        longest = max(figures[key]["back_curve_s"][-1] for key in ("network_lost", "server_killed"))
        axes.plot([0, longest], [0, RESUMED_PER_S * longest], ":", color=GREY, label=f"{RESUMED_PER_S}/s")
        axes.set(xlabel="seconds", ylabel="handsets back", ylim=(0, figures["handsets"] * 1.03), xlim=(0, None))
        axes.legend(loc="lower right")
        return {"How many are back": figure}


def key_up(figures: Figures) -> "dict[str, Figure]":
    """Share of presses that waited longer."""
    with panels(1, 3.4) as (figure, (axes,)):
        for key, colour, label in (("idle", BLUE, "nobody talks"), ("beside_voice", GREEN, "beside voice")):
            curve = figures[key]["access_curve_ms"]
            longer = np.maximum(1 - np.linspace(0, 1, len(curve)), 1 / max(1, figures[key]["presses"]))
            axes.loglog(curve, longer, color=colour, label=label, linewidth=2)
        axes.set(xlabel="milliseconds from the press to the grant", ylabel="share that waited longer")
        axes.legend()
        return {"Floor access": figure}


def attack(figures: Figures) -> "dict[str, Figure]":
    """What calls suffer under each forgery."""
    kinds = list(figures["attacks"])
    names = [kind.replace("_", " ") for kind in kinds]
    with panels(3, 2.9) as (figure, (lost, late, busy)):
        values = [
            (lost, "voice lost, %", [100 * figures["attacks"][kind]["delivery"]["loss"] for kind in kinds]),
            (late, "delay p99, ms", [figures["attacks"][kind]["delivery"]["delay_ms"].get("p99", 0) for kind in kinds]),
            (busy, "server, % of a core", [100 * figures["attacks"][kind]["cpu_share"] for kind in kinds]),
        ]
        for axes, label, found in values:
            bars = axes.barh(names, found, color=[GREY] + [RED] * (len(kinds) - 1), height=0.6)
            axes.bar_label(bars, fmt="%.2g", padding=3, fontsize=8.5)
            axes.set(xlabel=label, xlim=(0, max(*found, 1.0) * 1.25))
            axes.locator_params(axis="x", nbins=4)
            axes.invert_yaxis()
            axes.grid(visible=False, axis="y")
        for axes in (late, busy):
            axes.set_yticklabels([])
        return {"Calls under attack": figure}


def lossy(figures: Figures) -> "dict[str, Figure]":
    """What comes through at the listeners, and how long a roam is silent."""
    profiles = figures["profiles"]
    names = [one["name"] for one in profiles]
    with panels(2, 3.2) as (figure, (through, silent)):
        bars = through.barh(names, [100 * one["heard_share"] for one in profiles], color=GREEN, height=0.6)
        through.bar_label(bars, fmt="%.1f", padding=3, fontsize=8.5)
        through.set(xlabel="heard, % of what reached the server", xlim=(0, 118))
        through.invert_yaxis()
        roaming = [one for one in profiles if one["gap_ms"]]
        for point, colour in (("max", "#cfe3db"), ("p95", "#6fae98"), ("p50", GREEN)):
            silent.barh(
                [one["name"] for one in roaming], [one["gap_ms"][point] for one in roaming],
                color=colour, height=0.5, label=point,
            )  # fmt: skip
        silent.set(xlabel="silent after a roam, ms")
        silent.invert_yaxis()
        silent.legend(ncols=3, fontsize=8.5, loc="lower left", bbox_to_anchor=(0, 0.98), borderaxespad=0)
        for axes in (through, silent):
            axes.grid(visible=False, axis="y")
        return {"What listeners hear over bad links": figure}

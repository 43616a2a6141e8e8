"""A played day in reports."""

from typing import Any

from bench.report.section import Figures, Table, Verdict, at_most, points

VOICE_LOST_PERCENT = 0.1
ACCESS_P95_MS = 300.0  # KPI 1 of TS 22.179 §6.15.3.2
PART_HOURS = 3


def verdicts(figures: Figures) -> list[Verdict]:
    found = [
        at_most("voice lost over a day", 100 * figures["voice"]["loss"], VOICE_LOST_PERCENT, "{:.3f}", " %"),
        at_most("floor access over a day, p95", figures["access_ms"].get("p95", 0.0), ACCESS_P95_MS, unit=" ms"),
    ]
    if figures["emergency_ms"]:
        worst = max(figures["emergency_ms"])
        found.append(at_most("emergency breaks into a talk burst", worst, ACCESS_P95_MS, unit=" ms"))
    return found


def tables(figures: Figures) -> list[Table]:
    return [_whole(figures), Table("By the time of day", _HEADINGS, _parts(figures["timeline"]))]


_HEADINGS = (
    "hours", "most sessions", "log-ins", "presses", "datagrams/s", "of a core", "busiest", "access p95 ms",
    "delay p50 ms", "delay p99 ms", "lost", "memory MiB",
)  # fmt: skip


def _whole(figures: Figures) -> Table:
    voice, logins, herd = figures["voice"], figures["logins"], figures["herd"]
    groups = ", ".join(f"{count} of {size}" for size, count in figures["groups"].items())
    back_ms = herd["back_ms"].get("max", 0)
    dropped = ", ".join(f"{count:,} {name.replace('_', ' ')}" for name, count in figures["drops"].items()) or "-"
    emergency = ", ".join(f"{ms:.1f} ms" for ms in figures["emergency_ms"]) or "-"
    lines = [
        ["handsets", f"{figures['handsets']:,}, {figures['by_tcp']:,} of them without UDP"],
        ["groups", groups],
        [
            "log-ins",
            f"{logins['count']:,}: p50 {_ms(logins['latency_ms'], 'p50')}, p99 {_ms(logins['latency_ms'], 'p99')}",
        ],
        ["presses", f"{figures['presses']:,}: {figures['queued']:,} queued, {figures['unanswered']:,} gave up"],
        ["access, floor free", f"p50 {_ms(figures['access_ms'], 'p50')}, p99 {_ms(figures['access_ms'], 'p99')}"],
        ["access out of the queue", f"p50 {_ms(figures['access_queued_ms'], 'p50')} (others talk that long)"],
        ["emergency, to the grant", emergency],
        ["copies of voice", f"{voice['expected']:,}: {voice['lost']:,} lost, {voice['duplicated']:,} twice"],
        ["dropped by the server, by name", dropped],
        ["sent to an address just left", f"{voice['to_a_left_address']:,}, in {figures['roams']:,} roams"],
        ["delay", f"p50 {_ms(voice['delay_ms'], 'p50')}, p99 {_ms(voice['delay_ms'], 'p99')}"],
        ["herd", f"{herd['handsets']:,} handsets back within {back_ms / 1000:.2f} s"],
        ["memory, morning and night", " to ".join(f"{mib:.0f} MiB" for mib in figures["rss_mib"])],
        ["failures of the harness", f"{figures['failures']:,}"],
    ]
    return Table("The day as a whole", ("figure", "value"), lines)


def _ms(percentiles: dict[str, float], point: str) -> str:
    return f"{percentiles[point]:,.1f} ms" if point in percentiles else "-"


def _parts(timeline: list[dict[str, Any]]) -> list[list[str]]:
    """Rows of three hours; of percentiles the worst interval's."""
    lines = []
    for hour in range(0, 24, PART_HOURS):
        rows = [row for row in timeline if hour <= row["hour"] < hour + PART_HOURS]
        if not rows:
            continue
        expected, lost = (sum(row[key] for row in rows) for key in ("expected", "lost"))
        lines.append(
            [f"{hour:02}-{hour + PART_HOURS:02}", f"{max(row['sessions'] for row in rows):,}",
             f"{sum(row['logins'] for row in rows):,}", f"{sum(row['presses'] for row in rows):,}",
             f"{sum(row['sent_per_s'] for row in rows) / len(rows):,.0f}",
             f"{sum(row['cpu_share'] for row in rows) / len(rows):.1%}", f"{max(row['cpu_share'] for row in rows):.0%}",
             _worst(rows, "access_ms", "p95"), _worst(rows, "delay_ms", "p50"), _worst(rows, "delay_ms", "p99"),
             f"{lost / max(1, expected):.3%}", f"{rows[-1]['rss_mib']:.0f}"]
        )  # fmt: skip
    return lines


def _worst(rows: list[dict[str, Any]], key: str, point: str) -> str:
    return points({point: max(found)}, point)[0] if (found := [r[key][point] for r in rows if r[key]]) else "-"

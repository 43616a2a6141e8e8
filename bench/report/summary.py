"""`python -m bench.report.summary`: writes bench/results/RESULTS.md from the JSON files beside it; nothing by hand."""

import json
from pathlib import Path
from typing import Any

from bench.report.comparison import TABLES, rows
from bench.scenario import names

FOLDER = Path(__file__).parents[1] / "results"
_LEFT_OUT = ("delay_histogram", "settings")


def main() -> None:
    parts = ["# Results", "", "Written by `python -m bench.report.summary` from the JSON files of this folder.", ""]
    for name in names():
        file = FOLDER / f"{name}.json"
        if file.is_file():
            parts += section(json.loads(file.read_text()))
    (FOLDER / "RESULTS.md").write_text("\n".join(parts))


def section(result: dict[str, Any]) -> list[str]:
    """One scenario."""
    machine, figures = result["machine"], result["figures"]
    where = f"{machine['cpu']}, {machine['cores']} cores, Linux {machine['kernel']}, Python {machine['python']}"
    load = f"load average before {machine['load_average_before']:.1f}"
    when = f"{machine['measured_at']}, commit {machine['commit']}, {load}"
    lines = [f"## {result['scenario']}", "", result["about"], "", f"{where}; mumble-server {machine['mumble_server']}."]
    lines += [f"{when}.", ""]
    if "steps" in figures and result["scenario"] == "relay":
        for title, headings, cells in TABLES:
            lines += [f"**{title}**", "", *_table(headings, [cells(row) for row in rows(figures["steps"])]), ""]
        warnings = [(s["column"], s["members"], w) for s in figures["steps"] for w in s["warnings"]]
        return lines + [f"- {column}, groups of {size}: {text}" for column, size, text in warnings] + [""]
    for key, value in figures.items():
        lines += [f"**{key}**", "", *_value(value), ""]
    return lines


def _value(value: Any) -> list[str]:
    if isinstance(value, list):
        return _steps(value)
    if not isinstance(value, dict):
        return [str(value)]
    return _table(("figure", "value"), [[name, text] for name, text in _flat(value)])


def _steps(steps: list[dict[str, Any]]) -> list[str]:
    headings = ("server", "groups", "delivered/s", "CPU us", "lost", "p50 ms", "p99 ms", "share of a core")
    lines = []
    for step in steps:
        delivery = step["delivery"]
        lines.append(
            [step["column"], f"{step['groups']} x {step['members']}", f"{step['delivered_per_s']:,.0f}",
             f"{step['cpu_us_per_datagram']:.2f}", f"{delivery['loss']:.2%}",
             str(delivery["delay_ms"].get("p50")), str(delivery["delay_ms"].get("p99")), f"{step['cpu_share']:.0%}"]
        )  # fmt: skip
    return _table(headings, lines)


def _flat(value: dict[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for key, inner in value.items():
        if key in _LEFT_OUT:
            continue
        if isinstance(inner, dict):
            found += _flat(inner, f"{prefix}{key} ")
        else:
            found.append((f"{prefix}{key}", str(inner)))
    return found


def _table(headings: tuple[str, ...], lines: list[list[str]]) -> list[str]:
    return [
        "| " + " | ".join(headings) + " |",
        "|" + "---|" * len(headings),
        *("| " + " | ".join(line) + " |" for line in lines),
    ]


if __name__ == "__main__":
    main()

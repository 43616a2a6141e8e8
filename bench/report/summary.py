"""`python -m bench.report.summary [FOLDER]`: RESULTS.md, index.html and plots/ from the JSON files of the folder.

Nothing in them is written by hand.
"""

import json
import shutil
import sys
from pathlib import Path
from typing import Any

from bench.report.kinds import section
from bench.report.machine_line import machine_line
from bench.report.page import write_page
from bench.report.section import Section, Table
from bench.report.sessions import logins
from bench.scenario import names

FOLDER = Path(__file__).parents[1] / "results"
DPI = 130


def main(folder: Path = FOLDER) -> None:
    """Scenarios without a result are left out."""
    files = {name: folder / f"{name}.json" for name in names()}
    results: dict[str, dict[str, Any]] = {n: json.loads(f.read_text()) for n, f in files.items() if f.is_file()}
    sections = [section(result) for result in results.values()]
    across = [table for table in [logins(results)] if table is not None]
    write_page(sections, folder / "index.html", across)
    (folder / "RESULTS.md").write_text(markdown(sections, across, _pictures(sections, folder / "plots")))


def _pictures(sections: list[Section], folder: Path) -> dict[str, list[str]]:
    """Scenario -> Markdown of its plots, drawn anew."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    found: dict[str, list[str]] = {}
    for shown in sections:
        for number, (title, figure) in enumerate(shown.plots.items(), 1):
            file = folder / f"{shown.name}-{number}.png"
            figure.savefig(file, dpi=DPI, facecolor="white")
            found.setdefault(shown.name, []).append(f"![{title}]({folder.name}/{file.name})")
    return found


def markdown(sections: list[Section], across: list[Table], pictures: dict[str, list[str]]) -> str:
    """The whole of RESULTS.md."""
    lines = ["# Results", "", "Written by `python -m bench.report.summary` from the JSON files of this folder; "]
    lines[-1] += "[index.html](index.html) is the same as a page."
    lines += ["", "## Targets", "", *_table(_targets(sections)), ""]
    for table in across:
        lines += _titled(table)
    for shown in sections:
        quick = "Quick form: rough figures. " if shown.result["quick"] else ""
        lines += [f"## {shown.name}", "", quick + shown.result["about"], "", machine_line(shown.result), ""]
        for picture in pictures.get(shown.name, []):
            lines += [picture, ""]
        for table in shown.tables:
            lines += _titled(table)
        lines += [f"- The harness: {warning}" for warning in shown.warnings] + ([""] if shown.warnings else [])
    return "\n".join(lines)


def _targets(sections: list[Section]) -> Table:
    lines = [
        [one.target, one.value, one.limit, one.word, f"[{shown.name}](#{shown.name})"]
        for shown in sections
        for one in shown.verdicts
    ]
    return Table("Targets", ("target", "measured", "limit", "", "scenario"), lines)


def _titled(table: Table) -> list[str]:
    return [f"**{table.title}**", "", *_table(table), "", *([table.note, ""] if table.note else [])]


def _table(table: Table) -> list[str]:
    aligned = ["---" if not number else "--:" for number in range(len(table.headings))]
    return ["| " + " | ".join(line) + " |" for line in (table.headings, aligned, *table.lines)]


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))

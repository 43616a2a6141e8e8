"""One HTML file that needs nothing else: the targets, then a chapter for each scenario with plots and tables."""

import html
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.report.machine_line import machine_line
from bench.report.plots import svg
from bench.report.section import Section, Table, Verdict

_STYLE = Path(__file__).with_name("page.css")


def write_page(sections: Sequence[Section], file: Path, across: Sequence[Table] = ()) -> None:
    """`across` are tables over several scenarios; they come first."""
    file.parent.mkdir(parents=True, exist_ok=True)
    judged = [(shown.name, verdict) for shown in sections for verdict in shown.verdicts]
    parts = [_head(sections), _targets(judged), *(f"<section>{_table(table)}</section>" for table in across)]
    parts += [_chapter(shown) for shown in sections]
    title = "pttserver, measured"
    file.write_text(
        f"<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>"
        f"<title>{title}</title><style>{_STYLE.read_text()}</style><main>{''.join(parts)}</main></html>\n"
    )


def _head(sections: Sequence[Section]) -> str:
    links = " ".join(f"<a href='#{_e(shown.name)}'>{_e(shown.name)}</a>" for shown in sections)
    newest = max(sections, key=lambda shown: str(shown.result["machine"]["measured_at"]))
    return (
        f"<header><h1>pttserver, measured</h1><p class=about>{_e(machine_line(newest.result))}</p>"
        f"<nav>{links}</nav></header>"
    )


def _targets(judged: list[tuple[str, Verdict]]) -> str:
    if not judged:
        return ""
    met = sum(verdict.met for _, verdict in judged)
    rows = "".join(
        f"<tr class={'met' if one.met else 'missed'}><td><b>{one.word}</b></td><td>{_e(one.target)}</td>"
        f"<td class=n>{_e(one.value)}</td><td class=n>{_e(one.limit)}</td>"
        f"<td><a href='#{_e(name)}'>{_e(name)}</a></td></tr>"
        for name, one in judged
    )
    head = "<tr><th></th><th>target</th><th class=n>measured</th><th class=n>limit</th><th>scenario</th></tr>"
    return f"<section><h2>Targets: {met} of {len(judged)} met</h2><table class=targets>{head}{rows}</table></section>"


def _chapter(shown: Section) -> str:
    result = shown.result
    quick = "<em>Quick form: rough figures.</em> " if result["quick"] else ""
    parts = [f"<h2>{_e(shown.name)}</h2><p class=about>{quick}{_e(result['about'])}</p>", _warnings(shown.warnings)]
    parts += [
        f"<figure><figcaption>{_e(title)}</figcaption>{svg(figure)}</figure>" for title, figure in shown.plots.items()
    ]
    parts += [_table(table) for table in shown.tables]
    parts.append(
        f"<details><summary>Settings and machine</summary>{_tree(result['settings'])}{_tree(result['machine'])}"
    )
    parts.append(f"</details><p class=when>{_e(machine_line(result))}</p>")
    return f"<section id='{_e(shown.name)}'>{''.join(parts)}</section>"


def _table(table: Table) -> str:
    head = "".join(f"<th{'' if not number else ' class=n'}>{_e(one)}</th>" for number, one in enumerate(table.headings))
    rows = "".join(
        "<tr>"
        + "".join(f"<td{'' if not number else ' class=n'}>{_e(one)}</td>" for number, one in enumerate(line))
        + "</tr>"
        for line in table.lines
    )
    note = f"<p class=note>{_e(table.note)}</p>" if table.note else ""
    facts = " class=facts" if len(table.headings) == 2 else ""
    return f"<h3>{_e(table.title)}</h3><div class=wide><table{facts}><tr>{head}</tr>{rows}</table></div>{note}"


def _warnings(found: list[str]) -> str:
    return f"<p class=warn>The harness says: {'<br>'.join(map(_e, found))}</p>" if found else ""


def _tree(value: Any) -> str:
    """Nested settings as nested tables."""
    if isinstance(value, dict):
        cells = "".join(f"<tr><td>{_e(key)}</td><td>{_tree(inner)}</td></tr>" for key, inner in value.items())
        return f"<table>{cells}</table>"
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return "".join(_tree(inner) for inner in value)
    return _e(value)


def _e(value: object) -> str:
    return html.escape(str(value), quote=True)

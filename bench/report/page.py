"""One HTML file that needs nothing else: verdict, plots, tables, machine."""

import html
from pathlib import Path
from typing import Any

from bench.report.comparison import TABLES, rows

_STYLE = """
body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2.5rem auto;padding:0 1rem;color:#1d2a30}
h1{font-size:1.7rem;margin-bottom:0}h2{font-size:1.15rem;margin:2.2rem 0 .4rem}p.about{color:#5b6b73;margin-top:.2rem}
table{border-collapse:collapse;font-size:.85rem;width:100%}td,th{padding:.35rem .55rem;text-align:right;border-bottom:
1px solid #e6e6e6}td:first-child,th:first-child,td:last-child{text-align:left}th{font-weight:600;color:#5b6b73}
.cards{display:flex;gap:1rem;flex-wrap:wrap;margin:1.2rem 0}.card{background:#f4f6f5;border-radius:.6rem;
padding:.8rem 1.1rem;min-width:9rem}.card b{display:block;font-size:1.6rem;line-height:1.2}.card span{color:#5b6b73;
font-size:.85rem}.card.missed b{color:#b3402a}.card.met b{color:#0b6e4f}svg{width:100%;height:auto}
.warn{background:#fff4e0;border-left:4px solid #e09f3e;padding:.5rem .9rem;font-size:.9rem}
"""


def write_page(result: dict[str, Any], file: Path) -> None:
    """With PNG files of the plots beside it."""
    file.parent.mkdir(parents=True, exist_ok=True)
    figures = result["figures"]
    steps = figures.get("steps", [])
    is_comparison = bool(steps) and "members" in steps[0]
    parts = [f"<h1>{_e(result['scenario'])}</h1><p class=about>{_e(result['about'])}</p>", _warnings(steps)]
    if is_comparison:
        parts += [_cards(steps), *_plots(steps, file), _comparison(steps)]
    else:
        parts.append(_tree(figures))
    parts += ["<h2>Settings</h2>", _tree(result["settings"]), "<h2>Machine</h2>", _tree(result["machine"])]
    title = f"<meta charset=utf-8><title>pttserver bench: {_e(result['scenario'])}</title>"
    file.write_text(f"<!doctype html><html lang=en>{title}<style>{_STYLE}</style>{''.join(parts)}</html>\n")


def _plots(steps: list[dict[str, Any]], file: Path) -> list[str]:
    from bench.report.plots import relay_figures, svg

    parts = []
    for number, (title, figure) in enumerate(relay_figures(steps).items()):
        figure.savefig(file.with_name(f"{file.stem}-{number + 1}.png"), dpi=130)
        parts.append(f"<h2>{_e(title)}</h2>{svg(figure)}")
    return parts


def _cards(steps: list[dict[str, Any]]) -> str:
    cards = []
    for row in rows(steps):
        for target, met in row.verdicts():
            by = row.ratio("bare" if "bare" in target else "mumble")
            if "p99" in target:
                ours, theirs = row.delay("pttserver", "p99") or 0, row.delay("mumble", "p99") or 1
                by = ours / theirs
            state = "met" if met else "missed"
            text = f"groups of {row.members}: {target}, {state}"
            cards.append(f"<div class='card {state}'><b>{by:.2f} x</b><span>{_e(text)}</span></div>")
    return f"<div class=cards>{''.join(cards)}</div>"


def _comparison(steps: list[dict[str, Any]]) -> str:
    found = []
    for title, headings, cells in TABLES:
        lines = [headings, *(cells(row) for row in rows(steps))]
        body = "".join("<tr>" + "".join(f"<td>{_e(cell)}</td>" for cell in line) + "</tr>" for line in lines)
        found.append(f"<h2>{_e(title)}</h2><table>{body}</table>")
    return "".join(found)


def _warnings(steps: list[dict[str, Any]]) -> str:
    found = [
        f"{step['column']}, groups of {step['members']}: {warning}"
        for step in steps
        for warning in step.get("warnings", [])
    ]
    if not found:
        return ""
    return f"<p class=warn>The harness says: {'<br>'.join(map(_e, found))}</p>"


def _tree(value: Any) -> str:
    """Nested figures as nested tables."""
    if isinstance(value, dict):
        shown = {key: inner for key, inner in value.items() if key != "delay_histogram"}
        cells = "".join(f"<tr><td>{_e(key)}</td><td>{_tree(inner)}</td></tr>" for key, inner in shown.items())
        return f"<table>{cells}</table>"
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return "".join(_tree(inner) for inner in value)
    return _e(value)


def _e(value: object) -> str:
    return html.escape(str(value))

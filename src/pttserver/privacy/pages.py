"""A page for people, as data: headings, texts, facts and tables; and as HTML that stands alone.

Everything on it is text: what a stranger wrote is shown as it is, and does nothing. The page loads nothing, runs no
script, follows the reader's light or dark, and prints.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape

_STYLE = """
:root { color-scheme: light dark; --ink: #1a1d21; --paper: #fff; --soft: #5b636d; --line: #d9dde2; --tint: #f4f6f8; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6e8eb; --paper: #15181c; --soft: #9aa3ad; --line: #343a41; --tint: #1d2126; }
}
body { margin: 0 auto; max-width: 62rem; padding: 2.5rem 1.25rem 4rem; color: var(--ink); background: var(--paper);
  font: 1rem/1.55 system-ui, sans-serif; }
h1 { font-size: 1.75rem; line-height: 1.2; margin: 0; }
h2 { font-size: 1.15rem; margin: 2.25rem 0 .5rem; }
p { margin: .4rem 0; max-width: 46rem; }
.lead { color: var(--soft); margin-bottom: 1.5rem; }
dl { display: grid; grid-template-columns: minmax(9rem, max-content) 1fr; gap: .25rem 1.5rem; margin: .5rem 0; }
dt { color: var(--soft); }
dd { margin: 0; overflow-wrap: anywhere; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; margin: .5rem 0; font-size: .9rem; }
th, td { text-align: left; vertical-align: top; padding: .4rem .75rem .4rem 0; border-bottom: 1px solid var(--line);
  overflow-wrap: anywhere; min-width: 5.5rem; }
th { color: var(--soft); font-weight: 600; }
tbody tr:hover { background: var(--tint); }
@media (max-width: 40rem) { dl { grid-template-columns: 1fr; } dt { margin-top: .5rem; } }
@media print {
  :root { --ink: #000; --paper: #fff; --soft: #444; --line: #bbb; --tint: #fff; }
  body { max-width: none; padding: 0; font-size: 10pt; }
  h2 { break-after: avoid; }
  tr { break-inside: avoid; }
  thead { display: table-header-group; }
  .wide { overflow: visible; }
}
"""


@dataclass(frozen=True, slots=True)
class Section:
    """Texts first, then facts by name, then a table with headings."""

    heading: str
    texts: Sequence[str] = ()
    facts: Mapping[str, str] = field(default_factory=dict)
    headings: Sequence[str] = ()
    rows: Sequence[Sequence[str]] = ()


@dataclass(frozen=True, slots=True)
class Page:
    title: str
    lead: str
    sections: Sequence[Section]


def as_html(page: Page) -> str:
    """A whole document."""
    body = "\n".join(map(_section, page.sections))
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
        f"<title>{escape(page.title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n"
        f'<h1>{escape(page.title)}</h1>\n<p class="lead">{escape(page.lead)}</p>\n{body}\n</body>\n</html>\n'
    )


def as_text(page: Page) -> str:
    """For a terminal or a mail: facts and rows a line each."""
    parts = [page.title, page.lead]
    for section in page.sections:
        lines = [f"{section.heading}\n{'-' * len(section.heading)}", *section.texts]
        lines += [f"{name}: {value}" for name, value in section.facts.items()]
        lines += ["; ".join(f"{h}: {c}" for h, c in zip(section.headings, row, strict=True)) for row in section.rows]
        parts.append("\n".join(lines))
    return "\n\n".join(parts) + "\n"


def _section(section: Section) -> str:
    parts = [f"<h2>{escape(section.heading)}</h2>", *(f"<p>{escape(text)}</p>" for text in section.texts)]
    if section.facts:
        facts = (f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in section.facts.items())
        parts.append(f"<dl>{''.join(facts)}</dl>")
    if section.rows:
        head = "".join(f"<th>{escape(heading)}</th>" for heading in section.headings)
        rows = "\n".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in section.rows)
        parts.append(f'<div class="wide"><table><thead><tr>{head}</tr></thead>\n<tbody>{rows}</tbody></table></div>')
    return f"<section>{''.join(parts)}</section>"

"""Prints a page for people in the terminal, or writes it to a file: as text, HTML, or JSON for machines."""

import json
import os
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:  # slow to import, see main.py
    from rich.console import Console

    from pttserver.privacy.pages import Page


class Form(StrEnum):
    TEXT = "text"
    JSON = "json"
    HTML = "html"


FormOption = Annotated[Form, typer.Option("--format", help="text, html, or json for machines.")]
Out = Annotated[Path | None, typer.Option("--out", dir_okay=False, help="New file to write; else the terminal.")]


def give(page: "Page", machine: Any, form: Form, out: Path | None) -> None:
    """`machine`: what is written as JSON. Raises InvalidValue if the file is there or cannot be made."""
    from pttserver.privacy.pages import as_html, as_text

    if form is Form.TEXT and out is None:
        return _print(page)
    if form is Form.JSON:
        text = json.dumps(machine, ensure_ascii=False, indent=2) + "\n"
    else:
        text = as_html(page) if form is Form.HTML else as_text(page)
    if out is None:
        return typer.echo(text, nl=False)
    write_new(out, text)
    return typer.echo(f"Written: {out}")


def write_new(file: Path, text: str) -> None:
    """Readable by its owner only. Raises InvalidValue."""
    from pttserver.errors import InvalidValue

    try:
        with open(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as out:
            out.write(text)
    except OSError as error:
        raise InvalidValue(f"{file}: {error.strerror}") from None


def _print(page: "Page") -> None:
    """Rows one below the other: their sentences would make a table of slivers."""
    from rich.console import Console
    from rich.padding import Padding
    from rich.text import Text

    console = Console()
    console.print(Text(page.title, "bold"), Text(page.lead), sep="\n")
    for section in page.sections:
        console.print(Text(f"\n{section.heading}", "bold"))
        for text in section.texts:
            console.print(Padding(Text(text), (0, 0, 0, 2)))
        _print_facts(console, section.facts)
        for row in section.rows:
            console.print(Padding(Text(row[0], "bold"), (1, 0, 0, 2)))
            _print_facts(console, dict(zip(section.headings[1:], row[1:], strict=True)))


def _print_facts(console: "Console", facts: Mapping[str, str]) -> None:
    from rich.padding import Padding
    from rich.table import Table
    from rich.text import Text

    grid = Table.grid(padding=(0, 2))
    grid.add_column(min_width=14)
    for name, value in facts.items():
        grid.add_row(Text(name), Text(value))
    if facts:
        console.print(Padding(grid, (0, 0, 0, 2)))

"""Prints a page for people in the terminal, or writes it to a file: as text, HTML, or JSON for machines."""

import json
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pttserver.cli.output import print_table

if TYPE_CHECKING:  # slow to import, see main.py
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
    import os

    from pttserver.errors import InvalidValue

    try:
        with open(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as out:
            out.write(text)
    except OSError as error:
        raise InvalidValue(f"{file}: {error.strerror}") from None


def _print(page: "Page") -> None:
    typer.echo(f"{page.title}\n{page.lead}")
    for section in page.sections:
        typer.echo(f"\n{section.heading}")
        for text in section.texts:
            typer.echo(f"  {text}")
        for name, value in section.facts.items():
            typer.echo(f"  {name + ':':<30} {value}")
        if section.rows:
            print_table("", section.headings, section.rows)

"""What commands print: tables for people, JSON for machines, errors in red on stderr.

The operator asked for it, so personal texts are revealed here. They are printed as plain text: a name such as
`[red]` is a name, not a colour.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from pttserver.ids import Personal

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]
_WHOLE = re.compile(r"[a-z]{3}_[0-9a-f]{16}|\d{4}-\d\d-\d\d .*UTC")  # copied, or read, as one
_NARROWEST, _FRAME = 6, 3  # characters of a column of words, and of what stands between two columns
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


def row_of(record: Any) -> dict[str, Any]:
    """A record as a JSON object."""
    return {field.name: _plain(getattr(record, field.name)) for field in fields(record)}


def print_json(value: Any) -> None:
    typer.echo(json.dumps(value, ensure_ascii=False, indent=2))


def print_records(records: Iterable[Any], as_json: bool, columns: Mapping[str, str], title: str) -> None:
    """`columns`: field -> heading. As JSON, all fields."""
    rows = [row_of(record) for record in records]
    if as_json:
        return print_json(rows)
    return print_table(title, list(columns.values()), [[_cell(row, key) for key in columns] for row in rows])


def print_table(title: str, headings: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Too wide a table folds its cells; where an identifier or a date had to be, each row is a list instead."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    cells = list(rows)
    table = Table(title=Text(title), title_justify="left")
    least = 1
    for heading, column in zip(headings, zip(*cells, strict=True), strict=False):
        whole = any(map(_WHOLE.fullmatch, column))
        table.add_column(heading, overflow="fold", no_wrap=whole)
        least += _FRAME + (max(map(len, (heading, *column))) if whole else _NARROWEST)
    for row in cells:
        table.add_row(*map(Text, row))
    console = Console()
    if not cells:
        console.print(Text(f"{title}: none"))
    elif least <= console.width:
        console.print(table)
    else:
        _print_lists(title, headings, cells)


def _print_lists(title: str, headings: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    width = max(map(len, headings))
    typer.echo(title)
    for row in rows:
        typer.echo()
        for heading, cell in zip(headings, row, strict=True):
            typer.echo(f"  {heading:<{width}}  {cell}")


def print_record(record: Any, as_json: bool, **more: Any) -> None:
    """One record and what belongs to it, a field a line."""
    row = row_of(record) | more
    if as_json:
        return print_json(row)
    width = max(map(len, row))
    for key in row:
        typer.echo(f"{key.removesuffix('_ms'):<{width}}  {_cell(row, key)}")
    return None


def moment(utc_ms: int | None) -> str:
    """`2026-05-01 12:00:00 UTC`, or `-`; what no calendar has is shown as a number."""
    if utc_ms is None:
        return "-"
    try:
        return f"{datetime.fromtimestamp(utc_ms / 1000, UTC):%Y-%m-%d %H:%M:%S} UTC"
    except (OverflowError, ValueError, OSError):  # outside of the years 1 to 9999
        return f"{utc_ms} ms since 1970"


def ask_before_removing(what: str, yes: bool) -> None:
    """Ends the command, with exit status 1, unless the operator agrees."""
    if not yes:
        typer.confirm(f"Remove {what}? This cannot be undone.", abort=True)


def complain(message: str) -> None:
    """In red, if stderr is a terminal."""
    typer.secho(f"Error: {message}", fg=typer.colors.RED, err=True)


def _plain(value: Any) -> Any:
    return value.reveal() if isinstance(value, Personal) else value


def _cell(row: Mapping[str, Any], key: str) -> str:
    value = row[key]
    if key.endswith("_ms"):
        return moment(value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "-" if value is None else str(value)

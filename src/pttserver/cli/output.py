"""What commands print: tables for people, JSON for machines, errors in red on stderr.

The operator asked for it, so personal texts are revealed here. They are printed as plain text: a name such as
`[red]` is a name, not a colour.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from pttserver.ids import Personal

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]
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
    """Too wide a table folds its cells; nothing is cut off."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(title=Text(title), title_justify="left")
    for heading in headings:
        table.add_column(heading, overflow="fold")
    for row in rows:
        table.add_row(*map(Text, row))
    console = Console()
    console.print(table if table.row_count else Text(f"{title}: none"))


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

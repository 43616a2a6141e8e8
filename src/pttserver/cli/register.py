"""`pttserver register`: what the platform promises, and how each promise is shown.

The register is `tests/requirements.toml`, beside the tests that it names; the package carries it under its own roof.
"""

import shutil
import textwrap
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Annotated, Any

import typer

from pttserver.cli.output import AsJson, print_json

_INDENT = " " * len("S-001  ")


class Status(StrEnum):
    """How far a requirement is met."""

    TESTED = "tested"
    """The named tests fail when it is not."""
    DOCUMENTED = "documented"
    """The named files say it; no program can show it."""
    ORGANISATIONAL = "organisational"
    """People meet it; the reason tells what the software gives to it."""
    OPEN = "open"
    """Not met yet, or in part; the reason tells what is missing."""


@dataclass(frozen=True, slots=True)
class Requirement:
    """A row of the register. `tests` are pytest node ids, `files` paths, both from the root of the repository."""

    number: str
    title: str
    status: Status
    tests: Sequence[str] = ()
    files: Sequence[str] = ()
    reason: str = ""


def requirements() -> list[Requirement]:
    """The whole register, in its order."""
    import tomllib
    from importlib.resources import files

    rows = tomllib.loads(files("pttserver").joinpath("requirements.toml").read_text(encoding="utf-8"))
    return [_read(number, row) for number, row in rows.items()]


def _read(number: str, row: dict[str, Any]) -> Requirement:
    return Requirement(number, **(row | {"status": Status(row["status"])}))


def register(
    requirements_: Annotated[
        bool, typer.Option("--requirements", help="Each requirement, its status, and what shows it.")
    ] = False,
    status: Annotated[Status | None, typer.Option(help="Only the requirements of this status.")] = None,
    json_: AsJson = False,
) -> None:
    """Print a register: the requirements and how each is met."""
    if not requirements_:
        raise typer.BadParameter("say which register: --requirements")
    rows = [row for row in requirements() if status in {None, row.status}]
    if json_:
        return print_json([asdict(row) for row in rows])
    for row in rows:
        _print(row)
    return typer.echo(_summary(rows))


def _print(row: Requirement) -> None:
    """Words are wrapped; test ids are not, so that they can be given to pytest."""
    width = max(40, shutil.get_terminal_size().columns - len(_INDENT))
    title, *more = textwrap.wrap(row.title, max(24, width - 16))
    typer.echo(f"{row.number}  {row.status:<14}  {title}")
    for line in more:
        typer.echo(f"{_INDENT}{'':16}{line}")
    for line in (*textwrap.wrap(row.reason, width), *row.files, *row.tests):
        typer.echo(f"{_INDENT}{line}")


def _summary(rows: Sequence[Requirement]) -> str:
    counts = Counter(row.status for row in rows)
    return f"{len(rows)} requirements: " + ", ".join(
        f"{counts[status]} {status}" for status in Status if counts[status]
    )

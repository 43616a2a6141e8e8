"""`pttserver register`: what is done with people's data; and what the platform promises, and how each is shown.

The register of promises is `tests/requirements.toml`, beside the tests that it names; the package carries it too.
"""

import shutil
import textwrap
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pttserver.cli.office import in_office, settings_of
from pttserver.cli.output import AsJson, moment, print_json
from pttserver.cli.pages import Form, FormOption, Out, give

if TYPE_CHECKING:  # slow to import, see main.py
    from pttserver.config import Settings
    from pttserver.services.office import Office
    from pttserver.services.processing_register import ProcessingRegister

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
    ctx: typer.Context,
    tenant: Annotated[str | None, typer.Argument(help="Only this tenant; else all.")] = None,
    *,
    form: FormOption = Form.TEXT,
    out: Out = None,
    requirements_: Annotated[
        bool, typer.Option("--requirements", help="Instead: each requirement, its status, and what shows it.")
    ] = False,
    status: Annotated[Status | None, typer.Option(help="Only the requirements of this status.")] = None,
    json_: AsJson = False,
) -> None:
    """Print the record of processing activities (GDPR Art. 30), or with --requirements how each is met."""
    form = Form.JSON if json_ else form
    if requirements_:
        return _print_requirements(status, form)
    from pttserver.clock import Clock
    from pttserver.services.processing_register import register_page

    found = in_office(ctx, lambda office: _processing(office, tenant, settings_of(ctx)))
    made = moment(Clock().utc_ms())
    return give(register_page(found, made), asdict(found), form, out)


async def _processing(office: "Office", tenant: str | None, settings: "Settings") -> "ProcessingRegister":
    from pttserver.services.processing_register import processing_register

    at = office.provisioning
    wanted = [await at.tenant(tenant)] if tenant else await at.tenants()
    return processing_register([(one, office.book.in_force(one.tenant_id)) for one in wanted], settings)


def _print_requirements(status: Status | None, form: Form) -> None:
    rows = [row for row in requirements() if status in {None, row.status}]
    if form is Form.JSON:
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

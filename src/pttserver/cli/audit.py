"""`pttserver audit`: who did what with people's data, and the proof that nothing of it was changed."""

import json as json_text
import shutil
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pttserver.cli.office import in_office
from pttserver.cli.output import AsJson, complain, moment, print_json, row_of
from pttserver.cli.tenant import TenantName

if TYPE_CHECKING:  # slow to import, see main.py
    from pttserver.services.audit import Verdict
    from pttserver.services.office import Office
    from pttserver.store.audit import AuditEntry

app = typer.Typer(help="Audit log: show, verify, export.", no_args_is_help=True)

_INDENT = " " * 7


@app.command()
def show(
    ctx: typer.Context,
    tenant: TenantName,
    last: Annotated[int, typer.Option(min=1, help="Only the newest so many.")] = 50,
    json: AsJson = False,
) -> None:
    """Show the newest entries. Subjects whose data were erased have no name any more."""
    entries = in_office(ctx, lambda office: office.views.audit(tenant, "audit.show"))[-last:]
    if json:
        print_json([row_of(entry) for entry in entries])
    elif not entries:
        typer.echo("Audit log: none")
    else:
        for entry in entries:
            _print_entry(entry)


@app.command()
def verify(ctx: typer.Context, tenant: TenantName, json: AsJson = False) -> None:
    """Verify that no entry was changed, removed, moved or put in; exit status 1 if one was."""

    async def work(office: "Office") -> "Verdict":
        return await office.audit.verify((await office.provisioning.tenant(tenant)).tenant_id)

    verdict = in_office(ctx, work)
    if json:
        print_json(row_of(verdict))
    elif not verdict.problems:
        span = f"entries {verdict.first} to {verdict.last}" if verdict.entries else "no entries"
        typer.echo(f"The audit log is whole: {span}, {verdict.checkpoints} signed checkpoints.")
        if verdict.pruned_ms is not None:
            typer.echo(f"What was before is over by the policy; it was erased last on {moment(verdict.pruned_ms)}.")
    for problem in verdict.problems:
        complain(problem)
    if verdict.problems:
        raise typer.Exit(1)


@app.command()
def checkpoint(ctx: typer.Context, tenant: TenantName) -> None:
    """Sign the newest entry now; a running server does it every minute."""

    async def work(office: "Office") -> int:
        return await office.audit.checkpoint([(await office.provisioning.tenant(tenant)).tenant_id])

    typer.echo("Signed." if in_office(ctx, work) else "The newest entry is signed already.")


@app.command()
def export(
    ctx: typer.Context,
    tenant: TenantName,
    file: Annotated[Path, typer.Argument(dir_okay=False, help="JSON Lines file to write.")],
) -> None:
    """Write all entries to a file, a JSON object a line, oldest first."""
    entries = in_office(ctx, lambda office: office.views.audit(tenant, "audit.export"))
    with file.open("x", encoding="utf-8") as out:
        file.chmod(0o600)
        for entry in entries:
            out.write(json_text.dumps(row_of(entry), ensure_ascii=False) + "\n")
    typer.echo(f"{len(entries)} entries written to {file}.")


def _print_entry(entry: "AuditEntry") -> None:
    """Its details, which can be long, stand below it."""
    about = f"  {entry.subject}" if entry.subject else ""
    actor = entry.actor.reveal() if entry.actor else "somebody whose data were erased"
    typer.echo(f"{entry.sequence:>5}  {moment(entry.at_ms)}  {entry.operation}{about}  by {actor}")
    details = ", ".join(f"{name}: {value}" for name, value in entry.details.items() if value != "")
    width = shutil.get_terminal_size().columns
    for line in textwrap.wrap(details, max(40, width - len(_INDENT)), break_long_words=False, break_on_hyphens=False):
        typer.echo(_INDENT + line)

"""`pttserver subject request`: what people asked, by when it must be answered, and how it ended."""

from typing import TYPE_CHECKING, Annotated

import typer

from pttserver.cli.instruction import Actor, instruction_of
from pttserver.cli.moments import MOMENT_HELP, moment_ms
from pttserver.cli.office import in_office
from pttserver.cli.output import AsJson, moment, print_json, print_table, row_of
from pttserver.cli.tenant import TenantName
from pttserver.privacy.subject_requests import Outcome, RequestKind

if TYPE_CHECKING:  # slow to import, see main.py
    from pttserver.services.office import Office
    from pttserver.services.subject_requests import SubjectRequest

app = typer.Typer(help="Requests of data subjects, with their deadlines.", no_args_is_help=True)

Number = Annotated[int, typer.Argument(metavar="NUMBER", help="Of the request, as `list` shows it.")]
Why = Annotated[str, typer.Option("--reason", help="What the person was told; it goes when the person is erased.")]
Identified = Annotated[str, typer.Option("--identified", help="How it was made sure who asks; no personal data.")]


@app.command("open")
def open_(
    ctx: typer.Context,
    tenant: TenantName,
    subject: Annotated[str, typer.Argument(metavar="SUBJECT", help="Identifier, or the number of `subject find`.")],
    kind: Annotated[RequestKind, typer.Argument(help="What is asked.")],
    *,
    received: Annotated[str | None, typer.Option(help=f"When it came: {MOMENT_HELP}. Default: now.")] = None,
    identified: Identified = "",
    reason: Why = "received",
    by: Actor = None,
) -> None:
    """Note a request that came in; from then on the month runs."""
    instruction, since_ms = instruction_of(by, reason), moment_ms(received)

    async def work(office: "Office") -> "SubjectRequest":
        owner = (await office.provisioning.tenant(tenant)).tenant_id
        return await office.requests.open(owner, subject, kind, since_ms, _text(identified), instruction)

    request = in_office(ctx, work)
    typer.echo(f"Request {request.number}; to be answered by {moment(request.due_ms)}.")


@app.command()
def extend(ctx: typer.Context, tenant: TenantName, number: Number, *, reason: Why, by: Actor = None) -> None:
    """Two months more; within the first month, and the person must be told why."""
    instruction = instruction_of(by, reason)

    async def work(office: "Office") -> "SubjectRequest":
        owner = (await office.provisioning.tenant(tenant)).tenant_id
        return await office.requests.extend(owner, number, instruction)

    typer.echo(f"To be answered by {moment(in_office(ctx, work).due_ms)}.")


@app.command()
def close(
    ctx: typer.Context,
    tenant: TenantName,
    number: Number,
    outcome: Annotated[Outcome, typer.Argument(help="How it ended.")],
    *,
    reason: Why,
    identified: Identified = "",
    by: Actor = None,
) -> None:
    """Note how a request ended, and why."""
    instruction = instruction_of(by, reason)

    async def work(office: "Office") -> "SubjectRequest":
        owner = (await office.provisioning.tenant(tenant)).tenant_id
        return await office.requests.close(owner, number, outcome, _text(identified), instruction)

    request = in_office(ctx, work)
    late = " It was late." if request.is_overdue(request.due_ms) else ""
    typer.echo(f"Request {request.number}: {request.outcome}.{late}")
    if request.subject is None:
        typer.echo("The person was erased since: why, and how it was made sure who asks, are not kept.")


@app.command("list")
def list_(ctx: typer.Context, tenant: TenantName, json: AsJson = False) -> None:
    """List the requests, the one that is due first on top; exit status 1 if one is overdue."""

    async def work(office: "Office") -> "list[SubjectRequest]":
        return await office.requests.all((await office.provisioning.tenant(tenant)).tenant_id)

    found = in_office(ctx, work)
    if json:
        print_json([row_of(each) for each in found])
    else:
        headings = ["No.", "Person", "Asked", "Received", "Due", "Ended", "Outcome", "Reason"]
        print_table("Requests", headings, map(_row, found))
    if any(each.outcome is None and each.is_overdue(_now_ms()) for each in found):
        raise typer.Exit(1)


def _row(request: "SubjectRequest") -> list[str]:
    ended = moment(request.closed_ms)
    outcome = request.outcome or ("overdue" if request.is_overdue(_now_ms()) else "open")
    return [
        str(request.number),
        request.subject or "-",
        request.kind,
        moment(request.received_ms),
        moment(request.due_ms),
        ended,
        outcome,
        request.reason or "-",
    ]


def _now_ms() -> int:
    from pttserver.clock import Clock

    return Clock().utc_ms()


def _text(identified: str) -> str:
    from pttserver.services import naming

    return naming.remark(identified, "how the person was identified") if identified else ""

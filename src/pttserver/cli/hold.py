"""`pttserver hold`: what must be kept although its period is over, because a court or an authority wants it."""

from typing import Annotated

import typer

from pttserver.cli.instruction import Actor, Reason, instruction_of
from pttserver.cli.moments import MOMENT_HELP, moment_ms
from pttserver.cli.office import in_office
from pttserver.cli.output import AsJson, print_record, print_records
from pttserver.cli.tenant import TenantName
from pttserver.privacy.categories import Category

app = typer.Typer(help="Holds: what must not be erased while they last.", no_args_is_help=True)

_COLUMNS = {
    "hold_id": "Hold",
    "subject_id": "Subject",
    "category": "Category",
    "since_ms": "Since",
    "until_ms": "Until",
    "actor": "By",
    "reason": "Reason",
}


@app.command()
def add(
    ctx: typer.Context,
    tenant: TenantName,
    *,
    reason: Annotated[str, typer.Option("--reason", help="Why, such as the number of the case; kept sealed.")],
    subject: Annotated[
        str | None, typer.Option("--subject", help="Identifier or number of a subscriber. Default: everybody.")
    ] = None,
    category: Annotated[
        Category | None, typer.Option("--category", help="A category of data. Default: all.", metavar="CATEGORY")
    ] = None,
    until: Annotated[
        str | None, typer.Option("--until", help=f"When it ends by itself: {MOMENT_HELP}. Default: when it is ended.")
    ] = None,
    by: Actor = None,
    json: AsJson = False,
) -> None:
    """Keep what the hold covers, whatever the policy says, until it ends."""
    instruction, until_ms = instruction_of(by, reason), moment_ms(until)
    hold = in_office(
        ctx,
        lambda office: office.periods.hold(
            tenant, instruction, subscriber=subject, category=category, until_ms=until_ms
        ),
    )
    print_record(hold, json, reason=instruction.reason.reveal(), actor=instruction.actor.reveal())


@app.command("list")
def list_(ctx: typer.Context, tenant: TenantName, json: AsJson = False) -> None:
    """List the holds of a tenant, also those that ended."""
    print_records(in_office(ctx, lambda office: office.views.holds(tenant)), json, _COLUMNS, "Holds")


@app.command()
def end(
    ctx: typer.Context,
    tenant: TenantName,
    hold: Annotated[str, typer.Argument(help="Identifier of the hold.")],
    *,
    reason: Reason = "the hold is not needed any more",
    by: Actor = None,
) -> None:
    """End a hold: what it kept and is over goes at the next sweep."""
    instruction = instruction_of(by, reason)
    in_office(ctx, lambda office: office.periods.end_hold(tenant, hold, instruction))
    typer.echo(f"Ended: {hold}. What it kept and is over goes at the next sweep.")

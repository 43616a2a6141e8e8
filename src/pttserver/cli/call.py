"""`pttserver call`: the history of calls, as whoever looks may see it."""

from typing import Annotated

import typer

from pttserver.cli.moments import MOMENT_HELP, moment_ms
from pttserver.cli.office import in_office
from pttserver.cli.output import AsJson, moment, print_json, print_table, row_of
from pttserver.cli.tenant import TenantName
from pttserver.privacy.purposes import Purpose

app = typer.Typer(help="Calls: what happened, as far as the policy keeps it.", no_args_is_help=True)


@app.command("list")
def list_(
    ctx: typer.Context,
    tenant: TenantName,
    *,
    group: Annotated[str | None, typer.Option("--group", help="Calls of this group only.")] = None,
    subscriber: Annotated[
        str | None, typer.Option("--subscriber", help="Calls with this subscriber only: identifier or number.")
    ] = None,
    since: Annotated[
        str | None, typer.Option("--since", help=f"Calls that began then or later: {MOMENT_HELP}.")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=10_000, help="At most so many, the newest.")] = 100,
    purpose: Annotated[
        Purpose, typer.Option("--purpose", help="What for: one of the purposes that the policy names for calls.")
    ] = Purpose.OPERATIONS,
    reason: Annotated[str, typer.Option("--reason", help="Why; it goes into the audit log, sealed.")] = "",
    json: AsJson = False,
) -> None:
    """List calls, newest first. What the policy keeps no longer is not shown."""
    since_ms = moment_ms(since)
    found = in_office(
        ctx,
        lambda office: office.calls.calls(
            tenant,
            group=group,
            subscriber=subscriber,
            since_ms=since_ms,
            limit=limit,
            purpose=purpose,
            reason=reason,
        ),
    )
    if json:
        revealed = ([who.reveal() for who in call.participants] for call in found)
        return print_json([row_of(call) | {"participants": who} for call, who in zip(found, revealed, strict=True)])
    rows = [
        [
            moment(call.started_ms),
            f"{(call.ended_ms - call.started_ms) / 1000:.0f} s",
            call.group,
            call.initiator.reveal() if call.initiator else "-",
            ", ".join(who.reveal() for who in call.participants) or "-",
        ]
        for call in found
    ]
    return print_table("Calls", ["Began", "Lasted", "Group", "Started by", "With"], rows)

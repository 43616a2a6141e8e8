"""`pttserver console`: accounts of dispatchers and managers, who log in with a browser."""

from typing import TYPE_CHECKING

import typer

from pttserver.cli.device import ExpiresH, QrCode, qr_code
from pttserver.cli.group import MemberName
from pttserver.cli.office import in_office
from pttserver.cli.output import AsJson, Yes, moment, print_json, print_records, row_of
from pttserver.cli.tenant import TenantName

if TYPE_CHECKING:  # slow to import, see main.py
    from pttserver.services.console_provision import Invitation

app = typer.Typer(help="Console: accounts of dispatchers and managers.", no_args_is_help=True)

_COLUMNS = {
    "identifier": "Name",
    "display_name": "Display name",
    "role": "Role",
    "state": "State",
    "factors": "Second factor",
    "invited_ms": "Invited",
    "activated_ms": "Activated",
}


@app.command()
def invite(
    ctx: typer.Context,
    tenant: TenantName,
    subscriber: MemberName,
    *,
    expires_h: ExpiresH = 24.0,
    qr: QrCode = True,
    json: AsJson = False,
) -> None:
    """Print a one-time code with which a dispatcher or manager sets a password."""
    made = in_office(ctx, lambda office: office.console.invite(tenant, subscriber, expires_h=expires_h))
    _print_invitation(made, qr, json)


@app.command("list")
def list_(ctx: typer.Context, tenant: TenantName, json: AsJson = False) -> None:
    """List the console accounts of a tenant."""
    found = in_office(ctx, lambda office: office.views.console_accounts(tenant))
    print_records(found, json, _COLUMNS, "Console accounts")


@app.command()
def lock(ctx: typer.Context, tenant: TenantName, subscriber: MemberName) -> None:
    """Log somebody out of the console at once, and keep them out until their account is reset."""
    in_office(ctx, lambda office: office.console.lock(tenant, subscriber))


@app.command()
def reset(
    ctx: typer.Context,
    tenant: TenantName,
    subscriber: MemberName,
    *,
    expires_h: ExpiresH = 24.0,
    qr: QrCode = True,
    yes: Yes = False,
    json: AsJson = False,
) -> None:
    """Take password and second factor away, and print a new one-time code. Its sessions end at once."""
    if not yes:
        typer.confirm(f"Take password and second factor of {subscriber} at {tenant} away?", abort=True)
    made = in_office(ctx, lambda office: office.console.reset(tenant, subscriber, expires_h=expires_h))
    _print_invitation(made, qr, json)


def _print_invitation(made: "Invitation", qr: bool, json: bool) -> None:
    if json:
        return print_json(row_of(made))
    typer.echo(f"subscriber  {made.subscriber_id}")
    typer.echo(f"code        {made.code}")
    typer.echo(f"expires     {moment(made.expires_ms)}; works once\n")
    typer.echo(f"{made.link}\n")
    if qr:
        typer.echo(qr_code(made.link))
    return None

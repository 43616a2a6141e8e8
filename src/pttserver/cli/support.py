"""`pttserver support`: the operator's technicians, for a while, see what the organisation's policy opens for them."""

from typing import TYPE_CHECKING, Annotated

import typer

from pttserver.cli import call, device, subscriber
from pttserver.cli.office import in_office
from pttserver.cli.output import AsJson, moment, print_json, print_records, print_table, row_of
from pttserver.cli.tenant import TenantName
from pttserver.privacy.purposes import Purpose

if TYPE_CHECKING:  # slow to import, see main.py
    from pttserver.services.office import Office
    from pttserver.services.support import SupportSession

app = typer.Typer(help="Support sessions of the operator's technicians.", no_args_is_help=True)
view = typer.Typer(help="What the tier of the open session may see, and nothing else.", no_args_is_help=True)
app.add_typer(view, name="view")

_LOG_INS = {"subscriber_id": "Id", "identifier": "Identifier", "last_login_ms": "Last log-in"}


@app.command("open")
def open_(
    ctx: typer.Context,
    tenant: TenantName,
    *,
    tier: Annotated[
        int, typer.Option(min=1, max=2, help="1: what [support] first_tier names; 2: all for technicians.")
    ],
    ticket: Annotated[str, typer.Option(help="Number of the problem that is to be solved.")],
    reason: Annotated[str, typer.Option(help="Why the data are needed; it goes into the tenant's audit log.")],
    minutes: Annotated[int, typer.Option(min=1, help="Then it ends by itself.")] = 30,
) -> None:
    """Open a support session of your own at a tenant, as long and as far as its policy allows."""

    async def work(office: "Office") -> "SupportSession":
        from pttserver.services import naming

        office.sight.require_technician()
        owner = (await office.provisioning.tenant(tenant)).tenant_id
        texts = {"ticket": naming.remark(ticket, "the ticket"), "reason": naming.remark(reason, "the reason")}
        return await office.support.open(owner, tier=tier, minutes=minutes, **texts)

    session = in_office(ctx, work)
    typer.echo(f"Support session {session.number}, tier {session.tier}, until {moment(session.ends_ms)}.")


@app.command()
def close(
    ctx: typer.Context,
    tenant: TenantName,
    session: Annotated[int | None, typer.Option(help="Its number; without it, your own that is open.")] = None,
) -> None:
    """End a support session. The organisation's staff may end anybody's."""

    async def work(office: "Office") -> "SupportSession":
        owner = (await office.provisioning.tenant(tenant)).tenant_id
        if session is not None:
            office.sight.require_organisation()
        return await office.support.close(owner, session)

    typer.echo(f"Support session {in_office(ctx, work).number} is closed.")


@app.command("list")
def list_(ctx: typer.Context, tenant: TenantName, json: AsJson = False) -> None:
    """List the support sessions at a tenant, as far as its audit log goes back, newest first."""

    async def work(office: "Office") -> "list[SupportSession]":
        return await office.support.sessions((await office.provisioning.tenant(tenant)).tenant_id)

    found = in_office(ctx, work)
    if json:
        return print_json([row_of(each) for each in found])
    headings = ["No.", "Technician", "Tier", "Opened", "Ended or ends", "Ticket", "Reason"]
    rows = (
        [str(s.number), s.technician.reveal(), str(s.tier), moment(s.opened_ms), moment(s.ends_ms), s.ticket, s.reason]
        for s in found
    )
    return print_table("Support sessions", headings, rows)


@view.command()
def subscribers(ctx: typer.Context, tenant: TenantName, json: AsJson = False) -> None:
    """Subscribers, as far as the tier may see them."""
    _require_session(ctx, tenant)
    subscriber.list_(ctx, tenant, json)


@view.command()
def devices(ctx: typer.Context, tenant: TenantName, json: AsJson = False) -> None:
    """Devices, as far as the tier may see them."""
    _require_session(ctx, tenant)
    device.list_(ctx, tenant, None, json)


@view.command()
def log_ins(ctx: typer.Context, tenant: TenantName, json: AsJson = False) -> None:
    """When each subscriber logged in last, as far as the tier may see it."""
    _require_session(ctx, tenant)
    print_records(in_office(ctx, lambda office: office.views.subscribers(tenant)), json, _LOG_INS, "Log-ins")


@view.command()
def calls(ctx: typer.Context, tenant: TenantName, json: AsJson = False) -> None:
    """Call records, if the policy names support as a purpose of them and the tier may see them."""
    _require_session(ctx, tenant)
    call.list_(ctx, tenant, group=None, subscriber=None, since=None, purpose=Purpose.SUPPORT, json=json)


def _require_session(ctx: typer.Context, tenant: str) -> None:
    async def work(office: "Office") -> None:
        await office.sight.require_session((await office.provisioning.tenant(tenant)).tenant_id)

    in_office(ctx, work)

"""`pttserver tenant`: the organisations that the server serves."""

from typing import TYPE_CHECKING, Annotated

import typer

from pttserver.cli.instruction import (
    Acknowledge,
    Actor,
    PolicyFile,
    Preset,
    Reason,
    exit_if_unwritten,
    instruction_of,
    policy_text,
)
from pttserver.cli.office import in_office
from pttserver.cli.output import AsJson, Yes, ask_before_removing, print_record, print_records

if TYPE_CHECKING:  # slow to import, see main.py
    from pttserver.services.office import Office
    from pttserver.store.records import Tenant

app = typer.Typer(help="Tenants: organisations, each with its own groups and subscribers.", no_args_is_help=True)

TenantName = Annotated[str, typer.Argument(metavar="TENANT", help="Name or identifier of the tenant.")]

NOT_PROVEN_YET = 3
NOT_PROVEN = """Removed. It is not proven yet that its keys are gone from every file: {}.
A server that runs tries again, or run: pttserver retention sweep"""

_COLUMNS = {"name": "Name", "tenant_id": "Identifier", "created_ms": "Added"}


@app.command()
def add(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="A name that no other tenant has.")],
    *,
    policy: PolicyFile = None,
    preset: Preset = "default",
    acknowledge: Acknowledge = None,
    reason: Reason = "the tenant was added",
    by: Actor = None,
    json: AsJson = False,
) -> None:
    """Add a tenant, with the privacy policy that its data are kept by.

    Exit status 3: added, and its policy file could not be written yet.
    """
    text = policy_text(policy, preset)
    instruction = instruction_of(by, reason, acknowledge)

    async def work(office: "Office") -> "tuple[Tenant, str | None]":
        added = await office.provisioning.add_tenant(name, text, instruction)
        return added, await office.instructions.publish(added.tenant_id)

    added, unwritten = in_office(ctx, work)
    print_record(added, json)
    if not json:
        typer.echo(f"\nWhat happens to its people's data: pttserver policy explain {added.tenant_id}")
    exit_if_unwritten(unwritten)


@app.command("list")
def list_(ctx: typer.Context, json: AsJson = False) -> None:
    """List the tenants."""
    print_records(in_office(ctx, lambda office: office.provisioning.tenants()), json, _COLUMNS, "Tenants")


@app.command()
def show(ctx: typer.Context, tenant: TenantName, json: AsJson = False) -> None:
    """Show a tenant."""
    print_record(in_office(ctx, lambda office: office.provisioning.tenant(tenant)), json)


@app.command()
def remove(ctx: typer.Context, tenant: TenantName, yes: Yes = False) -> None:
    """Remove a tenant with its groups, subscribers, devices, history and keys.

    Exit status 3: removed, and not proven yet that its keys are gone from every file.
    """
    ask_before_removing(f"tenant {tenant} with all its groups, subscribers, devices and history", yes)
    problem = in_office(ctx, lambda office: office.provisioning.remove_tenant(tenant))
    if problem is not None:
        typer.secho(NOT_PROVEN.format(problem), err=True)
        raise typer.Exit(NOT_PROVEN_YET)

"""`pttserver group`: talkgroups and their members."""

from typing import TYPE_CHECKING, Annotated

import typer

from pttserver.cli.office import in_office
from pttserver.cli.output import (
    AsJson,
    Yes,
    ask_before_removing,
    print_json,
    print_record,
    print_records,
    row_of,
)
from pttserver.cli.tenant import TenantName

if TYPE_CHECKING:  # slow to import, see main.py
    from pttserver.services.office import Office
    from pttserver.store.records import Group, Member

app = typer.Typer(help="Groups: who talks to whom.", no_args_is_help=True)

GroupName = Annotated[str, typer.Argument(metavar="GROUP", help="Name or identifier of the group.")]
MemberName = Annotated[
    str, typer.Argument(metavar="SUBSCRIBER", help="Phone number or other identifier of the subscriber.")
]

_COLUMNS = {"name": "Name", "group_id": "Identifier", "created_ms": "Added"}
_MEMBER_COLUMNS = {
    "identifier": "Subscriber",
    "display_name": "Name",
    "priority": "Priority",
    "listen_only": "Listen only",
}


@app.command()
def add(
    ctx: typer.Context,
    tenant: TenantName,
    name: Annotated[str, typer.Argument(help="A name that no other group of the tenant has.")],
    json: AsJson = False,
) -> None:
    """Add a group."""
    print_record(in_office(ctx, lambda office: office.provisioning.add_group(tenant, name)), json)


@app.command("list")
def list_(ctx: typer.Context, tenant: TenantName, json: AsJson = False) -> None:
    """List the groups of a tenant."""
    groups = in_office(ctx, lambda office: office.provisioning.groups(tenant))
    print_records(groups, json, _COLUMNS, "Groups")


@app.command()
def show(ctx: typer.Context, tenant: TenantName, group: GroupName, json: AsJson = False) -> None:
    """Show a group and its members."""

    async def work(office: "Office") -> "tuple[Group, list[Member]]":
        return await office.provisioning.group(tenant, group), await office.views.members(tenant, group)

    found, members = in_office(ctx, work)
    if json:
        return print_json(row_of(found) | {"members": [row_of(member) for member in members]})
    print_record(found, as_json=False)
    return print_records(members, False, _MEMBER_COLUMNS, "Members")


@app.command()
def remove(ctx: typer.Context, tenant: TenantName, group: GroupName, yes: Yes = False) -> None:
    """Remove a group. Its members stay subscribers."""
    ask_before_removing(f"group {group} of {tenant}", yes)
    in_office(ctx, lambda office: office.provisioning.remove_group(tenant, group))


@app.command()
def add_member(
    ctx: typer.Context,
    tenant: TenantName,
    group: GroupName,
    subscriber: MemberName,
    *,
    priority: Annotated[
        int, typer.Option(min=0, max=255, help="Rank in the queue for the floor; 255 goes first.")
    ] = 100,
    listen_only: Annotated[bool, typer.Option("--listen-only", help="May listen, but not talk.")] = False,
) -> None:
    """Add a member to a group, or change what a member may do."""
    in_office(
        ctx,
        lambda office: office.provisioning.set_member(
            tenant, group, subscriber, priority=priority, listen_only=listen_only
        ),
    )


@app.command()
def remove_member(ctx: typer.Context, tenant: TenantName, group: GroupName, subscriber: MemberName) -> None:
    """Take a member out of a group."""
    in_office(ctx, lambda office: office.provisioning.remove_member(tenant, group, subscriber))

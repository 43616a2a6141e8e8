"""`pttserver subscriber`: the people and posts that talk."""

import sys
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from pttserver.cli.group import MemberName
from pttserver.cli.instruction import Actor, instruction_of
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
from pttserver.cli.subject import Reason, Values, assignments
from pttserver.cli.tenant import NOT_PROVEN_YET, TenantName
from pttserver.privacy.categories import Category
from pttserver.roles import Role

if TYPE_CHECKING:  # slow to import, see main.py
    from pttserver.ids import Personal, SubscriberId
    from pttserver.roles import Rights
    from pttserver.services.office import Office
    from pttserver.services.provision import Added
    from pttserver.store.records import Membership, Subscriber

app = typer.Typer(help="Subscribers: the people and posts that talk.", no_args_is_help=True)

Pin = Annotated[str | None, typer.Option(help="PIN; others on this machine may see it in the process list.")]
PinFromStdin = Annotated[bool, typer.Option("--pin-stdin", help="Read the PIN from the first line of stdin.")]
AskPin = Annotated[bool, typer.Option("--ask-pin", help="Ask for the PIN.")]


class Service(StrEnum):
    """What can be allowed or denied."""

    ALERTS = "alerts"
    LOCATION = "location"


ServiceName = Annotated[Service, typer.Argument(help="Which service.")]

NOT_PROVEN = """Removed. It is not proven yet that all that was erased is gone from every file: a server that runs tries
again, or run: pttserver retention sweep"""

_COLUMNS = {
    "identifier": "Identifier",
    "identifier_kind": "Kind",
    "display_name": "Name",
    "last_login_ms": "Last log-in",
    "subscriber_id": "Id",
}
_GROUP_COLUMNS = {"group_name": "Group", "priority": "Priority", "listen_only": "Listen only"}


@app.command()
def add(
    ctx: typer.Context,
    tenant: TenantName,
    identifier: Annotated[
        str, typer.Argument(help="Phone number (+491511234567), or any text that no other subscriber has.")
    ],
    *,
    name: Annotated[str | None, typer.Option(help="Display name that the members of a group see.")] = None,
    pin: Pin = None,
    pin_stdin: PinFromStdin = False,
    ask_pin: AskPin = False,
    json: AsJson = False,
) -> None:
    """Add a subscriber. Without a PIN, one of six digits is drawn and shown once."""
    given = _given_pin(pin, pin_stdin, ask_pin)

    async def work(office: "Office") -> "tuple[Added, Subscriber, list[Subscriber]]":
        added = await office.provisioning.add_subscriber(tenant, identifier, display_name=name, pin=given)
        alike = await _look_alikes(office, tenant, added.subscriber.subscriber_id, name or identifier)
        return added, await office.views.added(added.subscriber), alike

    new, shown, alike = in_office(ctx, work)
    print_record(shown, json, **_drawn_pin(given, new.pin))
    if new.left_out:
        typer.secho(f"Not kept, as the policy of the tenant says: {', '.join(new.left_out)}.", err=True)
    _warn_of(alike)


async def _look_alikes(office: "Office", tenant: str, subscriber_id: "SubscriberId", name: str) -> "list[Subscriber]":
    from pttserver.ids import Personal
    from pttserver.services.likeness import look_alikes

    others = [other for other in await office.provisioning.subscribers(tenant) if other.subscriber_id != subscriber_id]
    return look_alikes(Personal(name), others)


def _warn_of(alike: "list[Subscriber]") -> None:
    if alike:
        numbers = ", ".join(other.subscriber_id for other in alike)
        typer.secho(f"Careful: on a display this name can be taken for that of {numbers}.", err=True)


@app.command("list")
def list_(ctx: typer.Context, tenant: TenantName, json: AsJson = False) -> None:
    """List the subscribers of a tenant."""
    subscribers = in_office(ctx, lambda office: office.views.subscribers(tenant))
    print_records(subscribers, json, _COLUMNS, "Subscribers")


@app.command()
def show(ctx: typer.Context, tenant: TenantName, subscriber: MemberName, json: AsJson = False) -> None:
    """Show a subscriber, contact data and own fields, and the groups that it is a member of."""

    async def work(office: "Office") -> "tuple[Subscriber, dict[str, Personal], list[Membership], Rights]":
        who, fields = await office.views.subscriber(tenant, subscriber)
        groups = await office.provisioning.memberships(tenant, who.subscriber_id)
        shown = await office.sight.of(who.tenant_id)
        groups = groups if shown(Category.MEMBERSHIP) else []
        return who, fields, groups, await office.roles.rights(who)

    found, texts, groups, rights = in_office(ctx, work)
    fields = {name: text.reveal() for name, text in texts.items()}
    if json:
        more = {"fields": fields, "groups": [row_of(group) for group in groups]}
        return print_json(row_of(found) | row_of(rights) | more)
    turned = {"location_since_ms": rights.location_since_ms or None}  # 0 is no moment: it was never turned
    print_record(found, as_json=False, **row_of(rights) | turned, **fields)
    return print_records(groups, False, _GROUP_COLUMNS, "Groups")


@app.command()
def remove(ctx: typer.Context, tenant: TenantName, subscriber: MemberName, yes: Yes = False) -> None:
    """Remove a subscriber with its devices and memberships.

    Exit status 3: removed, and not proven yet that all that was erased is gone from every file.
    """
    ask_before_removing(f"subscriber {subscriber} of {tenant} with its devices", yes)
    if not in_office(ctx, lambda office: office.provisioning.remove_subscriber(tenant, subscriber)):
        typer.secho(NOT_PROVEN, err=True)
        raise typer.Exit(NOT_PROVEN_YET)


@app.command("set")
def set_(
    ctx: typer.Context,
    tenant: TenantName,
    subscriber: MemberName,
    values: Values,
    *,
    reason: Reason = "contact data or own fields were set",
    by: Actor = None,
) -> None:
    """Set contact data (email, phone, address, country) or fields that the tenant's policy declares."""
    instruction, changes = instruction_of(by, reason), assignments(values)

    async def work(office: "Office") -> None:
        owner = await office.provisioning.tenant(tenant)
        await office.rights.set_fields(owner.tenant_id, subscriber, changes, instruction)

    in_office(ctx, work)


@app.command()
def rename(
    ctx: typer.Context,
    tenant: TenantName,
    subscriber: MemberName,
    name: Annotated[str, typer.Argument(help="New display name; '' takes it away.")],
) -> None:
    """Change the display name of a subscriber."""

    async def work(office: "Office") -> "list[Subscriber]":
        who = await office.provisioning.subscriber(tenant, subscriber)
        await office.provisioning.rename_subscriber(tenant, who.subscriber_id, name)
        return await _look_alikes(office, tenant, who.subscriber_id, name) if name.strip() else []

    _warn_of(in_office(ctx, work))


@app.command()
def set_pin(
    ctx: typer.Context,
    tenant: TenantName,
    subscriber: MemberName,
    *,
    pin: Pin = None,
    pin_stdin: PinFromStdin = False,
    ask_pin: AskPin = False,
    json: AsJson = False,
) -> None:
    """Set a new PIN. Without one, six digits are drawn and shown once."""
    given = _given_pin(pin, pin_stdin, ask_pin)
    new = in_office(ctx, lambda office: office.provisioning.set_pin(tenant, subscriber, given))
    if json:
        print_json(_drawn_pin(given, new))
    elif given is None:
        typer.echo(f"pin  {new}")


@app.command()
def role(
    ctx: typer.Context,
    tenant: TenantName,
    subscriber: MemberName,
    role: Annotated[Role, typer.Argument(help="What the subscriber is from now on.")],
) -> None:
    """Make somebody a dispatcher or an organisation manager, or a plain subscriber again."""
    in_office(ctx, lambda office: office.roles.set_role(tenant, subscriber, role))


@app.command()
def allow(ctx: typer.Context, tenant: TenantName, subscriber: MemberName, service: ServiceName) -> None:
    """Allow a subscriber to raise alerts, or to be located, as far as the policy lets."""
    in_office(ctx, lambda office: office.roles.allow(tenant, subscriber, service.value, True))


@app.command()
def deny(ctx: typer.Context, tenant: TenantName, subscriber: MemberName, service: ServiceName) -> None:
    """Take from a subscriber the raising of alerts, or switch locating off for that subscriber."""
    in_office(ctx, lambda office: office.roles.allow(tenant, subscriber, service.value, False))


def _given_pin(pin: str | None, from_stdin: bool, ask: bool) -> str | None:
    if (pin is not None) + from_stdin + ask > 1:
        raise typer.BadParameter("give the PIN in one way only: --pin, --pin-stdin or --ask-pin")
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    if ask:
        return str(typer.prompt("PIN", hide_input=True, confirmation_prompt=True))
    return pin


def _drawn_pin(given: str | None, new: str) -> dict[str, str]:
    """What the operator chose is not repeated."""
    return {} if given is not None else {"pin": new}

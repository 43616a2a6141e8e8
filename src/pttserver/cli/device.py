"""`pttserver device`: radios, and the one-time codes that they enrol with."""

import io
from typing import TYPE_CHECKING, Annotated
from urllib.parse import quote, urlsplit

import typer

from pttserver.cli.group import MemberName
from pttserver.cli.office import in_office
from pttserver.cli.output import (
    AsJson,
    Yes,
    ask_before_removing,
    moment,
    print_json,
    print_record,
    print_records,
    row_of,
)
from pttserver.cli.tenant import TenantName

if TYPE_CHECKING:  # slow to import, see main.py
    from pttserver.services.provision_devices import Ticket

app = typer.Typer(help="Devices: the radios of a subscriber.", no_args_is_help=True)

DeviceName = Annotated[
    str, typer.Argument(metavar="DEVICE", help="Identifier of the device, or its label if no other has it.")
]
ExpiresH = Annotated[float, typer.Option("--expires-h", help="Hours that the code is valid for.")]
QrCode = Annotated[bool, typer.Option(help="Print the QR code.")]

_COLUMNS = {
    "device_id": "Identifier",
    "label": "Label",
    "device_type": "Type",
    "subscriber_id": "Subscriber",
    "enrolled_ms": "Enrolled",
    "revoked_ms": "Revoked",
}


@app.command()
def add(
    ctx: typer.Context,
    tenant: TenantName,
    subscriber: MemberName,
    *,
    label: Annotated[str | None, typer.Option(help="What to call the device, such as 'Radio 7'.")] = None,
    expires_h: ExpiresH = 24.0,
    qr: QrCode = True,
    json: AsJson = False,
) -> None:
    """Add a device and print its one-time enrolment code."""
    ticket = in_office(ctx, lambda office: office.devices.add(tenant, subscriber, label=label, expires_h=expires_h))
    _print_ticket(ticket, qr, json)


@app.command()
def new_code(
    ctx: typer.Context,
    tenant: TenantName,
    device: DeviceName,
    *,
    expires_h: ExpiresH = 24.0,
    qr: QrCode = True,
    json: AsJson = False,
) -> None:
    """Print a new enrolment code for a device; its earlier code is worth nothing then."""
    ticket = in_office(ctx, lambda office: office.devices.new_code(tenant, device, expires_h=expires_h))
    _print_ticket(ticket, qr, json)


@app.command("list")
def list_(
    ctx: typer.Context,
    tenant: TenantName,
    subscriber: Annotated[str | None, typer.Argument(help="Only the devices of this subscriber.")] = None,
    json: AsJson = False,
) -> None:
    """List the devices of a tenant."""
    devices = in_office(ctx, lambda office: office.views.devices(tenant, subscriber))
    print_records(devices, json, _COLUMNS, "Devices")


@app.command()
def show(ctx: typer.Context, tenant: TenantName, device: DeviceName, json: AsJson = False) -> None:
    """Show a device."""
    print_record(in_office(ctx, lambda office: office.views.device(tenant, device)), json)


@app.command()
def revoke(ctx: typer.Context, tenant: TenantName, device: DeviceName, yes: Yes = False) -> None:
    """Lock a lost or stolen device out for good. Its record stays."""
    if not yes:
        typer.confirm(f"Revoke device {device} of {tenant}? This cannot be undone.", abort=True)
    in_office(ctx, lambda office: office.devices.revoke(tenant, device))


@app.command()
def remove(ctx: typer.Context, tenant: TenantName, device: DeviceName, yes: Yes = False) -> None:
    """Lock a device out and remove its record."""
    ask_before_removing(f"device {device} of {tenant}", yes)
    in_office(ctx, lambda office: office.devices.remove(tenant, device))


def _print_ticket(ticket: "Ticket", qr: bool, json: bool) -> None:
    if json:
        return print_json(
            row_of(ticket.device)
            | {
                "code": ticket.code,
                "enrolment": ticket.text,
                "link": phone_link(ticket.text),
                "expires_ms": ticket.expires_ms,
            }
        )
    typer.echo(f"device   {ticket.device.device_id}")
    typer.echo(f"code     {ticket.code}")
    typer.echo(f"expires  {moment(ticket.expires_ms)}; works once\n")
    typer.echo(f"{ticket.text}\n")
    typer.echo(f"A phone without the radio's program opens:\n{phone_link(ticket.text)}\n")
    if qr:
        typer.echo(qr_code(ticket.text))
    return None


def phone_link(text: str) -> str:
    """The phone page, with the enrolment text behind the #: browsers send that part to nobody."""
    from pttserver.wire.enrolment import parse_enrolment

    server = urlsplit(parse_enrolment(text).url).netloc
    return f"https://{server}/phone#enroll={quote(text, safe='')}"


def qr_code(text: str) -> str:
    """For the terminal."""
    import segno

    drawing = io.StringIO()
    segno.make_qr(text, error="l").terminal(drawing, compact=True)
    return drawing.getvalue()

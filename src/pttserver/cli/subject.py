"""`pttserver subject`: what people may ask of an organisation that holds data about them."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pttserver.cli import erasing, subject_request
from pttserver.cli.instruction import Actor, instruction_of
from pttserver.cli.office import in_office
from pttserver.cli.output import AsJson, print_json, print_table, row_of
from pttserver.cli.pages import write_new
from pttserver.cli.tenant import TenantName
from pttserver.privacy.restriction import Restriction

if TYPE_CHECKING:  # slow to import, see main.py
    from pttserver.services.office import Office
    from pttserver.services.rights import Hit
    from pttserver.services.subject_document import SubjectExport
    from pttserver.services.subject_import import TakenOver

app = typer.Typer(help="Data subjects: find, export, rectify, restrict, erase.", no_args_is_help=True)
app.add_typer(subject_request.app, name="request")
app.command()(erasing.erase)
app.command()(erasing.verify_certificate)
app.command()(erasing.withdraw_consent)

SubjectName = Annotated[
    str, typer.Argument(metavar="SUBJECT", help="Identifier of a subscriber, or the number that `subject find` shows.")
]
Reason = Annotated[str, typer.Option("--reason", help="Why, such as the number of the request; it is recorded.")]
Values = Annotated[
    list[str], typer.Argument(metavar="NAME=VALUE...", help="email=a@b.example; an empty value takes it away.")
]


@app.command()
def find(
    ctx: typer.Context,
    tenant: TenantName,
    text: Annotated[str, typer.Argument(help="Part of an identifier, a name, contact data or a field of your own.")],
    *,
    reason: Reason,
    by: Actor = None,
    json: AsJson = False,
) -> None:
    """Find people of whom a tenant holds something, also without an account; exit status 1 if there is nobody."""
    instruction = instruction_of(by, reason)

    async def work(office: "Office") -> "list[Hit]":
        office.sight.require_organisation()
        return await office.views.find(tenant, text, instruction)

    hits = in_office(ctx, work)
    if json:
        print_json([row_of(hit) for hit in hits])
    else:
        print_table("People", ["Number", "Identifier", "Name", "Found in", "Restricted"], map(_row, hits))
    if not hits:
        raise typer.Exit(1)


@app.command()
def export(
    ctx: typer.Context,
    tenant: TenantName,
    subject: SubjectName,
    *,
    out: Annotated[Path, typer.Option("--out", help="New file, or a folder to put the files into.")],
    reason: Reason,
    by: Actor = None,
    form: Annotated[str, typer.Option("--format", help="json, html, or json,html.")] = "json,html",
    name_who_looked: Annotated[
        bool, typer.Option("--name-who-looked", help="Name who looked at the data, instead of a number for each.")
    ] = False,
) -> None:
    """Write all that is held about a person, and what happens to it and why: for machines, and as a page to read."""
    instruction, forms = instruction_of(by, reason), _forms(form, out)

    async def work(office: "Office") -> "SubjectExport":
        office.sight.require_organisation()
        owner = await office.provisioning.tenant(tenant)
        return await office.exports.export(owner, subject, instruction, name_who_looked=name_who_looked)

    document = in_office(ctx, work)
    for name in forms:
        file = out / f"{document.subject}.{name}" if out.is_dir() else out
        write_new(file, _rendered(document, name))
        typer.echo(f"Written: {file}")


@app.command("import")
def import_(
    ctx: typer.Context,
    tenant: TenantName,
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="Export of a person, in JSON.")],
    *,
    reason: Reason,
    by: Actor = None,
    json: AsJson = False,
) -> None:
    """Take a person over from another organisation, as a new subscriber with a new PIN; devices enrol anew."""
    instruction, text = instruction_of(by, reason), read_text(file)

    async def work(office: "Office") -> "TakenOver":
        return await office.imports.take_over(await office.provisioning.tenant(tenant), text, instruction)

    taken = in_office(ctx, work)
    if json:
        return print_json(row_of(taken))
    typer.echo(f"subscriber  {taken.subscriber_id}\npin         {taken.pin}")
    if taken.left_out:
        typer.secho(f"Not kept here: {', '.join(taken.left_out)}.", err=True)
    return None


@app.command()
def rectify(
    ctx: typer.Context, tenant: TenantName, subject: SubjectName, values: Values, *, reason: Reason, by: Actor = None
) -> None:
    """Put right what is held: identifier, display_name, email, phone, address, country, or a field of your own."""
    instruction, changes = instruction_of(by, reason), assignments(values)

    async def work(office: "Office") -> None:
        owner = await office.provisioning.tenant(tenant)
        await office.rights.rectify(owner.tenant_id, subject, changes, instruction)

    in_office(ctx, work)
    typer.echo(f"Put right: {', '.join(sorted(changes))}.")


@app.command()
def restrict(
    ctx: typer.Context,
    tenant: TenantName,
    subject: SubjectName,
    *,
    reason: Annotated[
        Restriction | None, typer.Option("--reason", help="Ground, GDPR Art. 18(1); needed unless with --lift.")
    ] = None,
    lift: Annotated[bool, typer.Option("--lift", help="End the restriction; the person was told before.")] = False,
    note: Annotated[str, typer.Option("--note", help="More about it, such as the number of the request.")] = "",
    by: Actor = None,
) -> None:
    """Restrict processing: nothing new is recorded, what is held is neither shown, changed nor deleted; calls go on.

    What is held can still be put right (`subject rectify`), and be erased only with --despite-restriction.
    """
    if (reason is None) is not lift:
        raise typer.BadParameter("give a ground with --reason, or --lift")
    instruction = instruction_of(by, note or (reason.value if reason else "lifted"))

    async def work(office: "Office") -> None:
        owner = (await office.provisioning.tenant(tenant)).tenant_id
        if reason is None:
            await office.rights.lift(owner, subject, instruction)
        else:
            await office.rights.restrict(owner, subject, reason, instruction)

    in_office(ctx, work)
    typer.echo("The restriction has ended." if lift else "Restricted: held, and not used.")


def assignments(texts: list[str]) -> dict[str, str]:
    """`NAME=VALUE` texts by name. Raises BadParameter."""
    found: dict[str, str] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or name in found:
            raise typer.BadParameter("write each value once, as NAME=VALUE")
        found[name] = value
    return found


def read_text(file: Path) -> str:
    """Raises InvalidValue if it cannot be read, or is no text."""
    from pttserver.errors import InvalidValue

    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise InvalidValue(f"{file} cannot be read as text") from None


def _forms(text: str, out: Path) -> list[str]:
    forms = text.split(",")
    if not set(forms) <= {"json", "html"} or len(set(forms)) < len(forms):
        raise typer.BadParameter("the formats are json and html")
    if len(forms) > 1:
        _make_folder(out)
    return forms


def _make_folder(out: Path) -> None:
    try:
        out.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise typer.BadParameter(f"two formats need a folder; {out}: {error.strerror}; or give one --format") from None


def _rendered(document: "SubjectExport", form: str) -> str:
    from pttserver.privacy.pages import as_html
    from pttserver.services.subject_page import subject_page

    if form == "html":
        return as_html(subject_page(document))
    return document.model_dump_json(indent=2, exclude_none=True) + "\n"


def _row(hit: "Hit") -> list[str]:
    shown = [text.reveal() if text else "-" for text in (hit.identifier, hit.display_name)]
    return [hit.subject_id, *shown, ", ".join(hit.matched), hit.restriction or "no"]

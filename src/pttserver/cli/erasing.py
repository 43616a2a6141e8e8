"""`pttserver subject erase` with the certificate that it gives, and `withdraw-consent`."""

import json
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pttserver.cli.certificate_file import reserved, write_whole
from pttserver.cli.instruction import Actor, Reason, instruction_of
from pttserver.cli.office import in_office
from pttserver.cli.output import Yes, ask_before_removing
from pttserver.cli.tenant import NOT_PROVEN_YET, TenantName
from pttserver.privacy.categories import Category

if TYPE_CHECKING:  # slow to import, see main.py
    from pttserver.services.erasure import Outcome, Withdrawn
    from pttserver.services.instructions import Instruction
    from pttserver.services.office import Office

NOT_PROVEN = """{0} is erased. It is not proven yet: {1}.
When that has ended, run: pttserver subject erase TENANT {0} --prove"""

NOT_FINISHED = """{0}.
Its id is {1}. Then prove it: pttserver subject erase TENANT {1} --prove"""

NOT_WRITTEN = """{0}: {1}; the certificate was printed instead. {2} is erased.
For another certificate run: pttserver subject erase TENANT {2} --prove"""

SubjectName = Annotated[str, typer.Argument(metavar="SUBJECT", help="Identifier or id of the subject.")]
Certificate = Annotated[Path | None, typer.Option(dir_okay=False, help="Write the certificate into this new file.")]


def erase(
    ctx: typer.Context,
    tenant: TenantName,
    subject: SubjectName,
    *,
    reason: Annotated[
        str,
        typer.Option("--reason", help="Why; it outlives the person, so it must not say who it is."),
    ] = "",
    by: Actor = None,
    certificate: Certificate = None,
    request: Annotated[
        bool, typer.Option("--request", help="Only start the periods that the policy has for a request.")
    ] = False,
    withdraw: Annotated[
        bool, typer.Option("--withdraw", help="Take a request back; its first phase must not be over.")
    ] = False,
    prove: Annotated[
        bool, typer.Option("--prove", help="Prove an erasure that was not proven yet; SUBJECT is the id.")
    ] = False,
    despite_restriction: Annotated[
        bool, typer.Option("--despite-restriction", help="Erase although processing is restricted; it is recorded.")
    ] = False,
    yes: Yes = False,
) -> None:
    """Erase a person for ever: its key, what is sealed under it in every copy, and its traces. Gives a certificate.

    Exit status 3: it is erased, and cannot be proven yet, as while somebody still reads an older state of the database:
    what stands in the way is said. Then run it again with --prove and the id that it printed.
    """
    if request + withdraw + prove + despite_restriction > 1:
        raise typer.BadParameter("one of --request, --withdraw, --prove and --despite-restriction")
    if prove:
        return _certify(ctx, lambda office: _prove(office, tenant, subject), certificate)
    instruction = instruction_of(by, reason)
    if request or withdraw:
        return typer.echo(in_office(ctx, lambda office: _ask(office, tenant, subject, instruction, withdraw)))
    ask_before_removing(f"{subject} of {tenant} and all that is known about it", yes)
    return _certify(ctx, lambda office: _erase(office, tenant, subject, instruction, despite_restriction), certificate)


def withdraw_consent(
    ctx: typer.Context, tenant: TenantName, subject: SubjectName, *, reason: Reason, by: Actor = None
) -> None:
    """Record that a person withdrew consent: what rests on it is hidden now, and erased by the next sweep.

    A subscriber is not located any more, if that ends with consent.
    """
    from pttserver.errors import NotFound

    instruction = instruction_of(by, reason)

    async def work(office: "Office") -> "Withdrawn":
        owner = await office.provisioning.tenant(tenant)
        if Category.LOCATION in office.erasure.ends_with_consent(owner.tenant_id):
            with suppress(NotFound):  # somebody without an account has no device that could be located
                await office.roles.allow(tenant, subject, "location", allowed=False)
        return await office.erasure.withdraw_consent(owner.tenant_id, subject, instruction)

    withdrawn = in_office(ctx, work)
    typer.echo(f"{withdrawn.subject_id}: consent withdrawn. Over: {', '.join(withdrawn.ended)}.")
    if withdrawn.still_recorded:
        told = ", ".join(withdrawn.still_recorded)
        typer.echo(f"New records are made as before ({told}): restrict processing, if they rest on consent.")


def verify_certificate(
    ctx: typer.Context, file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="The certificate.")]
) -> None:
    """Check that this server signed a certificate of erasure, and print its public key."""
    from pttserver.errors import InvalidValue

    async def work(office: "Office") -> bytes:
        try:
            document = json.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise InvalidValue(f"{file}: {error}") from None
        if not isinstance(document, dict):
            raise InvalidValue(f"{file}: no certificate")
        return office.erasure.verify(document)

    typer.echo(f"genuine; signed with the Ed25519 key {in_office(ctx, work).hex()}")


async def _erase(
    office: "Office", tenant: str, subject: str, instruction: "Instruction", despite_restriction: bool
) -> "Outcome":
    from pttserver.errors import ErasureUnfinished, Restricted

    tenant_id = (await office.provisioning.tenant(tenant)).tenant_id
    try:
        return await office.erasure.erase(tenant_id, subject, instruction, despite_restriction=despite_restriction)
    except Restricted as error:
        raise Restricted(f"{error.message}; if it is to be erased all the same: --despite-restriction") from None
    except ErasureUnfinished as error:
        raise ErasureUnfinished(NOT_FINISHED.format(error.message, error.details["subject"])) from None


async def _prove(office: "Office", tenant: str, subject_id: str) -> "Outcome":
    return await office.erasure.prove((await office.provisioning.tenant(tenant)).tenant_id, subject_id)


async def _ask(office: "Office", tenant: str, subject: str, instruction: "Instruction", withdraw: bool) -> str:
    tenant_id = (await office.provisioning.tenant(tenant)).tenant_id
    act = office.erasure.withdraw if withdraw else office.erasure.request
    return f"{await act(tenant_id, subject, instruction)}: deletion {'withdrawn' if withdraw else 'requested'}"


def _certify(ctx: typer.Context, act: "Callable[[Office], Awaitable[Outcome]]", file: Path | None) -> None:
    """Nothing is done if the file cannot be made."""
    if file is None:
        return typer.echo(_text(in_office(ctx, act)), nl=False)
    with reserved(file) as descriptor:
        outcome = in_office(ctx, act)
        text = _text(outcome)
        try:
            write_whole(descriptor, text)
        except OSError as error:
            typer.echo(text, nl=False)
            typer.secho(NOT_WRITTEN.format(file, error.strerror, outcome.subject_id), err=True)
            raise typer.Exit(1) from None
    return typer.echo(f"{outcome.subject_id} is erased; certificate: {file}")


def _text(outcome: "Outcome") -> str:
    if outcome.certificate is None:
        typer.secho(NOT_PROVEN.format(outcome.subject_id, outcome.problem), err=True)
        raise typer.Exit(NOT_PROVEN_YET)
    return json.dumps(outcome.certificate, indent=2) + "\n"

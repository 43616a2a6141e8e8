"""What starts the periods of a policy: `pttserver tenant close|reopen|end-contract|billing-closed|invoice-closed`."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from pttserver.cli.instruction import Actor, instruction_of
from pttserver.cli.moments import At, moment_ms
from pttserver.cli.office import in_office
from pttserver.cli.output import AsJson, Yes, moment, print_json, print_table
from pttserver.cli.tenant import TenantName
from pttserver.privacy.retention import EventKind

if TYPE_CHECKING:  # slow to import, see main.py
    from pttserver.services.periods import Ending

Reason = Annotated[str, typer.Option("--reason", help="Why; it is kept with the event, sealed.")]


def _starting(kind: EventKind, because: str, text: str) -> Callable[..., None]:
    """What starts periods differs in what it records, and in what it says."""

    def command(
        ctx: typer.Context,
        tenant: TenantName,
        *,
        at: At = None,
        reason: Reason = because,
        by: Actor = None,
        yes: Yes = False,
        json: AsJson = False,
    ) -> None:
        instruction, at_ms = instruction_of(by, reason), moment_ms(at)
        endings = in_office(ctx, lambda office: office.periods.endings(tenant, kind, at_ms))
        _show(endings, json)
        if not yes:
            typer.confirm(f"Record {kind.value} of {tenant}, and accept this?", abort=True, err=True)
        in_office(ctx, lambda office: office.periods.record(tenant, kind, instruction, at_ms))

    command.__doc__ = f"{text}: shows what will be erased when, and starts those periods once you accept."
    return command


close = _starting(EventKind.ACCOUNT_CLOSED, "the account is closed", "Close the account of a tenant")
end_contract = _starting(EventKind.CONTRACT_ENDED, "the contract ended", "Record that the contract with a tenant ended")
billing_closed = _starting(EventKind.BILLING_CLOSED, "billing is closed", "Record that bills are settled up to then")
invoice_closed = _starting(
    EventKind.INVOICE_CLOSED, "the invoice is closed", "Record that invoices are settled up to then"
)


def reopen(
    ctx: typer.Context,
    tenant: TenantName,
    *,
    at: At = None,
    reason: Reason = "the account goes on",
    by: Actor = None,
) -> None:
    """Reopen a closed account or contract: its periods stop; what is final or gone stays so."""
    instruction, at_ms = instruction_of(by, reason), moment_ms(at)
    in_office(ctx, lambda office: office.periods.record(tenant, EventKind.REOPENED, instruction, at_ms))
    typer.echo(f"Reopened: {tenant}. What was final or gone stays so.")


def _show(endings: "list[Ending]", json: bool) -> None:
    if json:
        return print_json(
            [
                {
                    "category": each.category.value,
                    "keep": each.keep,
                    "irrevocable_ms": each.irrevocable_ms,
                    "gone_ms": each.gone_ms,
                }
                for each in endings
            ]
        )
    rows = [
        [
            each.category.value,
            each.keep,
            moment(each.irrevocable_ms),
            moment(each.gone_ms) if each.gone_ms is not None else "unchanged",
        ]
        for each in endings
    ]
    return print_table("What is erased", ["Category", "Kept", "Final from", "Gone at"], rows)

"""The `pttserver` command: one sub-command per noun, and `serve`, `demo` and `register`.

Heavy modules are imported inside the commands, so that `--help` answers at once.
"""

from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from pttserver.cli import alert as alert_command
from pttserver.cli import audit as audit_command
from pttserver.cli import (
    backup,
    call,
    closing,
    demo,
    device,
    fence,
    group,
    hold,
    key,
    policy,
    register,
    retention,
    serve,
    subject,
    subscriber,
    support,
    tenant,
)
from pttserver.cli import config as config_command
from pttserver.cli import console as console_command
from pttserver.cli.output import complain
from pttserver.errors import PttError


class _ClearErrors(TyperGroup):
    """Turns an error of ours into a message and exit status 1; anything else is a bug with a traceback."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except PttError as error:
            complain(error.message)
            raise typer.Exit(1) from error


app = typer.Typer(
    cls=_ClearErrors,
    name="pttserver",
    help="Push-to-talk server: provisioning, serving, demonstration.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,  # they would print local variables, PINs among them
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(tenant.app, name="tenant")
app.add_typer(group.app, name="group")
app.add_typer(fence.app, name="fence")
app.add_typer(subscriber.app, name="subscriber")
app.add_typer(subject.app, name="subject")
app.add_typer(device.app, name="device")
app.add_typer(console_command.app, name="console")
app.add_typer(key.app, name="key")
app.add_typer(audit_command.app, name="audit")
app.add_typer(policy.app, name="policy")
app.add_typer(config_command.app, name="config")
app.add_typer(call.app, name="call")
app.add_typer(alert_command.app, name="alert")
app.add_typer(hold.app, name="hold")
app.add_typer(support.app, name="support")
app.add_typer(retention.app, name="retention")
tenant.app.command("close")(closing.close)
tenant.app.command()(closing.reopen)
tenant.app.command("end-contract")(closing.end_contract)
tenant.app.command("billing-closed")(closing.billing_closed)
tenant.app.command("invoice-closed")(closing.invoice_closed)
app.command("serve")(serve.serve)
app.command("demo")(demo.demo)
app.command("register")(register.register)
app.command("backup")(backup.backup)
app.command("restore")(backup.restore)


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"pttserver {version('pttserver')}")
        raise typer.Exit


@app.callback()
def configure(
    ctx: typer.Context,
    config: Annotated[
        Path | None,
        typer.Option(help="Configuration file; else $PTTSERVER_CONFIG, else ./pttserver.toml."),
    ] = None,
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Push-to-talk server: provisioning, serving, demonstration."""
    ctx.obj = config


def main() -> None:
    """Entry point of the console script."""
    app()

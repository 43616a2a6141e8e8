"""The `ptt` command: enrol this device, log in, talk and listen."""

from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from ptthandset.cli import alerting, calling, device, dispatching, listening, messaging, sos, talking
from ptthandset.errors import HandsetError
from pttserver.errors import PttError


class _ClearErrors(TyperGroup):
    """Turns an error of ours into a message and exit status 1; anything else is a bug with a traceback."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except (HandsetError, PttError) as error:
            typer.secho(f"Error: {error}", fg=typer.colors.RED, err=True)
            raise typer.Exit(1) from None


app = typer.Typer(
    cls=_ClearErrors,
    name="ptt",
    no_args_is_help=True,
    pretty_exceptions_enable=False,  # they would print local variables, PINs among them
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("enroll")(device.enroll)
app.command("login")(device.login)
app.command("logout")(device.logout)
app.command("groups")(device.groups)
app.command("who")(device.who)
app.command("talk")(talking.talk)
app.command("listen")(listening.listen)
app.command("radio")(talking.radio)
app.add_typer(messaging.messages, name="message")
app.add_typer(messaging.contacts, name="contacts")
app.command("call")(calling.call)
app.command("callback")(calling.callback)
app.command("sos")(sos.sos)
dispatching.app.add_typer(alerting.app, name="alerts")
app.add_typer(dispatching.app, name="dispatch")


@app.callback()
def configure(
    ctx: typer.Context,
    credentials: Annotated[
        Path | None,
        typer.Option(
            help="File with this device's keys; else $PTT_CREDENTIALS, else ~/.config/ptt/device.json. "
            "Several files are several devices."
        ),
    ] = None,
) -> None:
    """A push-to-talk radio in a terminal. Start with: ptt enroll 'ptt:enroll?...'"""
    from ptthandset.credentials import default_file

    ctx.obj = credentials or default_file()


def main() -> None:
    """Entry point of the console script."""
    app()

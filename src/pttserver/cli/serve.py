"""`pttserver serve`: runs the server until it is told to stop."""

import typer

from pttserver.cli.office import settings_of


def serve(ctx: typer.Context) -> None:
    """Run the server until Ctrl+C or SIGTERM."""
    import uvloop

    from pttserver.app import serve as serve_until_stopped
    from pttserver.observe.log import configure_logging

    settings = settings_of(ctx)
    configure_logging(settings.log.level, settings.log.format)
    uvloop.run(serve_until_stopped(settings))

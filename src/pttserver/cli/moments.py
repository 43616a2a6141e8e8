"""Options that name a moment, and how it is read."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

MOMENT_HELP = "UTC, such as 2026-05-01 or 2026-05-01T12:00:00"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
At = Annotated[str | None, typer.Option("--at", help=f"When it happened: {MOMENT_HELP}. Default: now.")]


def moment_ms(text: str | None) -> int | None:
    """UTC milliseconds of an ISO 8601 text without a zone (then UTC) or with one; None stays None.

    Raises typer.BadParameter, for a moment that in UTC is outside of the years 1 to 9999 too.
    """
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is no moment: {MOMENT_HELP}") from None
    try:
        utc = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except OverflowError:
        raise typer.BadParameter(f"{text!r} is outside of the years 1 to 9999") from None
    return (utc - _EPOCH) // timedelta(milliseconds=1)

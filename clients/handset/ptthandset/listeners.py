"""Telling listeners: a bug in one of them is reported, and stops neither the others nor the handset."""

import asyncio
from collections.abc import Callable, Sequence
from typing import TypeVar

E = TypeVar("E")


def tell_all(listeners: Sequence[Callable[[E], None]], event: E) -> None:
    """Calls each with the event; what they raise goes to the loop's exception handler."""
    for listener in list(listeners):
        try:
            listener(event)
        except Exception as error:
            context = {"message": f"a listener of {type(event).__name__} failed", "exception": error}
            asyncio.get_running_loop().call_exception_handler(context)

"""A service of the handset besides voice: it asks the server, hears its events, and starts anew with each log-in."""

from typing import Protocol, TypeVar

from pttserver.wire import signalling

R = TypeVar("R", bound=signalling.Reply)


class Ask(Protocol):
    """Sends a request (any `id`) and gives the reply. Raises Refused, NotConnected."""

    async def __call__(self, request: signalling.Request, expected: type[R]) -> R: ...


class Service:
    """What a service hears. Made once for a handset; it outlives connections and sessions."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask

    def take(self, event: signalling.Message) -> None:
        """An event of the server; most concern other services."""

    async def connected(self) -> None:
        """The handset is logged in, or its session goes on. What it raises of ours is dropped: it is called again."""

    def disconnected(self) -> None:
        """The connection is lost: what comes next comes over another one."""

    def close(self) -> None:
        """The handset's session is over for good."""

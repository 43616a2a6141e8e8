"""The desk: a request of a logged-in session is checked against the table of operations, then done by its service."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from pttserver.errors import Forbidden, NotFound, PolicyForbids, UnknownMessageType
from pttserver.privacy.operations import OPERATIONS, SWITCHES
from pttserver.privacy.operations import refusal as refusal_of
from pttserver.services.policy_book import PolicyBook
from pttserver.services.refused_attempts import RefusedAttempts
from pttserver.sessions.session import Session
from pttserver.wire import signalling

Handler = Callable[[Session, Any], Awaitable[signalling.Reply]]
Handlers = Mapping[type[signalling.Request], Handler]
Refusals = Mapping[type[signalling.Request], Callable[[Session, Any], Awaitable[None]]]
"""What a service notes of its own when the role of whoever asks does not permit the request."""


class Desk:
    """Knows who does what; the services take their requests by `Handlers`."""

    def __init__(
        self, policies: PolicyBook, *services: Handlers, attempts: RefusedAttempts, refusals: Refusals | None = None
    ) -> None:
        self._policies = policies
        self._attempts = attempts
        self._refusals = refusals or {}
        self._handlers: dict[type[signalling.Request], Handler] = {}
        for handlers in services:
            assert not self._handlers.keys() & handlers.keys(), "two services for one request"
            self._handlers.update(handlers)

    def require(self, session: Session, request: signalling.Request) -> None:
        """Raises Forbidden (the role may not) or PolicyForbids (the organisation has switched it off)."""
        operation = OPERATIONS[type(request).model_fields["type"].default]
        identity = session.identity
        if session.wiping and not isinstance(request, signalling.DeviceWiped):
            raise Forbidden("This device is being wiped.")
        refused = refusal_of(self._policies.in_force(identity.tenant_id), identity.rights, operation)
        if refused == "switch" and operation.switch is not None:
            raise PolicyForbids(SWITCHES[operation.switch].otherwise)
        if refused is not None:
            raise Forbidden

    async def refused(self, session: Session, request: signalling.Request, error: Forbidden | NotFound) -> None:
        """`require` or `handle` raised it: that it was tried is noted. Raises StoreUnavailable."""
        note = self._refusals.get(type(request))
        if note is not None and isinstance(error, Forbidden):
            await note(session, request)
        else:
            await self._attempts.note(session, request, error)

    async def handle(self, session: Session, request: signalling.Request) -> signalling.Reply:
        """Raises what the service raises; UnknownMessageType if this server has no such service."""
        handler = self._handlers.get(type(request))
        if handler is None:
            raise UnknownMessageType
        return await handler(session, request)

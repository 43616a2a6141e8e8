"""Bodies of HTTP requests have an end: who is not logged in cannot fill the memory."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from starlette.responses import PlainTextResponse

LIMIT_BYTES = 65_536

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Asgi = Callable[[Scope, Receive, Send], Awaitable[None]]


class BoundedBody:
    """Reads a body before the application sees the request; one over the limit is answered with 413."""

    def __init__(self, application: Asgi, limit_bytes: int = LIMIT_BYTES) -> None:
        self._application = application
        self._limit_bytes = limit_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body, more = b"", scope["type"] == "http"
        while more:
            message = await receive()
            if message["type"] != "http.request":  # the client hung up
                return
            body += message.get("body", b"")
            more = message.get("more_body", False)
            if len(body) > self._limit_bytes:
                text = f"A body has at most {self._limit_bytes} octets.\n"
                await PlainTextResponse(text, 413, {"connection": "close"})(scope, receive, send)
                return
        first: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

        async def replay() -> Message:
            return first.pop() if first else await receive()

        await self._application(scope, replay, send)

"""What answers on the TLS port: the WebSocket of the protocol, and HTTP (health, the console, the pages)."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Literal

from fastapi import FastAPI, Response
from pydantic import BaseModel

from pttserver import __version__
from pttserver.config import SignallingSettings
from pttserver.ids import Personal
from pttserver.net.bounded_body import Asgi
from pttserver.net.console import router as console_router
from pttserver.net.manage import audit, devices, groups, people, policy, rights
from pttserver.net.origins import Origins, cookie_of, values_of
from pttserver.net.pages import Pages
from pttserver.net.problems import answer_problems
from pttserver.net.protocols import LINK, WebSocketLink
from pttserver.net.tiles import router as tiles_router
from pttserver.observe.log import get_logger
from pttserver.services.connection import Browser, Connection, Door
from pttserver.sessions.attempts import TokenBucket, address_bucket
from pttserver.wire.signalling import PATH, SUBPROTOCOL

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
CLOSE_TIMEOUT = 4009
_log = get_logger("net")


class Health(BaseModel):
    """State of the server."""

    status: Literal["ok", "failing"]
    """`failing`: the call log or log-ins cannot be written to the database; voice goes on."""
    version: str


class Site:
    """The ASGI application."""

    def __init__(self, door: Door, settings: SignallingSettings, http: Asgi, origins: Origins) -> None:
        self._door = door
        self._settings = settings
        self._http = http
        self._origins = origins
        self._strangers: Counter[str] = Counter()
        self.connections = 0
        self.refused_connections = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "websocket":
            await self._http(scope, receive, send)
            return
        refusal = self._refusal(scope)
        if refusal is not None:
            self.refused_connections += 1
            await _refuse(send, *refusal)
            return
        await self._serve(scope, receive, send)

    def _refusal(self, scope: Scope) -> tuple[int, str] | None:
        if scope["path"] != PATH:
            return 404, f"The protocol is served at {PATH}."
        if SUBPROTOCOL not in scope["subprotocols"]:
            return 400, f"Subprotocols served: {SUBPROTOCOL}."
        given = values_of(scope["headers"], b"origin")
        if given and not (len(given) == 1 and self._origins.is_own(given[0], scope["headers"])):
            return 403, "Pages of other origins are not served."
        if self.connections >= self._settings.max_connections:
            return 503, "Too many connections; try again later."
        if self._strangers[address_bucket(scope["client"][0])] >= self._settings.max_unauthenticated_per_address:
            return 429, "Too many connections from this address that are not logged in."
        return None

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        address = scope["client"][0]
        stranger = _Stranger(self._strangers, address_bucket(address))
        link: WebSocketLink = scope[LINK]
        connection = Connection(self._door, link, Personal(address), stranger.no_more, _browser(scope))
        loop = asyncio.get_running_loop()
        deadline = loop.call_later(self._settings.login_timeout_s, self._close_stranger, connection, link)
        self.connections += 1
        try:
            await receive()  # websocket.connect
            await send({"type": "websocket.accept", "subprotocol": SUBPROTOCOL})
            await self._pump(receive, connection, link)
        except Exception:  # a bug costs one connection; uvicorn's own log is silent
            _log.exception("connection_failed")
        finally:
            self.connections -= 1
            deadline.cancel()
            stranger.no_more()
            connection.lost()

    async def _pump(self, receive: Receive, connection: Connection, link: WebSocketLink) -> None:
        """Text too fast for its allowance waits, and TCP slows the client down; nothing is lost or refused for it.

        What waits here when we close the link is not served.
        """
        loop = asyncio.get_running_loop()
        allowance = TokenBucket(self._settings.messages_per_s, self._settings.messages_burst, loop.time())
        while (event := await receive())["type"] == "websocket.receive" and not link.closed:
            packet = event.get("bytes")
            if packet is not None:
                connection.receive_binary(packet)
                continue
            while not allowance.take(loop.time()):
                await asyncio.sleep(allowance.wait_s(loop.time()))
            await connection.receive_text(event["text"])

    def _close_stranger(self, connection: Connection, link: WebSocketLink) -> None:
        if connection.session is None:
            link.close(CLOSE_TIMEOUT, "not logged in in time")


class _Stranger:
    """Counts a connection against its address until it is logged in or gone."""

    def __init__(self, counts: Counter[str], bucket: str) -> None:
        self._counts = counts
        self._bucket: str | None = bucket
        counts[bucket] += 1

    def no_more(self) -> None:
        if self._bucket is not None:
            self._counts[self._bucket] -= 1
            if not self._counts[self._bucket]:
                del self._counts[self._bucket]
            self._bucket = None


def _browser(scope: Scope) -> Browser | None:
    """Only browsers tell an origin; it was looked at before."""
    given = values_of(scope["headers"], b"origin")
    return Browser(given[0], cookie_of(scope["headers"])) if given else None


async def _refuse(send: Send, status: int, text: str) -> None:
    headers = [(b"content-type", b"text/plain; charset=utf-8")]
    await send({"type": "websocket.http.response.start", "status": status, "headers": headers})
    await send({"type": "websocket.http.response.body", "body": text.encode()})


def http_application(is_failing: Callable[[], bool], pages: Pages) -> FastAPI:
    """HTTP on the TLS port. What has no path of its own is a page."""
    http = FastAPI(title="pttserver", version=__version__, docs_url=None, redoc_url=None, openapi_url=None)
    answer_problems(http)
    for router in (
        console_router,
        tiles_router,
        *(part.router for part in (people, groups, devices, policy, rights, audit)),
    ):
        http.include_router(router)

    @http.get("/health", summary="State of the server", responses={503: {"model": Health}})
    async def health(response: Response) -> Health:
        """200 while all is well, 503 while records cannot be written."""
        failing = is_failing()
        if failing:
            response.status_code = 503
        return Health(status="failing" if failing else "ok", version=__version__)

    http.mount("/", pages)
    return http

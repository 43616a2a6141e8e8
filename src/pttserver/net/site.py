"""What answers on the TLS port: the WebSocket of the protocol, and HTTP (health, the console, the pages)."""

import asyncio
from collections import Counter, deque
from collections.abc import Callable
from typing import Literal

from fastapi import FastAPI, Response
from pydantic import BaseModel

from pttserver import __version__
from pttserver.config import SignallingSettings
from pttserver.ids import Personal
from pttserver.net.console import router as console_router
from pttserver.net.manage import audit, devices, groups, people, policy, rights
from pttserver.net.origins import Origins, cookie_of
from pttserver.net.pages import Pages
from pttserver.net.problems import answer_problems
from pttserver.net.tiles import router as tiles_router
from pttserver.net.upgrade import UpgradeRequest
from pttserver.net.web_socket import WebSocketLink
from pttserver.observe.log import get_logger
from pttserver.services.connection import Browser, Connection, Door
from pttserver.sessions.attempts import TokenBucket
from pttserver.wire.signalling import PATH, SUBPROTOCOL

CLOSE_INTERNAL_ERROR = 1011  # RFC 6455 registry
CLOSE_TIMEOUT = 4009
_log = get_logger("net")


class Health(BaseModel):
    """State of the server."""

    status: Literal["ok", "failing"]
    """`failing`: what `reasons` name; voice goes on."""
    version: str
    reasons: list[str] = []
    """For the operator, each a sentence; none while all is well."""


class Site:
    """Who is let in by WebSocket: limits at the door, and a visit for each who passes."""

    def __init__(self, door: Door, settings: SignallingSettings, origins: Origins) -> None:
        self.settings = settings
        self._door = door
        self._origins = origins
        self._strangers: Counter[str] = Counter()
        self.connections = 0
        self.refused_connections = 0

    def refusal(self, request: UpgradeRequest, bucket: str) -> tuple[int, str] | None:
        """Status and text for who must stay outside. `bucket`: of the client's address (sessions/attempts.py)."""
        refused = self._refusal(request, bucket)
        self.refused_connections += refused is not None
        return refused

    def _refusal(self, request: UpgradeRequest, bucket: str) -> tuple[int, str] | None:
        fault = request.fault()
        if fault is not None:
            return 400, fault
        if request.path != PATH:
            return 404, f"The protocol is served at {PATH}."
        if not request.offers(SUBPROTOCOL.encode()):
            return 400, f"Subprotocols served: {SUBPROTOCOL}."
        given = request.values(b"origin")
        if given and not (len(given) == 1 and self._origins.is_own(given[0].decode("latin-1"), request.headers)):
            return 403, "Pages of other origins are not served."
        if self.connections >= self.settings.max_connections:
            return 503, "Too many connections; try again later."
        if self._strangers[bucket] >= self.settings.max_unauthenticated_per_address:
            return 429, "Too many connections from this address that are not logged in."
        return None

    def visit(
        self, request: UpgradeRequest, bucket: str, link: WebSocketLink, tasks: set[asyncio.Task[None]]
    ) -> "Visit":
        """Of one whom `refusal` let in. `tasks`: where requests are found that are being served."""
        stranger = _Stranger(self._strangers, bucket)
        visit = Visit(self, link, stranger, tasks)
        visit.connection = Connection(
            self._door, link, Personal(request.address), bucket, visit.logged_in, _browser(request)
        )
        self.connections += 1
        return visit


class Visit:
    """The messages of one connection, served one after the other (net.web_socket.Guest).

    A packet takes no time and is served where it comes in; a text is served in a task of its own, and what comes in
    meanwhile waits. Text too fast for its allowance waits too, and TCP slows the client down; nothing is lost or
    refused for it. What waits when we close the link is not served.
    """

    connection: Connection

    def __init__(self, site: Site, link: WebSocketLink, stranger: "_Stranger", tasks: set[asyncio.Task[None]]) -> None:
        self._site = site
        self._link = link
        self._stranger = stranger
        self._tasks = tasks
        self._loop = loop = asyncio.get_running_loop()
        self._allowance = TokenBucket(site.settings.messages_per_s, site.settings.messages_burst, loop.time())
        self._deadline = loop.call_later(site.settings.login_timeout_s, self._close_stranger)
        self._waiting: deque[str | bytes] = deque()
        self._serving: asyncio.Task[None] | None = None
        self._held = self._gone = self._over = False

    def receive(self, message: str | bytes) -> None:
        if self._link.closed:
            return
        if self._serving is not None:
            self._waiting.append(message)
            if not self._held:
                self._held = True
                self._link.hold()
        elif isinstance(message, bytes):
            self.connection.receive_binary(message)
        else:
            self._serving = self._loop.create_task(self._serve(message))
            self._tasks.add(self._serving)

    async def _serve(self, message: str | bytes) -> None:
        try:
            await self._serve_one(message)
            while self._waiting and not self._link.closed:
                await self._serve_one(self._waiting.popleft())
        except Exception:  # a bug costs one connection
            _log.exception("connection_failed")
            self._link.close(CLOSE_INTERNAL_ERROR, "")
        finally:
            self._served()

    async def _serve_one(self, message: str | bytes) -> None:
        if isinstance(message, bytes):
            self.connection.receive_binary(message)
            return
        while not self._allowance.take(self._loop.time()):
            await asyncio.sleep(self._allowance.wait_s(self._loop.time()))
        await self.connection.receive_text(message)

    def _served(self) -> None:
        assert self._serving is not None
        self._tasks.discard(self._serving)
        self._serving = None
        if self._held:
            self._held = False
            self._link.go_on()
        if self._gone:
            self._end()

    def logged_in(self) -> None:
        self._stranger.no_more()
        self._deadline.cancel()

    def _close_stranger(self) -> None:
        self._link.close(CLOSE_TIMEOUT, "not logged in in time")

    def gone(self) -> None:
        """What came before is served; then the visit is over."""
        self._gone = True
        if self._serving is None:
            self._end()

    def _end(self) -> None:
        if not self._over:
            self._over = True
            self._site.connections -= 1
            self._deadline.cancel()
            self._stranger.no_more()
            self.connection.lost()
            del self.connection  # which holds this one: what is over need not wait for the garbage collector


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


def _browser(request: UpgradeRequest) -> Browser | None:
    """Only browsers tell an origin; it was looked at before."""
    given = request.values(b"origin")
    return Browser(given[0].decode("latin-1"), cookie_of(request.headers)) if given else None


def http_application(troubles: Callable[[], list[str]], pages: Pages) -> FastAPI:
    """HTTP on the TLS port. What has no path of its own is a page. `troubles`: what fails just now."""
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
        """200 while all is well; 503 with the reasons while records cannot be written, changes of rights cannot be
        taken up, or the server lacks a master key.
        """
        reasons = troubles()
        if reasons:
            response.status_code = 503
        return Health(status="failing" if reasons else "ok", version=__version__, reasons=reasons)

    http.mount("/", pages)
    return http

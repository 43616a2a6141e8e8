"""REST of the console: log-in of dispatchers and managers with a browser. Moves JSON and a cookie, and decides nothing.

Every POST must come from a page of the server's own origin: the cookie alone moves nothing (CSRF).
"""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Request, Response

from pttserver.errors import AuthenticationRequired, Forbidden
from pttserver.net.origins import COOKIE, Origins, cookie_of, values_of
from pttserver.net.problems import NOT_STORED
from pttserver.services.console import Console
from pttserver.services.console_login import Visitor
from pttserver.services.console_room import Standing
from pttserver.sessions.attempts import address_bucket
from pttserver.sessions.console import ConsoleSession
from pttserver.wire import console as wire

REFUSED: Final[dict[int | str, dict[str, Any]]] = {
    "4XX": {"model": wire.Problem, "description": "Refused; `code` says why."},
} | {
    status: {"model": wire.Problem, "description": text}
    for status, text in (
        (400, "No request as its schema says, or a value that is not allowed."),
        (401, "Refused, or not logged in."),
        (403, "The page is of another origin, or the account may not."),
        (429, "Too many attempts, or a busy server; `details.retry_after_s`."),
    )
}


async def not_stored(response: Response) -> None:
    response.headers.update(NOT_STORED)


router = APIRouter(prefix=wire.PATH, dependencies=[Depends(not_stored)], responses=REFUSED, tags=["console"])


def serve_console(state: Any, console: Console, origins: Origins) -> None:
    """`state`: of the application that `router` is part of."""
    state.console, state.origins = console, origins


async def _console(request: Request) -> Console:
    console: Console = request.app.state.console
    return console


async def _visitor(request: Request) -> Visitor:
    """Raises Forbidden: the page is not one of ours, or does not say whose it is."""
    headers = request.scope["headers"]
    given = values_of(headers, b"origin")
    origins: Origins = request.app.state.origins
    if len(given) != 1 or not origins.is_own(given[0], headers):
        raise Forbidden("Pages of other origins are not served.")
    return Visitor(given[0], address_bucket(request.scope["client"][0]), cookie_of(headers))


OfConsole = Annotated[Console, Depends(_console)]
OfVisitor = Annotated[Visitor, Depends(_visitor)]


def _session(console: Console, token: str | None) -> ConsoleSession:
    """Raises AuthenticationRequired."""
    session = console.room.find(token)
    if session is None:
        raise AuthenticationRequired
    return session


@router.post("/activate", summary="Set a password with the code of an invitation", response_model_exclude_none=True)
async def activate(body: wire.Activate, visitor: OfVisitor, console: OfConsole) -> wire.Activation:
    """Nothing is kept until a second factor follows with the ticket."""
    offered = await console.activation.begin(visitor, body.code, body.password)
    totp = wire.TotpOffer(secret=offered.totp_secret, uri=offered.totp_uri)
    return wire.Activation(ticket=offered.ticket, totp=totp, passkey=offered.passkey)


@router.post("/activate/totp", status_code=204, summary="Activate with an authenticator app")
async def activate_totp(body: wire.ByTotp, visitor: OfVisitor, console: OfConsole, response: Response) -> None:
    """The account is active, and logged in."""
    _set_cookie(response, await console.activation.by_totp(visitor, body.ticket, body.code))


@router.post("/activate/passkey", status_code=204, summary="Activate with a passkey")
async def activate_passkey(body: wire.ByPasskey, visitor: OfVisitor, console: OfConsole, response: Response) -> None:
    """The account is active, and logged in."""
    _set_cookie(response, await console.activation.by_passkey(visitor, body.ticket, body.credential))


@router.post("/login", summary="First step of a log-in: the password", response_model_exclude_none=True)
async def login(body: wire.Login, visitor: OfVisitor, console: OfConsole) -> wire.SecondFactor:
    """All refusals are alike."""
    step = await console.login.login(visitor, body.tenant, body.name, body.password)
    return wire.SecondFactor(ticket=step.ticket, factors=list(step.factors), passkey=step.passkey)


@router.post("/login/totp", summary="Second step: a code of the authenticator app")
async def login_totp(body: wire.ByTotp, visitor: OfVisitor, console: OfConsole, response: Response) -> wire.LoggedIn:
    """A code works once."""
    token = await console.login.by_totp(visitor, body.ticket, body.code)
    return await _logged_in(console, token, response)


@router.post("/login/passkey", summary="Second step: a passkey")
async def login_passkey(
    body: wire.ByPasskey, visitor: OfVisitor, console: OfConsole, response: Response
) -> wire.LoggedIn:
    """The challenge is used up, whatever comes of it."""
    token = await console.login.by_passkey(visitor, body.ticket, body.credential)
    return await _logged_in(console, token, response)


@router.post("/logout", status_code=204, summary="End the session, and the one on the radio")
async def logout(visitor: OfVisitor, console: OfConsole, response: Response) -> None:
    """Nothing is said if there was none."""
    await console.login.logout(visitor)
    response.delete_cookie(COOKIE, path="/", secure=True, httponly=True, samesite="strict")


@router.get("/session", summary="Who is logged in, and until when")
async def session_now(request: Request, console: OfConsole) -> wire.ConsoleSession:
    """Being asked does not count as use."""
    session = _session(console, cookie_of(request.scope["headers"]))
    return _told(await console.room.standing(session))


@router.post("/active", status_code=204, summary="Somebody is at the desk")
async def active(visitor: OfVisitor, console: OfConsole) -> None:
    """A page that is only listened to says so when a key or the mouse is touched, once a minute at most."""
    console.room.use(_session(console, visitor.token))


@router.post("/device", summary="Make this browser a device of the account")
async def register_device(body: wire.RegisterBrowser, visitor: OfVisitor, console: OfConsole) -> wire.RegisteredBrowser:
    """The same key again is the same device; a session has one."""
    session = _session(console, visitor.token)
    console.room.use(session)
    made = await console.browsers.register(session, body.public_key, body.device_type)
    account = made.account
    return wire.RegisteredBrowser(
        device=made.device_id,
        subscriber=account.subscriber_id,
        tenant=account.tenant_id,
        tenant_name=account.tenant_name,
        name=account.display_name.reveal() if account.display_name else "",
    )


async def _logged_in(console: Console, token: str, response: Response) -> wire.LoggedIn:
    told = _told(await console.room.standing(_session(console, token)))
    _set_cookie(response, token)
    return wire.LoggedIn(session=told)


def _told(standing: Standing | None) -> wire.ConsoleSession:
    if standing is None:
        raise AuthenticationRequired
    account = standing.account
    return wire.ConsoleSession(
        tenant=account.tenant_id,
        tenant_name=account.tenant_name,
        subscriber=account.subscriber_id,
        name=account.display_name.reveal() if account.display_name else "",
        role=account.rights.role.value,
        scopes=sorted(scope.value for scope in standing.scopes),
        idle_expires_ms=standing.idle_expires_ms,
        absolute_expires_ms=standing.absolute_expires_ms,
    )


def _set_cookie(response: Response, token: str) -> None:
    """It lives as long as the browser, and as its session here."""
    response.set_cookie(COOKIE, token, path="/", secure=True, httponly=True, samesite="strict")

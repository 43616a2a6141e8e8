"""What all requests of managers go through, in this order.

1. the page is one of ours; one that only reads may leave out whose it is, as browsers do
2. a console session lives, and is of a manager
3. what is refused, or not there, is noted in the audit log of the manager's organisation
"""

from collections.abc import AsyncIterator
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Request, Response

from pttserver.errors import Forbidden, NotFound
from pttserver.ids import Personal
from pttserver.net.console import REFUSED, not_stored
from pttserver.net.origins import Origins, cookie_of, values_of
from pttserver.services.management import Management, Manager
from pttserver.wire.console import Problem
from pttserver.wire.manage_people import PATH

_MORE: Final[dict[int | str, dict[str, Any]]] = {
    status: {"model": Problem, "description": text}
    for status, text in (
        (401, "Nobody is logged in."),
        (403, "Not a manager, or the page is of another origin, or the policy or the operator does not allow it."),
        (404, "The organisation has no such object."),
        (409, "The name is taken, or a hold covers it."),
    )
}


def serve_management(state: Any, management: Management) -> None:
    """`state`: of the application that the routers are part of."""
    state.management = management


def manage_router() -> APIRouter:
    """For one kind of objects."""
    return APIRouter(prefix=PATH, dependencies=[Depends(not_stored)], responses=REFUSED | _MORE, tags=["manage"])


def _own_page(request: Request) -> None:
    """Raises Forbidden."""
    headers = request.scope["headers"]
    given = values_of(headers, b"origin")
    origins: Origins = request.app.state.origins
    silent = not given and request.method == "GET"
    if not silent and (len(given) != 1 or not origins.is_own(given[0], headers)):
        raise Forbidden("Pages of other origins are not served.")


async def _manager(request: Request) -> AsyncIterator[Manager]:
    _own_page(request)
    management: Management = request.app.state.management
    session = management.find(cookie_of(request.scope["headers"]))
    try:
        manager = await management.admit(session)
        if request.method != "GET":
            management.use(session)
        yield manager
    except (Forbidden, NotFound) as error:
        await management.refused(session, f"manage.{request.scope['route'].name}", error)
        raise


AsManager = Annotated[Manager, Depends(_manager)]


async def _administrator(manager: AsManager) -> Manager:
    manager.require_administering()
    return manager


AsAdministrator = Annotated[Manager, Depends(_administrator)]


def plain(text: Personal | None) -> str | None:
    """For the wire."""
    return None if text is None else text.reveal()


def file_answer(content: str, media_type: str, name: str) -> Response:
    """A file to be kept, never shown as a page of ours."""
    headers = {
        "content-disposition": f'attachment; filename="{name}"',
        "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox",
    }
    return Response(content, headers=headers, media_type=media_type)

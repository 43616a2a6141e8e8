"""Raster tiles of the operator's own, for the map of the console: files ZOOM/X/Y.png of a folder, read when asked for.

Only who is logged in at the console gets them. The path is made of three numbers: no name leads out of the folder.
"""

import asyncio
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from starlette.responses import JSONResponse, PlainTextResponse, Response

from pttserver.net.origins import cookie_of
from pttserver.net.pages import HEADERS, Receive, Scope, Send

DEEPEST_ZOOM: Final = 22
LARGEST_BYTES: Final = 1_048_576
_LEVELS: Final = frozenset(map(str, range(DEEPEST_ZOOM + 1)))
_LIFETIME: Final = "private, max-age=86400"
_TILE: Final = re.compile(r"/([0-9]{1,2})/([0-9]{1,7})/([0-9]{1,7})\.png", re.ASCII)


class Tiles:
    """The ASGI application below `/tiles`. `admits`: whether the token of a cookie is that of a console session.

    `/tiles/` itself tells which zoom levels there are, and whom the map is by; without a folder there are none.
    """

    def __init__(self, folder: Path | None, attribution: str, admits: Callable[[str | None], bool]) -> None:
        self._folder = folder
        self._attribution = attribution
        self._admits = admits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await (await self._answer(scope))(scope, receive, send)

    async def _answer(self, scope: Scope) -> Response:
        if scope["method"] not in ("GET", "HEAD"):
            return PlainTextResponse("Tiles are read with GET.\n", 405, {**HEADERS, "allow": "GET, HEAD"})
        if not self._admits(cookie_of(scope["headers"])):
            return PlainTextResponse("Log in at the console first.\n", 401, HEADERS)
        path = scope["path"].removeprefix(scope.get("root_path", ""))
        if path == "/":
            return JSONResponse(await asyncio.to_thread(self._about), 200, {**HEADERS, "cache-control": "no-store"})
        tile = await asyncio.to_thread(self._read, path)
        if tile is None:
            return PlainTextResponse("There is no such tile.\n", 404, HEADERS)
        return Response(tile, 200, {**HEADERS, "cache-control": _LIFETIME}, "image/png")

    def _about(self) -> dict[str, Any]:
        """No levels if the folder is not there: the console shows its plain map then."""
        folder = self._folder
        found = [int(each.name) for each in folder.iterdir() if _is_level(each)] if folder and folder.is_dir() else []
        return {"levels": sorted(found), "attribution": self._attribution}

    def _read(self, path: str) -> bytes | None:
        found = _TILE.fullmatch(path)
        if found is None or self._folder is None:
            return None
        zoom, x, y = map(int, found.groups())
        if zoom > DEEPEST_ZOOM or max(x, y) >= 1 << zoom:
            return None
        file = self._folder / str(zoom) / str(x) / f"{y}.png"
        try:
            with file.open("rb") as opened:
                tile = opened.read(LARGEST_BYTES + 1)
        except OSError:  # most maps do not cover the earth
            return None
        return tile if len(tile) <= LARGEST_BYTES else None


def _is_level(folder: Path) -> bool:
    return folder.name in _LEVELS and folder.is_dir()

"""Raster tiles of the operator's own, for the map of the console: files ZOOM/X/Y.png of a folder, read when asked for.

Only who is logged in at the console gets them. The path is made of three numbers: no name leads out of the folder.
"""

import asyncio
import re
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Request, Response

from pttserver.errors import AuthenticationRequired, NotFound
from pttserver.net.origins import cookie_of
from pttserver.net.pages import HEADERS
from pttserver.wire import console as wire

PATH: Final = "/tiles"
DEEPEST_ZOOM: Final = 22
LARGEST_BYTES: Final = 1_048_576
_MEDIA_TYPE: Final = "image/png"
_LEVELS: Final = frozenset(map(str, range(DEEPEST_ZOOM + 1)))
_LIFETIME: Final = "private, max-age=86400"
_TILE: Final = re.compile(r"/([0-9]{1,2})/([0-9]{1,7})/([0-9]{1,7})\.png", re.ASCII)


class Tiles:
    """The folder. `admits`: whether the token of a cookie is that of a console session."""

    def __init__(self, folder: Path | None, attribution: str, admits: Callable[[str | None], bool]) -> None:
        self._folder = folder
        self._attribution = attribution
        self.admits = admits

    def about(self) -> wire.MapTiles:
        """No levels if the folder is not there: the console shows its plain map then."""
        folder = self._folder
        found = [int(each.name) for each in folder.iterdir() if _is_level(each)] if folder and folder.is_dir() else []
        return wire.MapTiles(levels=sorted(found), attribution=self._attribution)

    def read(self, path: str) -> bytes | None:
        """The tile at `/ZOOM/X/Y.png`; None: there is none, or the path is none of a tile."""
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


def serve_tiles(state: Any, tiles: Tiles) -> None:
    """`state`: of the application that `router` is part of."""
    state.tiles = tiles


async def _tiles(request: Request) -> Tiles:
    """Raises AuthenticationRequired: nobody is logged in at the console with the browser."""
    tiles: Tiles = request.app.state.tiles
    if not tiles.admits(cookie_of(request.scope["headers"])):
        raise AuthenticationRequired
    return tiles


Admitted = Annotated[Tiles, Depends(_tiles)]


class Picture(Response):
    """A tile as it is sent."""

    media_type = _MEDIA_TYPE


router = APIRouter(
    prefix=PATH,
    tags=["tiles"],
    responses={401: {"model": wire.Problem, "description": "Nobody is logged in at the console with this browser."}},
)


@router.get("/", summary="Which zoom levels the operator's own map has")
async def about_tiles(tiles: Admitted, response: Response) -> wire.MapTiles:
    """No levels: there is no such map, and the console draws its plain one."""
    response.headers.update({**HEADERS, "cache-control": "no-store"})
    return await asyncio.to_thread(tiles.about)


@router.get(
    "/{zoom}/{x}/{y}.png",
    summary="A tile of 256 pixels",
    response_class=Picture,
    responses={404: {"model": wire.Problem, "description": "The map has no such tile."}},
)
async def tile(zoom: str, x: str, y: str, tiles: Admitted, request: Request) -> Picture:
    """Numbered as web maps are: from the north-west corner of the Mercator square (EPSG:3857)."""
    path = request.scope["path"].removeprefix(PATH)  # as it was asked for: the router forgives a newline at its end
    found = await asyncio.to_thread(tiles.read, path)
    if found is None:
        raise NotFound("There is no such tile.")
    return Picture(found, headers={**HEADERS, "cache-control": _LIFETIME})

"""Tiles of the operator's map: the three numbers of their path lead to a file of the folder, and to no other."""

from pathlib import Path
from typing import Any

import httpx
import pytest

from attacks.bare_radio import tls
from attacks.raw_websocket import RawWebSocket
from console_visitor import COOKIE, Visitor, activated
from pttserver.config import ConsoleSettings
from pttserver.net.pages import HEADERS
from pttserver.net.tiles import LARGEST_BYTES
from running_server import PLAIN_POLICY, Platform, running_platform

TILE = b"\x89PNG\r\n\x1a\n and more"
SECRET = "not for the net"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "tiles"
    for zoom, x, y in ((0, 0, 0), (3, 4, 2)):
        file = folder / str(zoom) / str(x) / f"{y}.png"
        file.parent.mkdir(parents=True)
        file.write_bytes(TILE)
    (folder / "3" / "4" / "3.png").write_bytes(bytes(LARGEST_BYTES + 1))
    (folder / "3" / "9").mkdir()
    (folder / "3" / "9" / "0.png").write_bytes(TILE)  # no tile of this zoom level
    (folder / "notes").mkdir()
    (folder / "notes" / "secret.png").write_text(SECRET)
    (tmp_path / "secret.png").write_text(SECRET)
    return folder


async def get(visitor: Visitor, path: str) -> httpx.Response:
    headers = {"cookie": f"{COOKIE}={visitor.cookie}"} if visitor.cookie else {}
    async with httpx.AsyncClient(verify=tls(), trust_env=False) as client:
        return await client.get(f"{visitor.base}{path}", headers=headers)


def with_tiles(folder: Path) -> dict[str, Any]:
    return {"console": ConsoleSettings(map_tiles=folder, map_attribution="Land survey")}


async def test_a_dispatcher_gets_tiles_and_is_told_which_there_are(tmp_path: Path, folder: Path) -> None:
    async with running_platform(tmp_path, **with_tiles(folder)) as platform:
        await platform.organise(policy=PLAIN_POLICY)
        visitor = await activated(platform)
        assert (await get(visitor, "/tiles/")).json() == {"levels": [0, 3], "attribution": "Land survey"}
        answer = await get(visitor, "/tiles/3/4/2.png")
        assert (answer.status_code, answer.content, answer.headers["content-type"]) == (200, TILE, "image/png")
        for name, value in HEADERS.items():
            assert answer.headers[name] == value


async def test_without_a_folder_there_are_no_levels(platform: Platform) -> None:
    await platform.organise()
    visitor = await activated(platform)
    assert (await get(visitor, "/tiles/")).json() == {"levels": [], "attribution": ""}
    assert (await get(visitor, "/tiles/0/0/0.png")).status_code == 404


async def test_who_is_not_logged_in_gets_none(tmp_path: Path, folder: Path) -> None:
    async with running_platform(tmp_path, **with_tiles(folder)) as platform:
        stranger = Visitor(platform)
        stranger.cookie = "x" * 43
        for path in ("/tiles/", "/tiles/0/0/0.png"):
            assert (await get(stranger, path)).status_code == 401
            assert (await get(Visitor(platform), path)).status_code == 401


@pytest.mark.parametrize(
    "path",
    [
        "/tiles/../secret.png",
        "/tiles/3/4/../../../secret.png",
        "/tiles/%2e%2e/secret.png",
        "/tiles/3/4/%2e%2e%2f%2e%2e%2f%2e%2e%2fsecret.png",
        "/tiles/3/4/..%5c..%5csecret.png",
        "/tiles/notes/secret.png",
        "/tiles/notes/../notes/secret.png",
        "/tiles//etc/passwd",
        "/tiles/3/4/2.png%00",
        "/tiles/3/4/2.png%0a",
        "/tiles/3/4/+2.png",
        "/tiles/3/4/-2.png",
        "/tiles/3/4/%d9%a2.png",
        "/tiles/3/9/0.png",
        "/tiles/3/4/8.png",
        "/tiles/3/4/3.png",
        "/tiles/3/4/7.png",
        "/tiles/99/0/0.png",
    ],
)
async def test_no_path_leads_out_of_the_folder_or_to_what_is_no_tile(tmp_path: Path, folder: Path, path: str) -> None:
    async with running_platform(tmp_path, **with_tiles(folder)) as platform:
        await platform.organise()
        visitor = await activated(platform)
        raw = await RawWebSocket.connect(platform.server.signalling_port)
        head = f"GET {path} HTTP/1.1\r\nHost: x\r\nCookie: {COOKIE}={visitor.cookie}\r\nConnection: close\r\n\r\n"
        raw.send(head.encode())
        answer = await raw.http_answer()
        assert answer.startswith("HTTP/1.1 404")
        assert SECRET not in answer

"""The TLS port has no page, sets no cookie and names no other host: nothing in it can follow a person."""

import pytest

from attacks.raw_websocket import RawWebSocket, upgrade
from pttserver.wire.signalling import PATH
from running_server import Platform

GET = "GET {} HTTP/1.1\r\nHost: x\r\nCookie: id=1\r\nConnection: close\r\n\r\n"


async def answer(platform: Platform, request: bytes) -> str:
    raw = await RawWebSocket.connect(platform.server.signalling_port)
    raw.send(request)
    return await raw.http_answer()


@pytest.mark.parametrize("path", ["/", "/health", "/docs", "/redoc", "/openapi.json", "/favicon.ico", PATH])
async def test_no_path_sets_a_cookie_or_serves_a_page(platform: Platform, path: str) -> None:
    head, _, body = (await answer(platform, GET.format(path).encode())).partition("\r\n\r\n")
    assert head.startswith("HTTP/1.1 200" if path == "/health" else "HTTP/1.1 404")
    assert "set-cookie" not in head.lower()
    assert "text/html" not in head.lower()
    assert "://" not in head + body


async def test_neither_the_upgrade_nor_its_refusal_sets_a_cookie(platform: Platform) -> None:
    raw = await RawWebSocket.connect(platform.server.signalling_port)
    raw.send(upgrade(PATH, "ptt.v1", "Cookie: id=1"))
    accepted = await raw.http_head()
    raw.abort()
    refused = await answer(platform, upgrade(PATH, "other.v1", "Cookie: id=1"))
    assert accepted.startswith("HTTP/1.1 101")
    assert refused.startswith("HTTP/1.1 400")
    assert "set-cookie" not in (accepted + refused).lower()

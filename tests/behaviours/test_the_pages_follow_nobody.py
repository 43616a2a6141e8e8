"""What the TLS port serves loads nothing from elsewhere, names no other host and sets no cookie on a visitor."""

import gzip
import re
from collections.abc import MutableMapping
from typing import Any

import pytest

from attacks.raw_websocket import RawWebSocket, upgrade
from pttserver.net.pages import HEADERS, Pages
from pttserver.wire.signalling import PATH
from running_server import Platform

GET = "GET {} HTTP/1.1\r\nHost: x\r\nCookie: id=1\r\nConnection: close\r\n{}\r\n"


async def answer(platform: Platform, path: str, *headers: str) -> tuple[str, str]:
    """Head, in lower case, and body."""
    raw = await RawWebSocket.connect(platform.server.signalling_port)
    raw.send(GET.format(path, "".join(f"{header}\r\n" for header in headers)).encode())
    head, _, body = (await raw.http_answer()).partition("\r\n\r\n")
    return head.lower(), body


@pytest.mark.parametrize("path", ["/", "/phone", "/health", "/docs", "/redoc", "/openapi.json", "/favicon.ico", PATH])
async def test_no_path_sets_a_cookie(platform: Platform, path: str) -> None:
    head, body = await answer(platform, path)
    served = path in ("/", "/phone", "/health")
    assert head.startswith("http/1.1 200" if served else "http/1.1 404")
    assert "set-cookie" not in head
    assert "://" not in head + body


@pytest.mark.parametrize("path", ["/", "/phone", "/nothing-here"])
async def test_every_answer_forbids_what_is_foreign(platform: Platform, path: str) -> None:
    head, _ = await answer(platform, path)
    for name, value in HEADERS.items():
        assert f"{name}: {value}".lower() in head
    assert "'unsafe" not in head
    assert "access-control-allow" not in head


async def test_a_page_and_all_that_it_loads_come_from_here(platform: Platform) -> None:
    _, page = await answer(platform, "/")
    loaded = re.findall(r'(?:src|href)="([^"]*)"', page)
    assert any(path.endswith(".js") for path in loaded)
    for path in loaded:
        head, _ = await answer(platform, path)
        assert head.startswith("http/1.1 200")
        assert "immutable" in head or not path.startswith("/assets/")


async def test_what_the_browser_has_is_not_sent_again_and_long_texts_are_compressed(platform: Platform) -> None:
    raw = await RawWebSocket.connect(platform.server.signalling_port)
    raw.send(GET.format("/", "Accept-Encoding: br, gzip\r\n").encode())
    head = (await raw.http_head()).lower()
    body = await raw.reader.read()
    assert "content-encoding: gzip" in head
    assert b"<!doctype html>" in gzip.decompress(body)
    etag = re.search(r'etag: ("[0-9a-f]+")', head)
    assert etag is not None
    head, text = await answer(platform, "/", f"If-None-Match: {etag[1]}")
    assert head.startswith("http/1.1 304")
    assert text == ""


@pytest.mark.parametrize("path", ["/../config.toml", "/assets/../../pages.py", "/%2e%2e/pages.py", "//etc/passwd"])
async def test_only_files_of_the_pages_are_served(platform: Platform, path: str) -> None:
    head, _ = await answer(platform, path)
    assert head.startswith("http/1.1 404")


async def test_an_installation_without_pages_says_so() -> None:
    pages = Pages({})
    sent: list[MutableMapping[str, Any]] = []

    async def receive() -> MutableMapping[str, Any]:
        return {"type": "http.request"}

    async def send(event: MutableMapping[str, Any]) -> None:
        sent.append(event)

    await pages({"type": "http", "method": "GET", "path": "/", "headers": []}, receive, send)
    assert sent[0]["status"] == 404
    assert b"make console" in sent[1]["body"]


async def test_neither_the_upgrade_nor_its_refusal_sets_a_cookie(platform: Platform) -> None:
    raw = await RawWebSocket.connect(platform.server.signalling_port)
    raw.send(upgrade(PATH, "ptt.v1", "Cookie: id=1"))
    accepted = await raw.http_head()
    raw.abort()
    raw = await RawWebSocket.connect(platform.server.signalling_port)
    raw.send(upgrade(PATH, "other.v1", "Cookie: id=1"))
    refused = await raw.http_answer()
    assert accepted.startswith("HTTP/1.1 101")
    assert refused.startswith("HTTP/1.1 400")
    assert "set-cookie" not in (accepted + refused).lower()

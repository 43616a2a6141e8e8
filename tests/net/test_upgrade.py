"""The opening handshake of a WebSocket: what is accepted, and with which answer."""

import pytest

from pttserver.net.upgrade import UpgradeRequest, refusal

KEY = (b"sec-websocket-key", b"dGhlIHNhbXBsZSBub25jZQ==")
VERSION = (b"sec-websocket-version", b"13")
PTT = (b"sec-websocket-protocol", b"ptt.v1")


def request(*headers: tuple[bytes, bytes], method: str = "GET", http_version: str = "1.1") -> UpgradeRequest:
    return UpgradeRequest(method, http_version, b"/v1/ptt?x=1", headers, "192.0.2.1")


def test_the_answer_holds_the_digest_of_the_key() -> None:
    """RFC 6455 §1.3 has this key and its answer."""
    asked = request(KEY, VERSION, PTT)
    assert asked.fault() is None
    head = asked.acceptance()
    assert head.startswith(b"HTTP/1.1 101 ")
    assert b"\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n" in head
    assert head.endswith(b"\r\nSec-WebSocket-Protocol: ptt.v1\r\n\r\n")


@pytest.mark.parametrize(
    "wrong",
    [
        request(KEY, VERSION, method="POST"),
        request(KEY, VERSION, http_version="1.0"),
        request(KEY),
        request(KEY, (b"sec-websocket-version", b"8")),
        request(KEY, VERSION, VERSION),
        request(VERSION),
        request(KEY, KEY, VERSION),
        request(VERSION, (b"sec-websocket-key", b"dGhlIHNhbXBsZSBub25j")),
        request(VERSION, (b"sec-websocket-key", b"no base64!")),
        request(KEY, VERSION, (b"content-length", b"3")),
        request(KEY, VERSION, (b"transfer-encoding", b"chunked")),
    ],
)
def test_what_the_standard_asks_for_must_be_there(wrong: UpgradeRequest) -> None:
    assert wrong.fault() is not None


@pytest.mark.parametrize(
    ("lines", "offered"),
    [
        ([b"ptt.v1"], True),
        ([b"mqtt, ptt.v1"], True),
        ([b"mqtt", b"ptt.v1"], True),
        ([b"ptt.v2"], False),
        ([b"ptt.v1x"], False),
        ([], False),
    ],
)
def test_the_subprotocol_is_found_in_any_line(lines: list[bytes], offered: bool) -> None:
    assert request(*[(b"sec-websocket-protocol", line) for line in lines]).offers(b"ptt.v1") is offered


def test_the_path_is_without_query_and_percent_signs() -> None:
    assert request().path == "/v1/ptt"
    assert UpgradeRequest("GET", "1.1", b"/v1/%70tt%00", [], "").path == "/v1/ptt\0"


def test_a_refusal_is_a_whole_answer() -> None:
    head, _, body = refusal(429, "Später.").partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 429 Too Many Requests\r\n")
    assert b"content-length: %d" % len(body) in head
    assert body.decode() == "Später."

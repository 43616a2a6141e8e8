"""The enrolment text: what is built is read, and nothing else is."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pttserver.errors import MalformedMessage
from pttserver.wire.enrolment import (
    Enrolment,
    build_enrolment,
    group_code,
    normal_code,
    parse_enrolment,
    server_url,
)

URL = "wss://ptt.example:8443/v1/ptt"
PIN = "ESf44R1qmXwp1A_XAd5O6JTz40r6NDjzVwuPJGhSeho"
CODE = "7K3Q-0F9A-XWZ2-M4TB"
TEXT = f"ptt:enroll?url={URL}&pin={PIN}&code={CODE}"


def test_the_text():
    assert build_enrolment(Enrolment(URL, PIN, CODE)) == TEXT
    assert parse_enrolment(TEXT) == Enrolment(URL, PIN, CODE)


def test_order_blanks_and_typing_do_not_matter():
    code = CODE.lower().replace("-", "").replace("0", "o")
    assert parse_enrolment(f"  ptt:enroll?code={code}&pin={PIN}&url={URL}\n") == Enrolment(URL, PIN, CODE)


def test_the_code_is_not_printed():
    assert CODE not in repr(parse_enrolment(TEXT))


@given(st.binary(min_size=10, max_size=10))
def test_every_code_is_four_times_four_and_read_back(secret):
    code = group_code(secret)
    assert [len(part) for part in code.split("-")] == [4, 4, 4, 4]
    number = 0
    for symbol in normal_code(code):
        number = number << 5 | "0123456789ABCDEFGHJKMNPQRSTVWXYZ".index(symbol)
    assert number.to_bytes(10) == secret


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("ptt.example", "wss://ptt.example:8443/v1/ptt"),
        ("203.0.113.7", "wss://203.0.113.7:8443/v1/ptt"),
        ("2001:db8::7", "wss://[2001:db8::7]:8443/v1/ptt"),
        ("[2001:db8::7]", "wss://[2001:db8::7]:8443/v1/ptt"),
    ],
)
def test_urls(host, url):
    assert server_url(host, 8443) == url
    assert parse_enrolment(TEXT.replace(URL, url)).url == url


@pytest.mark.parametrize("host", ["", "a b", "a/b", "user@host", "a&b", "a#b", "12::zz", "x" * 254, "ho\nst"])
def test_wrong_hosts(host):
    with pytest.raises(MalformedMessage):
        server_url(host, 8443)


@pytest.mark.parametrize("port", [0, -1, 65536])
def test_wrong_ports(port):
    with pytest.raises(MalformedMessage):
        server_url("host", port)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ptt:enroll?",
        TEXT[1:],
        TEXT.replace("ptt:", "PTT:"),
        TEXT.replace("enroll", "enrol"),
        TEXT.replace("wss:", "ws:"),
        TEXT.replace("wss:", "https:"),
        TEXT.replace("/v1/ptt", "/v2/ptt"),
        TEXT.replace("/v1/ptt", "/v1/ptt?x=1"),
        TEXT.replace("ptt.example", "user:secret@ptt.example"),
        TEXT.replace(":8443", ""),
        TEXT.replace(":8443", ":99999"),
        TEXT.replace(":8443", ":\u0668\u0664"),
        TEXT.replace("ptt.example", "[::zz]"),
        TEXT.replace(PIN, PIN[:-1]),
        TEXT.replace(PIN, PIN + "="),
        TEXT.replace(PIN, PIN[:-1] + "p"),  # the same bytes, other text: bits after the end are set
        TEXT.replace(PIN, PIN.replace("_", "/")),
        TEXT.replace(PIN, ""),
        TEXT.replace(CODE, CODE[:-1]),
        TEXT.replace(CODE, CODE + "A"),
        TEXT.replace(CODE, CODE[:-1] + "U"),
        TEXT.replace(CODE, "\uff17" + CODE[1:]),
        TEXT + "&x=1",
        TEXT + "&code=" + CODE,
        TEXT + "&",
        TEXT.replace("&pin=", "&pin"),
        TEXT + " " * 600 + "x",
    ],
)
def test_strict(text):
    with pytest.raises(MalformedMessage, match="not an enrolment text"):
        parse_enrolment(text)


@given(st.text(max_size=600))
def test_nothing_crashes_it(text):
    for candidate in (text, "ptt:enroll?" + text, TEXT + text, TEXT.replace(CODE, text), TEXT.replace(PIN, text)):
        with suppress(MalformedMessage):
            parse_enrolment(candidate)

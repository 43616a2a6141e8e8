"""Which pages are the server's own, and which cookie counts."""

import pytest

from pttserver.net.origins import Origins, cookie_of

ORIGINS = Origins(["https://ptt.example", "https://desk.example:8443"])


def host(*names: bytes) -> list[tuple[bytes, bytes]]:
    return [(b"host", name) for name in names]


@pytest.mark.parametrize(
    ("origin", "named", "own"),
    [
        ("https://a.example:8443", b"a.example:8443", True),
        ("https://a.example", b"a.example", True),
        ("https://a.example", b"a.example:443", True),
        ("https://a.example:443", b"a.example", True),
        ("https://a.example", b"A.Example", True),
        ("https://[::1]:8443", b"[::1]:8443", True),
        ("https://ptt.example", b"a.example:8443", True),
        ("https://desk.example:8443", b"a.example", True),
        ("https://desk.example", b"a.example", False),
        ("http://a.example", b"a.example", False),
        ("https://a.example:8443", b"a.example", False),
        ("https://a.example", b"a.example:8443", False),
        ("https://b.a.example", b"a.example", False),
        ("https://a.example.evil", b"a.example", False),
        ("https://a.example/", b"a.example", False),
        ("null", b"a.example", False),
        ("", b"", False),
        ("https://", b"", True),  # no browser has it; it proves nothing to anybody
    ],
)
def test_an_origin_is_own_if_it_is_the_host_or_in_the_settings(origin: str, named: bytes, own: bool) -> None:
    assert ORIGINS.is_own(origin, host(named)) is own


def test_without_a_host_or_with_two_there_is_no_own_one() -> None:
    assert not ORIGINS.is_own("https://a.example", [])
    assert not ORIGINS.is_own("https://a.example", host(b"a.example", b"a.example"))
    assert ORIGINS.is_own("https://ptt.example", [])


@pytest.mark.parametrize(
    ("headers", "token"),
    [
        ([b"__Host-ptt=abc"], "abc"),
        ([b"a=1; __Host-ptt=abc; b=2"], "abc"),
        ([b"a=1", b"__Host-ptt=abc"], "abc"),
        ([b"__Host-ptt=abc; __Host-ptt=abd"], None),
        ([b"__Host-ptt=abc", b"__Host-ptt=abc"], None),
        ([b"__host-ptt=abc"], None),
        ([b"x__Host-ptt=abc"], None),
        ([b"__Host-ptt=\xe4"], None),
        ([], None),
    ],
)
def test_the_cookie_is_there_once(headers: list[bytes], token: str | None) -> None:
    assert cookie_of([(b"cookie", value) for value in headers]) == token

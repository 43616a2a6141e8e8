"""Origins of pages (RFC 6454): which of them are the server's own, and the cookie that only they bring."""

from collections.abc import Iterable, Sequence

COOKIE = "__Host-ptt"
_DEFAULT_PORT = ":443"

Headers = Iterable[tuple[bytes, bytes]]


class Origins:
    """`others`: origins of pages beside the server's own, from the settings."""

    def __init__(self, others: Sequence[str] = ()) -> None:
        self._others = frozenset(map(_normal, others))

    def is_own(self, origin: str, headers: Headers) -> bool:
        """Whether the page is one of this server: https and the Host that the request names, or one of the others."""
        hosts = values_of(headers, b"host")
        own = len(hosts) == 1 and _normal(origin) == _normal(f"https://{hosts[0].lower()}")
        return own or _normal(origin) in self._others


def _normal(origin: str) -> str:
    return origin.removesuffix(_DEFAULT_PORT)


def values_of(headers: Headers, name: bytes) -> list[str]:
    """All values of a header, as ASGI has them; octets above ASCII become what no name or token has."""
    return [value.decode("latin-1") for key, value in headers if key == name]


def cookie_of(headers: Headers) -> str | None:
    """The token in our cookie. None: there is none, or more than one, which no browser of ours sends."""
    pairs = [pair.strip().partition("=") for value in values_of(headers, b"cookie") for pair in value.split(";")]
    found = [value for name, _, value in pairs if name == COOKIE]
    return found[0] if len(found) == 1 and found[0].isascii() else None

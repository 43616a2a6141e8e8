"""The pages of the dispatch console and the phone radio: files of the package, read once, served under a strict policy.

`clients/console/build_hook.py` builds them into `net/built_pages/` when the package is installed.
"""

import hashlib
import mimetypes
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from starlette.responses import PlainTextResponse, Response

BUILT: Final = Path(__file__).with_name("built_pages")
PAGES: Final[Mapping[str, str]] = {"/": "/index.html", "/phone": "/phone.html"}
"""Path of a page -> its file. Other files have their own path."""
_HASHED: Final = "/assets/"
"""Files below it carry a digest in their name: another content is another file."""
_PACKED: Final = ".gz"
"""The build packs what is worth it, so that no server has to at its start."""
_MEDIA_TYPES: Final[Mapping[str, str]] = {
    ".js": "text/javascript",
    ".webmanifest": "application/manifest+json",
    ".woff2": "font/woff2",
}

CONTENT_SECURITY_POLICY: Final = "; ".join((
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' blob:",
    "font-src 'self'",
    "connect-src 'self'",
    "worker-src 'self'",
    "media-src 'self' blob:",
    "manifest-src 'self'",
    "base-uri 'none'",
    "form-action 'self'",
    "frame-ancestors 'none'",
))  # fmt: skip
HEADERS: Final[Mapping[str, str]] = {
    "content-security-policy": CONTENT_SECURITY_POLICY,
    "cross-origin-embedder-policy": "require-corp",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": (
        "microphone=(self), geolocation=(self), screen-wake-lock=(self), publickey-credentials-get=(self), "
        "publickey-credentials-create=(self), speaker-selection=(self), camera=(self), "
        "display-capture=(), payment=(), usb=(), serial=(), bluetooth=(), hid=(), midi=()"
    ),
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}
"""Of every answer: nothing of another origin is loaded, framed or told where the user came from."""

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class PageFile:
    """`packed`: gzip of `plain`, if the build found that worth it. `lasting`: its name changes with its content."""

    media_type: str
    plain: bytes
    packed: bytes | None
    etag: str
    lasting: bool

    @classmethod
    def read(cls, file: Path, path: str) -> "PageFile":
        plain = file.read_bytes()
        media_type = _MEDIA_TYPES.get(file.suffix) or mimetypes.guess_type(file.name)[0] or "application/octet-stream"
        beside = file.with_name(file.name + _PACKED)
        packed = beside.read_bytes() if beside.is_file() else None
        etag = f'"{hashlib.sha256(plain).hexdigest()[:32]}"'
        return cls(media_type, plain, packed, etag, path.startswith(_HASHED))


class Pages:
    """The ASGI application below `/`. `files`: by their path; empty if the pages were not built."""

    def __init__(self, files: Mapping[str, PageFile]) -> None:
        self._files = files

    @classmethod
    def load(cls, folder: Path = BUILT) -> "Pages":
        """Reads all files of the folder; none if there is no folder."""
        files = [file for file in folder.rglob("*") if file.is_file() and file.suffix != _PACKED]
        found = {f"/{file.relative_to(folder).as_posix()}": file for file in files}
        return cls({path: PageFile.read(file, path) for path, file in found.items()})

    def __len__(self) -> int:
        return len(self._files)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._answer(scope)(scope, receive, send)

    def _answer(self, scope: Scope) -> Response:
        if scope["method"] not in ("GET", "HEAD"):
            return PlainTextResponse("Pages are read with GET.\n", 405, {**HEADERS, "allow": "GET, HEAD"})
        path = scope["path"]
        file = self._files.get(PAGES.get(path, path))
        if file is None:
            return PlainTextResponse(_not_found(path), 404, HEADERS)
        asked = {name: value for name, value in scope["headers"] if name in (b"accept-encoding", b"if-none-match")}
        headers = {
            **HEADERS,
            "etag": file.etag,
            "vary": "accept-encoding",
            "cache-control": "public, max-age=31536000, immutable" if file.lasting else "no-cache",
        }
        if asked.get(b"if-none-match", b"").decode("latin-1") == file.etag:
            return Response(None, 304, headers)
        if file.packed is not None and b"gzip" in asked.get(b"accept-encoding", b""):
            return Response(file.packed, 200, {**headers, "content-encoding": "gzip"}, file.media_type)
        return Response(file.plain, 200, headers, file.media_type)


def _not_found(path: str) -> str:
    if path in PAGES:
        return "The pages were not built into this installation. In a source checkout: make console\n"
    return "There is no such page.\n"

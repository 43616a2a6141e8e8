"""Brings in opuslib-next with a libopus that exists: the system's, or else the one inside the PyAV wheel.

A fresh Debian has no libopus0, and opuslib-next looks for the library once, while it is imported, through
`ctypes.util.find_library`. So that function is replaced for the time of the import, and for nothing else.
"""

import ctypes.util
import importlib.util
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

from ptthandset.audio.opus_packet import CodecError

_WHEEL_PATTERNS = ("av.libs/libopus-*.so*", "av.libs/opus-*.dll", "av/.dylibs/libopus*.dylib")
_importing = threading.Lock()


def load() -> ModuleType:
    """The module `opuslib_next`, bound to a libopus. Raises CodecError when this machine has none."""
    with _importing, _finding(_locate):
        try:
            import opuslib_next
        except Exception as error:  # it raises a bare Exception when it finds no library
            raise CodecError("libopus was not found: install libopus0, or `pip install av`.") from error
    return opuslib_next  # type: ignore[no-any-return]


def wheel_library() -> str | None:
    """Path of the libopus that the PyAV wheel carries, if any. Does not import PyAV, which is slow."""
    spec = importlib.util.find_spec("av")
    if spec is None or spec.origin is None:
        return None
    site_packages = Path(spec.origin).parent.parent
    found = [str(path) for pattern in _WHEEL_PATTERNS for path in sorted(site_packages.glob(pattern))]
    return found[0] if found else None


_find_on_system = ctypes.util.find_library


def _locate(name: str) -> str | None:
    return _find_on_system(name) or (wheel_library() if name == "opus" else None)


@contextmanager
def _finding(locate: Callable[[str], str | None]) -> Iterator[None]:
    original = ctypes.util.find_library
    ctypes.util.find_library = locate  # type: ignore[assignment]
    try:
        yield
    finally:
        ctypes.util.find_library = original

"""Where positions come from: a fixed place, a GPX file that is walked again, a GPS receiver behind gpsd.

A source is an asynchronous iterator of positions; `Location.follow` takes any.
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from ptthandset.errors import HandsetError
from pttserver.wire.signalling import Position

UNTOLD_ACCURACY_M = 10.0
GPSD_HOST, GPSD_PORT = "127.0.0.1", 2947  # IANA: gpsd
_GPX = "{http://www.topografix.com/GPX/1/1}"
_WATCH = b'?WATCH={"enable":true,"json":true};\n'
_FIX_2D = 2


def now_ms() -> int:
    """UTC milliseconds of this device."""
    return time.time_ns() // 1_000_000


class FixedSource:
    """A device that does not move, and says so every `interval_s` seconds."""

    def __init__(
        self, latitude: float, longitude: float, *, accuracy_m: float = UNTOLD_ACCURACY_M, interval_s: float = 1.0
    ) -> None:
        self._place = {"latitude": latitude, "longitude": longitude, "accuracy_m": accuracy_m}
        self._interval_s = interval_s

    async def __aiter__(self) -> AsyncIterator[Position]:
        while True:
            yield Position(**self._place, at_ms=now_ms())
            await asyncio.sleep(self._interval_s)


class GpxSource:
    """Walks a GPX 1.1 track again, from now on, `times` as fast as it was walked; ends with the track.

    Raises HandsetError if the file is none, or its points have no times.
    """

    def __init__(self, file: Path, *, times: float = 1.0) -> None:
        self._points = _points(file)
        self._times = times

    async def __aiter__(self) -> AsyncIterator[Position]:
        begun = asyncio.get_running_loop().time()
        for after_s, place in self._points:
            await asyncio.sleep(begun + after_s / self._times - asyncio.get_running_loop().time())
            yield Position(**place, at_ms=now_ms())


class GpsdSource:
    """Fixes of a GPS receiver, as gpsd reports them (TPV of https://gpsd.io/gpsd_json.html).

    Raises HandsetError if gpsd cannot be reached; ends when gpsd does.
    """

    def __init__(self, host: str = GPSD_HOST, port: int = GPSD_PORT) -> None:
        self._address = (host, port)

    async def __aiter__(self) -> AsyncIterator[Position]:
        try:
            reader, writer = await asyncio.open_connection(*self._address)
        except OSError as error:
            raise HandsetError(f"gpsd cannot be reached: {error}") from None
        try:
            writer.write(_WATCH)
            async for line in reader:
                position = _fix(line)
                if position is not None:
                    yield position
        finally:
            writer.close()


def _points(file: Path) -> list[tuple[float, dict[str, float]]]:
    """Seconds since the first point, and where."""
    try:
        root = ElementTree.parse(file).getroot()  # noqa: S314 - the user's own file
        found = [(_time_s(point), _place(point)) for point in root.iter(f"{_GPX}trkpt")]
    except (OSError, ElementTree.ParseError, ValueError, KeyError) as error:
        raise HandsetError(f"{file}: no GPX 1.1 track with times: {error}") from None
    if not found:
        raise HandsetError(f"{file}: there is no track in it")
    begun_s = found[0][0]
    if any(one[0] > other[0] for one, other in pairwise(found)):
        raise HandsetError(f"{file}: its points are not in the order of their times")
    return [(time_s - begun_s, place) for time_s, place in found]


def _time_s(point: ElementTree.Element) -> float:
    text = point.findtext(f"{_GPX}time")
    if text is None:
        raise ValueError("a point has no time")
    return datetime.fromisoformat(text.strip().replace("Z", "+00:00")).timestamp()


def _place(point: ElementTree.Element) -> dict[str, float]:
    place = {"latitude": float(point.attrib["lat"]), "longitude": float(point.attrib["lon"])}
    height = point.findtext(f"{_GPX}ele")
    dilution = point.findtext(f"{_GPX}hdop")
    place["accuracy_m"] = 5.0 * float(dilution) if dilution else UNTOLD_ACCURACY_M
    return place | ({"altitude_m": float(height)} if height else {})


def _fix(line: bytes) -> Position | None:
    """None: no fix, or another kind of report."""
    try:
        report: dict[str, Any] = json.loads(line)
        if report.get("class") != "TPV" or report.get("mode", 0) < _FIX_2D:
            return None
        told = {
            "latitude": float(report["lat"]),
            "longitude": float(report["lon"]),
            "accuracy_m": float(report.get("eph") or UNTOLD_ACCURACY_M),
            "altitude_m": report.get("altHAE"),
            "speed_mps": report.get("speed"),
            "heading_deg": report.get("track"),
        }
        return Position(**{name: value for name, value in told.items() if value is not None}, at_ms=now_ms())
    except (ValueError, KeyError, AttributeError):
        return None  # half a line of a receiver that was switched off

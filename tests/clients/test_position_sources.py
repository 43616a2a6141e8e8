"""Sources of positions: a fixed place, a GPX track walked again, gpsd."""

import asyncio
from pathlib import Path

import pytest

from ptthandset.errors import HandsetError
from ptthandset.position_sources import FixedSource, GpsdSource, GpxSource

GPX = """<?xml version="1.0"?>
<gpx version="1.1" creator="test" xmlns="http://www.topografix.com/GPX/1/1"><trk><trkseg>
<trkpt lat="55.1" lon="12.1"><ele>7.5</ele><time>2026-01-01T00:00:00Z</time><hdop>2</hdop></trkpt>
<trkpt lat="55.2" lon="12.2"><time>2026-01-01T00:00:10Z</time></trkpt>
<trkpt lat="55.3" lon="12.3"><time>2026-01-01T01:00:20+01:00</time></trkpt>
</trkseg></trk></gpx>"""
TPV = (
    b'{"class":"VERSION"}\n{"class":"TPV","mode":1}\nhalf a li\n[]\n{"class":"TPV","mode":3,"lat":95,"lon":1}\n'
    b'{"class":"TPV","mode":3,"lat":55.5,"lon":12.5,"eph":4.5,"altHAE":30.1,"speed":1.5,"track":270}\n'
)


async def test_a_track_is_walked_at_its_own_pace_and_ends(tmp_path: Path) -> None:
    file = tmp_path / "walk.gpx"
    file.write_text(GPX)
    loop = asyncio.get_running_loop()
    begun = loop.time()
    # The loop counts milliseconds, and their difference is a float: 0.1 may be 0.0999999999985
    walked = [(position, round(loop.time() - begun, 6)) async for position in GpxSource(file, times=200)]
    places = [(position.latitude, position.longitude) for position, _ in walked]
    assert places == [(55.1, 12.1), (55.2, 12.2), (55.3, 12.3)]
    assert [position.altitude_m for position, _ in walked] == [7.5, None, None]
    assert [position.accuracy_m for position, _ in walked] == [10, 10, 10]
    assert walked[1][1] >= 0.05
    assert walked[2][1] >= 0.1


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "no GPX"),
        ("<gpx/>", "no track"),
        (GPX.replace("<time>2026-01-01T00:00:10Z</time>", ""), "has no time"),
        (GPX.replace("00:00:10Z", "00:00:30Z"), "not in the order"),
        (GPX.replace('lat="55.2"', ""), "lat"),
    ],
)
def test_what_is_no_track_is_refused(tmp_path: Path, text: str, reason: str) -> None:
    file = tmp_path / "walk.gpx"
    file.write_text(text)
    with pytest.raises(HandsetError, match=reason):
        GpxSource(file)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(HandsetError, match="No such file"):
        GpxSource(tmp_path / "none.gpx")


async def test_a_fixed_place_is_told_again_and_again() -> None:
    source = FixedSource(1.5, 2.5, accuracy_m=3, interval_s=0.001)
    seen = []
    async for position in source:
        seen.append(position)
        if len(seen) == 3:
            break
    assert {(p.latitude, p.longitude, p.accuracy_m) for p in seen} == {(1.5, 2.5, 3)}
    assert seen[0].at_ms <= seen[2].at_ms


async def test_fixes_of_gpsd_are_taken_and_nothing_else_is() -> None:
    asked = asyncio.Queue[bytes]()

    async def gpsd(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.put_nowait(await reader.readline())
        writer.write(TPV)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(gpsd, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        seen = [position async for position in GpsdSource("127.0.0.1", port)]
    assert asked.get_nowait() == b'?WATCH={"enable":true,"json":true};\n'
    (fix,) = seen
    assert (fix.latitude, fix.longitude, fix.accuracy_m, fix.altitude_m) == (55.5, 12.5, 4.5, 30.1)
    assert (fix.speed_mps, fix.heading_deg) == (1.5, 270)
    with pytest.raises(HandsetError, match="gpsd cannot be reached"):
        await anext(aiter(GpsdSource("127.0.0.1", port)))

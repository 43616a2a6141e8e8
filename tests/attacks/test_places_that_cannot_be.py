"""Coordinates beyond the earth, numbers that are none, shapes that cannot be: refused, wherever a place comes in."""

import pytest

from attacks.bare_radio import BareRadio, Refusal
from locating import LOCATED
from pttserver.roles import Role
from pttserver.store.fences import MOST_OF_A_TENANT
from pttserver.wire import signalling as s
from running_server import TENANT, Platform

ALERT = "alr_00000000000000d1"
GOOD = {"latitude": "1.5318008", "longitude": "2.5318009", "accuracy_m": "5.5", "at_ms": "1790000000000"}
BAD = [
    ("latitude", "90.0000001"), ("latitude", "-91"), ("longitude", "180.5"), ("longitude", "-1e300"),
    ("latitude", '"1.5"'), ("latitude", "null"),
    ("latitude", "true"), ("latitude", "[1.5]"), ("accuracy_m", "-1"), ("accuracy_m", "100001"), ("at_ms", "-1"),
    ("at_ms", "9007199254740993"), ("at_ms", "1.5"), ("speed_mps", "2001"), ("speed_mps", "-1"),
    ("heading_deg", "360"), ("altitude_m", "-12001"), ("extra", "1"),
]  # fmt: skip
NO_NUMBERS = ("NaN", "Infinity", "1e999")
"""No JSON, so nobody knows which request it was: the connection ends."""
DOORS = {
    "location.report": '{{"type":"location.report","id":9,"positions":[{}]}}',
    "alert.raise": '{{"type":"alert.raise","id":9,"alert":"alr_00000000000000d2","position":{}}}',
    "alert.position": f'{{{{"type":"alert.position","id":9,"alert":"{ALERT}","position":{{}}}}}}',
}
SHAPES = [
    '{"kind":"circle","center":{"latitude":91,"longitude":0},"radius_m":100}',
    '{"kind":"circle","center":{"latitude":0,"longitude":0},"radius_m":0}',
    '{"kind":"polygon","points":[{"latitude":0,"longitude":0},{"latitude":1,"longitude":1}]}',
    '{"kind":"polygon","points":[{"latitude":0,"longitude":0},{"latitude":1,"longitude":1},'
    '{"latitude":0,"longitude":1},{"latitude":1,"longitude":0}]}',
    '{"kind":"polygon","points":[{"latitude":0,"longitude":179},{"latitude":1,"longitude":-179},'
    '{"latitude":1,"longitude":179}]}',
    '{"kind":"polygon","points":[{"latitude":0,"longitude":0},{"latitude":0,"longitude":0},{"latitude":0,"longitude":0}]}',
    '{"kind":"corridor","points":[{"latitude":0,"longitude":179},{"latitude":0,"longitude":-179}],"width_m":50}',
    '{"kind":"corridor","points":[' + ",".join(['{"latitude":1,"longitude":1}'] * 257) + '],"width_m":50}',
    '{"kind":"square"}',
]  # fmt: skip


@pytest.fixture
async def anna(platform: Platform):  # type: ignore[no-untyped-def]
    """She has an alert open, so that each door is open too."""
    await platform.organise("Patrol", policy=LOCATED)
    radio = await BareRadio.log_in(await platform.enrol("Anna", "Patrol"))
    await radio.ask(s.RaiseAlert(id=1, alert=ALERT), s.AlertAccepted)
    yield radio
    await radio.close()


@pytest.mark.parametrize("door", DOORS)
async def test_a_position_that_cannot_be_is_refused_whole(platform: Platform, anna: BareRadio, door: str) -> None:
    for member, value in BAD:
        place = ",".join(f'"{name}":{text}' for name, text in {**GOOD, member: value}.items())
        with pytest.raises(Refusal) as refused:
            await anna.ask_text(DOORS[door].format(f"{{{place}}}"), 9, s.Reply)
        assert refused.value.code in ("protocol.malformed", "protocol.invalid"), (member, value)
    assert "53180" not in "".join(anna.texts)  # the error names the member, and tells nothing of the place
    services = platform.server.services
    assert services.location.locating.taken == 0
    assert len(services.alerts.desk.board) == 1
    assert services.alerts.desk.case(ALERT).position is None
    assert await anna.ask_ping() < 5  # the connection lives on


@pytest.mark.parametrize("number", NO_NUMBERS)
async def test_what_is_no_number_ends_the_connection(platform: Platform, anna: BareRadio, number: str) -> None:
    for door in DOORS.values():
        place = ",".join(f'"{name}":{text}' for name, text in {**GOOD, "latitude": number}.items())
        stranger = await BareRadio.log_in(await platform.another_device("Anna"))
        with pytest.raises(ConnectionError, match="1002"):
            await stranger.ask_text(door.format(f"{{{place}}}"), 9, s.Reply)
        stranger.udp.close()
    assert platform.server.services.location.locating.taken == 0
    assert platform.server.services.alerts.desk.case(ALERT).position is None


@pytest.mark.parametrize("shape", SHAPES, ids=range(len(SHAPES)))
async def test_a_shape_that_cannot_be_is_neither_kept_nor_searched(platform: Platform, shape: str) -> None:
    await platform.organise("Patrol", policy=LOCATED)
    credentials = await platform.enrol("Dora", "Patrol")
    await platform.office.roles.set_role(TENANT, "Dora", Role.DISPATCHER)
    dora = await BareRadio.log_in(credentials)
    for text in (
        f'{{"type":"fence.put","id":9,"name":"Yard","shape":{shape}}}',
        f'{{"type":"location.group","id":9,"name":"Yard","reason":"fire","shape":{shape}}}',
    ):
        with pytest.raises(Refusal) as refused:
            await dora.ask_text(text, 9, s.Reply)
        assert refused.value.code in ("protocol.malformed", "protocol.invalid", "invalid_value")
    assert (await dora.ask(s.ListFences(id=1), s.Fences)).fences == []
    await dora.close()


async def test_thousands_of_fences_end_at_a_bound(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    """The bound is lowered here: what is shown is that there is one, and that those before it stay."""
    assert MOST_OF_A_TENANT <= 10_000
    monkeypatch.setattr("pttserver.store.fences.MOST_OF_A_TENANT", 20)
    await platform.organise("Patrol", policy=LOCATED)
    credentials = await platform.enrol("Dora", "Patrol")
    await platform.office.roles.set_role(TENANT, "Dora", Role.DISPATCHER)
    dora = await BareRadio.log_in(credentials)
    circle = s.CircleShape(center=s.Point(latitude=1.5, longitude=2.5), radius_m=100)
    for number in range(20):
        await dora.ask(s.PutFence(id=1, name=f"Yard {number}", shape=circle), s.FenceKept)
    with pytest.raises(Refusal, match="invalid_value"):
        await dora.ask(s.PutFence(id=1, name="one more", shape=circle), s.FenceKept)
    assert len((await dora.ask(s.ListFences(id=1), s.Fences)).fences) == 20
    await dora.close()

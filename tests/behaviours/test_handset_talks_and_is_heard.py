"""What two or more handsets in a group go through, with a real server: every frame counts."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from ptthandset.audio.codec import FrameMs
from ptthandset.errors import FloorRefused, NotConnected
from ptthandset.floor_effects import FloorGranted, FloorIdle, FloorLost, FloorQueued, FloorTaken
from ptthandset.floor_states import FloorState
from ptthandset.media_path import Via
from pttserver.wire.floor_control import DenyCause, RevokeCause
from running_server import Platform, until
from sim.radio_traffic import Roll, roll_of
from sim.seeded_link import seeded_link


@pytest.fixture
async def roll(platform: Platform) -> AsyncIterator[Roll]:
    await platform.organise("Patrol", "Chat")
    async with roll_of(platform) as kept:
        yield kept


@pytest.mark.parametrize("frame_ms", [20, 40, 60])
async def test_frames_of_every_length_are_heard(roll: Roll, frame_ms: FrameMs) -> None:
    anna, bert = await roll.on_duty("Anna"), await roll.on_duty("Bert")
    report = await anna.says(0.96, frame_ms)
    assert report.frames_sent == 960 // frame_ms
    await bert.hears_all(anna, report)


@pytest.mark.parametrize("talker_by_udp", [True, False], ids=["talker by UDP", "talker on WebSocket"])
async def test_udp_and_websocket_hear_each_other(roll: Roll, talker_by_udp: bool) -> None:
    anna = await roll.on_duty("Anna", use_udp=talker_by_udp)
    bert, carl = await roll.on_duty("Bert"), await roll.on_duty("Carl", use_udp=False)
    report = await anna.says(0.8)
    await bert.hears_all(anna, report)
    await carl.hears_all(anna, report)
    assert (bert.handset.media.via, carl.handset.media.via) == (Via.UDP, Via.WEBSOCKET)


async def test_who_talks_is_told_by_name_and_when_they_stop(roll: Roll) -> None:
    anna, bert = await roll.on_duty("Anna"), await roll.on_duty("Bert")
    await anna.says(0.3)
    taken = await bert.saw(FloorTaken)
    assert (taken.name, taken.user_id) == ("Anna", anna.handset.credentials.subscriber)
    await until(lambda: isinstance(bert.events[-1], FloorIdle))
    assert bert.group.talker is None


@pytest.mark.parametrize("use_udp", [True, False], ids=["UDP", "WebSocket"])
async def test_who_comes_late_knows_at_once_who_talks_and_hears_the_rest(roll: Roll, use_udp: bool) -> None:
    anna, bert = await roll.on_duty("Anna"), await roll.on_duty("Bert")
    late = await roll.platform.enrol("Late", "Patrol")
    talking = asyncio.create_task(anna.says(2.0))
    await until(lambda: sum(map(len, bert.played.values())) >= 20)
    joiner = asyncio.create_task(roll.logged_in("Late", late, "Patrol", use_udp=use_udp))
    await until(lambda: any(s.identity.display_name.reveal() == "Late" for s in roll.platform.server.services.sessions))
    carl = await joiner
    assert carl.group.talker is not None
    assert carl.group.talker.name == "Anna"
    report = await talking
    await until(lambda: not carl.group.has_voice)
    spoken, heard = anna.sent[report.grant.burst_ssrc], carl.played[report.grant.burst_ssrc]
    assert heard == spoken[-len(heard) :], "from the entry to the end without a gap"
    assert len(heard) > 60


@pytest.mark.parametrize("use_udp", [True, False], ids=["UDP", "WebSocket"])
async def test_who_affiliates_in_a_burst_misses_nothing_from_then_on(roll: Roll, use_udp: bool) -> None:
    """The first frame heard is the one that is sent next: no waiting for the next Floor Taken."""
    anna = await roll.on_duty("Anna")
    await roll.on_duty("Bert")
    carl = await roll.on_duty("Carl", "Chat", "Patrol", use_udp=use_udp)
    patrol = carl.groups.pop()
    await carl.handset.deaffiliate(patrol)
    talking = asyncio.create_task(anna.says(1.6))
    await until(lambda: sum(map(len, anna.sent.values())) >= 30)
    carl.groups.append(await carl.handset.affiliate("Patrol"))
    so_far = sum(map(len, anna.sent.values()))
    report = await talking
    await until(lambda: not carl.groups[1].has_voice)
    heard = carl.played[report.grant.burst_ssrc]
    assert heard == anna.sent[report.grant.burst_ssrc][-len(heard) :]
    assert len(heard) >= report.frames_sent - so_far - 1


async def test_a_member_who_leaves_in_a_burst_costs_the_others_not_a_frame(roll: Roll) -> None:
    anna, bert, carl = [await roll.on_duty(name) for name in ("Anna", "Bert", "Carl")]
    websocket = await roll.on_duty("Dora", use_udp=False)
    epochs = {op.name: op.group.keys.number for op in (anna, bert)}
    talking = asyncio.create_task(anna.says(1.5))
    await until(lambda: sum(map(len, bert.played.values())) >= 10)
    await carl.handset.deaffiliate(carl.group)
    await asyncio.sleep(0.4)
    heard_by_carl = sum(map(len, carl.played.values()))
    report = await talking
    await bert.hears_all(anna, report)
    await websocket.hears_all(anna, report)
    assert bert.group.keys.number == epochs["Bert"] + 1
    assert sum(map(len, carl.played.values())) == heard_by_carl < report.frames_sent / 2


async def test_the_first_syllable_is_not_lost_while_the_grant_is_on_its_way(roll: Roll) -> None:
    async with seeded_link(roll.platform.server.media_port, delay_s=0.14) as slow:
        anna = await roll.on_duty("Anna", media_host="127.0.0.1", media_port=slow.port)
        bert = await roll.on_duty("Bert")
        report = await anna.says(1.0)
        assert report.grant.access_time_s > 0.25
        assert (report.frames_sent, report.frames_dropped_before_grant) == (50, 0)
        await bert.hears_all(anna, report)


async def test_the_last_word_is_not_lost_when_the_key_is_let_go_before_the_grant(roll: Roll) -> None:
    """All of it was said before the floor came."""
    async with seeded_link(roll.platform.server.media_port, delay_s=0.14) as slow:
        anna = await roll.on_duty("Anna", media_host="127.0.0.1", media_port=slow.port)
        bert = await roll.on_duty("Bert")
        report = await anna.says(0.2)
        assert report.frames_sent == 10
        await bert.hears_all(anna, report)


async def test_who_may_only_listen_is_told_so(roll: Roll) -> None:
    anna = await roll.on_duty("Anna", listen_only=True)
    await roll.on_duty("Bert")
    assert anna.group.listen_only
    with pytest.raises(FloorRefused, match="only listen") as refused:
        await anna.says(1.0)
    assert refused.value.cause == DenyCause.RECEIVE_ONLY
    assert anna.group.floor_state is FloorState.NO_PERMISSION
    assert not anna.sent


async def test_who_is_alone_is_told_so(roll: Roll) -> None:
    anna = await roll.on_duty("Anna")
    with pytest.raises(FloorRefused, match="Nobody else"):
        await anna.says(1.0)


async def test_who_waits_is_told_the_position_and_then_talks(roll: Roll) -> None:
    anna, bert, carl = [await roll.on_duty(name) for name in ("Anna", "Bert", "Carl")]
    first = asyncio.create_task(anna.says(1.0))
    await bert.saw(FloorTaken)
    second = asyncio.create_task(bert.says(0.5))
    assert (await bert.saw(FloorQueued)).position == 1
    third = asyncio.create_task(carl.says(0.5))
    assert (await carl.saw(FloorQueued)).position == 2
    reports = await first, await second, await third
    assert [report.lost for report in reports] == [None, None, None]
    assert bert.group.queued is None
    for talker, report, listeners in zip(
        (anna, bert, carl), reports, ((bert, carl), (anna, carl), (anna, bert)), strict=True
    ):
        for listener in listeners:
            await listener.hears_all(talker, report)


async def test_who_lets_go_while_waiting_gives_up_the_place(roll: Roll) -> None:
    anna, bert = await roll.on_duty("Anna"), await roll.on_duty("Bert")
    talking = asyncio.create_task(anna.says(0.8))
    await bert.saw(FloorTaken)
    waiting = asyncio.create_task(bert.group.request_floor())
    await bert.saw(FloorQueued)
    waiting.cancel()
    await talking
    await until(lambda: anna.group.floor_state is FloorState.NO_PERMISSION)
    await asyncio.sleep(0.2)
    assert not any(isinstance(event, FloorGranted) for event in bert.events)
    assert bert.group.floor_state is FloorState.NO_PERMISSION
    assert bert.group.queued is None


async def test_an_emergency_stops_the_talker_and_is_heard(roll: Roll) -> None:
    anna, bert, carl = [await roll.on_duty(name) for name in ("Anna", "Bert", "Carl")]
    await bert.handset.alerts.raise_alert()
    talking = asyncio.create_task(anna.says(5.0))
    await until(lambda: sum(map(len, carl.played.values())) >= 10)
    emergency = await bert.says(0.6, emergency=True)
    stopped = await talking
    assert stopped.lost == FloorLost(stopped.grant.burst_ssrc, must_stop=True, cause=RevokeCause.PREEMPTED)
    assert stopped.frames_sent < 100
    assert emergency.grant.access_time_s < 0.5
    await carl.hears_all(bert, emergency)
    await anna.hears_all(bert, emergency)


async def test_a_burst_that_is_lost_before_the_next_frame_is_reported(roll: Roll) -> None:
    """Between the grant and the first frame that could go out."""
    anna, bert = await roll.on_duty("Anna"), await roll.on_duty("Bert")
    await bert.handset.alerts.raise_alert()
    talking = asyncio.create_task(anna.says(0.5, 60))
    await anna.saw(FloorGranted)
    await bert.group.request_floor(emergency=True)
    report = await talking
    assert report.lost is not None
    assert report.lost.must_stop
    bert.group.release_floor()


async def test_talking_leaves_nothing_behind(roll: Roll) -> None:
    anna = await roll.on_duty("Anna")
    await roll.on_duty("Bert")
    for _ in range(5):
        await anna.says(0.06)
        await until(lambda: anna.group.floor_state is FloorState.NO_PERMISSION)
    assert len(anna.group.listeners) == 1, "this test's own"


async def test_a_burst_in_a_group_that_is_left_is_reported_as_lost(roll: Roll) -> None:
    anna, bert = await roll.on_duty("Anna"), await roll.on_duty("Bert")
    talking = asyncio.create_task(anna.says(5.0))
    await until(lambda: sum(map(len, bert.played.values())) >= 5)
    await anna.handset.deaffiliate(anna.group)
    async with asyncio.timeout(0.5):
        report = await talking
    assert report.lost is not None
    with pytest.raises(NotConnected):
        async with asyncio.timeout(0.5):
            await anna.says(1.0)


async def test_the_path_is_watched_while_any_group_has_voice(roll: Roll) -> None:
    """Floor Idle in one group must not end the close watch for another."""
    anna = await roll.on_duty("Anna", "Patrol", "Chat")
    bert, carl = await roll.on_duty("Bert", "Patrol"), await roll.on_duty("Carl", "Chat")
    talking = asyncio.create_task(bert.says(1.0))
    await anna.saw(FloorTaken)
    await carl.says(0.1)
    await until(lambda: anna.groups[1].talker is None and isinstance(anna.events[-1], FloorIdle))
    assert anna.handset.media._path._active
    await talking
    await until(lambda: not anna.handset.media._path._active)

"""What a handset does when its connection, its server, its rights or its place are taken away."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from ptthandset import handset as handset_module
from ptthandset.credentials import Credentials
from ptthandset.errors import FloorUnanswered, NotConnected, Refused, SessionEnded, Superseded
from ptthandset.floor_effects import FloorLost, FloorTaken
from ptthandset.floor_states import FloorState
from ptthandset.handset import Connected, Disconnected, GroupGone, Handset, Options
from ptthandset.media_path import Via
from pttserver.app import Application
from pttserver.config import MediaSettings, Settings
from pttserver.ids import SubscriberId
from pttserver.services.keyring import open_database
from pttserver.services.office import furnish
from pttserver.sessions.session import Session
from pttserver.store.database import Database
from running_server import PIN, TENANT, Platform, loopback_settings, until
from sim.radio_traffic import Operator, Roll, roll_of
from sim.seeded_link import seeded_link


@pytest.fixture
async def roll(platform: Platform) -> AsyncIterator[Roll]:
    await platform.organise("Patrol", "Chat")
    async with roll_of(platform) as kept:
        yield kept


@pytest.fixture
def slow_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    """A handset is away for a second at least: time enough to change things meanwhile."""
    monkeypatch.setattr(handset_module, "FIRST_RETRY_S", 2.0)


def lose_connection(operator: Operator) -> None:
    operator.told.clear()
    operator.handset._connected().abort()


async def back(operator: Operator, *, resumed: bool) -> None:
    await until(lambda: Connected(resumed) in operator.told, 10)
    assert Disconnected() in operator.told


def session_of(platform: Platform, operator: Operator):
    subscriber = operator.handset.credentials.subscriber
    return platform.server.services.sessions.of_subscriber(subscriber)


def session_of_device(platform: Platform, credentials: Credentials) -> Session:
    found = platform.server.services.sessions.of_subscriber(SubscriberId(credentials.subscriber))
    assert found is not None
    return found


# The signalling connection is lost ---------------------------------------------------------------------------------


async def test_a_talker_by_udp_whose_connection_is_lost_talks_on_with_the_same_keys(roll: Roll) -> None:
    anna, bert = await roll.on_duty("Anna"), await roll.on_duty("Bert")
    session, media, keys = session_of(roll.platform, anna), anna.handset.media, anna.handset.media.keys
    talking = asyncio.create_task(anna.says(2.2))
    await until(lambda: sum(map(len, bert.played.values())) >= 10)
    lose_connection(anna)
    report = await talking
    await back(anna, resumed=True)
    assert report.lost is None
    await bert.hears_all(anna, report)
    assert session_of(roll.platform, anna) is session
    assert (anna.handset.media, anna.handset.media.keys) == (media, keys)


async def test_a_listener_by_udp_whose_connection_is_lost_misses_not_a_frame(roll: Roll) -> None:
    """Nor what is under way to the old port when the new one is opened."""
    async with seeded_link(roll.platform.server.media_port, delay_s=0.06) as link:
        anna = await roll.on_duty("Anna")
        bert = await roll.on_duty("Bert", media_host="127.0.0.1", media_port=link.port)
        talking = asyncio.create_task(anna.says(2.2))
        await until(lambda: sum(map(len, bert.played.values())) >= 10)
        lose_connection(bert)
        report = await talking
        await back(bert, resumed=True)
        await bert.hears_all(anna, report)


async def test_a_talker_on_the_websocket_loses_voice_but_not_the_floor(roll: Roll) -> None:
    anna, bert = await roll.on_duty("Anna", use_udp=False), await roll.on_duty("Bert")
    talking = asyncio.create_task(anna.says(2.5))
    await until(lambda: sum(map(len, bert.played.values())) >= 10)
    lose_connection(anna)
    await back(anna, resumed=True)
    heard = sum(map(len, bert.played.values()))
    report = await talking
    await until(lambda: not bert.group.has_voice)
    assert report.lost is None
    assert sum(map(len, bert.played.values())) > heard + 20
    assert list(bert.played) == [report.grant.burst_ssrc], "one burst, resumed"


async def test_keys_that_changed_meanwhile_are_learnt_on_return(roll: Roll, slow_retries: None) -> None:
    anna, bert, carl = [await roll.on_duty(name) for name in ("Anna", "Bert", "Carl")]
    lose_connection(bert)
    await carl.handset.deaffiliate(carl.group)
    report = await anna.says(0.5)
    assert not bert.played, "under a key that Bert does not have yet"
    await back(bert, resumed=True)
    assert bert.group.keys.number == anna.group.keys.number
    report = await anna.says(0.5)
    await bert.hears_all(anna, report)
    assert bert.group.count == anna.group.count == 2


async def test_a_request_while_disconnected_says_so(roll: Roll, slow_retries: None) -> None:
    anna = await roll.on_duty("Anna")
    lose_connection(anna)
    await until(lambda: Disconnected() in anna.told)
    with pytest.raises(NotConnected, match="trying to get it back"):
        await anna.handset.refresh_groups()


async def test_a_press_while_the_only_path_is_gone_is_unanswered_in_the_end(roll: Roll, slow_retries: None) -> None:
    anna = await roll.on_duty("Anna", use_udp=False)
    await roll.on_duty("Bert")
    roll.platform.server.services.authentication.resume = _busy  # the server is there, and keeps Anna out
    lose_connection(anna)
    with pytest.raises(FloorUnanswered):
        await anna.group.request_floor()
    assert anna.group.floor_state is FloorState.NO_PERMISSION


async def _busy(*_: object) -> None:
    raise TimeoutError


async def test_a_group_taken_away_meanwhile_is_gone_on_return(roll: Roll, slow_retries: None) -> None:
    anna = await roll.on_duty("Anna", "Patrol", "Chat")
    lose_connection(anna)
    await roll.platform.provisioning.remove_member(TENANT, "Patrol", "Anna")
    await until(lambda: len(session_of(roll.platform, anna).affiliations) == 1)
    await back(anna, resumed=True)
    await until(lambda: GroupGone(anna.groups[0].group_id) in anna.told)
    assert list(anna.handset.talkgroups) == [anna.groups[1].group_id]


async def test_a_group_left_meanwhile_is_left_on_return(roll: Roll, slow_retries: None) -> None:
    anna = await roll.on_duty("Anna", "Patrol", "Chat")
    lose_connection(anna)
    await until(lambda: Disconnected() in anna.told)
    with pytest.raises(NotConnected):
        await anna.handset.deaffiliate(anna.groups[0])
    await back(anna, resumed=True)
    await until(lambda: list(session_of(roll.platform, anna).affiliations) == [anna.groups[1].group_id])


async def test_a_handset_that_cannot_get_back_is_closed_at_once(roll: Roll, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its log-in works and then its groups do not: it is neither connected nor waiting for a connection's end."""
    anna = await roll.on_duty("Anna")
    server = roll.platform.server
    monkeypatch.setattr(server.services.attendance, "affiliate", _busy)
    server.services.attendance.end(session_of(roll.platform, anna), "expired")
    await until(lambda: session_of(roll.platform, anna) is not None, 10)
    await asyncio.sleep(0.5)
    assert Connected(False) not in anna.told
    with pytest.raises(NotConnected):
        await anna.handset.refresh_groups()
    async with asyncio.timeout(0.3):
        await anna.handset.close()


# The server restarts -----------------------------------------------------------------------------------------------


class Station:
    """A server that can be stopped and started again, on the same ports, with the same data."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._stack = AsyncExitStack()
        self.platform: Platform

    async def open(self, database: Database) -> None:
        server = await self._stack.enter_async_context(Application(self._settings))
        signalling = self._settings.signalling.model_copy(update={"port": server.signalling_port})
        media = MediaSettings(address="127.0.0.1", port=server.media_port)
        self._settings = self._settings.model_copy(update={"signalling": signalling, "media": media})
        self.platform = Platform(server, self._settings, database, await furnish(database, self._settings))

    async def stop(self) -> None:
        await self._stack.aclose()

    async def start(self) -> None:
        await self.open(self.platform.database)


@pytest.fixture
async def station(tmp_path: Path) -> AsyncIterator[Station]:
    settings = loopback_settings(tmp_path)
    station = Station(settings)
    settings.data_dir.mkdir(mode=0o700)
    database = await open_database(settings)
    await station.open(database)
    await station.platform.organise("Patrol", "Chat")
    yield station
    await station.stop()
    await database.close()


async def test_after_a_restart_handsets_come_back_into_their_groups_by_themselves(station: Station) -> None:
    async with roll_of(station.platform) as roll, AsyncExitStack() as leaving:
        anna, bert = await roll.on_duty("Anna"), await roll.on_duty("Bert", use_udp=False)
        for operator in (anna, bert):
            leaving.push_async_callback(operator.handset.close)
        media = anna.handset.media
        await station.stop()
        await until(lambda: Disconnected() in anna.told and Disconnected() in bert.told)
        await station.start()
        await back(anna, resumed=False)
        await back(bert, resumed=False)
        assert anna.handset.media is not media, "a new session has new keys"
        assert anna.handset.talkgroups[anna.group.group_id] is anna.group, "the same object goes on"
        await until(lambda: anna.handset.media.via is Via.UDP and anna.group.count == 2)
        report = await anna.says(0.5)
        await bert.hears_all(anna, report)


async def test_a_burst_that_a_restart_cuts_off_is_reported_as_lost(station: Station) -> None:
    async with roll_of(station.platform) as roll, AsyncExitStack() as leaving:
        anna, bert = await roll.on_duty("Anna"), await roll.on_duty("Bert")
        for operator in (anna, bert):
            leaving.push_async_callback(operator.handset.close)
        talking = asyncio.create_task(anna.says(9.0))
        await until(lambda: sum(map(len, bert.played.values())) >= 10)
        await station.stop()
        await station.start()
        report = await talking
        assert isinstance(report.lost, FloorLost)
        assert report.frames_sent < 440


async def test_after_a_restart_a_group_taken_away_meanwhile_does_not_keep_the_handset_out(station: Station) -> None:
    async with roll_of(station.platform) as roll, AsyncExitStack() as leaving:
        anna, bert = await roll.on_duty("Anna", "Patrol", "Chat"), await roll.on_duty("Bert", "Chat")
        for operator in (anna, bert):
            leaving.push_async_callback(operator.handset.close)
        await station.stop()
        await station.platform.provisioning.remove_member(TENANT, "Patrol", "Anna")
        await station.start()
        await back(anna, resumed=False)
        assert GroupGone(anna.groups[0].group_id) in anna.told
        await back(bert, resumed=False)
        report = await bert.says(0.5)
        await until(lambda: bert.sent[report.grant.burst_ssrc] == anna.played[report.grant.burst_ssrc])


async def test_a_handset_that_hangs_up_halfway_does_not_disturb_the_stop(station: Station) -> None:
    """Its close frame has come, and its TCP connection stays."""
    credentials = await station.platform.enrol("Anna", "Patrol")
    handset = await Handset.connect(credentials, pin=PIN)
    connection = handset._connected()._connection
    connection.transport.pause_reading()
    connection.protocol.send_close(1000)
    connection.send_data()
    await until(lambda: session_of_device(station.platform, credentials).link is None)
    try:
        await station.stop()
    finally:
        connection.transport.abort()
        await handset.close()


# The session ends --------------------------------------------------------------------------------------------------


async def test_a_superseded_handset_says_by_whom_and_does_not_come_back(roll: Roll) -> None:
    anna = await roll.on_duty("Anna")
    second = await roll.platform.another_device("Anna", device_type="tablet")
    newer = await roll.platform.log_in(second)
    assert newer.superseded is not None
    assert newer.superseded.device_type == "test radio"
    with pytest.raises(Superseded, match="another device") as superseded:
        await asyncio.wait_for(anna.handset.wait_closed(), 2)
    assert superseded.value.device_type == "tablet"
    assert anna.handset.credentials.resume_token is None
    await asyncio.sleep(2 * handset_module.FIRST_RETRY_S)
    assert session_of(roll.platform, anna).identity.device_id == second.device
    with pytest.raises(Superseded):
        await anna.handset.affiliate("Patrol")
    with pytest.raises(NotConnected):
        await anna.group.request_floor()


async def test_a_handset_that_missed_being_superseded_does_not_take_over_again(roll: Roll, slow_retries: None) -> None:
    """Its connection was lost at that moment; its resume token is dead."""
    anna = await roll.on_duty("Anna")
    lose_connection(anna)
    second = await roll.platform.another_device("Anna")
    await roll.platform.log_in(second)
    with pytest.raises(Refused) as refused:
        await asyncio.wait_for(anna.handset.wait_closed(), 5)
    assert refused.value.code == "auth.failed"
    assert session_of(roll.platform, anna).identity.device_id == second.device


async def test_a_revoked_device_stops(roll: Roll) -> None:
    anna, bert = await roll.on_duty("Anna"), await roll.on_duty("Bert")
    talking = asyncio.create_task(anna.says(5.0))
    await bert.saw(FloorTaken)
    await roll.platform.devices.revoke(TENANT, anna.handset.credentials.device)
    with pytest.raises(SessionEnded, match="revoked") as ended:
        await asyncio.wait_for(anna.handset.wait_closed(), 3)
    assert ended.value.reason == "revoked"
    report = await asyncio.wait_for(talking, 1)
    assert report.lost is not None
    assert session_of(roll.platform, anna) is None
    with pytest.raises(Refused):
        await Handset.connect(anna.handset.credentials, pin=PIN)


async def test_a_membership_taken_away_takes_the_group_away(roll: Roll) -> None:
    anna = await roll.on_duty("Anna", "Patrol", "Chat")
    await roll.platform.provisioning.remove_member(TENANT, "Patrol", "Anna")
    await until(lambda: GroupGone(anna.groups[0].group_id) in anna.told)
    assert list(anna.handset.talkgroups) == [anna.groups[1].group_id]
    with pytest.raises(NotConnected, match="any more"):
        await anna.groups[0].request_floor()
    with pytest.raises(Refused) as refused:
        await anna.handset.affiliate("Patrol")
    assert refused.value.code == "not_found"


async def test_logging_out_ends_the_resume_token(roll: Roll) -> None:
    anna = await roll.on_duty("Anna")
    token = anna.handset.credentials.resume_token
    await anna.handset.log_out()
    await anna.handset.wait_closed()
    for credentials in (anna.handset.credentials, anna.handset.credentials.with_token(token)):
        with pytest.raises(Refused) as refused:
            await Handset.connect(credentials)
        assert refused.value.code == "auth.failed"


async def test_closing_keeps_the_resume_token(roll: Roll) -> None:
    tokens: list[bytes | None] = []
    anna = await roll.on_duty("Anna", on_token=tokens.append)
    await anna.handset.close()
    assert tokens == [anna.handset.credentials.resume_token]
    async with await Handset.connect(anna.handset.credentials) as again:
        assert [info.name for info in again.groups] == ["Patrol"]


async def test_a_handset_that_is_closed_while_talking_comes_to_rest(roll: Roll) -> None:
    anna, bert = await roll.on_duty("Anna"), await roll.on_duty("Bert")
    talking = asyncio.create_task(anna.says(5.0))
    await until(lambda: sum(map(len, bert.played.values())) >= 5)
    await anna.handset.close()
    report = await asyncio.wait_for(talking, 1)
    assert report.lost is not None
    assert anna.handset.media._alarm._handle is None
    assert anna.group._alarm._handle is None
    await until(lambda: bert.group.talker is None)


async def test_the_wrong_pin_is_refused(roll: Roll) -> None:
    credentials: Credentials = await roll.platform.enrol("Anna", "Patrol")
    with pytest.raises(Refused) as refused:
        await Handset.connect(credentials, pin="0000")
    assert refused.value.code == "auth.failed"
    with pytest.raises(Refused, match="PIN"):
        await Handset.connect(credentials, options=Options())

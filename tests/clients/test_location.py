"""S-047: the handset sends positions as its terms say, and nothing while location is off."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from locating import LATITUDE, LOCATED, LONGITUDE, position
from ptthandset.errors import NotConnected, Refused
from ptthandset.handset import Handset
from ptthandset.location import LocationOff
from ptthandset.position_sources import FixedSource
from pttserver.net.site import Site
from pttserver.roles import Role
from pttserver.wire import signalling
from running_server import TENANT, Platform, until


class Walk:
    """A source that gives what the test puts in."""

    def __init__(self) -> None:
        self.steps = asyncio.Queue[signalling.Position | None]()

    async def __aiter__(self) -> AsyncIterator[signalling.Position]:
        while (step := await self.steps.get()) is not None:
            yield step


@pytest.fixture
async def crew(platform: Platform) -> tuple[Handset, Handset]:
    await platform.organise("Patrol", policy=LOCATED)
    anna = await platform.log_in(await platform.enrol("Anna", "Patrol"))
    credentials = await platform.enrol("Dora", "Patrol")
    await platform.office.roles.set_role(TENANT, "Dora", Role.DISPATCHER)
    return anna, await platform.log_in(credentials)


def sent(handset: Handset) -> list[str]:
    """Requests of the handset from now on."""
    found: list[str] = []
    ask = handset.location._ask

    async def noted(request: signalling.Request, expected: type) -> signalling.Reply:
        found.append(request.to_json())
        return await ask(request, expected)

    handset.location._ask = noted
    return found


async def test_a_source_is_followed_at_the_interval_of_the_terms(crew) -> None:
    anna, _ = crew
    requests, walk = sent(anna), Walk()
    for ago_s in (20, 18, 15, 10.5, 10):
        walk.steps.put_nowait(position(ago_s=ago_s))
    walk.steps.put_nowait(None)
    await anna.location.follow(walk)
    assert len(requests) == 3


async def test_off_nothing_leaves_the_device(crew) -> None:
    anna, dora = crew
    await anna.location.switch(on=False)
    await until(lambda: anna.location.state == "switched_off")
    requests, walk = sent(anna), Walk()
    for ago_s in (20, 10, 0):
        walk.steps.put_nowait(position(ago_s=ago_s))
    walk.steps.put_nowait(None)
    await anna.location.follow(walk)
    with pytest.raises(LocationOff):
        await anna.location.report(position())
    with pytest.raises(Refused, match="switched location off"):
        await dora.location.where(anna.credentials.subscriber, 1)
    assert requests == []
    await anna.location.switch(on=True)
    await until(lambda: anna.location.state == "on")
    await asyncio.sleep(0.01)
    assert (await anna.location.report(position())).accepted == 1


async def test_switched_off_in_the_midst_the_rest_is_let_go(crew) -> None:
    anna, _ = crew
    requests, walk = sent(anna), Walk()
    following = asyncio.create_task(anna.location.follow(walk))
    walk.steps.put_nowait(position(ago_s=20))
    await until(lambda: len(requests) == 1)
    await anna.location.switch(on=False)
    await until(lambda: anna.location.state != "on")
    walk.steps.put_nowait(position(ago_s=5))
    walk.steps.put_nowait(None)
    await following
    assert [request for request in requests if "location.report" in request][1:] == []


async def test_off_holds_before_the_server_answers(crew) -> None:
    anna, _ = crew
    requests, walk, answer = sent(anna), Walk(), asyncio.Event()
    ask = anna.location._ask

    async def slow(request: signalling.Request, expected: type) -> signalling.Reply:
        if isinstance(request, signalling.LocationSwitch):
            await answer.wait()
        return await ask(request, expected)

    anna.location._ask = slow
    following = asyncio.create_task(anna.location.follow(walk))
    switching = asyncio.create_task(anna.location.switch(on=False))
    await until(lambda: anna.location.state == "switched_off")
    walk.steps.put_nowait(position())
    walk.steps.put_nowait(None)
    await following
    assert anna.alert_track.interval_s is None
    answer.set()
    await switching
    assert [request for request in requests if "location.report" in request] == []


async def test_off_without_a_connection_holds_with_the_next_one(platform: Platform, crew) -> None:
    """The server was not told, and its terms go on saying that location is on."""
    anna, _ = crew
    walk = Walk()
    following = asyncio.create_task(anna.location.follow(walk))
    anna._link.abort()
    await until(lambda: anna._link is None)
    with pytest.raises(NotConnected):
        await anna.location.switch(on=False)
    walk.steps.put_nowait(position())
    await until(lambda: anna._link is not None)
    walk.steps.put_nowait(position())
    walk.steps.put_nowait(None)
    await following
    assert anna.location.state == "switched_off"
    assert platform.server.services.location.locating.taken == 0


async def test_what_waited_for_a_connection_is_sent_with_it(platform: Platform, crew) -> None:
    anna, dora = crew
    walk = Walk()
    following = asyncio.create_task(anna.location.follow(walk))
    assert anna._link is not None
    anna._link.abort()
    await until(lambda: anna._link is None)
    for ago_s in (90, 60, 30):
        walk.steps.put_nowait(position(ago_s=ago_s, accuracy_m=ago_s))
    await until(lambda: anna.location.state == "on" and platform.server.services.location.locating.taken == 3)
    assert (await dora.location.last(anna.credentials.subscriber)).position.accuracy_m == 30
    walk.steps.put_nowait(None)
    await following


async def test_off_and_on_again_without_a_connection_it_lets_go_of_what_waited(
    platform: Platform, crew, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All the while the handset knows only the terms of before, which say that location is on."""
    anna, _ = crew
    walk = Walk()
    following = asyncio.create_task(anna.location.follow(walk))
    monkeypatch.setattr(Site, "refusal", lambda *_: (503, "no way in"))
    anna._link.abort()
    await until(lambda: anna._link is None)
    await platform.office.roles.allow(TENANT, "Anna", "location", False)
    off = position()
    walk.steps.put_nowait(off)
    await until(lambda: list(anna.location._waiting) == [off])
    await asyncio.sleep(0.01)
    await platform.office.roles.allow(TENANT, "Anna", "location", True)
    requests = sent(anna)
    monkeypatch.undo()
    await until(lambda: anna._link is not None and not anna.location._waiting, 20)
    assert requests == []
    assert anna.location._newest is None
    walk.steps.put_nowait(position(ago_s=-6))
    await until(lambda: platform.server.services.location.locating.taken == 1)
    walk.steps.put_nowait(None)
    await following


async def test_a_dispatcher_asks_and_the_device_answers_by_itself(crew) -> None:
    anna, dora = crew
    with pytest.raises(TimeoutError):  # there is nothing to answer with
        await dora.location.where(anna.credentials.subscriber, 0.2)
    following = asyncio.create_task(anna.location.follow(FixedSource(LATITUDE, LONGITUDE, interval_s=0.05)))
    await until(lambda: anna.location._newest is not None)
    found = await dora.location.where(anna.credentials.subscriber, 5)
    assert (found.latitude, found.longitude) == (LATITUDE, LONGITUDE)
    assert [(look.what, look.who) for look in await anna.location.looks()] == [("request", "Dora")] * 2
    following.cancel()
    await asyncio.gather(following, return_exceptions=True)


async def test_who_asks_again_at_once_gets_what_is_known_and_the_device_is_left_alone(crew) -> None:
    anna, dora = crew
    following = asyncio.create_task(anna.location.follow(FixedSource(LATITUDE, LONGITUDE, interval_s=0.05)))
    await until(lambda: anna.location._newest is not None)
    await dora.location.where(anna.credentials.subscriber, 5)
    following.cancel()
    await asyncio.gather(following, return_exceptions=True)
    anna.location._let_go()
    requests = sent(anna)
    found = await dora.location.where(anna.credentials.subscriber, 5)
    assert (found.latitude, found.longitude) == (LATITUDE, LONGITUDE)
    assert requests == []


async def test_a_watch_goes_on_in_a_new_session(platform: Platform, crew) -> None:
    anna, dora = crew
    events: list[object] = []
    dora.location.listeners.append(events.append)
    shape = signalling.CircleShape(center=signalling.Point(latitude=LATITUDE, longitude=LONGITUDE), radius_m=100)
    fence = await dora.location.put_fence("Yard", shape)
    assert [each.fence for each in await dora.location.fences()] == [fence]
    await dora.location.watch(fence=fence)
    await anna.location.report(position(ago_s=30))
    await until(lambda: len(events) == 2)
    session = platform.server.services.sessions.of_subscriber(dora.credentials.subscriber)
    platform.server.services.attendance.end(session, "server_stopping")
    await until(
        lambda: platform.server.services.sessions.of_subscriber(dora.credentials.subscriber) not in (None, session)
    )
    tenant = (await platform.provisioning.tenant(TENANT)).tenant_id
    watches = platform.server.services.location.watchers._watches[tenant]
    await until(
        lambda: watches.keys() == {platform.server.services.sessions.of_subscriber(dora.credentials.subscriber).id}
    )
    await anna.location.report(position(latitude=LATITUDE + 0.005))
    await until(lambda: len(events) == 3)
    await anna.location.switch(on=False)
    await until(lambda: len(events) == 4)
    kinds = [type(event).__name__ for event in events]
    assert kinds == ["FenceEvent", "LocationPosition", "FenceEvent", "LocationGone"]
    await dora.location.unwatch()
    await dora.location.remove_fence(fence)
    assert await dora.location.fences() == []

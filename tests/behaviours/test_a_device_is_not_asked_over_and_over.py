"""Who asks where a device is cannot follow it step by step in spite of the policy's interval: answers are bounded."""

from pathlib import Path

import pytest
from sqlalchemy import func, select

from attacks.bare_radio import BareRadio, Refusal
from behaviours.control_room import ALERT
from console_visitor import TurnedClock
from locating import LATITUDE, LOCATED, crew, position, report
from pttserver.store.location_schema import positions
from pttserver.wire import signalling as s
from running_server import Platform, running_platform, until

HOURLY = LOCATED.replace("interval_s = 5", "interval_s = 3600\nsos_interval_s = 1")


def told(radio: BareRadio, kind: type) -> list:
    return [event for event in radio.events if isinstance(event, kind)]


async def ask_where(dora: BareRadio, anna: BareRadio) -> str:
    """The reference."""
    request = s.LocationRequest(id=1, subscriber=anna.session.subscriber)
    return (await dora.ask(request, s.LocationRequested)).request


async def answer(anna: BareRadio, request: str, *more: s.Position, **where: float) -> s.LocationTaken:
    return await report(anna, *more, position(**where), request=request)


def requests(platform: Platform) -> dict[str, int]:
    wanted = platform.server.services.location.locating.wanted
    return {"asked": wanted.asked, "spared": wanted.spared}


async def stored(platform: Platform) -> int:
    await platform.server.services.location.log.flush()
    return await platform.database.read(lambda sql: sql.scalar(select(func.count()).select_from(positions)) or 0)


async def test_who_asks_again_is_told_what_is_known_since(platform: Platform) -> None:
    anna, dora = await crew(platform, HOURLY)
    first = await ask_where(dora, anna)
    assert (await answer(anna, first)).accepted == 1
    asked = [first]
    for step in range(1, 6):
        asked.append(await ask_where(dora, anna))
        await until(lambda: len(told(dora, s.LocationPosition)) == len(asked))
        assert (await answer(anna, asked[-1], latitude=LATITUDE + step * 1e-4)).dropped == {"early": 1}
    answers = told(dora, s.LocationPosition)
    assert [each.request for each in answers] == asked
    assert {each.position.at_ms for each in answers} == {answers[0].position.at_ms}
    assert {each.name for each in answers} == {"Anna"}
    assert len(told(anna, s.LocationWanted)) == 1
    assert await stored(platform) == 1
    assert requests(platform) == {"asked": 1, "spared": 5}
    looks = (await anna.ask(s.LocationLooks(id=1), s.LocationLooked)).looks
    assert [look.what for look in looks] == ["request"] * 6
    for radio in (anna, dora):
        await radio.close()


async def test_what_is_known_comes_after_the_reply(platform: Platform) -> None:
    anna, dora = await crew(platform, HOURLY)
    await answer(anna, await ask_where(dora, anna))
    again = await ask_where(dora, anna)
    await until(lambda: told(dora, s.LocationPosition)[-1].request == again)
    kinds = [s.parse_server_message(text).type for text in dora.texts if again in text]
    assert kinds == ["location.requested", "location.position"]
    for radio in (anna, dora):
        await radio.close()


async def test_after_a_while_the_device_is_asked_again(tmp_path: Path) -> None:
    clock = TurnedClock()
    async with running_platform(tmp_path, clock=clock) as platform:
        anna, dora = await crew(platform, HOURLY)
        await answer(anna, await ask_where(dora, anna))
        clock.ahead_s += s.ANSWERS_APART_S - 2
        await ask_where(dora, anna)
        assert len(told(anna, s.LocationWanted)) == 1
        clock.ahead_s += 2
        again = await ask_where(dora, anna)
        await until(lambda: len(told(anna, s.LocationWanted)) == 2)
        assert (await answer(anna, again)).accepted == 1
        for radio in (anna, dora):
            await radio.close()


async def test_what_was_dropped_with_an_answer_leaves_the_request_open_to_nobody(platform: Platform) -> None:
    anna, dora = await crew(platform, HOURLY)
    await report(anna, position(ago_s=20))
    wanted = await ask_where(dora, anna)
    both = await answer(anna, wanted, position(ago_s=10))
    assert (both.accepted, both.dropped) == (1, {"early": 1})
    await until(lambda: told(dora, s.LocationPosition))
    assert told(dora, s.LocationPosition)[0].request == wanted
    assert (await answer(anna, wanted, ago_s=-1)).accepted == 0
    for radio in (anna, dora):
        await radio.close()


async def test_where_nothing_is_known_since_it_can_be_tried_later(platform: Platform) -> None:
    """An old position answers; it is not the last that is known, and is not told again."""
    anna, dora = await crew(platform, HOURLY)
    await answer(anna, await ask_where(dora, anna), ago_s=1800)
    with pytest.raises(Refusal) as refused:
        await ask_where(dora, anna)
    assert refused.value.code == "busy"
    assert 1 <= refused.value.error.details["retry_after_s"] <= s.ANSWERS_APART_S
    for radio in (anna, dora):
        await radio.close()


async def test_who_is_not_located_any_more_or_not_there_is_not_told_of(platform: Platform) -> None:
    anna, dora = await crew(platform, HOURLY)
    await answer(anna, await ask_where(dora, anna))
    await anna.ask(s.LocationSwitch(id=1, on=False), s.Done)
    with pytest.raises(Refusal, match=r"policy\.forbids"):
        await ask_where(dora, anna)
    await anna.ask(s.LocationSwitch(id=1, on=True), s.Done)
    with pytest.raises(Refusal, match="busy"):
        await ask_where(dora, anna)
    await anna.close()
    who = anna.session.subscriber
    await until(lambda: platform.server.services.sessions.of_subscriber(who).link is None)
    with pytest.raises(Refusal, match="not_found"):
        await ask_where(dora, anna)
    await dora.close()


async def test_an_open_alert_has_its_own_interval(platform: Platform) -> None:
    anna, dora = await crew(platform, HOURLY)
    await answer(anna, await ask_where(dora, anna), ago_s=9)
    await anna.ask(s.RaiseAlert(id=1, alert=ALERT), s.AlertAccepted)
    for ago_s in (6, 4, 2):
        moved = s.ReportAlertPosition(id=1, alert=ALERT, position=position(ago_s=ago_s))
        assert (await anna.ask(moved, s.LocationTaken)).accepted == 1
    for radio in (anna, dora):
        await radio.close()

"""Who lets go of the key while queued may keep the place, and is offered the floor when its turn comes (T132)."""

import asyncio

import pytest

from e2e.voices import say, sentence
from ptthandset.errors import FloorCancelled
from ptthandset.floor_effects import FloorOffered
from running_server import Platform, until


async def queue_behind_anna(platform: Platform) -> tuple:
    await platform.organise("Patrol")
    handsets = [await platform.log_in(await platform.enrol(name, "Patrol")) for name in ("Anna", "Bert")]
    anna, bert = [await handset.affiliate("Patrol") for handset in handsets]
    talking = asyncio.create_task(say(anna, sentence(0, seconds=1.5)))
    await until(lambda: bert.talker is not None)
    asking = asyncio.create_task(bert.request_floor())
    await until(lambda: bert.queued is not None)
    bert.cancel_request()
    with pytest.raises(FloorCancelled):
        await asking
    bert.release_floor(keep_place=True)
    offers: list[FloorOffered] = []
    bert.listeners.append(lambda event: offers.append(event) if isinstance(event, FloorOffered) else None)
    await talking
    await until(lambda: offers)
    return anna, bert, offers


async def test_the_offer_is_taken(platform: Platform) -> None:
    _, bert, offers = await queue_behind_anna(platform)
    grant = await asyncio.wait_for(bert.request_floor(), 1)
    assert grant.burst_ssrc == offers[0].burst_ssrc
    bert.release_floor()


async def test_an_offer_that_nobody_takes_is_given_back(platform: Platform) -> None:
    anna, _, _ = await queue_behind_anna(platform)
    await until(lambda: platform.server.services.talk.bursts_in_progress == 0, timeout_s=5)
    await asyncio.wait_for(anna.request_floor(), 1)


async def test_a_listener_with_a_bug_does_not_stop_the_handset(platform: Platform) -> None:
    await platform.organise("Patrol")
    handsets = [await platform.log_in(await platform.enrol(name, "Patrol")) for name in ("Anna", "Bert")]
    anna, bert = [await handset.affiliate("Patrol") for handset in handsets]
    failures = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: failures.append(context["exception"]))
    bert.listeners.append(lambda event: 1 / 0)
    await say(anna, sentence(0, seconds=0.3))
    await until(lambda: bert.talker is None)
    assert any(isinstance(failure, ZeroDivisionError) for failure in failures)
    assert (await bert.request_floor()).burst_ssrc

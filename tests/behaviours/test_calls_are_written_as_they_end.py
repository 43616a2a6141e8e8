"""Calls and bursts reach the database as they end: who, where, when, how long, who was there, from which address."""

import asyncio
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from e2e.voices import say, sentence
from pttserver.config import CallLogSettings, FloorTimerSettings
from pttserver.errors import StoreUnavailable
from pttserver.store.schema import bursts, call_participants, calls
from running_server import Platform, running_platform, until


async def rows(platform: Platform, table: Any) -> list[Any]:
    return await platform.database.read(lambda sql: list(sql.execute(select(table)).mappings()))


async def test_a_call_and_its_bursts(tmp_path: Path) -> None:
    async with running_platform(tmp_path, floor=FloorTimerSettings(t4_inactivity_s=0.5)) as platform:
        await platform.organise("Patrol")
        anna, bert = [await platform.log_in(await platform.enrol(name, "Patrol")) for name in ("Anna", "Bert")]
        group, other = [await handset.affiliate("Patrol") for handset in (anna, bert)]
        first = await say(group, sentence(0, seconds=0.6))
        await say(other, sentence(1, seconds=0.4))
        await until(lambda: platform.server.services.call_log.written >= 4)
        await asyncio.sleep(1)

        (call,) = await rows(platform, calls)
        hers, his = [await platform.keys(handset.credentials.subscriber) for handset in (anna, bert)]
        assert call["initiator"].text == hers.reference()
        assert hers.text(call["initiator_address"]).reveal() == "127.0.0.1"
        assert call["group_id"] == group.group_id
        spoken = await rows(platform, bursts)
        assert [burst["subject"].text for burst in spoken] == [hers.reference(), his.reference()]
        assert spoken[0]["packets"] == first.frames_sent
        assert 550 <= spoken[0]["duration_ms"] <= 1500
        assert {burst["end_reason"] for burst in spoken} == {"released"}
        assert call["ended_ms"] >= spoken[1]["started_ms"] + spoken[1]["duration_ms"] + 400  # T4 later
        present = {row["subject"].text for row in await rows(platform, call_participants)}
        assert present == {hers.reference(), his.reference()}


async def test_a_burst_is_on_disk_within_a_second_while_the_call_goes_on(platform: Platform) -> None:
    await platform.organise("Patrol")
    anna, bert = [await platform.log_in(await platform.enrol(name, "Patrol")) for name in ("Anna", "Bert")]
    group, _ = [await handset.affiliate("Patrol") for handset in (anna, bert)]
    await say(group, sentence(0, seconds=0.2))
    await asyncio.sleep(1)
    assert len(await rows(platform, bursts)) == 1
    assert len(await rows(platform, calls)) == 1


async def test_records_wait_for_a_failing_disk_and_the_health_page_says_so(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    await platform.organise("Patrol")
    anna, bert = [await platform.log_in(await platform.enrol(name, "Patrol")) for name in ("Anna", "Bert")]
    group, _ = [await handset.affiliate("Patrol") for handset in (anna, bert)]
    log = platform.server.services.call_log
    write = log._store.write_calls

    async def fail(*_: object) -> None:
        raise StoreUnavailable("the disk is full")

    monkeypatch.setattr(log._store, "write_calls", fail)
    await say(group, sentence(0, seconds=0.2))
    await until(lambda: log.is_failing)
    assert len(log) == 2
    monkeypatch.setattr(log._store, "write_calls", write)
    assert await log.flush()
    assert not log.is_failing
    assert len(await rows(platform, bursts)) == 1


async def test_a_full_queue_drops_records_counts_them_and_never_waits(tmp_path: Path) -> None:
    slow = CallLogSettings(queue_records=2, flush_interval_s=1)
    async with running_platform(tmp_path, call_log=slow) as platform:
        await platform.organise("Patrol")
        anna, bert = [await platform.log_in(await platform.enrol(name, "Patrol")) for name in ("Anna", "Bert")]
        group, _ = [await handset.affiliate("Patrol") for handset in (anna, bert)]
        await platform.server.services.call_log.flush()
        for _ in range(3):
            await say(group, sentence(0, seconds=0.06))
        assert platform.server.services.call_log.dropped > 0
        assert len(platform.server.services.call_log) <= 3


async def test_each_participant_is_written_once(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    """A call is written again with each of its bursts, and those who were written are most of it in a large group."""
    await platform.organise("Patrol")
    names = ("Anna", "Bert", "Carl")
    anna, bert, carl = [await platform.log_in(await platform.enrol(name, "Patrol")) for name in names]
    group, _ = [await handset.affiliate("Patrol") for handset in (anna, bert)]
    log, seen = platform.server.services.call_log, Counter[str]()
    write = log._store.write_calls

    async def note(finished: Any, participants: Any, spoken: Any) -> None:
        seen.update(each.subject.subject_id for each in participants)
        await write(finished, participants, spoken)

    monkeypatch.setattr(log._store, "write_calls", note)
    for _ in range(2):
        await say(group, sentence(0, seconds=0.06))
        assert await log.flush()
    await carl.affiliate("Patrol")
    await say(group, sentence(0, seconds=0.06))
    assert await log.flush()
    await until(lambda: log.written >= 6)
    assert seen == {handset.credentials.subscriber: 1 for handset in (anna, bert, carl)}
    assert (len(await rows(platform, calls)), len(await rows(platform, bursts))) == (1, 3)
    assert len(await rows(platform, call_participants)) == 3


async def test_a_writer_that_is_cancelled_loses_nothing(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    await platform.organise("Patrol")
    anna, bert = [await platform.log_in(await platform.enrol(name, "Patrol")) for name in ("Anna", "Bert")]
    group, _ = [await handset.affiliate("Patrol") for handset in (anna, bert)]
    log, begun = platform.server.services.call_log, asyncio.Event()
    write = log._store.write_calls

    async def hang(*_: object) -> None:
        begun.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(log._store, "write_calls", hang)
    await say(group, sentence(0, seconds=0.06))
    await asyncio.wait_for(begun.wait(), 5)
    assert len(log) == 0
    (writer,) = [task for task in asyncio.all_tasks() if task.get_name() == "call log"]
    writer.cancel()
    await until(lambda: len(log) == 2)
    monkeypatch.setattr(log._store, "write_calls", write)
    assert await log.flush()
    assert len(await rows(platform, bursts)) == 1

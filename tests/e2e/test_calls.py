"""Calls with real handsets and a real server: private, full-duplex, to the first who answers, broadcast, call back."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import select

from e2e.voices import FRAME_MS, RATE_HZ, listening, say, sentence
from ptthandset.audio.codec import OpusEncoder
from ptthandset.audio.pacing import spoken, ticks
from ptthandset.audio.similarity import similarity
from ptthandset.calls import CallbackSeen, CallbackWanted, HungUp, Ringing, VoiceCall
from ptthandset.errors import CallOver, FloorRefused, Refused
from ptthandset.handset import Handset
from pttserver.config import CallSettings
from pttserver.roles import Role
from pttserver.store.schema import call_participants, calls
from pttserver.wire import signalling
from running_server import TENANT, Platform, running_platform, until


async def people(platform: Platform, *names: str, **options: object) -> list[Handset]:
    await platform.organise("Patrol")
    return [await platform.log_in(await platform.enrol(name, "Patrol"), **options) for name in names]


def number(handset: Handset) -> str:
    return handset.credentials.subscriber


def answering(*handsets: Handset) -> None:
    for handset in handsets:
        handset.calls.auto_answer = True


async def connected_pair(anna: Handset, bert: Handset, *, duplex: bool) -> tuple[VoiceCall, VoiceCall]:
    answering(bert)
    call = await anna.calls.private(number(bert), duplex=duplex)
    await call.connected()
    await until(lambda: bert.calls.live)
    theirs = bert.calls.live[call.call_id]
    await theirs.connected()
    return call, theirs


async def test_a_private_call_is_talked_in_by_turns_and_nobody_else_hears_it(platform: Platform) -> None:
    anna, bert, carl = await people(platform, "Anna", "Bert", "Carl")
    call, theirs = await connected_pair(anna, bert, duplex=False)
    assert call.talk_group.group_id == theirs.listen_group.group_id
    assert (call.party.name, theirs.party.name) == ("Bert", "Anna")

    async with listening(theirs.listen_group, call.listen_group) as (at_bert, at_anna):
        said = await say(call.talk_group, sentence(0))
        await until(lambda: not theirs.listen_group.has_voice)
        assert similarity(sentence(0), bytes(at_bert), RATE_HZ) > 0.8
        await say(theirs.talk_group, sentence(1))
        await until(lambda: not call.listen_group.has_voice)
        assert similarity(sentence(1), bytes(at_anna), RATE_HZ) > 0.8
    assert said.lost is None
    with pytest.raises(Refused, match="no such object"):
        await carl.affiliate(call.talk_group.group_id)

    await call.end()
    await theirs.over.wait()
    assert theirs.reason == "ended"
    await until(lambda: not bert.talkgroups and not anna.talkgroups)
    assert len(platform.server.services.memberships.temporary) == 0
    await until(lambda: platform.server.services.call_log.written >= 3)
    (record,) = await rows(platform, calls)
    hers, his = [await platform.keys(number(handset)) for handset in (anna, bert)]
    assert (record["group_id"], record["initiator"].text) == (call.talk_group.group_id, hers.reference())
    present = {row["subject"].text for row in await rows(platform, call_participants)}
    assert present == {hers.reference(), his.reference()}


async def rows(platform: Platform, table: Any) -> list[Any]:
    return await platform.database.read(lambda sql: list(sql.execute(select(table)).mappings()))


@pytest.mark.parametrize(
    ("role", "asked", "given"), [("subscriber", 255, 127), ("manager", 255, 255), ("subscriber", 3, 3)]
)
async def test_the_priority_of_a_call_is_what_is_asked_but_at_most_what_the_role_may(
    platform: Platform, role: str, asked: int, given: int
) -> None:
    (bert,) = await people(platform, "Bert")
    caller = await platform.enrol("Anna", "Patrol")
    await platform.office.roles.set_role(TENANT, "Anna", Role(role))
    anna = await platform.log_in(caller)
    answering(bert)
    call = await anna.calls.private(number(bert), priority=asked)
    await call.connected()
    theirs = bert.calls.live[call.call_id]
    await theirs.connected()
    assert (call.talk_group.priority, theirs.priority, theirs.talk_group.priority) == (given, given, 100)


async def hear(call: VoiceCall, sound: bytearray) -> None:
    async for now in ticks(FRAME_MS):
        sound += call.pull(now, FRAME_MS)


async def speak(call: VoiceCall, pcm: bytes) -> int:
    encoder = OpusEncoder(RATE_HZ, FRAME_MS)
    reports = await call.talk(spoken(pcm, encoder.frame_bytes, FRAME_MS), encoder)
    assert [report.lost for report in reports] == [None]
    return sum(report.frames_sent for report in reports)


@pytest.mark.parametrize("use_udp", [True, False])
async def test_in_a_full_duplex_call_both_are_heard_at_once(platform: Platform, use_udp: bool) -> None:
    anna, bert = await people(platform, "Anna", "Bert", use_udp=use_udp)
    call, theirs = await connected_pair(anna, bert, duplex=True)
    assert call.talk_group.group_id == theirs.listen_group.group_id != call.listen_group.group_id
    at_anna, at_bert = bytearray(), bytearray()
    ears = [asyncio.create_task(hear(call, at_anna)), asyncio.create_task(hear(theirs, at_bert))]
    talk = platform.server.services.talk
    speaking = [asyncio.create_task(speak(call, sentence(0))), asyncio.create_task(speak(theirs, sentence(1)))]
    await until(lambda: talk.bursts_in_progress == 2)
    await asyncio.gather(*speaking)
    await until(lambda: not call.listen_group.has_voice and not theirs.listen_group.has_voice)
    for ear in ears:
        ear.cancel()
    assert similarity(sentence(0), bytes(at_bert), RATE_HZ) > 0.8
    assert similarity(sentence(1), bytes(at_anna), RATE_HZ) > 0.8
    assert theirs.listen_group.statistics.lost == 0
    await theirs.end()
    await call.over.wait()
    assert not any(count for name, count in platform.server.services.relay.drops.items() if name != "no_floor")


async def test_the_first_to_answer_is_connected_and_the_others_stop_ringing(platform: Platform) -> None:
    anna, bert, carl, dora = await people(platform, "Anna", "Bert", "Carl", "Dora")
    rung: list[tuple[Handset, VoiceCall]] = []
    for handset in (bert, carl, dora):
        handset.calls.listeners.append(
            lambda event, who=handset: rung.append((who, event.call)) if isinstance(event, Ringing) else None
        )
    call = await anna.calls.first_to_answer([number(bert), number(carl), number(dora)])
    await until(lambda: len(rung) == 3)
    ringing = dict(rung)
    results = await asyncio.gather(ringing[bert].answer(), ringing[carl].answer(), return_exceptions=True)
    await call.connected()
    assert sum(result is None for result in results) == 1
    winner = bert if results[0] is None else carl
    loser = carl if winner is bert else bert
    assert call.party.subscriber == number(winner)
    for handset in (loser, dora):
        await ringing[handset].over.wait()
        assert ringing[handset].reason == "answered_elsewhere"
    with pytest.raises(Refused):
        await loser.affiliate(call.talk_group.group_id)


async def test_a_rejected_call_and_one_that_nobody_answers_are_over_for_both(tmp_path) -> None:
    async with running_platform(tmp_path, calls=CallSettings(ring_timeout_s=0.3)) as platform:
        anna, bert = await people(platform, "Anna", "Bert")
        over: list[str] = []
        bert.calls.listeners.append(lambda event: over.append(event.call.reason) if isinstance(event, HungUp) else None)
        call = await anna.calls.private(number(bert))
        await until(lambda: bert.calls.live)
        await next(iter(bert.calls.live.values())).reject()
        with pytest.raises(CallOver, match="rejected"):
            await call.connected()
        call = await anna.calls.private(number(bert))
        with pytest.raises(CallOver, match="Nobody answered"):
            await call.connected()
        await until(lambda: over == ["ended", "no_answer"])
        assert len(platform.server.services.calling.calls) == 0


async def test_who_is_away_busy_or_unknown_cannot_be_called(platform: Platform) -> None:
    anna, bert, carl = await people(platform, "Anna", "Bert", "Carl")
    away = await platform.enrol("Dora", "Patrol")
    await platform.organise("Patrol", tenant="Other")
    stranger = await platform.log_in(await platform.enrol("Eve", "Patrol", tenant="Other"))
    await connected_pair(anna, bert, duplex=False)

    async def refused(to: str, by: Handset = carl) -> tuple[str, str]:
        with pytest.raises(Refused) as caught:
            await by.calls.private(to)
        return caught.value.code, str(caught.value)

    assert (await refused(away.subscriber))[0] == "call.unavailable"
    assert (await refused(number(bert)))[0] == "call.unavailable"
    assert (await refused(number(carl)))[0] == "invalid_value"
    assert (await refused(number(carl), by=anna))[0] == "call.unavailable"
    foreign, nobody = await refused(number(stranger)), await refused("sub_" + 16 * "0")
    assert foreign == nobody == ("not_found", "There is no such object.")


@pytest.mark.parametrize("lost", ["caller", "called"])
async def test_a_connection_that_is_lost_while_it_rings_costs_no_call(platform: Platform, lost: str) -> None:
    anna, bert = await people(platform, "Anna", "Bert")
    rung: list[VoiceCall] = []
    bert.calls.listeners.append(lambda event: rung.append(event.call) if isinstance(event, Ringing) else None)
    loser = anna if lost == "caller" else bert
    if loser is anna:
        call = await anna.calls.private(number(bert))
        await until(lambda: rung)
        loser._link.abort()
        await until(lambda: session_of(platform, loser).link is None)
    else:
        loser._link.abort()
        await until(lambda: session_of(platform, loser).link is None)
        call = await anna.calls.private(number(bert))
        await until(lambda: rung)
    await rung[0].answer()
    await call.connected()
    assert len(rung) == 1
    await say(call.talk_group, sentence(0, seconds=0.3))
    await until(lambda: rung[0].listen_group.statistics)


def session_of(platform: Platform, handset: Handset) -> object:
    return platform.server.services.sessions.of_subscriber(number(handset))


async def test_the_takeover_of_a_party_ends_the_call_and_the_first_device_hears_nothing_more(
    platform: Platform,
) -> None:
    anna, bert = await people(platform, "Anna", "Bert")
    call, theirs = await connected_pair(anna, bert, duplex=False)
    talking = asyncio.create_task(say(call.talk_group, sentence(0)))
    await until(lambda: theirs.listen_group.has_voice)
    second = await platform.log_in(await platform.another_device("Bert"))
    await call.over.wait()
    assert call.reason == "gone"
    assert (await talking).lost is not None
    await until(lambda: not bert.talkgroups)
    heard = platform.server.services.relay.packets_relayed
    with pytest.raises(Refused):
        await second.affiliate(call.talk_group.group_id)
    assert platform.server.services.relay.packets_relayed == heard
    assert len(platform.server.services.calling.calls) == 0
    again, _ = await connected_pair(anna, second, duplex=False)
    await again.end()


async def test_in_a_broadcast_call_all_hear_and_nobody_else_talks(platform: Platform) -> None:
    anna, bert, carl = await people(platform, "Anna", "Bert", "Carl")
    with pytest.raises(Refused) as caught:
        await anna.calls.broadcast(group=anna.groups[0].group)
    assert caught.value.code == "auth.forbidden"
    await platform.office.roles.set_role(TENANT, "Anna", Role.DISPATCHER)
    await until(lambda: anna.terms.role == "dispatcher")

    call = await anna.calls.broadcast(group=anna.groups[0].group)
    await call.connected()
    await until(lambda: all(c.listen_group for h in (bert, carl) for c in h.calls.live.values()) and bert.calls.live)
    heard_by = [next(iter(handset.calls.live.values())).listen_group for handset in (bert, carl)]
    async with listening(*heard_by) as sounds:
        talking = asyncio.create_task(call.talk(spoken_frames(sentence(0)), OpusEncoder(RATE_HZ, FRAME_MS)))
        await until(lambda: heard_by[0].talker)
        assert heard_by[0].talker.may_request is False
        with pytest.raises(FloorRefused, match="only listen"):
            await heard_by[0].request_floor(emergency=True)
        await talking
        await until(lambda: not any(group.has_voice for group in heard_by))
    for sound in sounds:
        assert similarity(sentence(0), bytes(sound), RATE_HZ) > 0.8
    theirs = next(iter(bert.calls.live.values()))
    await call.end()
    await theirs.over.wait()
    assert theirs.reason == "ended"


def spoken_frames(pcm: bytes) -> object:
    encoder = OpusEncoder(RATE_HZ, FRAME_MS)
    return spoken(pcm, encoder.frame_bytes, FRAME_MS)


async def test_who_is_asked_to_call_back_is_told_at_the_next_log_in_and_the_asker_hears_that_it_was_read(
    platform: Platform,
) -> None:
    (anna,) = await people(platform, "Anna")
    bert_away = await platform.enrol("Bert", "Patrol")
    seen: list[object] = []
    anna.calls.listeners.append(seen.append)
    assert await anna.calls.ask_to_call_back(bert_away.subscriber) is False
    assert await anna.calls.ask_to_call_back(bert_away.subscriber) is False

    told: list[object] = []
    bert = Handset(bert_away, anna.options)
    bert.calls.listeners.append(told.append)
    link = await bert._open_link()
    await bert._log_in(link, "4711")
    await until(lambda: told)
    assert [(type(event), event.by.name) for event in told] == [(CallbackWanted, "Anna")]
    await bert.calls.callback_seen(told[0].by.subscriber)
    await until(lambda: seen)
    assert seen == [CallbackSeen(signalling.Party(subscriber=number(bert), name="Bert"))]
    with pytest.raises(Refused, match="no such object"):
        await bert.calls.callback_seen(told[0].by.subscriber)
    await bert.close()


async def test_what_was_read_while_a_log_in_was_greeted_is_not_told_again(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    anna, bert = await people(platform, "Anna", "Bert")
    told: list[object] = []
    bert.calls.listeners.append(told.append)
    assert await anna.calls.ask_to_call_back(number(bert))
    await until(lambda: told)
    alerts = platform.server.services.calling.alerts
    (session,) = [one for one in platform.server.services.sessions if one.identity.subscriber_id == number(bert)]
    find = alerts._subscribers.find

    async def read_meanwhile(*asked: str) -> object:
        await bert.calls.callback_seen(number(anna))
        return await find(*asked)

    monkeypatch.setattr(alerts._subscribers, "find", read_meanwhile)
    await alerts.greet(session)
    monkeypatch.undo()
    assert await anna.calls.ask_to_call_back(number(bert)), "asked again, and told again"
    await until(lambda: len(told) > 1)
    assert len(told) == 2

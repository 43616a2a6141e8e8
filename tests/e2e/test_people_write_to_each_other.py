"""Messages between real handsets on a real server: live, to who is away, through a restart, once, in order."""

import asyncio
import os
from dataclasses import replace

import pytest

from e2e.messaging import Writer, gone, writer
from ptthandset.errors import HandsetError, NotConnected, Refused
from ptthandset.message_chain import Verdict
from ptthandset.message_events import Attachment, MessageTakenBack
from pttserver.roles import Role
from pttserver.services.temporary_groups import GroupKind
from pttserver.wire.message_body import MAX_TEXT, AttachmentName
from running_server import PLAIN_POLICY, TENANT, running_platform, until


async def test_a_message_is_read_by_the_recipient_and_the_sender_is_told(tmp_path):
    async with running_platform(tmp_path) as platform:
        await platform.organise()
        anna = await writer(platform, await platform.enrol("Anna"))
        bert = await writer(platform, await platform.enrol("Bert"))
        sent = await anna.messages.send("Møde kl. 9 🚒", to=[bert.me])
        await bert.has("Møde kl. 9 🚒")
        (message,) = bert.received
        assert (message.verdict, message.stored.sender, message.stored.name) == (Verdict.GENUINE, anna.me, "Anna")
        assert (message.id, sent.undelivered, sent.unreachable) == (sent.message, [], [])
        await bert.messages.confirm([message.id], "read")
        await until(lambda: anna.outcomes == [(bert.me, "delivered"), (bert.me, "read")])


async def test_all_members_of_a_group_get_it_and_nobody_else(tmp_path):
    async with running_platform(tmp_path) as platform:
        await platform.organise("Patrol", "Other")
        people = [await platform.enrol(name, "Patrol") for name in ("Anna", "Bert", "Cleo")]
        dora = await writer(platform, await platform.enrol("Dora", "Other"))
        anna, bert, cleo = [await writer(platform, one) for one in people]
        group = anna.handset.groups[0].group
        await anna.messages.send("to all", group=group)
        await bert.messages.send("heard", group=group)
        await cleo.has("to all", "heard")
        assert {message.verdict for message in cleo.received} == {Verdict.GENUINE}
        with pytest.raises(Refused) as refused:
            await dora.messages.send("let me in", group=group)
        assert refused.value.code == "not_found"
        assert dora.events == []


async def test_a_group_for_a_while_is_written_to_like_any_other_while_it_is_there(tmp_path):
    async with running_platform(tmp_path) as platform:
        await platform.organise()
        people = {name: await platform.enrol(name) for name in ("Anna", "Bert", "Dora", "Eve")}
        await platform.office.roles.set_role(TENANT, "Dora", Role.DISPATCHER)
        anna, dora, eve = [await writer(platform, people[name]) for name in ("Anna", "Dora", "Eve")]
        file = tmp_path / "bert.messages"
        await gone(await writer(platform, people["Bert"], message_file=file))
        group = await dora.handset.dispatch.make_group("Search", [anna.me, people["Bert"].subscriber], "missing child")
        await until(lambda: any(info.group == group for info in anna.handset.groups))
        await dora.messages.send("north bank", group=group)
        await anna.has("north bank")
        assert anna.received[0].stored.sealed.group == group
        with pytest.raises(Refused, match="no such object"):
            await eve.messages.send("let me in", group=group)
        await dora.handset.dispatch.dissolve_group(group, "found")
        with pytest.raises(Refused, match="no such object"):
            await anna.messages.send("too late", group=group)
        bert = await writer(platform, people["Bert"], message_file=file)
        assert (bert.texts, bert.received[0].verdict) == (["north bank"], Verdict.GENUINE)
        assert [one.text for one in await anna.messages.history(group=group)] == ["north bank"]
        assert eve.events == []


async def test_a_call_is_no_group_to_write_to(tmp_path):
    async with running_platform(tmp_path) as platform:
        await platform.organise()
        anna = await writer(platform, await platform.enrol("Anna"))
        bert = await writer(platform, await platform.enrol("Bert"))
        tenant = await platform.provisioning.tenant(TENANT)
        temporary = platform.server.services.memberships.temporary
        call = temporary.make(tenant.tenant_id, anna.me, [bert.me], "call", GroupKind.PRIVATE)
        with pytest.raises(Refused, match="no such object"):
            await anna.messages.send("psst", group=call)


async def test_who_is_away_gets_it_at_the_next_login_in_order_and_once(tmp_path):
    async with running_platform(tmp_path) as platform:
        await platform.organise()
        anna = await writer(platform, await platform.enrol("Anna"))
        credentials = await platform.enrol("Bert")
        file = tmp_path / "bert.messages"
        bert = await writer(platform, credentials, message_file=file)
        await gone(bert)
        texts = [f"message {number}" for number in range(120)]  # more than a page
        for text in texts:
            await anna.messages.send(text, to=[credentials.subscriber])
        bert = await writer(platform, credentials, message_file=file)
        assert bert.texts == texts
        assert {message.verdict for message in bert.received} == {Verdict.GENUINE}
        await until(lambda: len(anna.outcomes) == 120)
        await gone(bert)
        again = await writer(platform, credentials, message_file=file)
        assert again.received == []


async def test_the_sender_who_was_away_hears_what_became_of_it(tmp_path):
    async with running_platform(tmp_path) as platform:
        await platform.organise()
        anna_is, bert_is = await platform.enrol("Anna"), await platform.enrol("Bert")
        file = tmp_path / "bert.messages"
        await gone(await writer(platform, bert_is, message_file=file))
        anna = await writer(platform, anna_is)
        await anna.messages.send("later", to=[bert_is.subscriber])
        await gone(anna)
        await writer(platform, bert_is, message_file=file)
        anna = await writer(platform, anna_is)
        assert anna.outcomes == [(bert_is.subscriber, "delivered")]


async def test_what_waits_outlives_a_restart_of_the_server(tmp_path):
    bert_file, anna_file = tmp_path / "bert.messages", tmp_path / "anna.messages"
    async with running_platform(tmp_path) as platform:
        await platform.organise()
        anna_is, bert_is = await platform.enrol("Anna"), await platform.enrol("Bert")
        await gone(await writer(platform, bert_is, message_file=bert_file))
        anna = await writer(platform, anna_is, message_file=anna_file)
        await anna.messages.send("before", to=[bert_is.subscriber])
    async with running_platform(tmp_path) as platform:
        moved = [replace(one, server_url=platform.url) for one in (anna_is, bert_is)]
        anna = await writer(platform, moved[0], message_file=anna_file)
        await anna.messages.send("after", to=[bert_is.subscriber])
        bert = await writer(platform, moved[1], message_file=bert_file)
        assert [(message.text, message.verdict) for message in bert.received] == [
            ("before", Verdict.GENUINE),
            ("after", Verdict.GENUINE),
        ]
        history = await bert.messages.history(to=[anna_is.subscriber])
        assert [message.text for message in history] == ["after", "before"]


async def test_a_repeated_request_is_stored_once_and_answered_the_same(tmp_path):
    async with running_platform(tmp_path) as platform:
        await platform.organise()
        anna = await writer(platform, await platform.enrol("Anna"))
        bert = await writer(platform, await platform.enrol("Bert"))
        asked = []
        ask = anna.messages._outbox._ask

        async def listen_in(request, expected):
            asked.append((request, await ask(request, expected)))
            return asked[-1][1]

        anna.messages._outbox._ask = listen_in
        await anna.messages.send("once", to=[bert.me])
        request, answer = asked[-1]
        await bert.has("once")
        platform.server.services.messaging._recent._entries.clear()  # as after ten minutes, or a restart
        for _ in range(2):
            again = await ask(request, type(answer))
            assert again.model_copy(update={"re": 1}) == answer.model_copy(update={"re": 1})
        await anna.messages.send("next", to=[bert.me])
        await bert.has("once", "next")
        assert [message.text for message in await anna.messages.history()] == ["next", "once"]


async def test_what_was_sealed_when_the_connection_broke_goes_out_afterwards(tmp_path):
    async with running_platform(tmp_path) as platform:
        await platform.organise()
        anna = await writer(platform, await platform.enrol("Anna"))
        bert = await writer(platform, await platform.enrol("Bert"))
        link = anna.handset._link
        outbox, hand_in = anna.messages._outbox, anna.messages._outbox._hand_in

        async def lose(unsent):
            outbox._hand_in = hand_in
            await hand_in(unsent)
            link.abort()
            raise NotConnected

        outbox._hand_in = lose
        with pytest.raises(NotConnected):
            await anna.messages.send("did it arrive?", to=[bert.me])
        await until(lambda: anna.handset._link not in (None, link), timeout_s=20)
        await anna.messages.ready()
        await anna.messages.send("it did", to=[bert.me])
        await bert.has("did it arrive?", "it did")
        assert [message.verdict for message in bert.received] == [Verdict.GENUINE] * 2


async def test_the_oldest_that_wait_are_dropped_and_the_sender_is_told(tmp_path):
    async with running_platform(tmp_path) as platform:
        await platform.organise(policy=PLAIN_POLICY + "[messages]\nqueue_limit = 2\n")
        anna = await writer(platform, await platform.enrol("Anna"))
        credentials = await platform.enrol("Bert")
        file = tmp_path / "bert.messages"
        await gone(await writer(platform, credentials, message_file=file))
        sent = [await anna.messages.send(text, to=[credentials.subscriber]) for text in ("one", "two", "three", "four")]
        await until(lambda: len(anna.events) == 2)
        assert [(event.message, event.state) for event in anna.events] == [
            (sent[0].message, "dropped"),
            (sent[1].message, "dropped"),
        ]
        bert = await writer(platform, credentials, message_file=file)
        assert [(message.text, message.verdict) for message in bert.received] == [
            ("three", Verdict.GAP),
            ("four", Verdict.GENUINE),
        ]


async def test_what_nobody_fetches_in_time_is_given_up(tmp_path):
    async with running_platform(tmp_path) as platform:
        await platform.organise(policy=PLAIN_POLICY + "[messages]\nstore_for_s = 60\n")
        anna = await writer(platform, await platform.enrol("Anna"))
        credentials = await platform.enrol("Bert")
        await gone(await writer(platform, credentials))
        await anna.messages.send("too late", to=[credentials.subscriber])
        services = platform.server.services
        expiry, messaging = services.message_expiry, services.messaging
        await expiry.give_up()
        assert anna.events == []
        utc_ms = messaging._clock.utc_ms
        messaging._clock.utc_ms = lambda: utc_ms() + 60_000
        await expiry.give_up()
        await until(lambda: anna.outcomes == [(credentials.subscriber, "expired")])
        messaging._clock.utc_ms = utc_ms
        bert = await writer(platform, credentials)
        assert bert.received == []
        assert await bert.messages.history() == []


async def test_an_author_deletes_a_message_for_all(tmp_path):
    async with running_platform(tmp_path) as platform:
        await platform.organise()
        anna = await writer(platform, await platform.enrol("Anna"))
        bert_is, cleo_is, dora_is = [await platform.enrol(name) for name in ("Bert", "Cleo", "Dora")]
        cleo_file, dora_file = tmp_path / "cleo", tmp_path / "dora"
        bert = await writer(platform, bert_is)
        await gone(await writer(platform, cleo_is, message_file=cleo_file))
        dora = await writer(platform, dora_is, message_file=dora_file)
        sent = await anna.messages.send("sorry", to=[bert_is.subscriber, cleo_is.subscriber, dora_is.subscriber])
        await bert.has("sorry")
        await dora.has("sorry")
        await until(lambda: len(anna.outcomes) == 2)
        await gone(dora)
        with pytest.raises(Refused) as refused:
            await bert.messages.delete(sent.message)
        assert refused.value.code == "not_found"
        await anna.messages.delete(sent.message)
        await until(lambda: bert.heard(MessageTakenBack) == [MessageTakenBack(sent.message)])
        cleo = await writer(platform, cleo_is, message_file=cleo_file)
        dora = await writer(platform, dora_is, message_file=dora_file)
        assert (cleo.events, dora.events) == ([], [MessageTakenBack(sent.message)])
        await gone(dora)
        assert (await writer(platform, dora_is, message_file=dora_file)).events == []
        for one in (anna, bert, cleo):
            assert await one.messages.history() == []


async def test_an_attachment_goes_with_a_message_and_is_checked(tmp_path):
    async with running_platform(tmp_path) as platform:
        await platform.organise(policy=PLAIN_POLICY + "[messages]\nattachment_limit_kib = 100\n")
        anna = await writer(platform, await platform.enrol("Anna"))
        bert = await writer(platform, await platform.enrol("Bert"))
        cleo = await writer(platform, await platform.enrol("Cleo"))
        voice = AttachmentName(kind="voice", name="message.ogg", media_type="audio/ogg")
        octets = os.urandom(100_000)
        await anna.messages.send("listen", to=[bert.me], attachment=Attachment(voice, octets))
        await bert.has("listen")
        (message,) = bert.received
        assert message.attachment == voice
        assert await bert.messages.attachment(message) == octets
        assert await anna.messages.attachment((await anna.messages.history())[0]) == octets
        with pytest.raises(Refused) as refused:
            await cleo.messages.attachment(message)
        assert refused.value.code == "not_found"
        with pytest.raises(Refused, match="at most 100 KiB"):
            await anna.messages.send("more", to=[bert.me], attachment=Attachment(voice, os.urandom(103_000)))
        await anna.messages.send("the number was given back", to=[bert.me])
        await bert.has("listen", "the number was given back")
        assert bert.received[-1].verdict is Verdict.GENUINE


async def test_history_comes_in_pages_and_by_conversation(tmp_path):
    async with running_platform(tmp_path) as platform:
        await platform.organise()
        anna, bert, cleo = [await writer(platform, await platform.enrol(name)) for name in ("Anna", "Bert", "Cleo")]
        for number in range(60):
            await anna.messages.send(f"b{number}", to=[bert.me])
        await bert.messages.send("reply", to=[anna.me])
        await anna.messages.send("both", to=[bert.me, cleo.me])
        with_bert = await anna.messages.history(to=[bert.me], limit=100)
        assert [message.text for message in with_bert] == ["reply", *(f"b{number}" for number in reversed(range(60)))]
        assert {message.verdict for message in with_bert} == {Verdict.GENUINE}
        everything = await bert.messages.history(limit=55)
        assert len({message.id for message in everything}) == 55
        assert everything[0].text == "both"
        assert [message.text for message in await cleo.messages.history()] == ["both"]
        await until(lambda: len(anna.outcomes) == 62)
        (own,) = await anna.messages.history(to=[bert.me, cleo.me])
        assert own.stored.states is not None
        assert {(each.subscriber, each.state) for each in own.stored.states} == {
            (bert.me, "delivered"),
            (cleo.me, "delivered"),
        }


async def test_a_second_device_of_the_same_person_reads_what_was_said(tmp_path):
    async with running_platform(tmp_path) as platform:
        await platform.organise()
        anna = await writer(platform, await platform.enrol("Anna"))
        first = await platform.enrol("Bert")
        second = await platform.another_device("Bert")
        keys = {name: tmp_path / name for name in ("first", "second")}
        await gone(await writer(platform, second, message_file=keys["second"]))
        bert = await writer(platform, first, message_file=keys["first"])
        await anna.messages.send("on both", to=[first.subscriber])
        await bert.has("on both")
        await bert.messages.send("mine too", to=[anna.me])
        await gone(bert)
        other = await writer(platform, second, message_file=keys["second"])
        assert [message.text for message in await other.messages.history()] == ["mine too", "on both"]


async def test_texts_that_are_too_long_and_people_without_devices_are_told_at_once(tmp_path):
    async with running_platform(tmp_path) as platform:
        await platform.organise()
        anna = await writer(platform, await platform.enrol("Anna"))
        never_logged_in = await platform.enrol("Bert")
        with pytest.raises(HandsetError, match=str(MAX_TEXT)):
            await anna.messages.send("x" * (MAX_TEXT + 1), to=[never_logged_in.subscriber])
        with pytest.raises(HandsetError, match="Nobody"):
            await anna.messages.send("hello", to=[never_logged_in.subscriber])
        cleo = await writer(platform, await platform.enrol("Cleo"))
        longest = "🚒" * MAX_TEXT
        sent = await anna.messages.send(longest, to=[never_logged_in.subscriber, cleo.me])
        assert sent.unreachable == [never_logged_in.subscriber]
        await cleo.has(longest)


async def test_messages_that_cross_keep_their_order_for_each_sender(tmp_path):
    async with running_platform(tmp_path) as platform:
        await platform.organise("Patrol")
        people = [await writer(platform, await platform.enrol(name, "Patrol")) for name in ("Anna", "Bert", "Cleo")]
        group = people[0].handset.groups[0].group

        async def chatter(one: Writer) -> None:
            for number in range(30):
                await one.messages.send(f"{one.me} {number}", group=group)

        await asyncio.gather(*map(chatter, people))
        for one in people:
            await until(lambda one=one: len(one.received) == 60)
            assert {message.verdict for message in one.received} == {Verdict.GENUINE}
            for other in people:
                said = [text for text in one.texts if text and text.startswith(other.me)]
                assert said == ([] if other is one else [f"{other.me} {number}" for number in range(30)])

"""What the server holds of messages: no text, nothing where the policy keeps nothing, nothing when it is over."""

import asyncio
import base64
import urllib.request
from pathlib import Path

import pytest
from sqlalchemy import func, select

from e2e.messaging import gone, writer
from ptthandset.errors import HandsetError, Refused
from ptthandset.message_chain import Verdict
from ptthandset.message_events import Attachment
from pttserver.ids import Personal
from pttserver.privacy.categories import Category
from pttserver.privacy.gate import Gate
from pttserver.privacy.policy import parse_policy
from pttserver.privacy.purposes import Purpose
from pttserver.services.instructions import Instruction
from pttserver.services.provision import FIRST_INSTRUCTION
from pttserver.store import message_schema
from pttserver.wire import signalling
from pttserver.wire.message_body import AttachmentName
from running_server import PLAIN_POLICY, Platform, running_platform, until

TEXT = "meet behind the old mill at nine"
FILE = AttachmentName(kind="file", name="plan.txt", media_type="text/plain")
TABLES = (message_schema.messages, message_schema.deliveries, message_schema.attachments)
NOTHING = """
[categories.message_content]
store = "none"
[categories.message_metadata]
store = "none"
"""
ACKNOWLEDGED = 'acknowledged = ["no_message_history", "no_delivery_reports", "no_attachments"]\n'


def spellings(text: str) -> set[bytes]:
    """In clear and in base64, whatever octet it begins at."""
    shifted = {base64.b64encode(bytes(before) + text.encode())[4:-4] for before in range(3)}
    return {text.encode(), text.encode("utf-16-le"), *shifted}


def found(platform: Platform, text: str) -> list[str]:
    files = [path for path in platform.settings.data_dir.rglob("*") if path.is_file()]
    return [path.name for path in files if any(spelling in path.read_bytes() for spelling in spellings(text))]


async def counts(platform: Platform) -> list[int]:
    def work(sql):
        return [sql.scalar(select(func.count()).select_from(table)) for table in TABLES]

    return await platform.database.read(work)


async def test_no_octet_of_a_text_reaches_the_server(tmp_path, capfd):
    async with running_platform(tmp_path) as platform:
        await platform.organise(TEXT)  # as a group's name it is found: the search works
        assert found(platform, TEXT)
    async with running_platform(tmp_path / "second") as platform:
        await platform.organise()
        anna = await writer(platform, await platform.enrol("Anna"))
        bert = await writer(platform, await platform.enrol("Bert"))
        await anna.messages.send(TEXT, to=[bert.me], attachment=Attachment(FILE, TEXT.encode() * 100))
        await bert.has(TEXT)
        assert await bert.messages.attachment(bert.received[0]) == TEXT.encode() * 100
        assert await counts(platform) == [1, 1, 1]
        assert found(platform, TEXT) == []
        url = f"http://127.0.0.1:{platform.server.metrics_port}/metrics"
        metrics = await asyncio.to_thread(lambda: urllib.request.urlopen(url).read())
        assert b"messages_accepted_total 1" in metrics
        assert not any(spelling in metrics for spelling in spellings(TEXT))
    logged = "".join(capfd.readouterr())
    assert TEXT not in logged
    assert anna.me not in logged


async def test_where_nothing_is_kept_only_who_is_there_gets_it_and_the_sender_is_told(tmp_path):
    policy = PLAIN_POLICY + ACKNOWLEDGED + NOTHING
    async with running_platform(tmp_path) as platform:
        await platform.organise(policy=policy)
        anna = await writer(platform, await platform.enrol("Anna"))
        bert = await writer(platform, await platform.enrol("Bert"))
        cleo_is = await platform.enrol("Cleo")
        await gone(await writer(platform, cleo_is))
        await until(lambda: platform.server.services.sessions.of_subscriber(cleo_is.subscriber).link is None)
        sent = await anna.messages.send("now or never", to=[bert.me, cleo_is.subscriber])
        assert sent.undelivered == [cleo_is.subscriber]
        await bert.has("now or never")
        await bert.messages.confirm([bert.received[0].id], "read")
        await until(lambda: anna.outcomes == [(bert.me, "delivered"), (bert.me, "read")])
        assert await counts(platform) == [0, 0, 0]
        cleo = await writer(platform, cleo_is)
        assert (cleo.events, await anna.messages.history(), await bert.messages.history()) == ([], [], [])
        with pytest.raises(Refused) as refused:
            await anna.messages.send("file", to=[bert.me], attachment=Attachment(FILE, b"x" * 100))
        assert refused.value.code == "policy.forbids"
        await anna.messages.send("after", to=[bert.me])
        await until(lambda: len(bert.received) == 2)
        assert bert.received[1].verdict is Verdict.GENUINE


async def test_after_a_sweep_nothing_is_left(tmp_path):
    async with running_platform(tmp_path) as platform:
        await platform.organise()
        anna = await writer(platform, await platform.enrol("Anna"))
        bert = await writer(platform, await platform.enrol("Bert"))
        await anna.messages.send(TEXT, to=[bert.me], attachment=Attachment(FILE, b"x" * 100))
        await bert.has(TEXT)
        await until(lambda: anna.outcomes)

        def sealed(sql):
            row = sql.execute(select(message_schema.messages)).one()
            blob = sql.scalar(select(message_schema.attachments.c.octets))
            return [value.octets for value in (row.content, row.envelope, row.recipients, row.wrapped, blob)]

        markers = [*(await platform.database.read(sealed)), (await platform.keys(bert.me)).reference().encode()]
        assert all(held(platform, marker) for marker in markers)
        tenant = await platform.provisioning.tenant("ACME")
        readings = platform.server.services.retention.readings
        before = readings.last_round
        strict = PLAIN_POLICY + ACKNOWLEDGED + NOTHING + '[categories.attachment]\nstore = "none"\n'
        await platform.office.instructions.apply(tenant.tenant_id, strict, FIRST_INSTRUCTION)
        await until(lambda: readings.last_round > before and readings.unproven == 0, timeout_s=20)
        assert await counts(platform) == [0, 0, 0]
        assert [marker for marker in markers if held(platform, marker)] == []
        assert await bert.messages.history() == []


def held(platform: Platform, marker: bytes) -> bool:
    file = platform.settings.database_file
    files = [Path(f"{file}{suffix}") for suffix in ("", "-wal")]
    return any(marker in path.read_bytes() for path in files if path.exists())


async def test_who_is_erased_takes_along_what_was_written_and_received(tmp_path):
    async with running_platform(tmp_path) as platform:
        await platform.organise()
        anna, bert, cleo = [await writer(platform, await platform.enrol(name)) for name in ("Anna", "Bert", "Cleo")]
        await anna.messages.send("by Anna", to=[bert.me])
        await bert.messages.send("to Anna and Cleo", to=[anna.me, cleo.me])
        await bert.has("by Anna")
        await cleo.has("to Anna and Cleo")
        await bert.handset.contacts.put(anna.me, "Annie")
        await until(lambda: len(bert.outcomes) == 2)
        tenant = await platform.provisioning.tenant("ACME")
        by = Instruction(Personal("Dana"), Personal("request 7"))
        await platform.office.erasure.erase(tenant.tenant_id, anna.me, by)
        assert await counts(platform) == [1, 1, 0]
        assert await bert.handset.contacts.list() == []
        assert [message.text for message in await bert.messages.history()] == ["to Anna and Cleo"]
        assert [message.text for message in await cleo.messages.history()] == ["to Anna and Cleo"]


async def test_organisations_cannot_write_to_each_other_nor_tell_who_exists(tmp_path):
    async with running_platform(tmp_path) as platform:
        await platform.organise()
        await platform.organise("Patrol", tenant="Beta")
        anna = await writer(platform, await platform.enrol("Anna"))
        stranger_is = await platform.enrol("Eve", "Patrol", tenant="Beta")
        stranger = await writer(platform, stranger_is)
        group = stranger.handset.groups[0].group
        answers = []
        for to, in_group in (
            (stranger.me, None),
            ("sub_0123456789abcdef", None),
            (None, group),
            (None, "grp_" + 16 * "0"),
        ):
            with pytest.raises(Refused) as refused:
                await anna.messages.send("hello", to=[to] if to else [], group=in_group)
            answers.append((refused.value.code, str(refused.value)))
        assert len(set(answers)) == 1
        assert answers[0][0] == "not_found"
        for who in (stranger.me, "sub_0123456789abcdef"):
            with pytest.raises(Refused) as refused:
                await anna.handset.contacts.put(who, "somebody")
            answers.append((refused.value.code, str(refused.value)))
        assert len(set(answers)) == 1
        bert = await writer(platform, await platform.enrol("Bert"))
        sent = await anna.messages.send("secret", to=[bert.me])
        for one in (stranger, await writer(platform, await platform.enrol("Cleo"))):
            for attempt in (one.messages.delete(sent.message), older_than(one, sent.message)):
                with pytest.raises(Refused) as refused:
                    await attempt
                assert refused.value.code == "not_found"
            await one.messages.confirm([sent.message], "read")  # passed over
        await until(lambda: anna.outcomes == [(bert.me, "delivered")])


async def older_than(one, message):
    return await one.messages._ask(signalling.ListMessages(id=1, before=message), signalling.MessagePage)


async def test_contacts_are_their_owners_alone(tmp_path):
    async with running_platform(tmp_path) as platform:
        await platform.organise()
        anna, bert = [await writer(platform, await platform.enrol(name)) for name in ("Anna", "Bert")]
        await anna.handset.contacts.put(bert.me, "the quick brown fox")
        await anna.handset.contacts.put(bert.me, "the lazy black dog")
        assert [(c.subscriber, c.alias, c.name) for c in await anna.handset.contacts.list()] == [
            (bert.me, "the lazy black dog", "Bert")
        ]
        assert await bert.handset.contacts.list() == []
        assert found(platform, "the lazy black dog") == []
        await anna.handset.contacts.remove(bert.me)
        with pytest.raises(Refused) as refused:
            await anna.handset.contacts.remove(bert.me)
        assert refused.value.code == "not_found"


async def test_an_organisation_that_switches_messages_off_has_none(tmp_path):
    async with running_platform(tmp_path) as platform:
        await platform.organise(policy=PLAIN_POLICY + "[messages]\nenabled = false\n")
        credentials = await platform.enrol("Anna")
        handset = await platform.log_in(credentials, use_udp=False)
        with pytest.raises(Refused) as refused:
            await handset.messages.ready()
        assert refused.value.code == "policy.forbids"
        with pytest.raises(HandsetError, match="no messages"):
            await handset.messages.send("hello", to=[credentials.subscriber])


def test_t089_of_a_text_160_code_points_are_left_and_of_a_sealed_message_none():
    """An excerpt of a sealed message cannot be made, so nothing of it is kept: not even a part of the ciphertext."""
    text = PLAIN_POLICY + '[categories.message_content]\nstore = "truncated"\ntruncate = { characters = 160 }\n'
    gate = Gate(parse_policy(text))

    def kept(value):
        assert gate.release(Category.MESSAGE_CONTENT, Purpose.SERVICE, "sub_1", value) is None  # nothing new
        released = gate.again(Category.MESSAGE_CONTENT, "sub_1", value)
        return None if released is None else released.value

    assert kept("x" * 161) == "x" * 160
    assert kept("🚒" * 161) == "🚒" * 160
    assert kept("x" * 160) == "x" * 160
    assert kept(b"c" * 28) is None

"""T-088, T-091: whoever has the database, its keys and the server can withhold messages, and not change them unseen."""

from typing import Any

import pytest
from sqlalchemy import select, update

from e2e.messaging import Writer, gone, writer
from ptthandset.credentials import Credentials
from ptthandset.errors import KeyChanged, Refused
from ptthandset.message_chain import Verdict
from ptthandset.message_events import DeviceSeen
from pttserver.privacy.categories import Category
from pttserver.privacy.purposes import Purpose
from pttserver.store.message_schema import deliveries, messages
from pttserver.store.schema import devices
from pttserver.wire import signalling
from running_server import Platform, running_platform, until


class Scene:
    """Anna has written to Bert, who is away; his handset knows hers already."""

    def __init__(self, platform: Platform, anna: Writer, bert: Credentials, file: Any) -> None:
        self.platform, self.anna, self.bert, self.file = platform, anna, bert, file

    async def comes_back(self) -> Writer:
        return await writer(self.platform, self.bert, message_file=self.file)

    async def verdicts(self) -> list[tuple[str | None, Verdict]]:
        return [(message.text, message.verdict) for message in (await self.comes_back()).received]

    async def sealed_anew(self, who: str, category: Category, octets: bytes) -> Any:
        """As the operator could: with the keys of the server."""
        tenant = await self.platform.provisioning.tenant("ACME")
        gate = self.platform.server.services.policies.gate(tenant.tenant_id)
        keys = await self.platform.keys(who)
        return keys.seal(gate.release(category, Purpose.SERVICE, who, octets))

    async def rows(self) -> list[Any]:
        """Oldest first."""
        query = select(messages).order_by(messages.c.sent_ms, messages.c.id)
        return await self.platform.database.read(lambda sql: sql.execute(query).all())

    async def change(self, message_id: str, **values: Any) -> None:
        row = update(messages).where(messages.c.id == message_id).values(**values)
        await self.platform.database.write(lambda sql: sql.execute(row))

    async def opened(self, row: Any, column: str) -> bytes:
        return (await self.platform.keys(self.anna.me)).octets(getattr(row, column)) or b""


@pytest.fixture
async def scene(tmp_path):
    async with running_platform(tmp_path) as platform:
        await platform.organise()
        anna = await writer(platform, await platform.enrol("Anna"))
        credentials, file = await platform.enrol("Bert"), tmp_path / "bert.messages"
        bert = await writer(platform, credentials, message_file=file)
        await anna.messages.send("hello", to=[bert.me])
        await bert.has("hello")
        await until(lambda: anna.outcomes)
        await gone(bert)
        for text in ("one", "two", "three"):
            await anna.messages.send(text, to=[bert.me])
        yield Scene(platform, anna, credentials, file)


async def test_untouched_they_are_genuine(scene):
    assert await scene.verdicts() == [(text, Verdict.GENUINE) for text in ("one", "two", "three")]


async def test_t088_an_octet_changed_on_the_disk_breaks_the_seal_and_the_others_are_read(scene):
    _, _, two, _ = await scene.rows()
    spoiled = bytearray(two.content.octets)
    spoiled[-1] ^= 1
    sql = f"UPDATE messages SET content = x'{spoiled.hex()}' WHERE id = '{two.id}'"
    await scene.platform.database.write(lambda connection: connection.exec_driver_sql(sql))
    assert await scene.verdicts() == [("one", Verdict.GENUINE), (None, Verdict.GONE), ("three", Verdict.GAP)]


async def test_t088_content_changed_by_who_has_the_keys_is_shown_as_forged(scene):
    _, _, two, _ = await scene.rows()
    content = bytearray(await scene.opened(two, "content"))
    content[20] ^= 1
    sealed = await scene.sealed_anew(scene.anna.me, Category.MESSAGE_CONTENT, bytes(content))
    await scene.change(two.id, content=sealed)
    assert await scene.verdicts() == [("one", Verdict.GENUINE), (None, Verdict.FORGED), ("three", Verdict.GAP)]


@pytest.mark.parametrize(
    ("genuine", "forged"),
    [
        (b'"sequence":3', b'"sequence":9'),
        (b'"sent_ms":', b'"sent_ms":1'),
        (b'"recipients":["', b'"recipients":["sub_0000000000000000","'),
    ],
)
async def test_t088_a_changed_number_time_or_recipient_is_shown_as_forged(scene, genuine, forged):
    _, _, two, _ = await scene.rows()
    envelope = await scene.opened(two, "envelope")
    assert genuine in envelope
    changed = envelope.replace(genuine, forged)
    await scene.change(two.id, envelope=await scene.sealed_anew(scene.anna.me, Category.MESSAGE_METADATA, changed))
    assert (None, Verdict.FORGED) in await scene.verdicts()


async def test_t088_messages_in_another_order_or_left_out_show(scene):
    _, one, two, three = await scene.rows()
    for table, column in ((messages, messages.c.id), (deliveries, deliveries.c.message_id)):
        for row, ms in ((one, three.sent_ms + 1), (two, two.sent_ms), (three, one.sent_ms - 1)):
            moved = f"UPDATE {table.name} SET sent_ms = {ms} WHERE {column.name} = '{row.id}'"
            await scene.platform.database.write(lambda sql, moved=moved: sql.exec_driver_sql(moved))
    assert await scene.verdicts() == [("three", Verdict.GAP), ("two", Verdict.LATE), ("one", Verdict.LATE)]


async def test_t088_a_message_that_is_withheld_shows(scene):
    _, _, two, _ = await scene.rows()
    await scene.platform.database.write(lambda sql: sql.execute(messages.delete().where(messages.c.id == two.id)))
    assert await scene.verdicts() == [("one", Verdict.GENUINE), ("three", Verdict.GAP)]
    bert = await scene.comes_back()
    history = [(message.text, message.verdict) for message in await bert.messages.history()]
    assert history == [("three", Verdict.GAP), ("one", Verdict.GENUINE), ("hello", Verdict.GENUINE)]


async def test_t088_a_message_that_is_given_to_somebody_else_as_author_is_forged(scene):
    cleo = await writer(scene.platform, await scene.platform.enrol("Cleo"))
    _, _, two, _ = await scene.rows()
    keys, theirs = await scene.platform.keys(scene.bert.subscriber), await scene.platform.keys(cleo.me)
    names = keys.references()
    content, envelope = await scene.opened(two, "content"), await scene.opened(two, "envelope")
    sender = await scene.sealed_anew(scene.bert.subscriber, Category.MESSAGE_METADATA, cleo.me.encode())
    tenant = await scene.platform.provisioning.tenant("ACME")
    gate = scene.platform.server.services.policies.gate(tenant.tenant_id)
    subject = theirs.refer(gate.release(Category.MESSAGE_METADATA, Purpose.SERVICE, cleo.me, cleo.me))
    await scene.change(
        two.id,
        subject=subject,
        content=await scene.sealed_anew(cleo.me, Category.MESSAGE_CONTENT, content),
        envelope=await scene.sealed_anew(cleo.me, Category.MESSAGE_METADATA, envelope),
    )
    here = deliveries.c.subject.in_(names) & (deliveries.c.message_id == two.id)
    await scene.platform.database.write(lambda sql: sql.execute(update(deliveries).where(here).values(sender=sender)))
    bert = await scene.comes_back()
    assert [(m.stored.sender, m.text, m.verdict) for m in bert.received] == [
        (scene.anna.me, "one", Verdict.GENUINE),
        (cleo.me, None, Verdict.FORGED),
        (scene.anna.me, "three", Verdict.GAP),
    ]


async def test_a_key_that_is_exchanged_at_the_server_gets_no_message(scene):
    """Nothing is sealed for a device that has another key than before, until its owner was asked."""
    made_up = await scene.sealed_anew(scene.bert.subscriber, Category.CREDENTIAL, bytes(range(32)))
    theirs = update(devices).where(devices.c.id == scene.bert.device).values(public_key=made_up)
    await scene.platform.database.write(lambda sql: sql.execute(theirs))
    with pytest.raises(KeyChanged):
        await scene.anna.messages.send("secret", to=[scene.bert.subscriber])
    assert scene.anna.heard(DeviceSeen) == [DeviceSeen(scene.bert.subscriber, scene.bert.device, changed=True)]


async def test_a_further_device_of_a_known_person_is_shown(scene):
    second = await writer(scene.platform, await scene.platform.another_device("Bert"))
    await scene.anna.messages.send("to both", to=[scene.bert.subscriber])
    await until(lambda: "to both" in second.texts)
    news = DeviceSeen(scene.bert.subscriber, second.handset.credentials.device, changed=False)
    assert scene.anna.heard(DeviceSeen) == [news]


async def test_t091_sender_and_name_are_the_servers_whatever_a_client_says(scene):
    """There is no member for a name, a foreign device is refused, and a foreign sender cannot be said."""
    cleo = await writer(scene.platform, await scene.platform.enrol("Cleo"))
    asked = []
    ask = cleo.messages._outbox._ask

    async def in_annas_name(request, expected):
        if isinstance(request, signalling.SendMessage):
            other = {"device": scene.anna.handset.credentials.device}
            request = request.model_copy(update={"sealed": request.sealed.model_copy(update=other)})
            asked.append(request)
        return await ask(request, expected)

    cleo.messages._outbox._ask = in_annas_name
    with pytest.raises(Refused) as refused:
        await cleo.messages.send("I am Anna", to=[scene.bert.subscriber])
    assert refused.value.code == "invalid_value"
    assert len(asked) == 1
    members = signalling.SendMessage.model_fields.keys() | signalling.SealedMessage.model_fields.keys()
    assert not members & {"sender", "name", "display_name"}
    cleo.messages._outbox._ask = ask
    await cleo.messages.send("I am Anna", to=[scene.bert.subscriber])
    bert = await scene.comes_back()
    assert [(m.stored.sender, m.stored.name) for m in bert.received][-1] == (cleo.me, "Cleo")

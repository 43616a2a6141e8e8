"""Messages that break a rule are refused, and nothing of them is kept or handed over."""

import hashlib

import pytest

from e2e.messaging import writer
from ptthandset.errors import Refused
from pttserver.wire import signalling
from pttserver.wire.signalling import Done
from running_server import running_platform


@pytest.fixture
async def pair(tmp_path):
    """Anna, Bert, and a request of hers to him that was accepted."""
    async with running_platform(tmp_path) as platform:
        await platform.organise()
        anna = await writer(platform, await platform.enrol("Anna"))
        bert = await writer(platform, await platform.enrol("Bert"))
        asked = []
        ask = anna.messages._ask

        async def listen_in(request, expected):
            asked.append(request)
            return await ask(request, expected)

        anna.messages._outbox._ask = listen_in
        await anna.messages.send("one", to=[bert.me])
        await bert.has("one")
        yield anna, bert, asked[-1]


def changed(request, keys=None, **sealed):
    again = request.sealed.model_copy(update={"message": b"another message!", **sealed})
    return request.model_copy(update={"sealed": again, "keys": request.keys if keys is None else keys})


async def code(anna, request, expected=signalling.MessageAccepted):
    with pytest.raises(Refused) as refused:
        await anna.messages._ask(request, expected)
    return refused.value.code


async def test_rules_of_a_message(pair):
    anna, bert, good = pair
    stranger = signalling.WrappedKey(device="dev_0123456789abcdef", octets=bytes(80))
    twice = [good.keys[0], good.keys[0]]
    info = signalling.AttachmentInfo(size=100, digest=bytes(32))
    assert await code(anna, changed(good, recipients=[bert.me, anna.me])) == "invalid_value"
    assert await code(anna, changed(good, recipients=[bert.me, bert.me])) == "invalid_value"
    assert await code(anna, changed(good, device=bert.handset.credentials.device)) == "invalid_value"
    assert await code(anna, changed(good, keys=[*good.keys, stranger])) == "invalid_value"
    assert await code(anna, changed(good, keys=twice)) == "invalid_value"
    assert await code(anna, changed(good, attachment=info)) == "invalid_value"
    assert await code(anna, changed(good, recipients=[])) == "protocol.malformed"
    assert await code(anna, changed(good, content=b"c" * 12_289)) == "protocol.malformed"
    assert await code(anna, changed(good, sequence=0)) == "protocol.malformed"
    assert await code(anna, changed(good, message=b"short")) == "protocol.malformed"
    assert [message.text for message in await anna.messages.history()] == ["one"]
    assert bert.texts == ["one"]


async def test_a_key_that_its_device_did_not_sign_is_not_published(pair):
    anna, _, _ = pair
    request = signalling.PublishKey(id=1, key=bytes(32), signature=bytes(64))
    assert await code(anna, request, Done) == "invalid_value"


async def test_recipients_are_subscribers_or_a_group(pair):
    anna, bert, _ = pair
    neither = signalling.FindRecipients(id=1)
    both = signalling.FindRecipients(id=1, subscribers=[bert.me], group="grp_0123456789abcdef")
    assert await code(anna, neither, signalling.MessageKeys) == "invalid_value"
    assert await code(anna, both, signalling.MessageKeys) == "invalid_value"


async def test_chunks_come_in_order_once_or_again_and_fit_their_digest(pair):
    anna, _, _ = pair
    octets = b"a" * 50 + b"b" * 50
    info = signalling.AttachmentInfo(size=100, digest=hashlib.sha256(octets).digest())

    def chunk(offset, data, of=info):
        return signalling.PutChunk(id=1, attachment=of, offset=offset, data=data)

    assert await code(anna, chunk(50, octets[50:]), Done) == "invalid_value"
    for _ in range(2):
        await anna.messages._ask(chunk(0, octets[:50]), Done)
    assert await code(anna, chunk(50, b"b" * 51), Done) == "invalid_value"
    assert await code(anna, chunk(50, b"c" * 50), Done) == "invalid_value"  # is not what the digest says: begin anew
    await anna.messages._ask(chunk(0, octets), Done)
    huge = signalling.AttachmentInfo(size=513 * 1024, digest=bytes(32))
    assert await code(anna, chunk(0, b"x", huge), Done) == "invalid_value"


async def test_history_before_a_message_that_is_not_ones_own_is_refused(pair):
    anna, _, _ = pair
    request = signalling.ListMessages(id=1, before="msg_0123456789abcdef")
    assert await code(anna, request, signalling.MessagePage) == "not_found"
    chunk = signalling.GetChunk(id=1, message="msg_0123456789abcdef", offset=0)
    assert await code(anna, chunk, signalling.AttachmentChunk) == "not_found"

"""Messages on their way out: each has its number, is written down sealed, and goes until the server has confirmed it.

A message that was sealed is repeated as it is, after a lost connection and after a crash: the server takes it once. A
number is never used for two messages; one that the server refuses for good gives its number back, since nobody saw it.
"""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from ptthandset.credentials import Credentials
from ptthandset.errors import Refused
from ptthandset.message_events import Attachment, MessageRefused
from ptthandset.message_memory import MessageMemory, Place, Unsent, draw_message_id
from ptthandset.message_sealing import Draft, Sealed, seal
from ptthandset.service import Ask
from pttserver.wire import signalling
from pttserver.wire.message_body import MessageBody
from pttserver.wire.signalling import CHUNK_BYTES, Done
from pttserver.wire.signed_message import MessageHeader, conversation

_PASSING = ("internal", "store.unavailable", "busy", "policy.missing", "protocol.state", "auth.required")


@dataclass(frozen=True, slots=True)
class Letter:
    """What is to be sent. `keys`: X25519 keys by device, of the recipients and of the sender's own devices."""

    text: str
    recipients: Sequence[str]
    group: str | None
    keys: Mapping[str, bytes]
    attachment: Attachment | None = None


class Outbox:
    """One message at a time: the next one names the one before."""

    def __init__(
        self, ask: Ask, me: Credentials, memory: MessageMemory, tell: Callable[[MessageRefused], None]
    ) -> None:
        self._ask = ask
        self._tell = tell
        self._me = me
        self._memory = memory
        self._turn = asyncio.Lock()

    async def send(self, letter: Letter) -> signalling.MessageAccepted:
        """After what waits from before. Raises Refused, NotConnected (it goes out with the next log-in)."""
        async with self._turn:
            await self._send_all()
            return await self._deliver(self._sealed(letter))

    async def send_waiting(self) -> None:
        """What could not be handed in before."""
        async with self._turn:
            await self._send_all()

    async def _send_all(self) -> None:
        """A refusal of an earlier message is told, and keeps the next one from nothing."""
        for unsent in list(self._memory.content.unsent):
            try:
                await self._deliver(unsent)
            except Refused as error:
                if error.code in _PASSING:
                    raise
                self._tell(MessageRefused(unsent.conversation, error.code, str(error)))

    def _sealed(self, letter: Letter) -> Unsent:
        """With the next number of its conversation; on the disk when this returns."""
        places = self._memory.content.places
        where = conversation(self._me.subscriber, letter.recipients, letter.group)
        before = places.get(where, Place())
        attached = letter.attachment
        header = MessageHeader(
            message=draw_message_id(),
            sequence=before.sequence + 1,
            previous=bytes.fromhex(before.digest),
            sent_ms=time.time_ns() // 1_000_000,
            sender=self._me.subscriber,
            device=self._me.device,
            group=letter.group,
            recipients=letter.recipients,
        )
        body = MessageBody(text=letter.text, attachment=attached.about if attached else None)
        sealed = seal(Draft(header, body, letter.keys, attached.octets if attached else None), self._me)
        unsent = _unsent(sealed, where, before)
        places[where] = Place(sequence=header.sequence, digest=sealed.digest.hex())
        self._memory.content.unsent.append(unsent)
        self._memory.save()
        return unsent

    async def _deliver(self, unsent: Unsent) -> signalling.MessageAccepted:
        content = self._memory.content
        try:
            accepted = await self._hand_in(unsent)
        except Refused as error:
            if error.code not in _PASSING:
                content.unsent.remove(unsent)
                content.places[unsent.conversation] = unsent.before
                self._memory.save()
            raise
        content.unsent.remove(unsent)
        self._memory.save()
        return accepted

    async def _hand_in(self, unsent: Unsent) -> signalling.MessageAccepted:
        request = signalling.parse_request(unsent.request)
        assert isinstance(request, signalling.SendMessage)
        info = request.sealed.attachment
        if info is not None and unsent.attachment is not None:
            await self._upload(info, bytes.fromhex(unsent.attachment))
        return await self._ask(request, signalling.MessageAccepted)

    async def _upload(self, info: signalling.AttachmentInfo, octets: bytes) -> None:
        for start in range(0, len(octets), CHUNK_BYTES):
            data = octets[start : start + CHUNK_BYTES]
            await self._ask(signalling.PutChunk(id=1, attachment=info, offset=start, data=data), Done)


def _unsent(sealed: Sealed, where: str, before: Place) -> Unsent:
    return Unsent(
        request=signalling.SendMessage(id=1, sealed=sealed.message, keys=list(sealed.keys)).to_json(),
        attachment=sealed.attachment.hex() if sealed.attachment else None,
        conversation=where,
        before=before,
    )

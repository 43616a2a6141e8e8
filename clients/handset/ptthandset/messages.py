"""Push to Message: writes to people and groups, receives, looks back.

What is sent is sealed for the devices of the recipients and signed by this one. What comes in is given to the listeners
with a verdict: an altered, forged, left-out or re-ordered message shows.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from typing import Any

from ptthandset.credentials import Credentials
from ptthandset.errors import HandsetError, NotConnected, Refused
from ptthandset.listeners import tell_all
from ptthandset.message_chain import SHOWN_AS_SAID, Chain, Verdict
from ptthandset.message_events import (
    Attachment,
    MessageEvent,
    MessageReceived,
    MessageTakenBack,
    OutcomeChanged,
    ReadMessage,
    Sent,
)
from ptthandset.message_memory import MessageMemory
from ptthandset.message_outbox import Letter, Outbox
from ptthandset.message_pins import Pins
from ptthandset.message_sealing import Opened, open_attachment, open_message
from ptthandset.service import Ask, Service
from pttserver.wire import signalling
from pttserver.wire.message_body import MAX_TEXT
from pttserver.wire.signalling import PAGE_MESSAGES, Done
from pttserver.wire.signed_message import published_key

REMEMBERED_MESSAGES = 2000  # that were handed on; the server repeats what it did not hear confirmed


class Messages(Service):
    """Of one handset. `listeners` are told what happens; messages are confirmed as delivered by themselves."""

    def __init__(self, ask: Ask, credentials: Credentials, memory: MessageMemory) -> None:
        super().__init__(ask)
        self.listeners: list[Callable[[MessageEvent], None]] = []
        self._me = credentials
        self._memory = memory
        self._pins = Pins(memory, self._tell)
        self._outbox = Outbox(ask, credentials, memory, self._tell)
        self._receiving = asyncio.Lock()
        self._is_current = False
        self._settled = asyncio.Event()
        self._failure: HandsetError | None = None
        self._arrived: asyncio.Queue[signalling.StoredMessage] = asyncio.Queue()
        self._handed_on: dict[str, None] = {}
        self._work: set[asyncio.Task[None]] = set()

    # Being connected ---------------------------------------------------------------------------------------------

    async def connected(self) -> None:
        """Publishes this device's key, fetches what waits, sends what could not be sent."""
        try:
            await self._begin()
        except HandsetError as error:
            self._failure = error
            raise
        finally:
            self._settled.set()

    async def _begin(self) -> None:
        key = self._memory.public_key
        self._memory.save()
        signature = self._me.sign(published_key(self._me.device, key))
        await self._ask(signalling.PublishKey(id=1, key=key, signature=signature), Done)
        await self._fetch()
        await self._outbox.send_waiting()

    def disconnected(self) -> None:
        """What comes over the next connection is newer than what waits there."""
        self._is_current = False
        self._settled.clear()
        self._failure = None

    async def ready(self) -> None:
        """What waited has been fetched. Raises what keeps messages from working, such as Refused."""
        await self._settled.wait()
        if self._failure is not None:
            raise self._failure

    async def _fetch(self) -> None:
        """What waited goes before what came meanwhile: it is older."""
        async with self._receiving:
            more = True
            while more:
                reply = await self._ask(signalling.FetchMessages(id=1), signalling.MessageQueue)
                for state in reply.states:
                    self.take(state)
                for message_id in reply.deleted:
                    await self._forget(message_id)
                await self._receive(reply.messages)
                more = reply.more
            self._is_current = True
        await self._take_arrived()

    def take(self, event: signalling.Message) -> None:
        match event:
            case signalling.NewMessage(message=stored):
                self._arrived.put_nowait(stored)
                self._start(self._take_arrived())
            case signalling.MessageState():
                self._tell(OutcomeChanged(event.message, event.subscriber, event.state))
            case signalling.MessageDeleted(message=message_id):
                self._start(self._forget(message_id))

    def close(self) -> None:
        self._memory.close()
        for task in self._work:
            task.cancel()

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        async def quietly() -> None:
            with contextlib.suppress(NotConnected, Refused):  # the next connection fetches and confirms again
                await work

        task = asyncio.create_task(quietly())
        self._work.add(task)
        task.add_done_callback(self._work.discard)

    def _tell(self, event: MessageEvent) -> None:
        tell_all(self.listeners, event)

    # Receiving ---------------------------------------------------------------------------------------------------

    async def _take_arrived(self) -> None:
        async with self._receiving:
            waiting = []
            while self._is_current and not self._arrived.empty():
                waiting.append(self._arrived.get_nowait())
            await self._receive(waiting)

    async def _receive(self, messages: Sequence[signalling.StoredMessage]) -> None:
        """What came twice by two ways is confirmed again, and not told again."""
        for stored in messages:
            if stored.id not in self._handed_on:
                self._hand_on(stored)
        if messages:
            self._memory.save()
            await self.confirm([stored.id for stored in messages], "delivered")

    def _hand_on(self, stored: signalling.StoredMessage) -> None:
        self._handed_on[stored.id] = None
        while len(self._handed_on) > REMEMBERED_MESSAGES:
            del self._handed_on[next(iter(self._handed_on))]
        opened = self._open(stored)
        verdict = opened.verdict
        if opened.digest and stored.sealed is not None:
            self._pins.see(stored.sender, stored.sealed.device, stored.signing_key)
            chain = self._memory.chain(stored.sealed.device, opened.conversation)
            place = chain.judge(stored.sealed.sequence, stored.sealed.previous, opened.digest)
            verdict = place if verdict is Verdict.GENUINE else verdict
        self._tell(MessageReceived(_read(stored, opened, verdict)))

    def _open(self, stored: signalling.StoredMessage) -> Opened:
        """A known device that is said to be somebody else's is none of theirs."""
        pin = self._pins.of(stored.sealed.device) if stored.sealed else None
        if pin is not None and pin.subscriber != stored.sender:
            return Opened(Verdict.FORGED)
        known = bytes.fromhex(pin.signing_key) if pin else None
        return open_message(stored, known, self._me.device, self._memory.private_key)

    async def confirm(self, messages: Sequence[str], state: str) -> None:
        """`delivered`, `read` (the sender is told), or `deleted` (we know it)."""
        for start in range(0, len(messages), PAGE_MESSAGES):
            some = {"id": 1, "messages": list(messages[start : start + PAGE_MESSAGES]), "state": state}
            await self._ask(signalling.ConfirmMessages.model_validate(some), Done)

    async def _forget(self, message_id: str) -> None:
        self._tell(MessageTakenBack(message_id))
        await self.confirm([message_id], "deleted")

    # Sending -----------------------------------------------------------------------------------------------------

    async def send(
        self, text: str, *, to: Sequence[str] = (), group: str | None = None, attachment: Attachment | None = None
    ) -> Sent:
        """To subscribers, or to all members of a group; both by identifier.

        Raises Refused, HandsetError (nobody can take it), KeyChanged; NotConnected: if it was sealed already, it goes
        out with the next log-in.
        """
        if len(text) > MAX_TEXT:
            raise HandsetError(f"A message has at most {MAX_TEXT} characters.")
        asked = signalling.FindRecipients(id=1, subscribers=None if group else sorted(set(to)), group=group)
        people = (await self._ask(asked, signalling.MessageKeys)).recipients
        keys = self._pins.trusted_keys(people)
        others = [person.subscriber for person in people[1:] if person.devices]
        if not others:
            raise HandsetError("Nobody of these has a device that can take messages yet.")
        accepted = await self._outbox.send(Letter(text, others, group, keys, attachment))
        unreachable = [person.subscriber for person in people[1:] if not person.devices]
        return Sent(accepted.message, accepted.undelivered, unreachable)

    async def trust(self, subscriber: str) -> None:
        """The person has confirmed, by another way, that the devices are right: their keys as they are now count."""
        asked = signalling.FindRecipients(id=1, subscribers=[subscriber])
        self._pins.trust((await self._ask(asked, signalling.MessageKeys)).recipients[1:])

    # Looking back ------------------------------------------------------------------------------------------------

    async def history(
        self, *, to: Sequence[str] | None = None, group: str | None = None, limit: int = PAGE_MESSAGES
    ) -> list[ReadMessage]:
        """Newest first; of one conversation, or of all. Gaps show here as when messages come in."""
        found: list[signalling.StoredMessage] = []
        async for stored in self._pages(to, group, limit):
            found.append(stored)
        chains: dict[tuple[str, str], Chain] = {}
        return [self._judged(stored, chains) for stored in reversed(found)][::-1]

    async def _pages(
        self, to: Sequence[str] | None, group: str | None, limit: int
    ) -> AsyncIterator[signalling.StoredMessage]:
        before, left, more = None, limit, True
        named = sorted(set(to)) if to is not None else None
        while left > 0 and more:
            page = await self._ask(
                signalling.ListMessages(
                    id=1, participants=named, group=group, before=before, limit=min(left, PAGE_MESSAGES)
                ),
                signalling.MessagePage,
            )
            for stored in page.messages:
                yield stored
            left, more = left - len(page.messages), page.more and bool(page.messages)
            before = page.messages[-1].id if page.messages else None

    def _judged(self, stored: signalling.StoredMessage, chains: dict[tuple[str, str], Chain]) -> ReadMessage:
        """The oldest of a page is where its chain begins."""
        opened = self._open(stored)
        verdict = opened.verdict
        if opened.digest and stored.sealed is not None:
            sealed, of = stored.sealed, (stored.sealed.device, opened.conversation)
            start = Chain(newest=sealed.sequence - 1, digest=sealed.previous.hex())
            place = chains.setdefault(of, start).judge(sealed.sequence, sealed.previous, opened.digest)
            verdict = place if verdict is Verdict.GENUINE else verdict
        return _read(stored, opened, verdict)

    async def attachment(self, message: ReadMessage) -> bytes:
        """Raises Refused (`not_found`: it is kept no longer), SealBroken: it is not what was signed."""
        octets = bytearray()
        size = 1
        while len(octets) < size:
            asked = signalling.GetChunk(id=1, message=message.id, offset=len(octets))
            chunk = await self._ask(asked, signalling.AttachmentChunk)
            octets += chunk.data
            size = chunk.size
        return open_attachment(message.stored, bytes(octets), self._me.device, self._memory.private_key)

    async def delete(self, message_id: str) -> None:
        """A message of our own, for all. Raises Refused (`not_found`)."""
        await self._ask(signalling.DeleteMessage(id=1, message=message_id), Done)


def _read(stored: signalling.StoredMessage, opened: Opened, verdict: Verdict) -> ReadMessage:
    body = opened.body if verdict in SHOWN_AS_SAID else None
    return ReadMessage(stored, verdict, body.text if body else None, body.attachment if body else None)

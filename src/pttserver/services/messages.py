"""Messages: taken once, kept as the policy lets them be, handed to who is there, and to the others when they come.

The server reads who writes to whom, and stamps sender, name and time; the content is sealed from device to device
(wire/signed_message.py). What became of a message is told to its sender.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from pttserver.clock import Clock
from pttserver.errors import InvalidValue, PolicyForbids
from pttserver.ids import DeviceId, SubscriberId, new_message_id
from pttserver.observe.log import get_logger
from pttserver.privacy.categories import Category
from pttserver.privacy.purposes import Purpose
from pttserver.services.desk import Handler
from pttserver.services.message_addresses import MessageAddresses
from pttserver.services.message_release import MessageRelease
from pttserver.services.message_uploads import MessageUploads
from pttserver.services.message_views import key_for, state_event, stored_message
from pttserver.services.policy_book import PolicyBook
from pttserver.services.recent_messages import Answer, RecentMessages
from pttserver.services.telling import Telling
from pttserver.sessions.registry import SessionRegistry
from pttserver.sessions.session import Identity, Session
from pttserver.store.message_history import MessageHistory, Page
from pttserver.store.message_queue import MessageQueue
from pttserver.store.message_records import Correspondent, Outcome, Put
from pttserver.wire import signalling
from pttserver.wire.signalling import CHUNK_BYTES, PAGE_MESSAGES
from pttserver.wire.signed_message import conversation

GIVING_UP_INTERVAL_S = 60.0
NO_ATTACHMENTS = "Your organisation keeps no attachments, so none can be sent."
_log = get_logger("messages")


class Messaging:
    """The use cases of messages."""

    def __init__(
        self,
        *,
        addresses: MessageAddresses,
        queue: MessageQueue,
        history: MessageHistory,
        sessions: SessionRegistry,
        telling: Telling,
        policies: PolicyBook,
        clock: Clock,
    ) -> None:
        self._addresses = addresses
        self._queue = queue
        self._history = history
        self._sessions = sessions
        self._telling = telling
        self._policies = policies
        self._clock = clock
        self._recent = RecentMessages()
        self._uploads = MessageUploads()
        self.accepted = 0

    def handlers(self) -> Mapping[type[signalling.Request], Handler]:
        return {
            **self._addresses.handlers(),
            signalling.PutChunk: self._put_chunk,
            signalling.SendMessage: self._send,
            signalling.FetchMessages: self._fetch,
            signalling.ConfirmMessages: self._confirm,
            signalling.ListMessages: self._list,
            signalling.GetChunk: self._get_chunk,
            signalling.DeleteMessage: self._delete,
        }

    # Sending -----------------------------------------------------------------------------------------------------

    async def _put_chunk(self, session: Session, request: signalling.PutChunk) -> signalling.Reply:
        gate = self._policies.gate(session.identity.tenant_id)
        limit = gate.policy.messages.attachment_limit_kib
        if not gate.policy.takes_attachments or not limit:
            raise PolicyForbids(NO_ATTACHMENTS)
        if request.attachment.size > limit * 1024:
            raise InvalidValue(f"Attachments have at most {limit} KiB.")
        self._uploads.put(session.id, request.attachment, request.offset, request.data)
        return signalling.Done(re=request.id)

    async def _send(self, session: Session, request: signalling.SendMessage) -> signalling.Reply:
        who, sealed = session.identity, request.sealed
        _refuse_wrong(who, sealed)
        answer = self._recent.answer(who.subscriber_id, sealed.message) or await self._answered(who, sealed.message)
        if answer is None:
            attachment = self._uploads.get(session.id, sealed.attachment) if sealed.attachment else None
            answer = await self._take(who, request, attachment)
            self._uploads.forget(session.id)
        return signalling.MessageAccepted(
            re=request.id, message=answer.message_id, at_ms=answer.at_ms, undelivered=list(answer.undelivered)
        )

    async def _answered(self, who: Identity, client_id: bytes) -> Answer | None:
        put = await self._queue.repeated(who.subscriber_id, client_id)
        return None if put is None else Answer(put.message_id, put.at_ms, ())

    async def _take(self, who: Identity, request: signalling.SendMessage, attachment: bytes | None) -> Answer:
        sealed, gate = request.sealed, self._policies.gate(who.tenant_id)
        people = await self._addresses.people(who, sealed.recipients, sealed.group)
        keys, now_ms, message_id = _by_person(people, request.keys), self._clock.utc_ms(), new_message_id()
        new = MessageRelease(gate, who, message_id, now_ms).message(sealed, keys, attachment)
        if sealed.attachment and (new is None or new.content is None or new.attachment is None):
            raise PolicyForbids(NO_ATTACHMENTS)
        put = await self._queue.put(new, gate.policy.messages.queue_limit) if new else None
        if put is not None and put.repeated:
            return Answer(put.message_id, put.at_ms, ())
        view = signalling.StoredMessage(
            id=message_id,
            sender=who.subscriber_id,
            name=who.display_name.reveal(),
            at_ms=now_ms,
            signing_key=_signing_key(people[0], who.device_id),
            sealed=sealed,
        )
        told = self._hand_over(view, keys)
        waits = put.kept_for if put and new and new.content else frozenset()
        missed = [each for each in map(SubscriberId, sealed.recipients) if each not in told | waits]
        answer = Answer(message_id, now_ms, tuple(missed))
        self._remember(who, sealed, answer, put)
        await self._tell(put.dropped if put else ())
        return answer

    def _hand_over(
        self, view: signalling.StoredMessage, keys: Mapping[SubscriberId, Sequence[signalling.WrappedKey]]
    ) -> set[SubscriberId]:
        """To who is there, each with the key for the device that is logged in."""
        assert view.sealed is not None
        told: set[SubscriberId] = set()
        for each in map(SubscriberId, view.sealed.recipients):
            session = self._sessions.of_subscriber(each)
            if session is not None:
                key = key_for(session.identity.device_id, keys.get(each, ()))
                event = signalling.NewMessage(message=view.model_copy(update={"key": key}))
                if self._telling.tell(each, event):
                    told.add(each)
        return told

    def _remember(self, who: Identity, sealed: signalling.SealedMessage, answer: Answer, put: Put | None) -> None:
        kept = put.kept_for if put else frozenset()
        unkept = {SubscriberId(each) for each in sealed.recipients} - kept
        self._recent.remember(who.subscriber_id, sealed.message, answer, unkept, self._clock.now())
        self.accepted += 1

    # Arriving ----------------------------------------------------------------------------------------------------

    async def _fetch(self, session: Session, request: signalling.FetchMessages) -> signalling.Reply:
        reader = self._addresses.reader(session.identity)
        since_ms = reader.now_ms - reader.policy.messages.store_for_s * 1000
        waiting = await self._history.waiting(reader, since_ms, PAGE_MESSAGES)
        await self._queue.mark(waiting.outcomes, untold=False)
        return signalling.MessageQueue(
            re=request.id,
            messages=[stored_message(each, session.identity.device_id) for each in waiting.messages],
            more=waiting.more,
            states=[state_event(outcome) for outcome in waiting.outcomes],
            deleted=list(waiting.deleted),
        )

    async def _confirm(self, session: Session, request: signalling.ConfirmMessages) -> signalling.Reply:
        who = session.identity
        gate, ids = self._policies.gate(who.tenant_id), list(request.messages)
        at_ms = gate.release(Category.MESSAGE_METADATA, Purpose.SERVICE, who.subscriber_id, self._clock.utc_ms())
        outcomes = self._recent.confirm(who.subscriber_id, ids, request.state)
        await self._tell(await self._queue.confirm(who.subscriber_id, ids, request.state, at_ms))
        await self._tell(outcomes)
        return signalling.Done(re=request.id)

    async def _tell(self, outcomes: Iterable[Outcome]) -> None:
        """To the senders; who is not there hears of it at the next log-in."""
        untold = [one for one in outcomes if not self._telling.tell(one.sender_id, state_event(one))]
        await self._queue.mark(untold, untold=True)

    # Looking back ------------------------------------------------------------------------------------------------

    async def _list(self, session: Session, request: signalling.ListMessages) -> signalling.Reply:
        reader = self._addresses.reader(session.identity)
        whole = request.participants is None and request.group is None
        named = None if whole else conversation(reader.subscriber_id, request.participants or [], request.group)
        found, more = await self._history.page(reader, Page(named, request.before, request.limit))
        messages = [stored_message(each, session.identity.device_id) for each in found]
        return signalling.MessagePage(re=request.id, messages=messages, more=more)

    async def _get_chunk(self, session: Session, request: signalling.GetChunk) -> signalling.Reply:
        octets = await self._history.attachment(self._addresses.reader(session.identity), request.message)
        if request.offset >= len(octets):
            raise InvalidValue(f"The attachment has {len(octets)} octets.")
        data = octets[request.offset : request.offset + CHUNK_BYTES]
        return signalling.AttachmentChunk(re=request.id, data=data, size=len(octets))

    async def _delete(self, session: Session, request: signalling.DeleteMessage) -> signalling.Reply:
        who = session.identity
        have = await self._queue.delete(who.tenant_id, who.subscriber_id, request.message, self._clock.utc_ms())
        self._telling.tell_all(have, signalling.MessageDeleted(message=request.message))
        return signalling.Done(re=request.id)


def _refuse_wrong(who: Identity, sealed: signalling.SealedMessage) -> None:
    if sealed.device != who.device_id:
        raise InvalidValue("The message is of another device.")
    if sealed.recipients != sorted(set(sealed.recipients)) or who.subscriber_id in sealed.recipients:
        raise InvalidValue("Recipients are sorted, each once, and without the sender.")


def _signing_key(me: Correspondent, device_id: DeviceId) -> bytes | None:
    return next((device.signing_key for device in me.devices if device.device_id == device_id), None)


def _by_person(
    people: Sequence[Correspondent], keys: Sequence[signalling.WrappedKey]
) -> Mapping[SubscriberId, Sequence[signalling.WrappedKey]]:
    """Raises InvalidValue: a key for a device that is none of theirs, or twice."""
    owner = {device.device_id: person.subscriber_id for person in people for device in person.devices}
    found = defaultdict[SubscriberId, list[signalling.WrappedKey]](list)
    for key in keys:
        who = owner.pop(DeviceId(key.device), None)
        if who is None:
            raise InvalidValue("A key is for a device that cannot take this message; ask for the recipients again.")
        found[who].append(key)
    return found

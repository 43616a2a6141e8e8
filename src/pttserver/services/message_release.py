"""Takes a message through the gate: what of it may be kept, for whom. Without its record nothing of it is.

A pseudonym in the place of a sender or a text could not be delivered, so a policy that stores either pseudonymised or
truncated keeps nothing of sealed messages: they reach who is there.
"""

from collections.abc import Mapping, Sequence

from pttserver.ids import SubscriberId
from pttserver.privacy.categories import Category
from pttserver.privacy.forms import WHOLE
from pttserver.privacy.gate import Gate
from pttserver.privacy.purposes import Purpose
from pttserver.privacy.released import Released, Value
from pttserver.services.message_views import envelope_of, keys_of
from pttserver.sessions.session import Identity
from pttserver.store.message_records import NewAttachment, NewDelivery, NewMessage
from pttserver.wire import signalling
from pttserver.wire.signed_message import conversation

Keys = Mapping[SubscriberId, Sequence[signalling.WrappedKey]]


class MessageRelease:
    """Of one message. `keys` by person, the sender's own devices among them."""

    def __init__(self, gate: Gate, sender: Identity, message_id: str, now_ms: int) -> None:
        self._gate = gate
        self._sender = sender
        self._me = sender.subscriber_id
        self._message_id = message_id
        self._now_ms = now_ms

    def message(self, sealed: signalling.SealedMessage, keys: Keys, attachment: bytes | None) -> NewMessage | None:
        """None: nothing of it is kept."""
        subject, sent_ms = self._record(self._me, self._me), self._record(self._me, self._now_ms)
        recipients = self._record(self._me, ",".join(sealed.recipients).encode())
        envelope = self._record(self._me, envelope_of(sealed))
        if subject is None or sent_ms is None or recipients is None or envelope is None:
            return None
        content = self._content(self._me, sealed.content)
        return NewMessage(
            message_id=self._message_id,
            tenant_id=self._sender.tenant_id,
            sender_id=self._me,
            client_id=sealed.message,
            conversation=conversation(self._me, sealed.recipients, sealed.group),
            subject=subject,
            recipients=recipients,
            envelope=envelope,
            content=content,
            keys=content and self._content(self._me, keys_of(keys.get(self._me, ()))),
            attachment=self._attachment(attachment) if attachment is not None else None,
            sent_ms=sent_ms,
            deliveries=[self._delivery(SubscriberId(who), keys, content, sent_ms) for who in sealed.recipients],
        )

    def _delivery(self, who: SubscriberId, keys: Keys, content: Released | None, sent_ms: Released) -> NewDelivery:
        subject, sender = self._record(who, who), self._record(who, self._me.encode())
        assert subject is not None
        assert sender is not None
        wrapped = keys_of(keys.get(who, ()))
        return NewDelivery(
            recipient_id=who,
            subject=subject,
            sender=sender,
            keys=content and self._content(who, wrapped),
            sent_ms=sent_ms,
        )

    def _attachment(self, octets: bytes) -> NewAttachment | None:
        subject, kept, sent_ms = (self._file(value) for value in (self._me, octets, self._now_ms))
        return NewAttachment(subject, kept, sent_ms) if subject and kept and sent_ms else None

    def _record(self, who: str, value: Value) -> Released | None:
        return _whole(self._gate.release(Category.MESSAGE_METADATA, Purpose.SERVICE, who, value))

    def _content(self, who: str, octets: bytes) -> Released | None:
        return _whole(self._gate.release(Category.MESSAGE_CONTENT, Purpose.SERVICE, who, octets))

    def _file(self, value: Value) -> Released | None:
        return _whole(self._gate.release(Category.ATTACHMENT, Purpose.SERVICE, self._me, value))


def _whole(released: Released | None) -> Released | None:
    return released if released is not None and released.form == WHOLE else None

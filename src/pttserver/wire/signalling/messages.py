"""Messages: sealed from device to device, stored and forwarded; the sender learns what became of them. And contacts."""

from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from pttserver.wire.signalling.parts import (
    Device,
    Group,
    Message,
    Octets32,
    Octets64,
    OctetsType,
    Part,
    Reply,
    Request,
    ShortText,
    Subscriber,
)

MAX_RECIPIENTS = 200
MAX_WRAPPED_KEYS = 250
MAX_CONTENT_BYTES = 12_288
MAX_ATTACHMENT_BYTES = 2 << 20
CHUNK_BYTES = 36_864
PAGE_MESSAGES = 50

MessageId: TypeAlias = Annotated[str, Field(pattern="^msg_[0-9a-f]{16}$")]
_ClientId: TypeAlias = Annotated[bytes, OctetsType(16)]
_Wrapped: TypeAlias = Annotated[bytes, OctetsType(80)]
_Content: TypeAlias = Annotated[bytes, OctetsType(28, MAX_CONTENT_BYTES)]
_Chunk: TypeAlias = Annotated[bytes, OctetsType(1, CHUNK_BYTES)]
_Size: TypeAlias = Annotated[int, Field(ge=28, le=MAX_ATTACHMENT_BYTES)]
_Milliseconds: TypeAlias = Annotated[int, Field(ge=0, le=2**53 - 1)]
MessageOutcome = Literal["sent", "delivered", "read", "undelivered", "expired", "dropped"]
"""Of one recipient: `sent`: on the way. `undelivered`: nobody was there, and nothing is kept. `expired`: not fetched
for too long. `dropped`: too many messages waited."""


class DeviceKeys(Part):
    """A device that messages can be sealed for."""

    device: Device
    signing_key: Octets32
    """Ed25519 public key of the device."""
    key: Octets32
    """X25519 public key that content keys are wrapped for."""
    signature: Octets64
    """Of the device, over its X25519 key (messages.md)."""


class Correspondent(Part):
    """Somebody with the devices that a message is to be sealed for."""

    subscriber: Subscriber
    name: str
    """Display name; may be empty."""
    devices: list[DeviceKeys]
    """Empty: no device of this subscriber can take messages yet."""


class WrappedKey(Part):
    """The content key of a message, wrapped for one device by HPKE."""

    device: Device
    octets: Annotated[_Wrapped, Field(repr=False)]
    """Encapsulated key (32), then the encrypted content key (48)."""


class AttachmentInfo(Part):
    """An attachment as it is encrypted."""

    size: _Size
    """Octets."""
    digest: Octets32
    """SHA-256."""


class SealedMessage(Part):
    """What the sending device made and signed. The server reads all of it but the content."""

    message: _ClientId
    """Drawn at random by the client: repeating a message with it is harmless."""
    device: Device
    """Of the sender; its key made the signature."""
    group: Group | None = None
    """The group that it was written to, if it was one."""
    recipients: Annotated[list[Subscriber], Field(min_length=1, max_length=MAX_RECIPIENTS)]
    """Sorted, without the sender."""
    sequence: Annotated[int, Field(ge=1, le=2**53 - 1)]
    """Counts the device's messages in this conversation, from 1."""
    previous: Octets32
    """SHA-256 of what the device signed for its message before in this conversation; zeros in the first."""
    sent_ms: _Milliseconds
    """By the clock of the sender, UTC milliseconds."""
    content: Annotated[_Content, Field(repr=False)]
    """Nonce (12), ciphertext, tag (16)."""
    attachment: AttachmentInfo | None = None
    signature: Octets64
    """Ed25519 over the signed octets (messages.md)."""


class RecipientState(Part):
    """What became of a message at one recipient."""

    subscriber: Subscriber
    state: MessageOutcome


class StoredMessage(Part):
    """A message as the server hands it over."""

    id: MessageId
    """The server's name of it."""
    sender: Subscriber
    """Stamped by the server; must agree with the signature."""
    name: str
    """Display name of the sender, by the server; may be empty."""
    at_ms: _Milliseconds
    """When the server took it, UTC milliseconds."""
    signing_key: Octets32 | None = None
    """Ed25519 public key of the sending device, while it exists. Pin it at the first sight."""
    sealed: SealedMessage | None = None
    """Absent once its content is kept no longer."""
    key: Annotated[_Wrapped | None, Field(repr=False)] = None
    """The content key, wrapped for this device; absent if the sender did not know the device."""
    states: list[RecipientState] | None = None
    """Of all recipients; in messages of one's own only."""


class PublishKey(Request):
    """The device's X25519 key, at each log-in: messages are sealed for it. Answered by `done`."""

    type: Literal["message.key"] = "message.key"
    key: Octets32
    signature: Octets64
    """Of the device, over this key (messages.md)."""


class FindRecipients(Request):
    """For which devices is a message to be sealed? Name subscribers or a group. Answered by `message.keys`."""

    type: Literal["message.recipients"] = "message.recipients"
    subscribers: Annotated[list[Subscriber] | None, Field(min_length=1, max_length=MAX_RECIPIENTS)] = None
    group: Group | None = None
    """All members but oneself; `invalid_value` if they are more than a message may have."""


class SendMessage(Request):
    """Answered by `message.accepted`; a repetition by the same answer."""

    type: Literal["message.send"] = "message.send"
    sealed: SealedMessage
    keys: Annotated[list[WrappedKey], Field(min_length=1, max_length=MAX_WRAPPED_KEYS)]
    """For devices of the recipients, and of the sender's own to read it later."""


class PutChunk(Request):
    """A part of an attachment, in order, before its message. Answered by `done`. A repeated chunk is harmless."""

    type: Literal["message.attach"] = "message.attach"
    attachment: AttachmentInfo
    offset: Annotated[int, Field(ge=0, le=MAX_ATTACHMENT_BYTES)]
    data: Annotated[_Chunk, Field(repr=False)]


class GetChunk(Request):
    """A part of the attachment of a message that one sent or received. Answered by `message.chunk`."""

    type: Literal["message.attachment"] = "message.attachment"
    message: MessageId
    offset: Annotated[int, Field(ge=0, le=MAX_ATTACHMENT_BYTES)]


class FetchMessages(Request):
    """What waits for me? After each log-in, until nothing waits. Answered by `message.queue`."""

    type: Literal["message.fetch"] = "message.fetch"


class ConfirmMessages(Request):
    """These messages have arrived, or were read. Answered by `done`. What is no message of mine is passed over."""

    type: Literal["message.received"] = "message.received"
    messages: Annotated[list[MessageId], Field(min_length=1, max_length=PAGE_MESSAGES)]
    state: Literal["delivered", "read", "deleted"]
    """`deleted`: it is known that the author deleted them."""


class ListMessages(Request):
    """Messages that one sent or received, newest first. Answered by `message.page`."""

    type: Literal["message.history"] = "message.history"
    participants: Annotated[list[Subscriber] | None, Field(min_length=1, max_length=MAX_RECIPIENTS)] = None
    """Only the conversation with exactly these others."""
    group: Group | None = None
    """Only the conversation of this group."""
    before: MessageId | None = None
    """Only what is older than this one: the last of the page before."""
    limit: Annotated[int, Field(ge=1, le=PAGE_MESSAGES)] = PAGE_MESSAGES


class DeleteMessage(Request):
    """The author takes a message back: it is gone for all. Answered by `done`."""

    type: Literal["message.delete"] = "message.delete"
    message: MessageId


class MessageKeys(Reply):
    """Devices by person: those asked for, and first oneself."""

    type: Literal["message.keys"] = "message.keys"
    recipients: list[Correspondent]


class MessageAccepted(Reply):
    """The server has taken the message."""

    type: Literal["message.accepted"] = "message.accepted"
    message: MessageId
    at_ms: _Milliseconds
    """When the server took it."""
    undelivered: list[Subscriber]
    """Who was not there, if the organisation keeps no messages: they will never get it."""


class MessageQueue(Reply):
    """What waited: oldest first. Ask again after confirming, until there is no `more`."""

    type: Literal["message.queue"] = "message.queue"
    messages: list[StoredMessage]
    more: bool
    states: list["MessageState"]
    """What became of one's own messages since, told once."""
    deleted: list[MessageId]
    """Messages that their authors deleted; told until they are confirmed."""


class MessagePage(Reply):
    """A page of the history."""

    type: Literal["message.page"] = "message.page"
    messages: list[StoredMessage]
    more: bool
    """Older ones are there."""


class AttachmentChunk(Reply):
    """A part of an attachment."""

    type: Literal["message.chunk"] = "message.chunk"
    data: Annotated[_Chunk, Field(repr=False)]
    size: _Size
    """Of the whole."""


class NewMessage(Message):
    """A message for this subscriber. Confirm it with `message.received`."""

    type: Literal["message.new"] = "message.new"
    message: StoredMessage


class MessageState(Message):
    """What became of one's own message at a recipient."""

    type: Literal["message.state"] = "message.state"
    message: MessageId
    subscriber: Subscriber
    state: MessageOutcome


class MessageDeleted(Message):
    """Its author deleted a message. Forget it, and confirm with `message.received`."""

    type: Literal["message.deleted"] = "message.deleted"
    message: MessageId


class Contact(Part):
    """An entry of a personal contact list."""

    subscriber: Subscriber
    alias: str
    """What the owner of the list calls this person."""
    name: str
    """Display name; may be empty."""


class ListContacts(Request):
    """My contact list; nobody else can read it. Answered by `contacts`."""

    type: Literal["contact.list"] = "contact.list"


class PutContact(Request):
    """Adds a subscriber of the same organisation, or gives another alias. Answered by `done`."""

    type: Literal["contact.put"] = "contact.put"
    subscriber: Subscriber
    alias: ShortText


class RemoveContact(Request):
    """Answered by `done`; `not_found` if there was none."""

    type: Literal["contact.remove"] = "contact.remove"
    subscriber: Subscriber


class Contacts(Reply):
    """By alias."""

    type: Literal["contacts"] = "contacts"
    contacts: list[Contact]


MESSAGING_REQUESTS = (
    PublishKey,
    FindRecipients,
    SendMessage,
    PutChunk,
    GetChunk,
    FetchMessages,
    ConfirmMessages,
    ListMessages,
    DeleteMessage,
    ListContacts,
    PutContact,
    RemoveContact,
)
MESSAGING_MESSAGES = (
    MessageKeys,
    MessageAccepted,
    MessageQueue,
    MessagePage,
    AttachmentChunk,
    NewMessage,
    MessageState,
    MessageDeleted,
    Contacts,
)

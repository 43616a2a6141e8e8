"""What a handset tells its user of messages."""

from collections.abc import Sequence
from dataclasses import dataclass

from ptthandset.message_chain import Verdict
from pttserver.wire import signalling
from pttserver.wire.message_body import AttachmentName


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file to go with a message."""

    about: AttachmentName
    octets: bytes


@dataclass(frozen=True, slots=True)
class ReadMessage:
    """A message as it was understood. `text` is None unless it is by the device that it names (see `verdict`)."""

    stored: signalling.StoredMessage
    verdict: Verdict
    text: str | None
    attachment: AttachmentName | None = None

    @property
    def id(self) -> str:
        return self.stored.id


@dataclass(frozen=True, slots=True)
class MessageReceived:
    """A message has come."""

    message: ReadMessage


@dataclass(frozen=True, slots=True)
class OutcomeChanged:
    """A message of ours: what became of it at a recipient."""

    message: str
    subscriber: str
    state: str


@dataclass(frozen=True, slots=True)
class MessageTakenBack:
    """Its author deleted a message."""

    message: str


@dataclass(frozen=True, slots=True)
class DeviceSeen:
    """A person whose devices are known has another one, or one of them has another key now (`changed`)."""

    subscriber: str
    device: str
    changed: bool


@dataclass(frozen=True, slots=True)
class Sent:
    """The server took a message. `undelivered`: will never get it. `unreachable`: have no device that could."""

    message: str
    undelivered: Sequence[str]
    unreachable: Sequence[str]


@dataclass(frozen=True, slots=True)
class MessageRefused:
    """A message that had to wait for the connection was refused at last: `code` as on the wire, `reason` for people."""

    conversation: str
    code: str
    reason: str


MessageEvent = MessageReceived | OutcomeChanged | MessageTakenBack | DeviceSeen | MessageRefused

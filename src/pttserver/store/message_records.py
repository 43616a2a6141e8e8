"""What the store gives and takes of messages. What goes in holds Released values; what comes out is opened."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pttserver.ids import DeviceId, Personal, SubscriberId, TenantId
from pttserver.privacy.released import Released


@dataclass(frozen=True, slots=True)
class MessageDevice:
    """A device that messages can be sealed for: Ed25519 key, X25519 key, signature of the first over the second."""

    device_id: DeviceId
    signing_key: bytes
    key: bytes
    signature: bytes


@dataclass(frozen=True, slots=True)
class Correspondent:
    """Somebody who can be written to."""

    subscriber_id: SubscriberId
    name: Personal
    devices: Sequence[MessageDevice]


@dataclass(frozen=True, slots=True)
class NewDelivery:
    """A message for one recipient, on the way in. `keys`: of that person's devices, None: the content is not kept.

    `sender`: the identifier as octets, since it names somebody else.
    """

    recipient_id: SubscriberId
    subject: Released
    sender: Released
    keys: Released | None
    sent_ms: Released


@dataclass(frozen=True, slots=True)
class NewMessage:
    """A message on the way in.

    `conversation`: a text that names it, of which a keyed digest is kept;
    `recipients`: their identifiers, with commas between, as octets: they name others than the sender.
    """

    message_id: str
    tenant_id: TenantId
    sender_id: SubscriberId
    client_id: bytes
    conversation: str
    subject: Released
    recipients: Released
    envelope: Released
    content: Released | None
    keys: Released | None
    attachment: "NewAttachment | None"
    sent_ms: Released
    deliveries: Sequence[NewDelivery]


@dataclass(frozen=True, slots=True)
class NewAttachment:
    """An attachment on the way in."""

    subject: Released
    octets: Released
    sent_ms: Released


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a message at a recipient, for its sender."""

    message_id: str
    sender_id: SubscriberId
    recipient_id: SubscriberId
    state: str


@dataclass(frozen=True, slots=True)
class Put:
    """A message that is kept: as it was before, if it came again. `kept_for`: who can fetch it."""

    message_id: str
    at_ms: int
    repeated: bool
    kept_for: frozenset[SubscriberId]
    dropped: Sequence[Outcome] = ()


@dataclass(frozen=True, slots=True)
class KeptMessage:
    """A message, opened as far as it can be. `envelope`, `content`, `keys`: None once they are kept no longer.

    `signing_keys`: of all devices that the sender has now.
    """

    message_id: str
    sender_id: SubscriberId
    name: Personal
    at_ms: int
    signing_keys: Mapping[DeviceId, bytes]
    envelope: bytes | None = field(repr=False)
    content: bytes | None = field(repr=False)
    keys: bytes | None = field(repr=False)
    outcomes: Sequence[Outcome] | None = None


@dataclass(frozen=True, slots=True)
class Waiting:
    """What a subscriber has to be told."""

    messages: Sequence[KeptMessage]
    more: bool
    outcomes: Sequence[Outcome]
    deleted: Sequence[str]


@dataclass(frozen=True, slots=True)
class Entry:
    """A contact of a subscriber's list."""

    contact_id: SubscriberId
    alias: Personal
    name: Personal

"""The tables of messages and contacts. The server cannot read a message's content; at rest all of it is sealed again.

A message is sealed under the key of its sender, a delivery under that of its recipient. They name each other by
references and sealed identifiers only: nobody can tell from the tables who writes to whom, and erasing a person makes
what that person wrote, and what was delivered to that person, unreadable. Contacts are tied to both people, so that
they go with either.
"""

from sqlalchemy import BigInteger, Boolean, ForeignKey, Index, LargeBinary, Table, Text, UniqueConstraint

from pttserver.privacy.categories import Category
from pttserver.store import reasons
from pttserver.store.columns import (
    Happening,
    Lasting,
    Shared,
    dated,
    identity,
    impersonal,
    in_clear,
    lifecycle_moment,
    linking,
    part_of,
    reference,
    sealed,
)
from pttserver.store.schema import metadata


def _subscriber(name: str, category: Category, *, primary_key: bool = False):  # type: ignore[no-untyped-def]
    return linking(name, category, ForeignKey("subscribers.id", ondelete="CASCADE"), primary_key=primary_key)


def _by_delivery(key: str) -> Shared:
    """What somebody said is about those to whom it was delivered, too."""
    covers = frozenset({Category.MESSAGE_METADATA, Category.MESSAGE_CONTENT, Category.ATTACHMENT})
    return Shared("deliveries", "subject", by="message_id", key=key, covers=covers)


def _filled(table: Table, column: str) -> None:
    """A sweep that empties a column before its row goes looks at the rows that still hold it."""
    filled = table.c[column].is_not(None)
    Index(f"ix_{table.name}_filled_{column}", table.c.tenant_id, table.c.sent_ms, sqlite_where=filled)


# The X25519 key of a device, with the device's signature over it.
message_keys = Table(
    "message_keys",
    metadata,
    part_of("devices", primary_key=True),
    _subscriber("subscriber_id", Category.CREDENTIAL),
    sealed("public_key", Category.CREDENTIAL),
    sealed("signature", Category.CREDENTIAL),
    lifecycle_moment("published", Category.CREDENTIAL, reasons.DEVICE),
    Index(None, "subscriber_id"),
    info={"lasting": Lasting("subscriber_id", Category.CREDENTIAL, since="published_ms")},
)

# `envelope`: what the sender signed, without the content. `wrapped`: of the sender's own devices, to read it later.
messages = Table(
    "messages",
    metadata,
    identity(),
    part_of("tenants"),
    reference("subject", Category.MESSAGE_METADATA),
    impersonal("client_id", LargeBinary),
    linking(
        "conversation",
        Category.MESSAGE_METADATA,
        kind=LargeBinary(),
        because="a keyed digest of who takes part: it finds the rows of a conversation, and names nobody",
    ),
    sealed("recipients", Category.MESSAGE_METADATA),
    sealed("envelope", Category.MESSAGE_METADATA),
    sealed("content", Category.MESSAGE_CONTENT),
    sealed("wrapped", Category.MESSAGE_CONTENT),
    dated("sent_ms", Category.MESSAGE_METADATA),
    in_clear("deleted_ms", BigInteger(), Category.MESSAGE_METADATA, reasons.MESSAGE, nullable=True),
    UniqueConstraint("subject", "client_id"),
    Index(None, "tenant_id", "sent_ms"),
    Index(None, "conversation", "sent_ms"),
    info={"happening": Happening(Category.MESSAGE_METADATA, since="sent_ms", shared=_by_delivery("id"))},
)
_filled(messages, "content")
_filled(messages, "wrapped")

# A message at one recipient; it lives by its own subject's events and holds, so `message_id` is no foreign key.
deliveries = Table(
    "deliveries",
    metadata,
    impersonal("message_id", Text, primary_key=True),
    reference("subject", Category.MESSAGE_METADATA, primary_key=True),
    part_of("tenants"),
    sealed("sender", Category.MESSAGE_METADATA),
    sealed("wrapped", Category.MESSAGE_CONTENT),
    in_clear("state", Text(), Category.MESSAGE_METADATA, reasons.MESSAGE),
    in_clear("untold", Boolean(), Category.MESSAGE_METADATA, reasons.MESSAGE, server_default="0"),
    dated("sent_ms", Category.MESSAGE_METADATA),
    dated("state_ms", Category.MESSAGE_METADATA, nullable=True),
    Index(None, "subject", "state", "sent_ms"),
    Index(None, "tenant_id", "state", "sent_ms"),
    Index(None, "tenant_id", "sent_ms"),
    info={"happening": Happening(Category.MESSAGE_METADATA, since="sent_ms")},
)
_filled(deliveries, "wrapped")

attachments = Table(
    "attachments",
    metadata,
    impersonal("message_id", Text, primary_key=True),
    part_of("tenants"),
    reference("subject", Category.ATTACHMENT),
    sealed("octets", Category.ATTACHMENT),
    dated("sent_ms", Category.ATTACHMENT),
    Index(None, "tenant_id", "sent_ms"),
    Index(None, "subject"),
    info={"happening": Happening(Category.ATTACHMENT, since="sent_ms", shared=_by_delivery("message_id"))},
)

contacts = Table(
    "contacts",
    metadata,
    _subscriber("subscriber_id", Category.CONTACT_DATA, primary_key=True),
    _subscriber("contact_id", Category.CONTACT_DATA, primary_key=True),
    sealed("alias", Category.CONTACT_DATA),
    in_clear("recorded_ms", BigInteger(), Category.CONTACT_DATA, reasons.CONTACT),
    Index(None, "contact_id"),
    info={"lasting": Lasting("subscriber_id", Category.CONTACT_DATA, since="recorded_ms", about="contact_id")},
)

"""The tables of what lives and of what happened; their names and columns are the words of the glossary.

What lives (tenants, groups, subscribers, devices and what hangs on them) is tied together by foreign keys: removing one
removes what is part of it, and destroying a subject's key (store/governance_schema.py) removes the subscriber. What has
happened (calls, bursts, takeovers) is tied to its tenant only: it outlives the group and the subscriber that it speaks
of. It names subjects by references, which nobody can follow once the subject's key is gone.
"""

from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    and_,
    text,
)
from sqlalchemy.types import TypeEngine

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
    lifecycle,
    lifecycle_moment,
    linking,
    moment,
    or_else,
    part_of,
    reference,
    sealed,
)

REVISION: Final = "0017"  # of the newest migration: the shape that the schema modules describe

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _of_subscriber(category: Category, *, primary_key: bool = False) -> Column[str]:
    owner = ForeignKey("subscribers.id", ondelete="CASCADE")
    return linking("subscriber_id", category, owner, primary_key=primary_key)


def _or_contact(column: Column[Any]) -> Column[Any]:
    """Of a row that holds contact data, not a field of the organisation's own."""
    return or_else(column, Category.CONTACT_DATA, "contact")


def _right(name: str, kind: TypeEngine[Any], **options: Any) -> Column[Any]:
    because = "it is asked at every request; whose it is is sealed"
    return linking(name, Category.MEMBERSHIP, kind=kind, because=because, **options)


def _by_participation(key: str) -> Shared:
    """A call is about everybody who was there; where it was started from is about who started it."""
    covers = frozenset({Category.CALL_RECORD, Category.PARTICIPANTS})
    return Shared("call_participants", "subject", by="call_id", key=key, covers=covers)


def _emptied_early(table: Table, column: str) -> None:
    """A sweep that empties a column before its row goes looks at the rows that still hold it, not at all the others."""
    filled = table.c[column].is_not(None)
    Index(f"ix_{table.name}_filled_{column}", table.c.tenant_id, table.c.started_ms, sqlite_where=filled)


# Names of organisations and groups stand in clear: they are chosen for all to see, and handsets show them. So they are
# no place for the name of a person.
tenants = Table(
    "tenants",
    metadata,
    identity(),
    impersonal("name", Text, unique=True),
    moment("created"),
)

groups = Table(
    "groups",
    metadata,
    identity(),
    part_of("tenants"),
    impersonal("name", Text),
    moment("created"),
    UniqueConstraint("tenant_id", "name"),
)

# A removed subscriber can do nothing any more; the row waits for the end of its period, and its identifier is free.
subscribers = Table(
    "subscribers",
    metadata,
    linking("id", Category.IDENTIFIER, ForeignKey("subjects.id", ondelete="CASCADE"), primary_key=True),
    part_of("tenants"),
    sealed("identifier", Category.IDENTIFIER),
    linking(
        "identifier_index",
        Category.IDENTIFIER,
        kind=LargeBinary(),
        because="a keyed digest: it finds the identifier again, and says nothing without the tenant's key",
        nullable=True,
    ),
    lifecycle("identifier_kind", Text(), Category.IDENTIFIER, reasons.ACCOUNT),
    sealed("display_name", Category.SUBSCRIBER_NAME),
    sealed("pin_hash", Category.CREDENTIAL),
    lifecycle_moment("created", Category.IDENTIFIER, reasons.KNOWN_SINCE),
    dated("last_login_ms", Category.LAST_LOGIN, nullable=True),
    lifecycle_moment("removed", Category.IDENTIFIER, reasons.REMOVED, nullable=True),
    CheckConstraint("identifier_kind IN ('phone', 'custom')", name="identifier_kind"),
    info={"lasting": Lasting("id", since="created_ms", since_of={"last_login_ms": "last_login_ms"})},
)
Index(
    "uq_subscribers_tenant_id_identifier_index",
    subscribers.c.tenant_id,
    subscribers.c.identifier_index,
    unique=True,
    sqlite_where=and_(subscribers.c.removed_ms.is_(None), text("substr(identifier, 1, 1) <> x'74'")),
)  # x'74': only a part of the identifier is kept (privacy/forms.py), which others may share

# Who has no row has the rights of everybody.
rights = Table(
    "rights",
    metadata,
    _of_subscriber(Category.MEMBERSHIP, primary_key=True),
    _right("role", Text()),
    _right("alerts_allowed", Boolean(), nullable=True),
    _right("location_allowed", Boolean()),
    _right("location_wanted", Boolean()),
    _right("location_since_ms", BigInteger(), server_default="0"),
    info={"lasting": Lasting("subscriber_id", Category.MEMBERSHIP)},
)

members = Table(
    "members",
    metadata,
    linking("group_id", Category.MEMBERSHIP, ForeignKey("groups.id", ondelete="CASCADE"), primary_key=True),
    _of_subscriber(Category.MEMBERSHIP, primary_key=True),
    in_clear("priority", Integer(), Category.MEMBERSHIP, reasons.MEMBERSHIP, server_default="100"),
    in_clear("listen_only", Boolean(), Category.MEMBERSHIP, reasons.MEMBERSHIP, server_default="0"),
    CheckConstraint("priority BETWEEN 0 AND 255", name="priority"),
    Index(None, "subscriber_id"),
    info={"lasting": Lasting("subscriber_id", Category.MEMBERSHIP)},
)

# Contact data (`e-mail`, `address`, ...) and fields that the organisation defined itself.
subscriber_fields = Table(
    "subscriber_fields",
    metadata,
    _or_contact(_of_subscriber(Category.EXTRA, primary_key=True)),
    _or_contact(in_clear("name", Text(), Category.EXTRA, reasons.FIELD, primary_key=True)),
    sealed("contact", Category.CONTACT_DATA),
    sealed("extra", Category.EXTRA),
    _or_contact(in_clear("recorded_ms", BigInteger(), Category.EXTRA, reasons.FIELD)),
    CheckConstraint("(contact IS NULL) <> (extra IS NULL)", name="one_value"),
    info={"lasting": Lasting("subscriber_id", since="recorded_ms")},
)

devices = Table(
    "devices",
    metadata,
    identity(),
    part_of("tenants"),
    _of_subscriber(Category.CREDENTIAL),
    sealed("label", Category.NICKNAME),
    sealed("device_type", Category.DEVICE_TYPE),
    sealed("public_key", Category.CREDENTIAL),
    lifecycle_moment("created", Category.CREDENTIAL, reasons.DEVICE),
    lifecycle_moment("enrolled", Category.CREDENTIAL, reasons.DEVICE, nullable=True),
    lifecycle_moment("revoked", Category.CREDENTIAL, reasons.DEVICE, nullable=True),
    Index(None, "tenant_id"),
    Index(None, "subscriber_id"),
    info={
        "lasting": Lasting(
            "subscriber_id",
            Category.CREDENTIAL,
            since="created_ms",
            since_of={"device_type": "enrolled_ms", "public_key": "enrolled_ms"},
        )
    },
)

enrolment_codes = Table(
    "enrolment_codes",
    metadata,
    linking("code_hash", Category.CREDENTIAL, kind=LargeBinary(), because=reasons.DIGEST, primary_key=True),
    part_of("devices"),
    lifecycle_moment("expires", Category.CREDENTIAL, reasons.CODE),
    lifecycle_moment("used", Category.CREDENTIAL, reasons.CODE, nullable=True),
    Index(None, "device_id"),
)

# `expires`: of the row, in whole hours. When somebody logged in is not to be read from it: the token has its own end.
resume_tokens = Table(
    "resume_tokens",
    metadata,
    _of_subscriber(Category.CREDENTIAL, primary_key=True),
    part_of("devices"),
    linking("token_hash", Category.CREDENTIAL, kind=LargeBinary(), because=reasons.DIGEST),
    lifecycle_moment("expires", Category.CREDENTIAL, reasons.CODE),
    Index(None, "device_id"),
    info={"lasting": Lasting("subscriber_id", Category.CREDENTIAL)},
)

takeovers = Table(
    "takeovers",
    metadata,
    impersonal("id", Integer, primary_key=True),
    part_of("tenants"),
    reference("subject", Category.ACTIVITY_LOG),
    sealed("from_device_id", Category.ACTIVITY_LOG),
    sealed("to_device_id", Category.ACTIVITY_LOG),
    dated("at_ms", Category.ACTIVITY_LOG),
    Index(None, "tenant_id", "at_ms"),
    info={"happening": Happening(Category.ACTIVITY_LOG, since="at_ms")},
)

calls = Table(
    "calls",
    metadata,
    identity(),
    part_of("tenants"),
    linking("group_id", Category.CALL_RECORD),
    reference("initiator", Category.PARTICIPANTS),
    sealed("initiator_address", Category.IP_ADDRESS),
    dated("started_ms", Category.CALL_RECORD),
    dated("ended_ms", Category.CALL_RECORD),
    Index(None, "tenant_id", "started_ms"),
    Index(None, "initiator"),
    info={
        "happening": Happening(
            Category.CALL_RECORD, since="started_ms", subject="initiator", shared=_by_participation("id")
        )
    },
)
_emptied_early(calls, "initiator")
_emptied_early(calls, "initiator_address")

# Written before or after the row of its call: so `call_id` is no foreign key in these two.
call_participants = Table(
    "call_participants",
    metadata,
    impersonal("call_id", Text, primary_key=True),
    reference("subject", Category.PARTICIPANTS, primary_key=True),
    part_of("tenants"),
    dated("started_ms", Category.PARTICIPANTS),
    Index(None, "subject"),
    Index(None, "tenant_id", "started_ms"),
    info={"happening": Happening(Category.PARTICIPANTS, since="started_ms")},
)

bursts = Table(
    "bursts",
    metadata,
    identity(),
    impersonal("call_id", Text),
    part_of("tenants"),
    linking("group_id", Category.CALL_RECORD),
    reference("subject", Category.PARTICIPANTS),
    dated("started_ms", Category.CALL_RECORD),
    dated("duration_ms", Category.CALL_RECORD),
    in_clear("packets", BigInteger(), Category.CALL_RECORD, reasons.CALL),
    in_clear("end_reason", Text(), Category.CALL_RECORD, reasons.CALL),
    Index(None, "tenant_id", "started_ms"),
    Index(None, "call_id"),
    Index(None, "subject"),
    info={"happening": Happening(Category.CALL_RECORD, since="started_ms", shared=_by_participation("call_id"))},
)
_emptied_early(bursts, "subject")

# One row. Triggers raise the number whenever a right is taken away or changed: members, devices, subjects, policies.
standing_changes = Table("standing_changes", metadata, impersonal("number", BigInteger))

"""The tables; their names and columns are the words of the glossary.

What lives (tenants, groups, subscribers, devices and what hangs on them) is tied together by foreign keys:
removing one removes what is part of it. What has happened (calls, bursts, takeovers) is tied to its tenant
only: it outlives the group and the subscriber that it speaks of, whose identifiers say nothing once their
rows are gone.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
)

from pttserver.ids import Personal

REVISION = "0001"  # of the newest migration: the shape that this module describes

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


class PersonalText(TypeDecorator[Personal]):
    """Text about a person: comes out as Personal, so that it cannot be printed by accident."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        return value.reveal() if isinstance(value, Personal) else value

    def process_result_value(self, value: str | None, dialect: Dialect) -> Personal | None:
        return None if value is None else Personal(value)


def _id() -> Column[str]:
    return Column("id", Text, primary_key=True)


def _part_of(table: str, *, primary_key: bool = False) -> Column[str]:
    """`tenants` -> `tenant_id`, which dies with the tenant."""
    owner = ForeignKey(f"{table}.id", ondelete="CASCADE")
    return Column(f"{table[:-1]}_id", Text, owner, nullable=False, primary_key=primary_key)


def _ms(name: str, *, nullable: bool = False) -> Column[int]:
    return Column(f"{name}_ms", BigInteger, nullable=nullable)


tenants = Table(
    "tenants",
    metadata,
    _id(),
    Column("name", Text, nullable=False, unique=True),
    Column("roster_limit", Integer, nullable=False, server_default="50"),
    _ms("created"),
)

groups = Table(
    "groups",
    metadata,
    _id(),
    _part_of("tenants"),
    Column("name", Text, nullable=False),
    _ms("created"),
    UniqueConstraint("tenant_id", "name"),
)

subscribers = Table(
    "subscribers",
    metadata,
    _id(),
    _part_of("tenants"),
    Column("identifier", PersonalText, nullable=False),
    Column("identifier_kind", Text, nullable=False),
    Column("display_name", PersonalText),
    Column("pin_hash", Text, nullable=False),
    _ms("created"),
    _ms("last_login", nullable=True),
    UniqueConstraint("tenant_id", "identifier"),
    CheckConstraint("identifier_kind IN ('phone', 'custom')", name="identifier_kind"),
)

members = Table(
    "members",
    metadata,
    _part_of("groups", primary_key=True),
    _part_of("subscribers", primary_key=True),
    Column("priority", Integer, nullable=False, server_default="100"),
    Column("listen_only", Boolean, nullable=False, server_default="0"),
    CheckConstraint("priority BETWEEN 0 AND 255", name="priority"),
    Index(None, "subscriber_id"),
)

devices = Table(
    "devices",
    metadata,
    _id(),
    _part_of("tenants"),
    _part_of("subscribers"),
    Column("label", PersonalText),
    Column("device_type", Text),
    Column("public_key", LargeBinary),
    _ms("created"),
    _ms("enrolled", nullable=True),
    _ms("revoked", nullable=True),
    Index(None, "tenant_id"),
    Index(None, "subscriber_id"),
)

enrolment_codes = Table(
    "enrolment_codes",
    metadata,
    Column("code_hash", LargeBinary, primary_key=True),
    _part_of("devices"),
    _ms("expires"),
    _ms("used", nullable=True),
    Index(None, "device_id"),
)

resume_tokens = Table(
    "resume_tokens",
    metadata,
    _part_of("subscribers", primary_key=True),
    _part_of("devices"),
    Column("token_hash", LargeBinary, nullable=False),
    _ms("issued"),
    _ms("expires"),
    Index(None, "device_id"),
)

takeovers = Table(
    "takeovers",
    metadata,
    Column("id", Integer, primary_key=True),
    _part_of("tenants"),
    Column("subscriber_id", Text, nullable=False),
    Column("from_device_id", Text, nullable=False),
    Column("to_device_id", Text, nullable=False),
    _ms("at"),
    Index(None, "tenant_id", "at_ms"),
)

calls = Table(
    "calls",
    metadata,
    _id(),
    _part_of("tenants"),
    Column("group_id", Text, nullable=False),
    Column("initiator_id", Text, nullable=False),
    Column("initiator_address", PersonalText),
    _ms("started"),
    _ms("ended"),
    Index(None, "tenant_id", "started_ms"),
)

call_participants = Table(
    "call_participants",
    metadata,
    _part_of("calls", primary_key=True),
    Column("subscriber_id", Text, primary_key=True),
    Index(None, "subscriber_id"),
)

# A burst is written as it ends, before the row of its call: so `call_id` is not a foreign key.
bursts = Table(
    "bursts",
    metadata,
    _id(),
    Column("call_id", Text, nullable=False),
    _part_of("tenants"),
    Column("group_id", Text, nullable=False),
    Column("subscriber_id", Text, nullable=False),
    _ms("started"),
    Column("duration_ms", BigInteger, nullable=False),
    Column("packets", BigInteger, nullable=False),
    Column("end_reason", Text, nullable=False),
    Index(None, "tenant_id", "started_ms"),
    Index(None, "call_id"),
)

# One row. Triggers raise the number whenever a right is taken away or changed: members, devices.
standing_changes = Table("standing_changes", metadata, Column("number", BigInteger, nullable=False))

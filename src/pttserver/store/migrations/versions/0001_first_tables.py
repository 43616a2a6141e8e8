"""The first tables.

A migration is a snapshot: it does not import the schema, which moves on. Only the schema's naming convention
of constraints, which env.py hands over, must stay.
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    _create_what_lives()
    _create_what_hangs_on_it()
    _create_what_happened()
    _count_changes_of_standing()


def _create_what_lives() -> None:
    op.create_table(
        "tenants",
        _id(),
        sa.Column("name", sa.Text, nullable=False, unique=True),
        sa.Column("roster_limit", sa.Integer, nullable=False, server_default="50"),
        _ms("created"),
    )
    op.create_table(
        "groups",
        _id(),
        _part_of("tenants"),
        _text("name"),
        _ms("created"),
        sa.UniqueConstraint("tenant_id", "name"),
    )
    op.create_table(
        "subscribers",
        _id(),
        _part_of("tenants"),
        _text("identifier"),
        _text("identifier_kind"),
        sa.Column("display_name", sa.Text),
        _text("pin_hash"),
        _ms("created"),
        _ms("last_login", nullable=True),
        sa.UniqueConstraint("tenant_id", "identifier"),
        sa.CheckConstraint("identifier_kind IN ('phone', 'custom')", name="identifier_kind"),
    )
    op.create_table(
        "devices",
        _id(),
        _part_of("tenants"),
        _part_of("subscribers"),
        sa.Column("label", sa.Text),
        sa.Column("device_type", sa.Text),
        sa.Column("public_key", sa.LargeBinary),
        _ms("created"),
        _ms("enrolled", nullable=True),
        _ms("revoked", nullable=True),
    )
    _index("devices", "tenant_id")
    _index("devices", "subscriber_id")


def _create_what_hangs_on_it() -> None:
    op.create_table(
        "members",
        _part_of("groups", primary_key=True),
        _part_of("subscribers", primary_key=True),
        sa.Column("priority", sa.Integer, nullable=False, server_default="100"),
        sa.Column("listen_only", sa.Boolean, nullable=False, server_default="0"),
        sa.CheckConstraint("priority BETWEEN 0 AND 255", name="priority"),
    )
    _index("members", "subscriber_id")
    op.create_table(
        "enrolment_codes",
        sa.Column("code_hash", sa.LargeBinary, primary_key=True),
        _part_of("devices"),
        _ms("expires"),
        _ms("used", nullable=True),
    )
    _index("enrolment_codes", "device_id")
    op.create_table(
        "resume_tokens",
        _part_of("subscribers", primary_key=True),
        _part_of("devices"),
        sa.Column("token_hash", sa.LargeBinary, nullable=False),
        _ms("issued"),
        _ms("expires"),
    )
    _index("resume_tokens", "device_id")


def _create_what_happened() -> None:
    op.create_table(
        "takeovers",
        sa.Column("id", sa.Integer, primary_key=True),
        _part_of("tenants"),
        _text("subscriber_id"),
        _text("from_device_id"),
        _text("to_device_id"),
        _ms("at"),
    )
    _index("takeovers", "tenant_id", "at_ms")
    op.create_table(
        "calls",
        _id(),
        _part_of("tenants"),
        _text("group_id"),
        _text("initiator_id"),
        sa.Column("initiator_address", sa.Text),
        _ms("started"),
        _ms("ended"),
    )
    _index("calls", "tenant_id", "started_ms")
    op.create_table(
        "call_participants",
        _part_of("calls", primary_key=True),
        sa.Column("subscriber_id", sa.Text, primary_key=True),
    )
    _index("call_participants", "subscriber_id")
    op.create_table(
        "bursts",
        _id(),
        _text("call_id"),
        _part_of("tenants"),
        _text("group_id"),
        _text("subscriber_id"),
        _ms("started"),
        _ms("duration"),
        sa.Column("packets", sa.BigInteger, nullable=False),
        _text("end_reason"),
    )
    _index("bursts", "tenant_id", "started_ms")
    _index("bursts", "call_id")


def _count_changes_of_standing() -> None:
    """Whatever takes a right away, in any process, raises one number: a server that runs looks at it."""
    op.create_table("standing_changes", sa.Column("number", sa.BigInteger, nullable=False))
    op.execute("INSERT INTO standing_changes (number) VALUES (0)")
    _raise_number_on("members_changed", "UPDATE ON members")
    _raise_number_on("members_removed", "DELETE ON members")
    _raise_number_on("devices_changed", "UPDATE OF revoked_ms, subscriber_id, public_key ON devices")
    _raise_number_on("devices_removed", "DELETE ON devices")


def _raise_number_on(name: str, happening: str) -> None:
    raising = "UPDATE standing_changes SET number = number + 1"
    op.execute(f"CREATE TRIGGER {name} AFTER {happening} BEGIN {raising}; END")


def _id() -> sa.Column[str]:
    return sa.Column("id", sa.Text, primary_key=True)


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=False)


def _ms(name: str, *, nullable: bool = False) -> sa.Column[int]:
    return sa.Column(f"{name}_ms", sa.BigInteger, nullable=nullable)


def _part_of(table: str, *, primary_key: bool = False) -> sa.Column[str]:
    owner = sa.ForeignKey(f"{table}.id", ondelete="CASCADE")
    return sa.Column(f"{table[:-1]}_id", sa.Text, owner, nullable=False, primary_key=primary_key)


def _index(table: str, *columns: str) -> None:
    op.create_index(f"ix_{table}_{'_'.join(columns)}", table, list(columns))

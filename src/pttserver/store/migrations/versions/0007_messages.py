"""Messages, their deliveries and attachments, the keys that they are sealed for, and contacts.

A migration is a snapshot: it does not import the schema, which moves on.
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    _create_keys()
    _create_messages()
    _create_deliveries()
    _create_attachments()
    _create_contacts()


def _create_keys() -> None:
    op.create_table(
        "message_keys",
        _owner("device_id", "devices", primary_key=True),
        _owner("subscriber_id", "subscribers"),
        sa.Column("public_key", sa.LargeBinary),
        sa.Column("signature", sa.LargeBinary),
        sa.Column("published_ms", sa.BigInteger, nullable=False),
    )
    _index("message_keys", "subscriber_id")


def _create_messages() -> None:
    op.create_table(
        "messages",
        sa.Column("id", sa.Text, primary_key=True),
        _owner("tenant_id", "tenants"),
        sa.Column("subject", sa.Text),
        sa.Column("client_id", sa.LargeBinary, nullable=False),
        sa.Column("conversation", sa.LargeBinary, nullable=False),
        sa.Column("recipients", sa.LargeBinary),
        sa.Column("envelope", sa.LargeBinary),
        sa.Column("content", sa.LargeBinary),
        sa.Column("wrapped", sa.LargeBinary),
        sa.Column("sent_ms", sa.BigInteger, nullable=False),
        sa.Column("deleted_ms", sa.BigInteger),
        sa.UniqueConstraint("subject", "client_id"),
    )
    _index("messages", "tenant_id", "sent_ms")
    _index("messages", "conversation", "sent_ms")
    _filled("messages", "content")
    _filled("messages", "wrapped")


def _create_deliveries() -> None:
    op.create_table(
        "deliveries",
        sa.Column("message_id", sa.Text, primary_key=True),
        sa.Column("subject", sa.Text, primary_key=True),
        _owner("tenant_id", "tenants"),
        sa.Column("sender", sa.LargeBinary),
        sa.Column("wrapped", sa.LargeBinary),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("untold", sa.Boolean, nullable=False, server_default="0"),
        sa.Column("sent_ms", sa.BigInteger, nullable=False),
        sa.Column("state_ms", sa.BigInteger),
    )
    _index("deliveries", "subject", "state", "sent_ms")
    _index("deliveries", "tenant_id", "state", "sent_ms")
    _index("deliveries", "tenant_id", "sent_ms")
    _filled("deliveries", "wrapped")


def _create_attachments() -> None:
    op.create_table(
        "attachments",
        sa.Column("message_id", sa.Text, primary_key=True),
        _owner("tenant_id", "tenants"),
        sa.Column("subject", sa.Text),
        sa.Column("octets", sa.LargeBinary),
        sa.Column("sent_ms", sa.BigInteger, nullable=False),
    )
    _index("attachments", "tenant_id", "sent_ms")
    _index("attachments", "subject")


def _create_contacts() -> None:
    op.create_table(
        "contacts",
        _owner("subscriber_id", "subscribers", primary_key=True),
        _owner("contact_id", "subscribers", primary_key=True),
        sa.Column("alias", sa.LargeBinary),
        sa.Column("recorded_ms", sa.BigInteger, nullable=False),
    )
    _index("contacts", "contact_id")


def _owner(name: str, table: str, *, primary_key: bool = False) -> sa.Column[str]:
    owner = sa.ForeignKey(f"{table}.id", ondelete="CASCADE")
    return sa.Column(name, sa.Text, owner, primary_key=primary_key, nullable=False)


def _index(table: str, *columns: str) -> None:
    op.create_index(f"ix_{table}_{'_'.join(columns)}", table, list(columns))


def _filled(table: str, column: str) -> None:
    filled = sa.text(f"{column} IS NOT NULL")
    op.create_index(f"ix_{table}_filled_{column}", table, ["tenant_id", "sent_ms"], sqlite_where=filled)

"""Accounts of the console, their passkeys and invitations, and the browsers that are devices.

What takes an account's right away raises `standing_changes`. A migration is a snapshot: it does not import the schema,
which moves on.
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.create_table(
        "console_accounts",
        _owner("subscriber_id", "subscribers", primary_key=True),
        _owner("tenant_id", "tenants"),
        sa.Column("password_hash", sa.LargeBinary),
        sa.Column("totp_secret", sa.LargeBinary),
        sa.Column("totp_step", sa.LargeBinary),
        sa.Column("created_ms", sa.BigInteger, nullable=False),
        sa.Column("activated_ms", sa.BigInteger),
        sa.Column("locked_ms", sa.BigInteger),
    )
    _index("console_accounts", "tenant_id")
    op.create_table(
        "console_passkeys",
        sa.Column("id", sa.Text, primary_key=True),
        _owner("subscriber_id", "subscribers"),
        sa.Column("relying_party", sa.Text, nullable=False),
        sa.Column("credential_id", sa.LargeBinary),
        sa.Column("public_key", sa.LargeBinary),
        sa.Column("sign_count", sa.LargeBinary),
        sa.Column("created_ms", sa.BigInteger, nullable=False),
    )
    _index("console_passkeys", "subscriber_id")
    op.create_table(
        "console_invitations",
        sa.Column("code_hash", sa.LargeBinary, primary_key=True),
        _owner("subscriber_id", "subscribers"),
        sa.Column("issued_ms", sa.BigInteger, nullable=False),
        sa.Column("expires_ms", sa.BigInteger, nullable=False),
    )
    _index("console_invitations", "subscriber_id")
    op.create_table("console_devices", _owner("device_id", "devices", primary_key=True))
    raising = "UPDATE standing_changes SET number = number + 1"
    for name, happening in (("changed", "UPDATE OF activated_ms, locked_ms"), ("removed", "DELETE")):
        op.execute(f"CREATE TRIGGER console_accounts_{name} AFTER {happening} ON console_accounts BEGIN {raising}; END")


def _owner(name: str, table: str, *, primary_key: bool = False) -> sa.Column[str]:
    owner = sa.ForeignKey(f"{table}.id", ondelete="CASCADE")
    return sa.Column(name, sa.Text, owner, primary_key=primary_key, nullable=False)


def _index(table: str, *columns: str) -> None:
    op.create_index(f"ix_{table}_{'_'.join(columns)}", table, list(columns))

"""Emergency alerts and their timelines."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.create_table(
        "alerts",
        sa.Column("id", sa.Text, primary_key=True),
        _part_of("tenants"),
        sa.Column("subject", sa.Text),
        sa.Column("drill", sa.Boolean, nullable=False),
        sa.Column("position", sa.LargeBinary),
        sa.Column("raised_ms", sa.BigInteger, nullable=False),
        sa.Column("closed_ms", sa.BigInteger),
    )
    _index("alerts", "tenant_id", "raised_ms")
    _index("alerts", "subject")
    op.create_table(
        "alert_steps",
        _part_of("alerts", primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True),
        _part_of("tenants"),
        sa.Column("subject", sa.Text),
        sa.Column("actor", sa.Text),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("note", sa.LargeBinary),
        sa.Column("at_ms", sa.BigInteger, nullable=False),
    )
    _index("alert_steps", "tenant_id", "at_ms")
    _index("alert_steps", "subject")
    _index("alert_steps", "actor")


def _part_of(table: str, *, primary_key: bool = False) -> sa.Column[str]:
    owner = sa.ForeignKey(f"{table}.id", ondelete="CASCADE")
    return sa.Column(f"{table[:-1]}_id", sa.Text, owner, nullable=False, primary_key=primary_key)


def _index(table: str, *columns: str) -> None:
    op.create_index(f"ix_{table}_{'_'.join(columns)}", table, list(columns))

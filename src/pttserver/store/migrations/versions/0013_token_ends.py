"""Resume tokens do not tell when somebody logged in."""

from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    op.drop_column("resume_tokens", "issued_ms")

"""Personal values are sealed, histories name subjects by references, and the tables that govern them come in.

A migration is a snapshot: it does not import the schema, which moves on. The old tables are put aside, the new ones
filled from them row by row, and the old ones dropped; `secure_delete` overwrites what stood in clear.
"""

from collections.abc import Callable, Iterator
from typing import Any

import sqlalchemy as sa
from alembic import context, op

from pttserver.crypto.sealing import MasterKey, SubjectKey, TenantKey

revision = "0002"
down_revision = "0001"

_OLD = (
    "bursts",
    "call_participants",
    "calls",
    "takeovers",
    "resume_tokens",
    "enrolment_codes",
    "devices",
    "members",
    "subscribers",
    "groups",
    "tenants",
)  # children first
_TRIGGERS = ("members_changed", "members_removed", "devices_changed", "devices_removed")
_BATCH = 500


def upgrade() -> None:
    sql = op.get_bind()
    for trigger in _TRIGGERS:
        op.execute(f"DROP TRIGGER {trigger}")
    for table in _OLD:
        _put_aside(sql, table)
    _create_what_lives()
    _create_what_hangs_on_it()
    _create_what_happened()
    _create_what_governs()
    _create_the_audit_log()
    _count_changes_of_standing()
    _Mover(sql, context.config.attributes["vault"].newest).move()
    for table in _OLD:
        op.drop_table(f"old_{table}")


def _put_aside(sql: sa.Connection, table: str) -> None:
    for index in sa.inspect(sql).get_indexes(table):
        op.drop_index(str(index["name"]), table)
    op.rename_table(table, f"old_{table}")


class _Mover:
    """Copies the old rows into the new tables, sealed under keys drawn now."""

    def __init__(self, sql: sa.Connection, master: MasterKey) -> None:
        self._sql = sql
        self._master = master
        self._tenants: dict[str, TenantKey] = {}
        self._subjects: dict[str, SubjectKey] = {}

    def move(self) -> None:
        self._copy("tenants", lambda row: {name: row[name] for name in ("id", "name", "created_ms")})
        self._draw_tenant_keys()
        self._copy("groups", dict)
        self._draw_subjects()
        self._copy("subscribers", self._subscriber)
        self._copy("members", dict)
        self._copy("devices", self._device)
        self._copy("enrolment_codes", dict)
        self._copy("resume_tokens", dict)
        self._copy("takeovers", self._takeover)
        self._copy("calls", self._call)
        self._copy_participants()
        self._copy("bursts", self._burst)

    def _rows(self, query: str) -> Iterator[list[Any]]:
        result = self._sql.execute(sa.text(query)).mappings()
        while some := result.fetchmany(_BATCH):
            yield list(some)

    def _copy(self, table: str, convert: Callable[[Any], dict[str, Any]]) -> None:
        for rows in self._rows(f"SELECT * FROM old_{table}"):  # noqa: S608 - our own names
            self._insert(table, [convert(row) for row in rows])

    def _insert(self, table: str, rows: list[dict[str, Any]]) -> None:
        target = sa.table(table, *(sa.column(name) for name in rows[0]))
        self._sql.execute(sa.insert(target), rows)

    def _draw_tenant_keys(self) -> None:
        for rows in self._rows("SELECT id, created_ms FROM old_tenants"):
            for row in rows:
                tenant_id, wrapped = row["id"], self._master.draw_tenant(row["id"])
                self._tenants[tenant_id] = TenantKey(self._master.unwrap(tenant_id, wrapped))
                key = {"tenant_id": tenant_id, "master_id": self._master.key_id, "wrapped": wrapped}
                self._insert("tenant_keys", [key])
                self._draw_subject(tenant_id, tenant_id, "tenant", row["created_ms"])

    def _draw_subjects(self) -> None:
        for rows in self._rows("SELECT id, tenant_id, created_ms FROM old_subscribers"):
            for row in rows:
                self._draw_subject(row["id"], row["tenant_id"], "subscriber", row["created_ms"])

    def _draw_subject(self, subject_id: str, tenant_id: str, kind: str, created_ms: int) -> None:
        tenant = self._tenants[tenant_id]
        wrapped = tenant.draw_subject(subject_id)
        self._subjects[subject_id] = tenant.subject(subject_id, wrapped)
        row = {"id": subject_id, "tenant_id": tenant_id, "wrapped": wrapped, "kind": kind, "created_ms": created_ms}
        self._insert("subjects", [row])

    def _seal(self, subject_id: str, value: str | bytes | None, category: str) -> bytes | None:
        key = self._subjects.get(subject_id)
        return None if key is None or value is None else key.seal(value, category)

    def _refer(self, subject_id: str) -> str | None:
        key = self._subjects.get(subject_id)
        return key.reference("history") if key else None

    def _subscriber(self, row: Any) -> dict[str, Any]:
        who = row["id"]
        return {
            "id": who,
            "tenant_id": row["tenant_id"],
            "identifier": self._seal(who, row["identifier"], "identifier"),
            "identifier_index": self._tenants[row["tenant_id"]].blind_index(row["identifier"], "identifier"),
            "identifier_kind": row["identifier_kind"],
            "display_name": self._seal(who, row["display_name"], "subscriber_name"),
            "pin_hash": self._seal(who, row["pin_hash"], "credential"),
            "created_ms": row["created_ms"],
            "last_login_ms": row["last_login_ms"],
        }

    def _device(self, row: Any) -> dict[str, Any]:
        who = row["subscriber_id"]
        return dict(row) | {
            "label": self._seal(who, row["label"], "nickname"),
            "device_type": self._seal(who, row["device_type"], "device_type"),
            "public_key": self._seal(who, row["public_key"], "credential"),
        }

    def _takeover(self, row: Any) -> dict[str, Any]:
        who = row["subscriber_id"]
        return {
            "id": row["id"],
            "tenant_id": row["tenant_id"],
            "subject": self._refer(who),
            "from_device_id": self._seal(who, row["from_device_id"], "activity_log"),
            "to_device_id": self._seal(who, row["to_device_id"], "activity_log"),
            "at_ms": row["at_ms"],
        }

    def _call(self, row: Any) -> dict[str, Any]:
        who = row["initiator_id"]
        return {
            "id": row["id"],
            "tenant_id": row["tenant_id"],
            "group_id": row["group_id"],
            "initiator": self._refer(who),
            "initiator_address": self._seal(who, row["initiator_address"], "ip_address"),
            "started_ms": row["started_ms"],
            "ended_ms": row["ended_ms"],
        }

    def _copy_participants(self) -> None:
        joined = (
            "SELECT p.call_id, p.subscriber_id, c.tenant_id, c.started_ms"
            " FROM old_call_participants p JOIN old_calls c ON c.id = p.call_id"
        )
        for rows in self._rows(joined):
            kept = [row for row in rows if row["subscriber_id"] in self._subjects]
            if kept:
                self._insert("call_participants", [self._participant(row) for row in kept])

    def _participant(self, row: Any) -> dict[str, Any]:
        return {
            "call_id": row["call_id"],
            "subject": self._refer(row["subscriber_id"]),
            "tenant_id": row["tenant_id"],
            "started_ms": row["started_ms"],
        }

    def _burst(self, row: Any) -> dict[str, Any]:
        kept = {name: value for name, value in row.items() if name != "subscriber_id"}
        return kept | {"subject": self._refer(row["subscriber_id"])}


def _create_what_lives() -> None:
    op.create_table("tenants", _id(), sa.Column("name", sa.Text, nullable=False, unique=True), _ms("created"))
    op.create_table(
        "tenant_keys",
        _part_of("tenants", primary_key=True),
        _text("master_id"),
        _blob("wrapped"),
    )
    op.create_table(
        "subjects",
        _id(),
        _part_of("tenants"),
        _blob("wrapped"),
        _text("kind"),
        _ms("created"),
        _ms("restricted", nullable=True),
        sa.Column("restriction", sa.Text),
        sa.CheckConstraint("kind IN ('subscriber', 'other', 'tenant')", name="kind"),
    )
    _index("subjects", "tenant_id")
    restricted = sa.text("restricted_ms IS NOT NULL")
    op.create_index("ix_subjects_restricted", "subjects", ["tenant_id", "restricted_ms"], sqlite_where=restricted)
    op.create_table(
        "groups", _id(), _part_of("tenants"), _text("name"), _ms("created"), sa.UniqueConstraint("tenant_id", "name")
    )
    op.create_table(
        "subscribers",
        sa.Column("id", sa.Text, sa.ForeignKey("subjects.id", ondelete="CASCADE"), primary_key=True),
        _part_of("tenants"),
        _blob("identifier", nullable=True),
        _blob("identifier_index", nullable=True),
        _text("identifier_kind"),
        _blob("display_name", nullable=True),
        _blob("pin_hash", nullable=True),
        _ms("created"),
        _ms("last_login", nullable=True),
        _ms("removed", nullable=True),
        sa.CheckConstraint("identifier_kind IN ('phone', 'custom')", name="identifier_kind"),
    )
    op.create_index(
        "uq_subscribers_tenant_id_identifier_index",
        "subscribers",
        ["tenant_id", "identifier_index"],
        unique=True,
        sqlite_where=sa.text("removed_ms IS NULL"),
    )


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
        "subscriber_fields",
        _part_of("subscribers", primary_key=True),
        sa.Column("name", sa.Text, primary_key=True),
        _blob("contact", nullable=True),
        _blob("extra", nullable=True),
        _ms("recorded"),
        sa.CheckConstraint("(contact IS NULL) <> (extra IS NULL)", name="one_value"),
    )
    op.create_table(
        "devices",
        _id(),
        _part_of("tenants"),
        _part_of("subscribers"),
        _blob("label", nullable=True),
        _blob("device_type", nullable=True),
        _blob("public_key", nullable=True),
        _ms("created"),
        _ms("enrolled", nullable=True),
        _ms("revoked", nullable=True),
    )
    _index("devices", "tenant_id")
    _index("devices", "subscriber_id")
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
        _blob("token_hash"),
        _ms("issued"),
        _ms("expires"),
    )
    _index("resume_tokens", "device_id")


def _create_what_happened() -> None:
    op.create_table(
        "takeovers",
        sa.Column("id", sa.Integer, primary_key=True),
        _part_of("tenants"),
        sa.Column("subject", sa.Text),
        _blob("from_device_id", nullable=True),
        _blob("to_device_id", nullable=True),
        _ms("at"),
    )
    _index("takeovers", "tenant_id", "at_ms")
    op.create_table(
        "calls",
        _id(),
        _part_of("tenants"),
        _text("group_id"),
        sa.Column("initiator", sa.Text),
        _blob("initiator_address", nullable=True),
        _ms("started"),
        _ms("ended"),
    )
    _index("calls", "tenant_id", "started_ms")
    _index("calls", "initiator")
    _filled("calls", "initiator")
    _filled("calls", "initiator_address")
    op.create_table(
        "call_participants",
        sa.Column("call_id", sa.Text, primary_key=True),
        sa.Column("subject", sa.Text, primary_key=True),
        _part_of("tenants"),
        _ms("started"),
    )
    _index("call_participants", "subject")
    _index("call_participants", "tenant_id", "started_ms")
    op.create_table(
        "bursts",
        _id(),
        _text("call_id"),
        _part_of("tenants"),
        _text("group_id"),
        sa.Column("subject", sa.Text),
        _ms("started"),
        _ms("duration"),
        sa.Column("packets", sa.BigInteger, nullable=False),
        _text("end_reason"),
    )
    _index("bursts", "tenant_id", "started_ms")
    _index("bursts", "call_id")
    _index("bursts", "subject")
    _filled("bursts", "subject")


def _create_what_governs() -> None:
    op.create_table(
        "policy_versions",
        sa.Column("id", sa.Integer, primary_key=True),
        _part_of("tenants"),
        _text("text"),
        _text("digest"),
        _text("acknowledged"),
        sa.Column("published", sa.Boolean, nullable=False),
        _blob("actor", nullable=True),
        _blob("reason", nullable=True),
        _ms("at"),
    )
    _index("policy_versions", "tenant_id", "id")
    op.create_table(
        "retention_events",
        sa.Column("id", sa.Integer, primary_key=True),
        _part_of("tenants"),
        sa.Column("subject_id", sa.Text, sa.ForeignKey("subjects.id", ondelete="CASCADE")),
        _text("kind"),
        _ms("at"),
        _blob("actor", nullable=True),
        _blob("reason", nullable=True),
    )
    _index("retention_events", "tenant_id", "subject_id")
    op.create_table(
        "holds",
        _id(),
        _part_of("tenants"),
        sa.Column("subject_id", sa.Text, sa.ForeignKey("subjects.id", ondelete="CASCADE")),
        sa.Column("category", sa.Text),
        _blob("actor", nullable=True),
        _blob("reason", nullable=True),
        _ms("since"),
        _ms("until", nullable=True),
    )
    _index("holds", "tenant_id")
    op.create_table(
        "sweeps",
        sa.Column("id", sa.Integer, primary_key=True),
        _part_of("tenants"),
        _ms("started"),
        _ms("ended", nullable=True),
        _text("policy_digest"),
        _text("erased"),
        _text("outcome"),
    )
    _index("sweeps", "tenant_id", "id")


def _create_the_audit_log() -> None:
    op.create_table(
        "audit_entries",
        _part_of("tenants", primary_key=True),
        sa.Column("sequence", sa.Integer, primary_key=True),
        _ms("at"),
        _text("operation"),
        sa.Column("subject", sa.Text),
        _blob("actor", nullable=True),
        _blob("details", nullable=True),
        _blob("previous"),
        _blob("digest"),
    )
    op.create_table(
        "audit_checkpoints",
        _part_of("tenants", primary_key=True),
        sa.Column("sequence", sa.Integer, primary_key=True),
        _blob("digest"),
        _ms("at"),
        _blob("signature"),
    )


def _count_changes_of_standing() -> None:
    """Whatever changes a right, in any process, raises one number: a server that runs looks at it."""
    _raise_number_on("members_changed", "UPDATE ON members")
    _raise_number_on("members_removed", "DELETE ON members")
    _raise_number_on("devices_changed", "UPDATE OF revoked_ms, subscriber_id, public_key ON devices")
    _raise_number_on("devices_removed", "DELETE ON devices")
    _raise_number_on("policies_added", "INSERT ON policy_versions")
    _raise_number_on("names_changed", "UPDATE OF display_name ON subscribers")
    _raise_number_on("subjects_changed", "UPDATE OF restricted_ms ON subjects")


def _raise_number_on(name: str, happening: str) -> None:
    raising = "UPDATE standing_changes SET number = number + 1"
    op.execute(f"CREATE TRIGGER {name} AFTER {happening} BEGIN {raising}; END")


def _id() -> sa.Column[str]:
    return sa.Column("id", sa.Text, primary_key=True)


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=False)


def _blob(name: str, *, nullable: bool = False) -> sa.Column[bytes]:
    return sa.Column(name, sa.LargeBinary, nullable=nullable)


def _ms(name: str, *, nullable: bool = False) -> sa.Column[int]:
    return sa.Column(f"{name}_ms", sa.BigInteger, nullable=nullable)


def _part_of(table: str, *, primary_key: bool = False) -> sa.Column[str]:
    owner = sa.ForeignKey(f"{table}.id", ondelete="CASCADE")
    return sa.Column(f"{table[:-1]}_id", sa.Text, owner, nullable=False, primary_key=primary_key)


def _index(table: str, *columns: str) -> None:
    op.create_index(f"ix_{table}_{'_'.join(columns)}", table, list(columns))


def _filled(table: str, column: str) -> None:
    filled = sa.text(f"{column} IS NOT NULL")
    op.create_index(f"ix_{table}_filled_{column}", table, ["tenant_id", "started_ms"], sqlite_where=filled)

"""Every column of the database says what it holds about people; `pytest -s` prints the inventory."""

import pytest
from sqlalchemy import Column, ForeignKey, MetaData, Table, Text, inspect, text

from privacy.policy_texts import policy_of
from pttserver.errors import InvalidValue
from pttserver.privacy.categories import Category
from pttserver.privacy.gate import Gate
from pttserver.services.profile import CONTACT, change_of
from pttserver.services.subject_document import ExportedProfile
from pttserver.store import inventory
from pttserver.store.columns import DatedType, impersonal, linking, moment, sealed
from pttserver.store.inventory import InventoryRow
from pttserver.store.tables import metadata

FORBIDDEN = {
    "age",
    "birth",
    "birthday",
    "gender",
    "sex",
    "religion",
    "race",
    "nationality",
    "photo",
    "avatar",
    "health",
}
SILENT = {
    "whose organisation it is": {
        f"{table}.tenant_id"
        for table in (
            "alert_notes", "alert_points", "alert_steps", "alerts", "attachments", "audit_entries", "bursts",
            "call_participants", "calls", "console_accounts", "deliveries", "devices", "holds", "messages", "positions",
            "retention_events", "subjects", "subscribers", "takeovers",
        )
    },
    "the row's own number, drawn at random or counted": {
        "alert_points.id", "alerts.id", "bursts.id", "calls.id", "console_passkeys.id", "devices.id", "holds.id",
        "messages.id", "positions.id", "retention_events.id", "takeovers.id", "subjects.id",
    },
    "the number of another row, which says itself what it is about": {
        "alert_notes.alert_id", "alert_points.alert_id", "alert_steps.alert_id", "attachments.message_id",
        "bursts.call_id", "call_participants.call_id", "console_devices.device_id", "deliveries.message_id",
        "device_controls.device_id", "enrolment_codes.device_id", "message_keys.device_id", "resume_tokens.device_id",
    },
    "counts the steps of an alert": {"alert_notes.number", "alert_steps.number"},
    "drawn at random by the sender's device, so that a message comes once": {"messages.client_id"},
    "the person's key itself, encrypted: what it opens says what it is": {"subjects.wrapped"},
    "a chain, which is verified without any key": {
        "audit_entries.sequence", "audit_entries.previous", "audit_entries.digest",
    },
    "what was done, in the words of the server; the entry says with whom": {"audit_entries.operation"},
}  # fmt: skip
"""Why columns of tables that are tied to people say nothing about them."""
UNDECLARED_BY_SQL = {"alembic_version", "sqlite_sequence"}


def line(row: InventoryRow) -> str:
    return f"{row.table + '.' + row.column:36} {row.category or '-':18} {row.form:11} {row.subject:32} {row.why}"


def test_every_column_says_what_it_holds() -> None:
    rows = inventory.inventory()
    print("\n" + "\n".join(map(line, rows)))
    assert {row.form for row in rows} == {"sealed", "reference", "plain", "impersonal", "confidential"}
    of_nobody = {"impersonal", "confidential"}
    assert [row for row in rows if (row.form in of_nobody) != (row.category is None)] == []


def test_what_is_confidential_says_how_it_is_protected_and_is_about_nobody() -> None:
    """A plain column that hints at people, such as a further text of a fence, is to be declared so too."""
    found = {f"{row.table}.{row.column}": row for row in inventory.confidential()}
    assert set(found) == {"fences.name", "fences.name_index", "fences.shape"}
    assert {row.subject for row in found.values()} == {""}
    assert "encrypted under the key of its organisation" in found["fences.shape"].why
    assert "keyed digest" in found["fences.name_index"].why
    texts = {column.name for column in metadata.tables["fences"].columns if isinstance(column.type, Text)}
    assert texts == {"id", "tenant_id"}


def test_every_personal_column_is_sealed_or_says_why_not() -> None:
    assert [row for row in inventory.personal() if len(row.why) < 20] == []
    texts = {row.column for row in inventory.personal() if row.form == "plain" and "digest" not in row.why}
    assert texts == {
        "id", "subscriber_id", "group_id", "last_login_ms", "at_ms", "started_ms", "ended_ms", "duration_ms",
        "raised_ms", "closed_ms",
        "role", "alerts_allowed", "location_allowed", "location_wanted", "location_since_ms",
        "contact_id", "sent_ms", "state_ms",
        "priority", "listen_only", "name", "recorded_ms", "packets", "end_reason",
        "drill", "kind", "state", "untold", "deleted_ms",
        "created_ms", "removed_ms", "restricted_ms", "restriction", "identifier_kind",
        "subject_id", "category", "since_ms", "until_ms",
        "enrolled_ms", "revoked_ms", "stunned_ms", "wiped_ms", "published_ms",
        "expires_ms", "used_ms", "issued_ms", "activated_ms", "locked_ms", "relying_party",
    }  # fmt: skip


def tied_to_people() -> set[str]:
    """Tables whose rows are somebody's: by a subject, by a device of theirs, or by a row that is theirs."""
    people, devices = {"subjects", "subscribers"}, "devices"
    tied = {
        table.name
        for table in inventory.tables()
        if inventory.references(table)
        or table.name in people
        or {key.target_fullname.partition(".")[0] for key in table.foreign_keys} & {*people, devices}
    }
    while True:
        more = {
            table.name
            for table in inventory.tables()
            if {key.target_fullname.partition(".")[0] for key in table.foreign_keys} & tied
        }
        if more <= tied:
            return tied
        tied |= more


def silent_about_people() -> set[str]:
    """Columns of those tables that are declared to say nothing about anybody."""
    tied = tied_to_people()
    return {f"{row.table}.{row.column}" for row in inventory.inventory() if row.table in tied and row.category is None}


def test_what_is_tied_to_a_person_says_something_of_the_person_or_stands_here() -> None:
    expected = {name for names in SILENT.values() for name in names}
    assert silent_about_people() - expected == set(), "give it a category, or a reason here"
    assert expected - silent_about_people() == set(), "it needs no reason any more"


def test_what_is_tied_to_a_person_is_found_by_the_persons_export() -> None:
    for table in inventory.tables():
        if table.name in tied_to_people():
            by = (inventory.owner(table), inventory.device(table), *inventory.references(table))
            assert any(column is not None for column in by), table.name


@pytest.mark.parametrize("tie", ["subjects.id", "subscribers.id", "devices.id", "calls.id"])
def test_a_column_about_somebody_that_claims_to_be_about_nobody_is_noticed(
    monkeypatch: pytest.MonkeyPatch, tie: str
) -> None:
    """Whatever ties its row to a person."""
    owner = linking("owner", Category.CREDENTIAL, ForeignKey(tie))
    metadata = MetaData()
    Table("notes", metadata, impersonal("id", Text), owner, moment("seen", nullable=True))
    calls = next(table for table in inventory.tables() if table.name == "calls")
    calls.to_metadata(metadata)
    monkeypatch.setattr(inventory, "metadata", metadata)
    assert {"notes.id", "notes.seen_ms"} <= silent_about_people()
    assert "notes.owner" not in silent_about_people()


def test_there_is_no_place_for_age_gender_and_the_like() -> None:
    """An address may be entered where the policy keeps contact data; what else there is an organisation defines."""
    columns = {column.name for table in inventory.tables() for column in table.columns}
    fields = {*ExportedProfile.model_fields, *CONTACT}
    words = {word for name in (*columns, *fields, *Category) for word in name.split("_")}
    assert words & FORBIDDEN == set()
    assert "address" in CONTACT
    gate = Gate(policy_of("[categories.contact_data]\ncollect = false\n"))
    with pytest.raises(InvalidValue, match="does not keep address"):
        change_of(gate, "sub_1", {"address": "Main Street 1"}, 5)


def test_every_personal_column_says_whose_it_is() -> None:
    assert [row for row in inventory.personal() if not row.subject] == []


def test_what_has_an_age_says_from_when() -> None:
    for table in inventory.tables():
        record = inventory.happening(table)
        if record is not None:
            assert record.since in table.columns, table.name
            assert isinstance(table.c[record.since].type, DatedType)


@pytest.mark.parametrize("info", [{}, {"form": "sealed"}])
def test_a_column_that_declares_nothing_is_refused(monkeypatch: pytest.MonkeyPatch, info: dict[str, str]) -> None:
    table = Table("notes", MetaData(), impersonal("id", Text), Column("shoe_size", Text, info=info))
    monkeypatch.setattr(inventory, "metadata", table.metadata)
    with pytest.raises(ValueError, match=r"notes\.shoe_size does not say"):
        inventory.inventory()


def test_a_personal_column_of_nobody_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    table = Table("notes", MetaData(), impersonal("id", Text), sealed("phone", Category.CONTACT_DATA))
    monkeypatch.setattr(inventory, "metadata", table.metadata)
    assert [row.subject for row in inventory.personal()] == [""]


async def test_the_real_database_has_no_other_column(database) -> None:
    def work(sql):
        found = sql.scalars(text("SELECT name FROM sqlite_master WHERE type = 'table'"))
        names = set(found) - UNDECLARED_BY_SQL
        return {(name, column["name"]) for name in names for column in inspect(sql).get_columns(name)}

    declared = {(row.table, row.column) for row in inventory.inventory()}
    assert await database.read(work) == declared

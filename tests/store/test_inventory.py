"""Every column of the database says what it holds about people; `pytest -s` prints the inventory."""

import pytest
from sqlalchemy import Column, MetaData, Table, Text, inspect, text

from privacy.policy_texts import policy_of
from pttserver.errors import InvalidValue
from pttserver.privacy.categories import Category
from pttserver.privacy.gate import Gate
from pttserver.services.profile import CONTACT, change_of
from pttserver.services.subject_document import ExportedProfile
from pttserver.store import inventory
from pttserver.store.columns import DatedType, impersonal, sealed
from pttserver.store.inventory import InventoryRow

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
UNDECLARED_BY_SQL = {"alembic_version", "sqlite_sequence"}


def line(row: InventoryRow) -> str:
    return f"{row.table + '.' + row.column:36} {row.category or '-':18} {row.form:11} {row.subject:32} {row.why}"


def test_every_column_says_what_it_holds() -> None:
    rows = inventory.inventory()
    print("\n" + "\n".join(map(line, rows)))
    assert {row.form for row in rows} == {"sealed", "reference", "plain", "impersonal"}
    assert [row for row in rows if (row.form == "impersonal") != (row.category is None)] == []


def test_every_personal_column_is_sealed_or_says_why_not() -> None:
    assert [row for row in inventory.personal() if len(row.why) < 20] == []
    texts = {row.column for row in inventory.personal() if row.form == "plain" and "digest" not in row.why}
    assert texts == {
        "id", "subscriber_id", "group_id", "last_login_ms", "at_ms", "started_ms", "ended_ms", "duration_ms",
        "raised_ms", "closed_ms",
        "role", "alerts_allowed", "location_allowed", "location_wanted", "location_since_ms",
        "contact_id", "sent_ms", "state_ms",
    }  # fmt: skip


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

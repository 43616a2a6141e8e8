"""The record of processing activities tells of every column that is about people, under the rule that it lives by."""

import pytest

from privacy.policy_texts import policy_of
from pttserver.config import Settings
from pttserver.privacy.pages import as_text
from pttserver.privacy.policy import Policy
from pttserver.services.processing_register import Activity, processing_register, register_page
from pttserver.store.inventory import personal
from pttserver.store.records import Tenant

EVERYTHING = "[location]\nenabled = true\nlive_only = false\n[categories.location]\nlegal_basis = 'consent'\n"
FIELD = "[extra.badge]\nkeep = 'until contract_ended'\npurpose = ['operations']\n"
NOBODY = '[categories.identifier]\ncollect = false\n[categories.credential]\nkeep = "until unsubscribed"\n'


def activities(policy: Policy) -> dict[str, Activity]:
    register = processing_register([(Tenant("ten_1", "ACME", 1), policy)], Settings())
    (controller,) = register.controllers
    return {activity.category: activity for activity in controller.activities}


def where(name: str, found: dict[str, Activity]) -> list[str]:
    return [category for category, activity in found.items() if name in activity.places]


def test_every_column_about_people_has_its_place_in_it() -> None:
    found = activities(policy_of(EVERYTHING + FIELD))
    assert [row for row in personal() if not where(f"{row.table}.{row.column}", found)] == []


def test_the_name_of_a_field_is_told_with_contact_data_where_there_are_no_other_fields() -> None:
    assert where("subscriber_fields.name", activities(policy_of())) == ["contact_data"]
    assert where("subscriber_fields.name", activities(policy_of(FIELD))) == ["contact_data", "extra.badge"]


@pytest.mark.parametrize("name", ["subjects.restricted_ms", "holds.until_ms", "retention_events.kind"])
def test_the_life_of_an_account_is_told_by_the_rule_that_ends_the_account(name: str) -> None:
    assert where(name, activities(policy_of())) == ["identifier"]
    without = activities(policy_of(NOBODY))
    assert where(name, without) == ["credential"]
    assert without["identifier"].written == "not collected"
    assert without["credential"].kept == "until the subscription ends"


def test_the_life_of_an_account_is_told_where_the_identifier_is_kept_and_never_written() -> None:
    """As where it is not kept: what is written for no purpose of it is over at once, and accounts are not."""
    found = activities(policy_of(NOBODY.replace("collect = false", "purpose = ['billing']")))
    assert where("subscribers.removed_ms", found) == ["credential"]
    assert found["credential"].kept == "until the subscription ends"
    assert where("subscribers.identifier", found) == []
    assert found["identifier"].kept == "not at all"


def test_people_read_the_columns_by_their_tables_and_why_some_stand_in_clear() -> None:
    page = as_text(register_page(processing_register([(Tenant("ten_1", "ACME", 1), policy_of())], Settings()), "today"))
    assert "members (group_id, subscriber_id, priority, listen_only)" in page
    assert "stand in clear, since the server acts by them before any key is opened" in page
    assert max(map(len, page.splitlines())) < 900

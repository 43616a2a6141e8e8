"""Limitations: each is told if, and only if, something of the policy causes it."""

import pytest
from policy_texts import policy_of

from pttserver.privacy.limitations import limitations, unacknowledged
from pttserver.privacy.sections import LimitationCode

UNSENT = ["no_message_history", "no_delivery_reports", "no_attachments"]


def codes(more: str) -> list[str]:
    return [limitation.code for limitation in limitations(policy_of(more))]


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ("", []),
        ("[logging]\nrecords = false", ["no_records"]),
        ("[logging]\nrecords = false\n[categories.call_record]\nstore = 'none'", ["no_records"]),
        ("[categories.call_record]\nstore = 'none'", ["no_call_history"]),
        ("[categories.call_record]\ncollect = false", ["no_call_history"]),
        ("[categories.participants]\nstore = 'none'", ["no_participants"]),
        ("[categories.participants]\nstore = 'pseudonymised'", ["no_participants"]),
        ("[categories.subscriber_name]\nstore = 'none'", ["no_names"]),
        ("[categories.subscriber_name]\nstore = 'pseudonymised'", ["no_names"]),
        ("[categories.subscriber_name]\nstore = 'truncated'\ntruncate = { characters = 1 }", []),
        ("[categories.identifier]\nstore = 'pseudonymised'", ["no_identifiers"]),
        ("[categories.contact_data]\nstore = 'pseudonymised'", ["no_contact_lists"]),
        ("[categories.message_content]\nstore = 'none'", ["no_message_history", "no_attachments"]),
        (
            "[categories.message_content]\nstore = 'truncated'\ntruncate = { characters = 160 }",
            ["no_message_history", "no_attachments"],
        ),
        ("[categories.message_metadata]\nstore = 'none'", UNSENT),
        ("[categories.message_metadata]\nstore = 'pseudonymised'", UNSENT),
        ("[messages]\nenabled = false\n[categories.message_metadata]\nstore = 'none'", []),
        ("[categories.attachment]\ncollect = false", ["no_attachments"]),
        ("[messages]\nattachment_limit_kib = 0\n[categories.attachment]\ncollect = false", []),
        ("[categories.alert]\nstore = 'none'", ["no_alert_debriefing"]),
        ("[categories.alert]\nstore = 'pseudonymised'", ["no_alert_debriefing"]),
        ("[categories.call_record]\npurpose = ['billing']", ["no_call_history"]),
        ("[categories.subscriber_name]\npurpose = ['operations']", ["no_names"]),
        ("[alerts]\nenabled = false", []),
        ("[categories.audit_log]\nstore = 'none'", ["no_audit"]),
        ("[categories.billing]\ncollect = false", ["no_billing_records"]),
        ("[location]\nenabled = false", []),
    ],
)
def test_what_cannot_work_is_told(more: str, expected: list[str]) -> None:
    assert codes(more) == expected


def test_every_code_can_be_caused_and_has_its_own_text() -> None:
    everything = "\n".join(
        f"[categories.{name}]\nstore = 'none'"
        for name in (
            "call_record",
            "participants",
            "message_content",
            "message_metadata",
            "attachment",
            "alert",
            "audit_log",
            "billing",
            "subscriber_name",
            "identifier",
            "contact_data",
        )
    )
    found = [*limitations(policy_of("[logging]\nrecords = false")), *limitations(policy_of(everything))]
    assert {limitation.code for limitation in found} == set(LimitationCode)
    assert len({limitation.text for limitation in found}) == len(LimitationCode)


def test_a_policy_acknowledges_for_itself() -> None:
    nothing = "[logging]\nrecords = false\n[categories.identifier]\nstore = 'none'"
    policy = policy_of(nothing, 'acknowledged = ["no_records"]')
    assert [limitation.code for limitation in limitations(policy)] == ["no_records", "no_identifiers"]
    assert [limitation.code for limitation in unacknowledged(policy)] == ["no_identifiers"]

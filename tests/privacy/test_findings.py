"""Findings: each is found where it is, with its article, and not where it is not."""

import pytest
from policy_texts import policy_of

from pttserver.privacy.findings import Finding, Severity, findings

GOOD_HEAD = (
    'controller = "ACME"\ncontact = "privacy@acme.example"\ndata_protection_officer = "Jo Doe"\n'
    'privacy_notice_url = "https://acme.example/privacy"\nregions = ["EEA"]\n'
)
GOOD = "[categories.message_content]\nstore = 'none'\n"
LOCATION_ON = "[location]\nenabled = true\nduty_hours = ['mon-fri 08:00-17:00']\n"
WITH_BASIS = "[categories.location]\nlegal_basis = 'public_task'\n"


def found(more: str, head: str = GOOD_HEAD) -> list[Finding]:
    return findings(policy_of(GOOD + more, head))


def test_a_good_policy_has_no_findings() -> None:
    assert found("") == []
    assert found(LOCATION_ON + WITH_BASIS) == []


@pytest.mark.parametrize(
    ("more", "severity", "category", "article"),
    [
        ("[categories.ip_address]\nkeep = '91 days'", "warning", "ip_address", "Art. 5(1)(c), (e)"),
        ("[categories.participants]\nkeep = '1 year'", "warning", "participants", "Art. 5(1)(c), (e)"),
        ("[categories.message_metadata]\nkeep = '29 days'", "warning", "attachment", "Art. 5(1)(c), (e)"),
        ("[categories.last_login]\npurpose = ['support']", "warning", "last_login", "Art. 5(1)(b)"),
        (LOCATION_ON.replace("'mon-fri 08:00-17:00'", "") + WITH_BASIS, "notice", "[location]", "Art. 5(1)(c)"),
        ("[categories.alert]\nkeep = 'unlimited'", "serious", "alert", "Art. 5(1)(e)"),
        ("[extra.shift]\nkeep = 'unlimited'", "serious", "extra.shift", "Art. 5(1)(e)"),
        ("[categories.alert]\nkeep = 'until contract_ended'", "warning", "alert", "Art. 5(1)(e)"),
        ("[categories.nickname]\nkeep = 'until contract_ended'", "warning", "nickname", "Art. 5(1)(e)"),
        ("[categories.debug_capture]\nkeep = '31 days'", "notice", "debug_capture", "Art. 5(1)(e)"),
        ("[categories.import_file]\nkeep = '61 days'", "notice", "import_file", "Art. 5(1)(e)"),
        ("[categories.audit_log]\nstore = 'none'", "serious", "audit_log", "Art. 5(2)"),
        ("[categories.audit_log]\nkeep = '11 months'", "warning", "audit_log", "Art. 5(2)"),
        (LOCATION_ON, "serious", "location", "Art. 6(1)"),
        ("[location]\nsos_exception = true", "serious", "location", "Art. 6(1)"),
        ("[categories.nickname]\nlegal_basis = 'consent'", "serious", "nickname", "Art. 7(3)"),
        ("[extra.blood_group]", "serious", "extra.blood_group", "Art. 9(1)"),
        ("[extra.trade_union]", "serious", "extra.trade_union", "Art. 9(1)"),
        (
            LOCATION_ON.replace("\n", "\nsubscriber_may_switch_off = false\n", 1)
            + "[categories.location]\nlegal_basis = 'legitimate_interests'",
            "warning",
            "[location]",
            "Art. 21(1)",
        ),
        (
            LOCATION_ON.replace("\n", "\nsubscriber_may_switch_off = false\n", 1)
            + "[categories.location]\nlegal_basis = 'consent'",
            "warning",
            "[location]",
            "Art. 7(3)",
        ),
        ("[categories.contact_data]\nkeep = 'while_subscribed'", "warning", "contact_data", "Art. 28(3)(g)"),
        ("[categories.attachment]\nvisible_to = ['technician']", "warning", "attachment", "Art. 25(2), 32(1)"),
        ("[recording]\nat_consoles = true", "warning", "[recording]", "Art. 13, 35(1)"),
        ("[alerts]\nambient_listening = true", "warning", "[alerts]", "Art. 35(1)"),
        (LOCATION_ON.replace("\n", "\nlive_only = false\n", 1) + WITH_BASIS, "warning", "[location]", "Art. 35(1)"),
    ],
)
def test_what_touches_an_article_is_found_and_nothing_else(
    more: str, severity: str, category: str, article: str
) -> None:
    (finding,) = found(more)
    assert (finding.severity, finding.category, finding.article) == (severity, category, article)


def test_listening_in_secret_is_serious_and_only_where_there_is_listening() -> None:
    hidden = "ambient_listening_hidden_because = 'The police asked for it.'"
    told = [(finding.severity, finding.article) for finding in found(f"[alerts]\nambient_listening = true\n{hidden}")]
    assert told == [("serious", "Art. 5(1)(a), 23"), ("warning", "Art. 35(1)")]
    assert found(f"[alerts]\n{hidden}") == []


@pytest.mark.parametrize(
    ("line", "severity", "article"),
    [
        ("controller = ", "warning", "Art. 13(1)(a)"),
        ("contact = ", "warning", "Art. 13(1)(a)"),
        ("data_protection_officer = ", "notice", "Art. 37(1)"),
        ("privacy_notice_url = ", "warning", "Art. 13"),
        ("regions = ", "warning", "Art. 44"),
    ],
)
def test_what_the_head_lacks_is_found(line: str, severity: str, article: str) -> None:
    head = "\n".join(text for text in GOOD_HEAD.splitlines() if not text.startswith(line))
    (finding,) = found("", head)
    assert (finding.severity, finding.category, finding.article) == (severity, "[policy]", article)


@pytest.mark.parametrize(
    ("regions", "articles"),
    [
        (["EEA"], []),
        (["DK", "NO", "IS", "LI"], []),
        (["GB"], ["Art. 45"]),
        (["US"], ["Art. 44, 46"]),
        (["DE", "CH", "IN"], ["Art. 44, 46", "Art. 45"]),
    ],
)
def test_transfers_are_found(regions: list[str], articles: list[str]) -> None:
    listed = ", ".join(f'"{region}"' for region in regions)
    head = GOOD_HEAD.replace('regions = ["EEA"]', f"regions = [{listed}]")
    assert [finding.article for finding in found("", head)] == articles


@pytest.mark.parametrize(
    "more",
    [
        "[categories.ip_address]\nkeep = '90 days'",
        "[categories.ip_address]\nstore = 'none'",
        "[categories.debug_capture]\nkeep = '30 days'",
        "[categories.audit_log]\nkeep = '1 year'",
        "[categories.alert]\nlegal_basis = 'consent'\nkeep = ['until consent_withdrawn', '1 year']",
        "[categories.nickname]\nlegal_basis = 'consent'\nstore = 'none'",
        "[extra.tracegroup]\n[extra.essexhouse]",
        "[extra.religion]\ncollect = false",
        "[categories.attachment]\nvisible_to = ['technician']\nstore = 'none'",
    ],
)
def test_what_is_in_order_is_not_found(more: str) -> None:
    assert found(more) == []


def test_records_that_belong_to_nothing_are_found() -> None:
    assert {finding.category for finding in found("[categories.call_record]\nstore = 'none'")} == {
        "ip_address",
        "participants",
    }


def test_message_content_and_names_that_others_tell_are_noticed() -> None:
    (content,) = findings(policy_of("", GOOD_HEAD))
    assert (content.severity, content.category, content.article) == ("notice", "message_content", "Art. 25(1)")
    told = found("[categories.subscriber_name]\nstore = 'pseudonymised'\n[categories.nickname]\nstore = 'none'")
    assert {(finding.category, finding.article) for finding in told} == {
        ("contact_data", "Art. 4(5), 25(1)"),
        ("identifier", "Art. 4(5), 25(1)"),
    }


def test_the_serious_come_first() -> None:
    severities = [
        finding.severity for finding in findings(policy_of(f"{LOCATION_ON}[categories.alert]\nkeep = 'unlimited'"))
    ]
    assert severities == sorted(severities, key=list(Severity).index)
    assert {Severity.SERIOUS, Severity.WARNING, Severity.NOTICE} == set(severities)

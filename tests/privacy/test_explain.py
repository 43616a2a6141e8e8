"""A policy in words: each datum has its sentence, and the sentence says what the rule says."""

import pytest
from policy_texts import policy_of

from pttserver.privacy.categories import Category, about
from pttserver.privacy.explain import explain, words


def sentence(start: str, more: str, head: str = "") -> str:
    (found,) = [text for text in explain(policy_of(more, head)) if text.startswith(start)]
    return found


@pytest.mark.parametrize("category", Category)
def test_every_category_has_one_sentence(category: Category) -> None:
    assert sentence(f"{about(category).title}: ", "")


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ("store = 'none'", "and never written. Seen by the person."),
        ("keep = '90 days'", "written as it is, kept for 90 days."),
        ("keep = 'unlimited'", "kept without any end."),
        ("keep = 'until billing_closed'", "kept until billing is complete."),
        ("keep = '1 month after invoice_closed'", "kept until 1 month after the invoice is closed."),
        ("keep = ['1 year', 'while_subscribed']", "for 1 year or until the subscription ends, whichever ends first."),
        (
            "keep = ['1 day', 'until account_closed', 'until consent_withdrawn']",
            "for 1 day, until the account is closed or until consent is withdrawn, whichever ends first.",
        ),
        (
            "keep = '60 days + 1 month after deletion_requested'",
            "until 1 month 60 days after deletion is requested (in the first 60 days the request can be withdrawn).",
        ),
        (
            "keep = '60 days + 60 days after contract_ended'",
            "until 120 days after the contract ends (in the first 60 days the account can be reopened).",
        ),
        ("store = 'truncated'\ntruncate = { characters = 160 }", "written cut to 160 characters, "),
        (
            "legal_basis = 'consent'\npurpose = ['billing', 'legal_duty']",
            "billing and legal duty (consent, GDPR Art. 6(1)(a))",
        ),
        ("legal_basis = 'legitimate_interests'", "(legitimate interests, GDPR Art. 6(1)(f))"),
        ("visible_to = ['technician', 'dispatcher']", "Seen by dispatchers, technicians and the person."),
    ],
)
def test_the_sentence_says_what_the_rule_says(rule: str, said: str) -> None:
    whole = "[categories.message_metadata]\nkeep = 'unlimited'\n"  # else it ends with that
    assert said in sentence("Message content: ", f"{whole}[categories.message_content]\n{rule}")


def test_what_is_dropped_where_it_comes_in_is_said_to_be_not_collected() -> None:
    assert sentence("Attachments: ", "[categories.attachment]\ncollect = false") == "Attachments: not collected."
    assert sentence("Message content: ", "[messages]\nenabled = false") == "Message content: not collected."


def test_nobody_sees_credentials() -> None:
    assert sentence("Credentials: ", "").endswith("Seen by nobody.")
    assert sentence("Attachments: ", "").endswith("Seen by the person.")


def test_other_forms() -> None:
    assert "as a pseudonym" in sentence("Nickname: ", "[categories.nickname]\nstore = 'pseudonymised'")
    bits = "[categories.ip_address]\nstore = 'truncated'\ntruncate = { ipv4_bits = 24, ipv6_bits = 48 }"
    assert "cut to 24 bits of IPv4 or 48 bits of IPv6" in sentence("IP address: ", bits)
    on = "[location]\nenabled = true\nlive_only = false\n[categories.location]\nstore = 'truncated'\n"
    assert "rounded to 500 m" in sentence("Location: ", f"{on}truncate = {{ metres = 500 }}")
    assert "rounded to 0 decimals" in sentence("Location: ", f"{on}truncate = {{ decimals = 0 }}")
    assert "no legal basis is named" in sentence("Location: ", on.partition("[categories")[0])


def test_fields_of_the_organisation_are_named() -> None:
    assert "kept until the subscription ends." in sentence(
        "shift (your field): ", "[extra.shift]\nkeep = 'while_subscribed'"
    )


@pytest.mark.parametrize(
    ("location", "said", "unsaid"),
    [
        ("enabled = false", "neither sent nor relayed nor stored.", "all the same"),
        ("enabled = false", "Fences that were drawn before stay, and tell nothing; no other is taken", "Positions"),
        ("enabled = true", "Location is on at any hour", "Fences"),
        (
            "enabled = true\n[categories.location]\npurpose = ['safety']",
            "Fences that were drawn before",
            "Location is on",
        ),
        ("enabled = false\nsos_exception = true", "An emergency alert carries a position all the same.", "Positions"),
        ("enabled = true", "Location is on at any hour, at most every 60 s.", "all the same"),
        ("enabled = true\nprecision_m = 100", "at most every 60 s, rounded to 100 m.", "all the same"),
        ("enabled = true\nsos_exception = true", "also while location is off for who raises it.", "all the same"),
        (
            "enabled = true\nsos_exception = true\nduty_hours = ['mon 08:00-12:00', 'tue 08:00-12:00']",
            "in mon 08:00-12:00 and tue 08:00-12:00 (UTC), at most every 60 s.",
            "at any hour",
        ),
        ("enabled = true", "Positions are shown live and never written.", "are written"),
        (
            "enabled = true\n[categories.location]\npurpose = ['operations']",
            "An emergency alert carries no position: safety is not among the purposes of location.",
            "carries a position",
        ),
        ("enabled = true\nlive_only = false", "Positions are written.", "never written"),
        (
            "enabled = true\nsubscriber_may_switch_off = false",
            "A subscriber may not switch location off.",
            "subscriber may s",
        ),
    ],
)
def test_location_is_explained(location: str, said: str, unsaid: str) -> None:
    titles = tuple(f"{about(category).title}:" for category in Category)
    texts = explain(policy_of(f"[location]\n{location}"))
    spoken = " ".join(text for text in texts if not text.startswith(titles))
    assert said in spoken
    assert unsaid not in spoken


def test_switches_are_explained() -> None:
    assert sentence("Alerts are off.", "[alerts]\nenabled = false")
    assert "only subscribers who are allowed to" in sentence("Alerts can", "[alerts]\nallowed_by_default = false")
    assert "dispatchers may open the microphone" in sentence("Alerts can", "[alerts]\nambient_listening = true")
    listening = "[alerts]\nambient_listening = true\nambient_listening_at_most_s = 90"
    told = sentence("They may listen", listening)
    assert "90 seconds at a time" in told
    assert "the device shows who listens" in told
    hidden = sentence("They may listen", f"{listening}\nambient_listening_hidden_because = 'By law.'")
    assert "the device does not show it (reason given: By law.)" in hidden
    assert sentence("Nothing that happens is ever written", "[logging]\nrecords = false")
    assert "up to 7 participants" in sentence("Groups: ", "[roster]\nnames_up_to = 7")
    assert "version 1, of ACME" in sentence("This is the policy Test", "", 'controller = "ACME"')
    assert sentence("Data are held in DK and EEA only.", "", 'regions = ["DK", "EEA"]')


CUT = "[categories.message_content]\nstore = 'truncated'\ntruncate = { characters = 160 }"


def test_what_cannot_be_kept_in_another_form_is_told() -> None:
    sealed = "devices seal it for each other, so the server can keep it as it is or not at all"
    assert sentence("Message content: ", CUT).endswith(f"But nothing of it is written: {sealed}.")
    hidden = sentence("Messages ", "[categories.message_metadata]\nstore = 'pseudonymised'")
    assert hidden.startswith("Messages reach only who is connected, and are not kept, with no attachments")
    assert sentence("Messages ", CUT) == hidden
    assert "no attachments" in sentence("Messages wait", "[categories.attachment]\ncollect = false")
    assert sentence("Alerts are kept under pseudonyms", "[categories.alert]\nstore = 'pseudonymised'")
    assert sentence("Alerts live in memory only", "[categories.alert]\npurpose = ['operations']")


def test_the_track_of_an_alert_is_said_to_go_with_it() -> None:
    written = "[location]\nenabled = true\nlive_only = false\n[categories.location]\nstore = 'plain'\n"
    assert "no longer than the alert" in sentence("Where somebody was", written)
    for more in ("", f"[alerts]\nenabled = false\n{written}", f"{written}[categories.alert]\nstore = 'none'\n"):
        assert "Where somebody was" not in "\n".join(explain(policy_of(more)))


def test_what_stays_shown_in_spite_of_a_period_is_told() -> None:
    two_phases = "[categories.identifier]\nkeep = '60 days + 60 days after deletion_requested'"
    assert "Until it is gone it is still shown: by it the account is found" in sentence("Identifier: ", two_phases)
    one = "[categories.identifier]\nkeep = '60 days after deletion_requested'"
    assert "still shown" not in sentence("Identifier: ", one)
    assert "until it is closed, however long" in sentence("An alert that is open", "[categories.alert]\nkeep = '1 day'")


def test_words_are_listed_as_people_do() -> None:
    assert (words([]), words(["a"]), words(["a", "b"]), words("abc", "or")) == ("nobody", "a", "a and b", "a, b or c")


@pytest.mark.parametrize(
    ("seconds", "said"), [(604_800, "7 days"), (86_400, "1 day"), (5_400, "90 minutes"), (3_601, "3601 seconds")]
)
def test_how_long_messages_wait_is_told_in_words(seconds: int, said: str) -> None:
    assert f"wait for up to {said} for who" in sentence("Messages wait", f"[messages]\nstore_for_s = {seconds}")


@pytest.mark.parametrize(
    ("keep", "said"),
    [("1 day", "1 day"), ("30 days", "7 days"), ("1 month", "7 days"), ("10080 minutes", "10080 minutes")],
)
def test_a_message_is_said_to_wait_no_longer_than_it_is_kept(keep: str, said: str) -> None:
    for category in ("message_metadata", "message_content"):
        assert f"wait for up to {said} for" in sentence("Messages wait", f"[categories.{category}]\nkeep = '{keep}'")


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ("", "Voice is recorded nowhere"),
        ("[recording]\nat_consoles = true", "by themselves when an alert comes in, and when a dispatcher says so"),
        ("[recording]\nat_consoles = true\non_alert = false", "Consoles of dispatchers may record, when a dispatcher"),
        ("[recording]\nat_consoles = true\nkeep_days = 1", "a recording is erased after 1 day."),
    ],
)
def test_recordings_at_consoles_are_told_of(more: str, said: str) -> None:
    assert said in "\n".join(explain(policy_of(more)))

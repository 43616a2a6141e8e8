"""A policy file: each wrong key is named with its line; what is left out has the default; switches outweigh rules."""

import hashlib
import random
from collections.abc import Iterator

import pytest
from policy_texts import HEAD, policy_of

from pttserver.errors import PolicyInvalid
from pttserver.privacy.categories import Category, about
from pttserver.privacy.document import PolicyFileInvalid
from pttserver.privacy.policy import Policy, Storage, parse_policy
from pttserver.privacy.presets import DEFAULT, preset_text
from pttserver.privacy.purposes import LegalBasis, Purpose, Tier
from pttserver.privacy.retention import NO_TIME, Retention
from pttserver.privacy.sections import LimitationCode


def refused(more: str) -> str:
    """What is said about a file with these lines; the first of them is line 5."""
    with pytest.raises(PolicyInvalid) as error:
        policy_of(more)
    return error.value.message


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ("[categories.locaton]", "line 5: categories.locaton: there is no such key; did you mean location?"),
        ("[kategories]", "line 5: kategories: there is no such key; did you mean categories?"),
        ('"t\u0456tle" = 1', "it holds U+0456 CYRILLIC SMALL LETTER BYELORUSSIAN-UKRAINIAN I; did you mean title?"),
        ('"title " = 1', "line 4: policy.'title ': there is no such key: it holds U+0020 SPACE; did you mean title?"),
        ("[categories.alert]\n'kee\u0440' = 1", "it holds U+0440 CYRILLIC SMALL LETTER ER; did you mean keep?"),
        ("[categories.'al\u0435rt']", "it holds U+0435 CYRILLIC SMALL LETTER IE; did you mean alert?"),
        ("[roster]\ntitle = 'x'", "line 6: roster.title: there is no such key here; it belongs to [policy]"),
        (
            "[categories.location]\ninterval_s = 5",
            "location.interval_s: there is no such key here; it belongs to [location]",
        ),
        ("[roster]\nenabled = true", "no such key here; it belongs to [location], [alerts] or [messages]"),
        ("[roster]\nkeep = '1 day'", "there is no such key here; it belongs to [categories.NAME]"),
        ("[nickname]", "line 5: nickname: there is no such key here; it belongs to [categories]"),
        ("roster = 5", "line 4: policy.roster: there is no such key here; it is a table of its own, [roster]"),
        ("zzz = 1", "line 4: policy.zzz: there is no such key"),
        ("[roster]\nnames_upto = 3", "line 6: roster.names_upto: there is no such key; did you mean names_up_to?"),
        ("[roster]\nnames_up_to = '3'", "line 6: roster.names_up_to: should be a valid integer"),
        ("[roster]\nnames_up_to = true", "line 6: roster.names_up_to: should be a valid integer"),
        ("[roster]\nnames_up_to = 3.0", "line 6: roster.names_up_to: should be a valid integer"),
        ("[roster]\nnames_up_to = -1", "line 6: roster.names_up_to: should be greater than or equal to 0"),
        ("[roster]\nnames_up_to = 99999999999999999999999", "should be less than or equal to 10000"),
        ("[location]\ninterval_s = nan", "line 6: location.interval_s: should be a valid integer"),
        ("[location]\ninterval_s = inf", "line 6: location.interval_s: should be a valid integer"),
        ("[location]\nenabled = 1", "line 6: location.enabled: should be a valid boolean"),
        ("[location]\nenabled = 'true'", "line 6: location.enabled: should be a valid boolean"),
        ("[location]\nduty_hours = 'mon 08:00-09:00'", "line 6: location.duty_hours: should be a list"),
        ("[location]\nduty_hours = ['mo 08:00-09:00']", "line 6: location.duty_hours.1: 'mo 08:00-09:00' is no span"),
        ("[location]\ntime_zone = 'Mars/Olympus'", "is a time zone that this machine does not know"),
        ("[location]\ntime_zone = '../../etc/passwd'", "is no time zone such as"),
        ("[categories]\nlocation = 3", "line 6: categories.location: should be a table"),
        ("[[categories.location]]", "line 5: categories.location: should be a table"),
        (
            "[categories.alert]\nkeep = 90",
            "line 6: categories.alert.keep: should be a text such as '90 days', or a list",
        ),
        ("[categories.alert]\nkeep = ['90 days', 3]", "line 6: categories.alert.keep: should be a text"),
        ("[categories.alert]\nkeep = '90 dayz'", "line 6: categories.alert.keep: '90 dayz' is not a period"),
        ("[categories.alert]\nkeep = '99999999999 years'", "is longer than 100 years"),
        ("[categories.alert]\nkeep = '９０ days'", r"'\uff19\uff10 days' is not a period"),
        ("[categories.alert]\nkeep = '60 days + 60 days after doomsday'", "'doomsday' is not an event"),
        ("[categories.alert]\nkeep = ['3 days', '2 days']", "contradictory: more than one period for an age"),
        ("[categories.alert]\nkeep = []", "an empty list says nothing"),
        ("[categories.alert]\nkeep = 2026-01-01", "should be a text such as '90 days'"),
        ("[categories.alert]\nstore = 'Plain'", "store: should be 'plain', 'pseudonymised', 'truncated' or 'none'"),
        (
            "[categories.alert]\nstore = 'pl\u0430in'",
            "store: should be 'plain', 'pseudonymised', 'truncated' or 'none'",
        ),
        (
            "[categories.alert]\npurpose = []",
            "line 6: categories.alert.purpose: the list may not be empty: name at least one, or leave the key out",
        ),
        ("[alerts]\nroute = []", "line 6: alerts.route: the list may not be empty: name at least one, or"),
        ("[categories.alert]\npurpose = 'safety'", "purpose: should be a list"),
        (
            "[categories.alert]\nlegal_basis = 'art6'",
            "legal_basis: should be 'consent', 'contract', 'legal_obligation'",
        ),
        (
            "[categories.alert]\nvisible_to = ['boss']",
            "visible_to.1: should be 'dispatcher', 'manager' or 'technician'",
        ),
        ("[extra.Shift]", "line 5: extra.Shift: is no name: small letters"),
        ('[extra."sh\u0456ft"]', r"line 5: extra.'sh\u0456ft': is no name"),
        (f"[extra.{'x' * 33}]", "is no name: small letters"),
        ("\n".join(f"[extra.x{number}]" for number in range(65)), "extra: Dictionary should have at most 64 items"),
        ("regions = ['XXX']", "line 4: policy.regions.1: is no country such as 'DK', nor 'EEA'"),
        (
            "regions = ['DK', 'EU']",
            "policy.regions.2: is no country such as 'DK', nor 'EEA'; did you mean 'EEA'?",
        ),
        ("regions = ['UK']", "line 4: policy.regions.1: is no country such as 'DK', nor 'EEA'; did you mean 'GB'?"),
        ("regions = ['eea']", "regions.1: is no country such as 'DK', nor 'EEA'; did you mean 'EEA'?"),
        ("regions = ['XX']", "line 4: policy.regions.1: is no country such as 'DK', nor 'EEA'"),
        ("regions = ['']", "line 4: policy.regions.1: is no country such as 'DK', nor 'EEA'"),
        ("jurisdiction = 'UK'", "line 4: policy.jurisdiction: is no country such as 'DK'; did you mean 'GB'?"),
        ("jurisdiction = 'EU'", "line 4: policy.jurisdiction: is no country such as 'DK'"),
        ("jurisdiction = 'Denmark'", "line 4: policy.jurisdiction: is no country such as 'DK'"),
        ("privacy_notice_url = 'http://example.org'", "line 4: policy.privacy_notice_url: is no https address"),
        ("privacy_notice_url = 'javascript:alert(1)'", "line 4: policy.privacy_notice_url: is no https address"),
        ("acknowledged = ['no_sense']", "line 4: policy.acknowledged.1: should be 'no_records', "),
        (f"controller = '{'x' * 201}'", "line 4: policy.controller: String should have at most 200 characters"),
    ],
)
def test_a_wrong_key_is_named_with_its_line(more: str, told: str) -> None:
    if "[" not in more.partition("=")[0]:
        with pytest.raises(PolicyInvalid) as error:
            parse_policy(HEAD + more + "\n")
        assert told in error.value.message
        return
    assert told in refused(more)


@pytest.mark.parametrize(
    ("more", "told"),
    [
        (
            "[categories.alert]\ncollect = false",
            "alert.collect: alerts.enabled is true, and nothing is carried without it",
        ),
        ("[categories.message_content]\ncollect = false", "message_content.collect: messages.enabled is true"),
        ("[categories.message_metadata]\ncollect = false", "message_metadata.collect: messages.enabled is true"),
        (
            "[location]\nsos_exception = true\n[categories.location]\ncollect = false",
            "location.collect: location.sos_exception is true: alerts carry positions",
        ),
        ("[categories.alert]\ncollect = false\nkeep = '3 days'", "alert.keep: collect = false keeps nothing"),
        ("[categories.alert]\nstore = 'none'\nkeep = '3 days'", 'alert.keep: store = "none" keeps nothing'),
        ("[categories.alert]\ncollect = false\nstore = 'plain'", "alert.store: collect = false drops it"),
        ("[categories.credential]\ncollect = false", "categories.credential: nobody could log in"),
        ("[categories.credential]\nstore = 'none'", "categories.credential: nobody could log in"),
        ("[categories.membership]\nstore = 'pseudonymised'", "categories.membership: nobody could log in"),
        ("[categories.call_record]\nstore = 'pseudonymised'", "store: there are no pseudonyms of Call records"),
        ("[categories.message_content]\nstore = 'pseudonymised'", "there are no pseudonyms of Message content"),
        ("[categories.subscriber_name]\nkeep = '90 days'", "lasts while somebody is subscribed and has no age"),
        ("[extra.shift]\nkeep = '90 days'", "line 6: extra.shift.keep: lasts while somebody is subscribed"),
        ("[categories.call_record]\nstore = 'truncated'", "call_record.store: there is nothing to truncate"),
        (
            "[categories.message_content]\nstore = 'truncated'",
            "message_content.store: truncated to what? Name characters",
        ),
        ("[categories.location]\nstore = 'truncated'", "location.store: truncated to what? Name metres or decimals"),
        (
            "[categories.ip_address]\ntruncate = { ipv4_bits = 24, ipv6_bits = 48 }",
            "ip_address.truncate: has no meaning without store",
        ),
        (
            "[categories.ip_address]\nstore = 'truncated'\ntruncate = { ipv4_bits = 24 }",
            "address.truncate: IP address is truncated to ipv4_bits and ipv6_bits",
        ),
        (
            "[categories.ip_address]\nstore = 'truncated'\ntruncate = { characters = 3 }",
            "address.truncate: IP address is truncated to ipv4_bits and ipv6_bits",
        ),
        ("[categories.nickname]\nstore = 'truncated'\ntruncate = {}", "Nickname is truncated to characters"),
        (
            "[location]\nenabled = true\nlive_only = false\n[categories.location]\nstore = 'truncated'\n"
            "truncate = { metres = 9, decimals = 1 }",
            "Location is truncated to metres or decimals",
        ),
        ("[categories.location]\ncollect = true", "categories.location.collect: location.enabled is false"),
        ("[categories.location]\nstore = 'plain'", "store: location.enabled is false: no positions are written"),
        ("[location]\nenabled = true\n[categories.location]\nstore = 'plain'", "store: location.live_only is true"),
    ],
)
def test_contradictions_are_refused(more: str, told: str) -> None:
    assert told in refused(more)


def test_all_that_is_wrong_is_told_at_once_in_order() -> None:
    told = refused("[categories.alert]\nkeep = '3 dayz'\nstore = 1\n[roster]\nnames_up_to = -1")
    assert [line.partition(":")[0] for line in told.splitlines()] == ["line 6", "line 7", "line 9"]


@pytest.mark.parametrize("text", ["", "\n", "# nothing\n", '[policy]\ntitle = "x"\n', '[policy]\nversion = "1"\n'])
def test_a_file_without_title_and_version_is_no_policy(text: str) -> None:
    with pytest.raises(PolicyFileInvalid, match="missing"):
        parse_policy(text)


def test_an_item_that_is_wrong_is_told_once() -> None:
    told = refused("[categories.alert]\npurpose = ['fun']\nvisible_to = ['boss']\n[extra.x]\npurpose = []")
    assert [line.partition(": should")[0].partition(": the list")[0] for line in told.splitlines()] == [
        "line 6: categories.alert.purpose.1",
        "line 7: categories.alert.visible_to.1",
        "line 9: extra.x.purpose",
    ]


def test_a_table_is_asked_for_in_plain_words() -> None:
    assert refused("[categories]\nalert = 3") == "line 6: categories.alert: should be a table"
    assert refused("[categories.alert]\nzzzzzz = 3") == "line 6: categories.alert.zzzzzz: there is no such key"


def test_no_value_of_the_file_is_repeated_by_a_wrong_type() -> None:
    assert "secret" not in refused("[roster]\nnames_up_to = 'secret'\n[location]\nenabled = 'secret'")


# What a valid file means


def test_the_default_preset_says_everything_that_can_be_said() -> None:
    default = parse_policy(preset_text(DEFAULT))
    assert default.categories.keys() == set(Category)
    for category, rule in default.categories.items():
        left_out = {"truncate"} | ({"store", "collect", "legal_basis"} if category is Category.LOCATION else set())
        assert rule.model_fields_set == set(type(rule).model_fields) - left_out
    for name in ("policy", "roster", "location", "alerts", "logging"):
        section = getattr(default, name)
        assert section.model_fields_set == set(type(section).model_fields), name


def test_the_default_preset_and_an_empty_policy_are_the_same() -> None:
    default, bare = parse_policy(preset_text(DEFAULT)), policy_of()
    for category in Category:
        assert bare.rule(category) == default.rule(category)
    for name in ("roster", "location", "alerts", "logging"):
        assert getattr(bare, name) == getattr(default, name)


@pytest.mark.parametrize("category", Category)
def test_by_default_everything_has_an_end_and_a_purpose(category: Category) -> None:
    rule = policy_of().rule(category)
    assert rule.retention.clauses
    assert rule.purposes
    assert about(category).nature == "standing" or rule.retention.clause(None) is not None


def test_a_file_names_only_what_differs() -> None:
    policy = policy_of("[categories.ip_address]\nkeep = '1 day'\nvisible_to = []")
    rule, default = policy.rule(Category.IP_ADDRESS), policy_of().rule(Category.IP_ADDRESS)
    assert (rule.retention, rule.visible_to) == (Retention.parse("1 day"), frozenset())
    assert (rule.storage, rule.purposes, rule.legal_basis) == (default.storage, default.purposes, default.legal_basis)
    assert policy.rule(Category.CALL_RECORD) == policy_of().rule(Category.CALL_RECORD)


def test_a_rule_holds_what_the_file_says() -> None:
    rule = policy_of(
        "[categories.message_content]\nstore = 'truncated'\ntruncate = { characters = 160 }\n"
        "keep = ['3 months', 'until account_closed']\npurpose = ['service', 'billing']\n"
        "legal_basis = 'consent'\nvisible_to = ['manager', 'technician']"
    ).rule(Category.MESSAGE_CONTENT)
    assert (rule.collect, rule.storage) == (True, Storage.TRUNCATED)
    assert rule.truncate is not None
    assert rule.truncate.characters == 160
    assert rule.retention == Retention.parse(["3 months", "until account_closed"])
    assert rule.purposes == {Purpose.SERVICE, Purpose.BILLING}
    assert rule.legal_basis is LegalBasis.CONSENT
    assert rule.visible_to == {Tier.MANAGER, Tier.TECHNICIAN}


@pytest.mark.parametrize("line", ["collect = false", "store = 'none'"])
def test_what_is_not_kept_is_over_at_once(line: str) -> None:
    """So that a sweep erases what an earlier policy has written."""
    policy = policy_of(f"[categories.call_record]\n{line}")
    rule = policy.rule(Category.CALL_RECORD)
    assert not policy.keeps(Category.CALL_RECORD)
    assert rule.storage is Storage.NONE
    assert rule.collect is (line != "collect = false")
    assert rule.retention is NO_TIME
    assert rule.retention.gone_cutoff(1_000, ()) == 1_000


def test_without_records_nothing_that_happens_is_kept() -> None:
    policy = policy_of("[logging]\nrecords = false")
    for category in Category:
        standing = about(category).nature == "standing"
        assert policy.keeps(category) is standing
        assert (policy.rule(category).retention is NO_TIME) is not standing
    assert not policy.keeps(Category.LAST_LOGIN)
    assert not policy.keeps(Category.IP_ADDRESS)


@pytest.mark.parametrize(
    ("location", "collect", "keeps"),
    [
        ("enabled = false", False, False),
        ("enabled = true", True, False),
        ("enabled = true\nlive_only = true", True, False),
        ("enabled = true\nlive_only = false", True, True),
        ("enabled = false\nlive_only = false", False, False),
    ],
)
def test_the_switches_of_location_outweigh_its_rule(location: str, collect: bool, keeps: bool) -> None:
    policy = policy_of(f"[location]\n{location}")
    assert policy.rule(Category.LOCATION).collect is collect
    assert policy.keeps(Category.LOCATION) is keeps


def test_without_alerts_none_are_kept() -> None:
    assert policy_of().keeps(Category.ALERT)
    assert not policy_of("[alerts]\nenabled = false").keeps(Category.ALERT)


def test_fields_of_the_organisation_begin_with_the_rule_for_all_of_them() -> None:
    policy = policy_of(
        "[categories.extra]\nvisible_to = ['dispatcher']\n[extra.shift]\n"
        "[extra.blood_group]\nstore = 'pseudonymised'\nlegal_basis = 'consent'\nkeep = 'until consent_withdrawn'"
    )
    assert policy.rule(Category.EXTRA, "shift") == policy.rule(Category.EXTRA)
    group = policy.rule(Category.EXTRA, "blood_group")
    assert (group.storage, group.visible_to) == (Storage.PSEUDONYMISED, {Tier.DISPATCHER})
    assert group.retention == Retention.parse("until consent_withdrawn")


def test_a_field_that_is_not_defined_is_not_collected() -> None:
    rule = policy_of("[extra.shift]").rule(Category.EXTRA, "religion")
    assert not rule.collect
    assert not rule.purposes
    assert rule.retention is NO_TIME
    assert not policy_of("[extra.shift]").keeps(Category.EXTRA, "religion")
    assert not policy_of("[extra.shift]").keeps(Category.CALL_RECORD, "shift")


def test_truncation_belongs_to_the_storage_that_it_was_named_with() -> None:
    policy = policy_of(
        "[categories.extra]\nstore = 'truncated'\ntruncate = { characters = 3 }\n[extra.a]\n[extra.b]\nstore = 'plain'"
    )
    assert policy.rule(Category.EXTRA, "a").truncate == policy.rule(Category.EXTRA).truncate
    assert policy.rule(Category.EXTRA, "b").truncate is None


def test_the_head_is_read() -> None:
    policy = policy_of(
        head='controller = "Ærø Brandvæsen"\nregions = ["DK", "EEA"]\nacknowledged = ["no_records"]\n'
        'privacy_notice_url = "https://example.org/privacy"\njurisdiction = "DK"\n'
    )
    assert policy.policy.controller == "Ærø Brandvæsen"
    assert policy.policy.regions == ("DK", "EEA")
    assert policy.policy.acknowledged == (LimitationCode.NO_RECORDS,)


def test_the_digest_is_that_of_the_file() -> None:
    text = HEAD.replace("\n", "\r\n") + "# Ærø\r\n"
    assert parse_policy(text).digest == hashlib.sha256(text.encode()).hexdigest()


def test_a_policy_cannot_be_changed() -> None:
    policy = policy_of()
    with pytest.raises(ValueError, match="frozen"):
        policy.location.enabled = True
    with pytest.raises(AttributeError):
        policy.rule(Category.ALERT).collect = False


# Broken files


def broken(text: str) -> Iterator[str]:
    """Cut off, with a character lost, doubled or replaced: 400 of them, the same at each run."""
    draw = random.Random(20260501)
    for _ in range(400):
        place = draw.randrange(len(text))
        yield draw.choice(
            [
                text[:place],
                text[:place] + text[place + 1 :],
                text[:place] + text[place] + text[place:],
                text[:place] + draw.choice("\x00[]{}\"'=#.,\n\u202e9e-") + text[place + 1 :],
            ]
        )


def outcome(text: str) -> type:
    try:
        return type(parse_policy(text))
    except PolicyFileInvalid as error:
        return type(error)


def test_a_broken_file_is_a_policy_or_refused_and_nothing_else() -> None:
    assert set(map(outcome, broken(preset_text(DEFAULT)))) == {Policy, PolicyFileInvalid}


def test_a_file_cut_off_anywhere_within_a_line_is_refused() -> None:
    text = preset_text(DEFAULT)
    for place in range(0, len(text), 7):
        if not text[:place].endswith("\n"):
            with pytest.raises(PolicyFileInvalid):
                parse_policy(text[:place])


def test_a_key_before_its_table_is_told_where_it_belongs() -> None:
    with pytest.raises(PolicyInvalid) as error:
        parse_policy('title = "Test"\n' + HEAD)
    assert error.value.message == "line 1: title: there is no such key here; it belongs to [policy]"

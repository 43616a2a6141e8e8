"""What the gate lets through, and in what form; nothing else can make a released value."""

import pytest

from privacy.policy_texts import policy_of
from pttserver.ids import Personal
from pttserver.privacy.categories import Category, about
from pttserver.privacy.contradictions import NECESSARY
from pttserver.privacy.forms import PSEUDONYM, WHOLE
from pttserver.privacy.gate import Gate
from pttserver.privacy.purposes import Purpose
from pttserver.privacy.released import Released

WHO = "sub_1"


def gate(rules=""):
    return Gate(policy_of(rules))


def test_a_released_value_is_made_by_the_gate_only():
    with pytest.raises(TypeError, match="only the gate"):
        Released(object(), Category.IDENTIFIER, WHO, "x", b"")


def test_a_released_value_prints_no_value():
    released = gate().release(Category.SUBSCRIBER_NAME, Purpose.SERVICE, WHO, Personal("Anna"))
    assert "Anna" not in f"{released} {released!r}"
    assert released.value == "Anna"


def test_another_purpose_gets_nothing():
    at = gate('[categories.ip_address]\npurpose = ["security"]\n')
    assert at.release(Category.IP_ADDRESS, Purpose.SECURITY, WHO, "203.0.113.7")
    assert at.release(Category.IP_ADDRESS, Purpose.BILLING, WHO, "203.0.113.7") is None


@pytest.mark.parametrize("rule", ["collect = false", 'store = "none"'])
def test_what_is_not_kept_gets_nowhere(rule):
    at = gate(f"[categories.participants]\n{rule}\n")
    assert at.release(Category.PARTICIPANTS, Purpose.OPERATIONS, WHO, WHO) is None
    assert not at.keeps(Category.PARTICIPANTS, Purpose.OPERATIONS)


def test_addresses_are_truncated():
    at = gate('[categories.ip_address]\nstore = "truncated"\ntruncate = {ipv4_bits = 24, ipv6_bits = 48}\n')
    assert at.release(Category.IP_ADDRESS, Purpose.SECURITY, WHO, Personal("203.0.113.77")).value == "203.0.113.0"
    assert at.release(Category.IP_ADDRESS, Purpose.SECURITY, WHO, "2001:db8:1:2::3").value == "2001:db8:1::"
    assert at.release(Category.IP_ADDRESS, Purpose.SECURITY, WHO, "no address") is None


def test_pseudonyms_are_marked():
    at = gate('[categories.participants]\nstore = "pseudonymised"\n')
    assert at.release(Category.PARTICIPANTS, Purpose.OPERATIONS, WHO, WHO).form == PSEUDONYM
    assert gate().release(Category.PARTICIPANTS, Purpose.OPERATIONS, WHO, WHO).form == WHOLE


@pytest.mark.parametrize("category", Category)
def test_without_records_nothing_that_happens_passes(category):
    at = gate("[logging]\nrecords = false\n")
    passes = any(at.release(category, purpose, WHO, 7) for purpose in Purpose)
    if about(category).nature == "happening":
        assert not passes


@pytest.mark.parametrize("category", sorted(NECESSARY))
def test_what_is_necessary_passes_under_any_policy(category):
    assert gate("[logging]\nrecords = false\n").release(category, Purpose.SECURITY, WHO, b"key").value == b"key"


def test_fields_of_the_organisation_pass_by_their_own_rule():
    at = gate('[extra.shift]\npurpose = ["operations"]\n')
    assert at.release(Category.EXTRA, Purpose.OPERATIONS, WHO, "night", extra="shift")
    assert at.release(Category.EXTRA, Purpose.OPERATIONS, WHO, "O negative", extra="blood_type") is None

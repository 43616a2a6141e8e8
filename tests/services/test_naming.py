"""T-055, T-056: texts that deceive the eye are refused, texts that only look dangerous are kept as they are."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pttserver.errors import InvalidValue
from pttserver.services import naming
from pttserver.store.records import IdentifierKind

MARKERS = [
    "Robert'); DROP TABLE tenants;--",
    "<script>alert(1)</script>",
    "=HYPERLINK(1)",
    "[bold red]x[/]",
    "%s%n{0}",
    "../../etc/passwd",
]


@pytest.mark.parametrize("text", [*MARKERS, "Łódź 7", "消防", "Ωmega", "👮 Patrol", "a" * 64, "é" * 64, "x"])
def test_t056_kept_as_it_is(text):
    assert naming.name(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   ",
        "a" * 65,
        "消" * 67,
        "👮" * 51,
        "a\nb",
        "a\x00b",
        "a\x1b[31mb",
        "a\x7fb",
        "a\u0085b",
        "abc\u202egpj",
        "\u2066a\u2069",
        "zero\u200bwidth",
        "joined\u200dup",
        "\ufeffbom",
        "soft\u00adhyphen",
        "line\u2028end",
        "tag\U000e0041",
        "private\ue000",
        "lone\ud800",
        "hangul\u3164filler",
        "braille\u2800blank",
        "ten_0123456789abcdef",
        "sub_0123456789abcdef",
        "e" + "\u0301" * 10_000,
    ],
)
def test_t055_refused(text):
    with pytest.raises(InvalidValue):
        naming.name(text)


def test_composed_and_trimmed():
    assert naming.name("  Cafe\u0301 ") == "Caf\u00e9"


@given(st.text())
def test_a_name_that_passes_passes_again(text):
    with suppress(InvalidValue):
        kept = naming.name(text)
        assert naming.name(kept) == kept
        assert len(kept.encode()) <= 200


@pytest.mark.parametrize(
    ("text", "kept", "kind"),
    [
        ("+49 151 123-4567", "+491511234567", IdentifierKind.PHONE),
        ("(0151) 1234567", "01511234567", IdentifierKind.PHONE),
        ("1234567", "1234567", IdentifierKind.PHONE),
        ("4711", "4711", IdentifierKind.CUSTOM),
        ("Gate 4", "Gate 4", IdentifierKind.CUSTOM),
        ("anna@acme.example", "anna@acme.example", IdentifierKind.CUSTOM),
        ("1234567890123456", "1234567890123456", IdentifierKind.CUSTOM),
        ("10.0.0.12", "10.0.0.12", IdentifierKind.CUSTOM),
        (
            "\u0661\u0662\u0663\u0664\u0665\u0666\u0667",
            "\u0661\u0662\u0663\u0664\u0665\u0666\u0667",
            IdentifierKind.CUSTOM,
        ),
    ],
)
def test_identifiers(text, kept, kind):
    personal, found = naming.identifier(text)
    assert (personal.reveal(), found) == (kept, kind)
    assert naming.identifier_or_id(text) == kept


@pytest.mark.parametrize("text", ["", "+49", "+1234567890123456", "+49 (0)"])
def test_wrong_identifiers(text):
    with pytest.raises(InvalidValue):
        naming.identifier(text)


def test_an_id_is_looked_up_as_it_is():
    assert naming.identifier_or_id(" sub_0123456789abcdef ") == "sub_0123456789abcdef"


@pytest.mark.parametrize("pin", ["4711", "000000000000", "secret", "correct horse battery staple", "x" * 64])
def test_pins(pin):
    assert naming.pin(pin) == pin


@pytest.mark.parametrize("pin", ["", "123", "1234567890123", "short", "x" * 65, "a\tbcdef", "abc\u200bdef"])
def test_wrong_pins_are_not_repeated(pin):
    with pytest.raises(InvalidValue) as caught:
        naming.pin(pin)
    assert not pin or pin not in caught.value.message


@pytest.mark.parametrize("value", [-1, 256])
def test_wrong_priorities(value):
    with pytest.raises(InvalidValue):
        naming.priority(value)

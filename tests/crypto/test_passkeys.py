"""What is decided about passkeys beside the library; the ceremonies are in tests/behaviours and tests/attacks."""

import pytest

from pttserver.crypto import passkeys


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        ("https://ptt.example", "ptt.example"),
        ("https://ptt.example:8443", "ptt.example"),
        ("https://localhost:8443", "localhost"),
        ("https://192.0.2.7:8443", None),
        ("https://[2001:db8::7]:8443", None),
    ],
)
def test_a_relying_party_is_a_name(origin: str, host: str | None) -> None:
    assert passkeys.relying_party(origin) == host


@pytest.mark.parametrize(
    ("count", "before", "fits"), [(1, 0, True), (9, 5, True), (0, 0, True), (5, 5, False), (4, 5, False), (0, 5, False)]
)
def test_a_counter_goes_up_or_stays_zero(count: int, before: int, fits: bool) -> None:
    assert passkeys.may_follow(count, before) is fits

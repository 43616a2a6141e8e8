"""One-time passwords, against the vectors of the RFC."""

import pytest

from pttserver.crypto import totp

SECRET = b"12345678901234567890"


@pytest.mark.parametrize(
    ("time_s", "code"),
    [
        (59, "94287082"),
        (1_111_111_109, "07081804"),
        (1_111_111_111, "14050471"),
        (1_234_567_890, "89005924"),
        (2_000_000_000, "69279037"),
        (20_000_000_000, "65353130"),
    ],
)
def test_the_vectors_of_rfc_6238(time_s: int, code: str) -> None:
    """Appendix B has eight digits, of which six are the last ones."""
    assert totp.code_at(SECRET, time_s // 30) == code[2:]
    assert totp.matching_step(SECRET, code[2:], time_s * 1000) == time_s // 30


@pytest.mark.parametrize(("aside", "taken"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)])
def test_one_step_aside_is_taken(aside: int, taken: bool) -> None:
    now = 1_790_000_000
    code = totp.code_at(SECRET, now // 30 + aside)
    assert totp.matching_step(SECRET, code, now * 1000) == (now // 30 + aside if taken else None)


@pytest.mark.parametrize("code", ["", "0", "12345", "1234567", "abcdef", "١٢٣٤٥٦"])
def test_what_is_no_code_fits_nothing(code: str) -> None:
    assert totp.matching_step(SECRET, code, 59_000) is None


def test_an_app_can_read_it() -> None:
    secret = totp.draw_secret()
    uri = totp.provisioning_uri(secret, "Dora: desk 1", "ACME & Co")
    assert uri.startswith("otpauth://totp/ACME%20%26%20Co:Dora%3A%20desk%201?")
    assert f"secret={totp.secret_text(secret)}" in uri
    assert len(totp.secret_text(secret)) == 32

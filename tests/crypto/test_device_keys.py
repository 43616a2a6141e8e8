"""Proofs of devices: every part of what is signed counts."""

import itertools

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from pttserver.crypto import device_keys

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC = KEY.public_key().public_bytes_raw()


def test_the_octets_are_those_of_the_contract() -> None:
    signed = device_keys.proof("login", 1, b"C" * 32, b"D" * 32, "dev_1")
    assert signed == b"pttserver\0login\0\x01" + b"C" * 32 + b"D" * 32 + b"dev_1"


def test_no_two_proofs_are_the_same() -> None:
    choices = itertools.product(
        ("enroll", "login", "resume"), (1, 2), (b"A" * 32, b"B" * 32), (b"A" * 32, b"B" * 32), ("a", "b")
    )
    proofs = [device_keys.proof(*choice) for choice in choices]  # type: ignore[arg-type]
    assert len(set(proofs)) == len(proofs)


def test_a_signature_verifies_for_its_octets_and_key_only() -> None:
    signature = KEY.sign(b"octets")
    assert device_keys.verify(PUBLIC, signature, b"octets")
    assert not device_keys.verify(PUBLIC, signature, b"octetz")
    assert not device_keys.verify(device_keys.STAND_IN_PUBLIC_KEY, signature, b"octets")
    for place in range(64):
        forged = bytearray(signature)
        forged[place] ^= 1
        assert not device_keys.verify(PUBLIC, bytes(forged), b"octets")


@pytest.mark.parametrize("key", [b"", bytes(31), bytes(33), b"\xff" * 32])
def test_a_malformed_key_verifies_nothing(key: bytes) -> None:
    """T-044."""
    assert not device_keys.verify(key, KEY.sign(b"x"), b"x")


@pytest.mark.parametrize("signature", [b"", bytes(63), bytes(64), bytes(65)])
def test_a_malformed_signature_is_refused(signature: bytes) -> None:
    assert not device_keys.verify(PUBLIC, signature, b"x")


SMALL_ORDER = [
    bytes(32), b"\x01" + bytes(31), b"\xec" + b"\xff" * 30 + b"\x7f", b"\xed" + b"\xff" * 30 + b"\x7f",
    b"\xee" + b"\xff" * 30 + b"\x7f", b"\xee" + b"\xff" * 31, bytes(31) + b"\x80", b"\x01" + bytes(30) + b"\x80",
    bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"),
    bytes.fromhex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"),
]  # fmt: skip


@pytest.mark.parametrize("key", SMALL_ORDER, ids=bytes.hex)
def test_a_key_of_small_order_proves_nothing(key: bytes) -> None:
    """T-044: for such a key one signature fits many messages, so it is refused at the enrolment."""
    for number in range(64):
        assert not device_keys.verify(key, b"\x01" + bytes(63), b"message %d" % number)


def test_challenges_and_tokens_are_fresh() -> None:
    assert device_keys.draw_challenge() != device_keys.draw_challenge()
    token, other = device_keys.draw_token(1_800_000_000_000), device_keys.draw_token(1_800_000_000_000)
    assert len(token) == 32
    assert token != other
    assert device_keys.token_end_ms(token) == 1_800_000_000_000
    assert device_keys.token_digest(b"t") != b"t"

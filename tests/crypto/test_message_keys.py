"""Sealing for devices: it opens with the right key in the right place, and nowhere else."""

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from pttserver.crypto.message_keys import WRAPPED_BYTES, decrypt, draw_content_key, encrypt, unwrap, wrap
from pttserver.errors import SealBroken

KEY = X25519PrivateKey.generate()
PRIVATE, PUBLIC = KEY.private_bytes_raw(), KEY.public_key().public_bytes_raw()


def test_a_content_key_opens_on_its_device_for_its_message_only() -> None:
    content_key = draw_content_key()
    wrapped = wrap(content_key, PUBLIC, b"message 1")
    assert len(wrapped) == WRAPPED_BYTES
    assert unwrap(wrapped, PRIVATE, b"message 1") == content_key
    with pytest.raises(SealBroken):
        unwrap(wrapped, PRIVATE, b"message 2")
    with pytest.raises(SealBroken):
        unwrap(wrapped, X25519PrivateKey.generate().private_bytes_raw(), b"message 1")


@pytest.mark.parametrize("position", range(0, WRAPPED_BYTES, 7))
def test_a_changed_key_does_not_open(position: int) -> None:
    wrapped = bytearray(wrap(draw_content_key(), PUBLIC, b"m"))
    wrapped[position] ^= 1
    with pytest.raises(SealBroken):
        unwrap(bytes(wrapped), PRIVATE, b"m")


@pytest.mark.parametrize("octets", [b"", bytes(31), bytes(32), bytes(79), bytes(WRAPPED_BYTES), b"\xff" * 81])
def test_what_is_no_wrapped_key_is_refused(octets: bytes) -> None:
    with pytest.raises(SealBroken):
        unwrap(octets, PRIVATE, b"m")


@pytest.mark.parametrize("public", [bytes(32), b"\x01" + bytes(31), b"short"])
def test_nothing_is_wrapped_for_a_key_that_nobody_has(public: bytes) -> None:
    with pytest.raises(SealBroken):
        wrap(draw_content_key(), public, b"m")


def test_content_opens_under_its_header_only() -> None:
    key = draw_content_key()
    sealed = encrypt(key, b"text", b"header")
    assert decrypt(key, sealed, b"header") == b"text"
    assert encrypt(key, b"text", b"header") != sealed
    for octets, header in ((sealed, b"other"), (sealed[:-1], b"header"), (b"", b"header"), (b"x" + sealed, b"header")):
        with pytest.raises(SealBroken):
            decrypt(key, octets, header)

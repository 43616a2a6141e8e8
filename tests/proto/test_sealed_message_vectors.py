"""The vectors of sealed messages, and HPKE as the RFC has it, against the code that clients use."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from proto.generator import hpke
from pttserver.crypto import message_keys
from pttserver.crypto.device_keys import verify
from pttserver.errors import SealBroken
from pttserver.wire.message_body import read_body, write_body
from pttserver.wire.signed_message import MessageHeader, key_binding, published_key

VECTORS = json.loads((Path(__file__).parents[2] / "proto/vectors/sealed-messages.json").read_text(encoding="utf-8"))
MESSAGES = VECTORS["messages"]
SIGNER = bytes.fromhex(VECTORS["device_public_key"])


def octets(text: str) -> bytes:
    return bytes.fromhex(text)


def test_hpke_by_hand_is_that_of_the_rfc() -> None:
    """RFC 9180 A.1.1: base mode, DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-128-GCM."""
    context = hpke.setup(
        octets("52c4a758a802cd8b936eceea314432798d5baf2d7e9235dc084ab1b9cfa2f736"),
        octets("3948cfe0ad1ddb695d780e59077195da6c56506b027329794ab02bca80815c4d"),
        octets("4f6465206f6e2061204772656369616e2055726e"),
        hpke.AES_128_GCM,
    )
    assert context.enc.hex() == "37fda3567bdbd628e88668c3c8d7e97d1d1253b6d4ea6d44c150f741f1bf4431"
    assert context.shared_secret.hex() == "fe0e18c9f024ce43799ae393c7e8fe8fce9d218875e8227b0187c04e7d2ea1fc"
    assert (context.key.hex(), context.nonce.hex()) == ("4531685d41d65f03dc48f6b8302c05b0", "56d890e5accaaf011cff4b7d")
    sealed = context.seal(b"Beauty is truth, truth beauty", b"Count-0")
    assert sealed.hex() == "f938558b5d72f1a23810b4be2ab4f84331acc02fc97babc53a52ae8218a355a96d8770ac83d07bea87e13c512a"


WRAPPINGS = [(vector, wrapping) for vector in MESSAGES for wrapping in vector["keys"]]


@pytest.mark.parametrize(("vector", "wrapping"), WRAPPINGS)
def test_wrapped_keys_are_hpke_and_open(vector: dict[str, Any], wrapping: dict[str, Any]) -> None:
    info = octets(wrapping["info"])
    context = hpke.setup(octets(wrapping["ephemeral_private_key"]), octets(wrapping["public_key"]), info)
    assert (context.enc.hex(), context.shared_secret.hex()) == (wrapping["enc"], wrapping["shared_secret"])
    assert (context.key.hex(), context.nonce.hex()) == (wrapping["key"], wrapping["nonce"])
    assert context.enc + context.seal(octets(vector["content_key"])) == octets(wrapping["wrapped"])
    assert info == key_binding(octets(vector["message"]), vector["device"], wrapping["device"])
    opened = message_keys.unwrap(octets(wrapping["wrapped"]), octets(wrapping["private_key"]), info)
    assert opened.hex() == vector["content_key"]


def text(value: str) -> bytes:
    return len(value.encode()).to_bytes(2, "big") + value.encode()


@pytest.mark.parametrize("vector", MESSAGES)
def test_the_header_is_as_the_page_says(vector: dict[str, Any]) -> None:
    by_hand = b"pttserver\0message\0\x01" + octets(vector["message"]) + vector["sequence"].to_bytes(8, "big")
    by_hand += octets(vector["previous"]) + vector["sent_ms"].to_bytes(8, "big")
    by_hand += text(vector["sender"]) + text(vector["device"]) + text(vector["group"] or "")
    by_hand += len(vector["recipients"]).to_bytes(2, "big") + b"".join(map(text, sorted(vector["recipients"])))
    header = MessageHeader(
        octets(vector["message"]), vector["sequence"], octets(vector["previous"]), vector["sent_ms"],
        vector["sender"], vector["device"], vector["group"], vector["recipients"],
    )  # fmt: skip
    assert header.octets() == by_hand == octets(vector["header"])


@pytest.mark.parametrize("vector", MESSAGES)
def test_the_signature_covers_header_content_and_attachment(vector: dict[str, Any]) -> None:
    attachment = octets(vector["attachment"] or "")
    digest = hashlib.sha256(attachment).digest() if attachment else bytes(32)
    signed = octets(vector["header"]) + hashlib.sha256(octets(vector["content"])).digest() + digest
    assert signed == octets(vector["signed"])
    Ed25519PublicKey.from_public_bytes(SIGNER).verify(octets(vector["signature"]), signed)
    assert hashlib.sha256(signed).hexdigest() == vector["digest"]


@pytest.mark.parametrize("vector", MESSAGES)
def test_content_and_attachment_open(vector: dict[str, Any]) -> None:
    key, header, content = (octets(vector[name]) for name in ("content_key", "header", "content"))
    body = AESGCM(key).decrypt(content[:12], content[12:], header)
    assert body.decode() == vector["body"]
    assert write_body(read_body(body)) == body
    assert message_keys.decrypt(key, content, header) == body
    if vector["attachment"]:
        plain = message_keys.decrypt(key, octets(vector["attachment"]), header + b"attachment")
        assert plain.hex() == vector["attachment_plain"]
        with pytest.raises(SealBroken):
            message_keys.decrypt(key, octets(vector["attachment"]), header)


def test_each_message_names_the_one_before() -> None:
    assert MESSAGES[0]["previous"] == bytes(32).hex()
    assert [vector["previous"] for vector in MESSAGES[1:]] == [vector["digest"] for vector in MESSAGES[:-1]]


def test_the_published_key_is_signed_by_its_device() -> None:
    published = VECTORS["published_key"]
    signed = published_key(published["device"], octets(published["key"]))
    assert signed.hex() == published["signed"]
    assert signed == b"pttserver\0device key\0\x01" + text(published["device"]) + octets(published["key"])
    assert verify(SIGNER, octets(published["signature"]), signed)

"""The vectors, checked against the code and against implementations of the standards that are written here, by hand."""

import hashlib
import json
from base64 import b64decode, urlsafe_b64encode
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from pttserver.crypto.certificate import certificate_pin_of_der
from pttserver.crypto.device_keys import origin_digest, proof, verify
from pttserver.crypto.srtp import SrtpError, SrtpKey, SrtpReceiver, SrtpSender
from pttserver.errors import MalformedMessage, MalformedPacket, ProtocolError
from pttserver.wire import rtcp, signalling
from pttserver.wire.alert_packet import AlertPacket
from pttserver.wire.enrolment import Enrolment, build_enrolment, parse_enrolment
from pttserver.wire.floor_control import (
    FloorIndicator,
    FloorMessage,
    MessageType,
    QueueInfo,
    Source,
)
from pttserver.wire.rtp import RtpPacket, rtp_ssrc

FOLDER = Path(__file__).parents[2] / "proto" / "vectors"


def vectors(name: str) -> dict[str, Any]:
    return json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))


def named(items: list[dict[str, Any]]) -> Any:
    return pytest.mark.parametrize("vector", items, ids=[item["name"] for item in items])


# Floor control

FLOOR = vectors("floor-control")
MAKERS = {"type": MessageType, "indicator": FloorIndicator, "source": Source, "queue_info": lambda v: QueueInfo(*v)}


def as_message(values: dict[str, Any]) -> FloorMessage:
    return FloorMessage(**{name: MAKERS.get(name, lambda v: v)(value) for name, value in values.items()})


def by_hand(packet: bytes) -> dict[int, bytes]:
    """Fields of a floor control message by id, read as TS 24.380 §8.1 says and in no other way."""
    assert packet[1] == 204
    assert packet[8:12] == b"MCPT"
    assert len(packet) == 4 * (1 + int.from_bytes(packet[2:4], "big"))
    fields, at = {}, 12
    while at < len(packet):
        head = 3 if packet[at] >= 192 else 2
        length = int.from_bytes(packet[at + 1 : at + head], "big")
        fields[packet[at]] = packet[at + head : at + head + length]
        end = at + head + length
        at = (end + 3) // 4 * 4
        assert not any(packet[end:at])
    return fields


@named(FLOOR["messages"])
def test_floor_control_messages_are_read_and_written(vector: dict[str, Any]) -> None:
    octets, message = bytes.fromhex(vector["octets"]), as_message(vector["fields"])
    assert FloorMessage.decode(octets) == message
    assert rtcp.decode(octets) == [message]
    assert message.encode().hex() == vector.get("encodes_to", vector["octets"])


@named(FLOOR["messages"])
def test_floor_control_messages_say_what_the_standard_says(vector: dict[str, Any]) -> None:
    octets, said = bytes.fromhex(vector["octets"]), vector["fields"]
    fields = by_hand(octets)
    assert octets[0] == 0x80 | said["type"] | (0x10 if said["ack_required"] else 0)
    assert int.from_bytes(octets[4:8], "big") == said["ssrc"]
    numbers = {1: "duration_s", 5: "permission_to_request", 7: "queue_size", 8: "sequence_number", 10: "source"}
    for field_id, name in {**numbers, 13: "indicator"}.items():
        assert fields.get(field_id, b"") == (int(said[name]).to_bytes(2, "big") if name in said else b"")
    for field_id, name in {0: "floor_priority", 12: "message_type"}.items():
        assert fields.get(field_id, b"") == (bytes((said[name], 0)) if name in said else b"")
    for field_id, name in {4: "granted_party", 6: "user_id", 9: "queued_user_id", 17: "functional_alias"}.items():
        assert fields.get(field_id, b"").decode() == said.get(name, "")
    if "granted_ssrc" in said:
        assert fields[14] == said["granted_ssrc"].to_bytes(4, "big") + b"\0\0"
    if "reject_cause" in said:
        assert fields[2] == said["reject_cause"].to_bytes(2, "big") + said["reject_phrase"].encode()
    if "queue_info" in said:
        assert list(fields[3]) == said["queue_info"]


def test_every_type_of_floor_control_message_is_there() -> None:
    assert {vector["fields"]["type"] for vector in FLOOR["messages"]} == set(MessageType)


@named(FLOOR["malformed"])
def test_malformed_packets_are_refused(vector: dict[str, Any]) -> None:
    with pytest.raises(MalformedPacket):
        rtcp.decode(bytes.fromhex(vector["octets"]))


# RTCP

RTCP = vectors("rtcp")


def as_values(packet: rtcp.RtcpPacket) -> dict[str, Any]:
    match packet:
        case rtcp.ReceiverReport(ssrc, blocks):
            names = ("ssrc", "fraction_lost", "lost", "highest_sequence", "jitter")
            reports = [{name: getattr(block, name) for name in names} for block in blocks]
            return {"kind": "receiver report", "ssrc": ssrc, "blocks": reports}
        case rtcp.ReferenceTime(ssrc, ntp):
            return {"kind": "reference time", "ssrc": ssrc, "ntp": f"{ntp:016x}"}
        case rtcp.DelaySinceReference(ssrc, about, last, delay):
            said = {"about_ssrc": about, "last_reference": last, "delay": delay}
            return {"kind": "delay since reference", "ssrc": ssrc, **said}
        case AlertPacket(kind, ssrc, alert, drill, cause):
            said = {"subtype": int(kind), "alert": alert, "drill": drill, "cause": int(cause)}
            return {"kind": "alert", "ssrc": ssrc, **said}
        case rtcp.Bye(ssrc):
            return {"kind": "bye", "ssrc": ssrc}
    raise AssertionError(packet)


@named(RTCP["datagrams"])
def test_rtcp_datagrams(vector: dict[str, Any]) -> None:
    packets = rtcp.decode(bytes.fromhex(vector["octets"]))
    assert [as_values(packet) for packet in packets] == vector["packets"]
    assert b"".join(packet.encode() for packet in packets).hex() == vector["octets"]


def test_round_trip() -> None:
    said = RTCP["round_trip"]
    passed = (said["now"] - said["last_reference"] - said["delay"]) % 2**32
    assert passed / 65536 == said["round_trip_s"]


# SRTP, by hand

SRTP = vectors("srtp")


def prf(master_key: bytes, master_salt: bytes, label: int, octets: int) -> bytes:
    """RFC 3711 §4.3.1 and §4.3.3 with key derivation rate 0: x = (label * 2^48) XOR salt; AES-CM from x * 2^16.

    The 96-bit salt of RFC 7714 stands in the upper bits of the 112-bit salt of RFC 3711. AES-256 by RFC 6188 §3.
    """
    x = (label << 48) ^ (int.from_bytes(master_salt, "big") << 16)
    ecb = Cipher(algorithms.AES(master_key), modes.ECB()).encryptor()
    stream = b"".join(ecb.update(((x << 16) + block).to_bytes(16, "big")) for block in range(-(-octets // 16)))
    return stream[:octets]


def gcm(vector: dict[str, Any], key_label: int, salt_label: int) -> tuple[AESGCM, bytes]:
    master = bytes.fromhex(vector["master_key"]), bytes.fromhex(vector["master_salt"])
    key, salt = prf(*master, key_label, 32), prf(*master, salt_label, 12)
    assert (key.hex(), salt.hex()) == (vector["session_key"], vector["session_salt"])
    return AESGCM(key), salt


def xor(one: bytes, other: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(one, other, strict=True))


@named(SRTP["rtp"])
def test_srtp_by_hand(vector: dict[str, Any]) -> None:
    """RFC 7714 §8.1: IV = (00 00 SSRC ROC SEQ) XOR salt; associated data = RTP header; cipher text and tag follow."""
    aead, salt = gcm(vector, 0, 2)
    plain = bytes.fromhex(vector["plain"])
    roc = vector["roll_over_counter"].to_bytes(4, "big")
    iv = xor(b"\0\0" + plain[8:12] + roc + plain[2:4], salt)
    protected = plain[:12] + aead.encrypt(iv, plain[12:], plain[:12])
    assert protected.hex() == vector["protected"]
    assert (iv.hex(), plain[:12].hex()) == (vector["iv"], vector["associated_data"])
    assert vector["roll_over_counter"] == 0


@named(SRTP["rtcp"])
def test_srtcp_by_hand(vector: dict[str, Any]) -> None:
    """RFC 7714 §9.1: IV = (00 00 SSRC 00 00 index) XOR salt; associated data = first 8 octets, then E and index."""
    aead, salt = gcm(vector, 3, 5)
    plain = bytes.fromhex(vector["plain"])
    trailer = (1 << 31 | vector["index"]).to_bytes(4, "big")
    iv = xor(b"\0\0" + plain[4:8] + b"\0\0" + vector["index"].to_bytes(4, "big"), salt)
    protected = plain[:8] + aead.encrypt(iv, plain[8:], plain[:8] + trailer) + trailer
    assert protected.hex() == vector["protected"]
    assert (iv.hex(), (plain[:8] + trailer).hex()) == (vector["iv"], vector["associated_data"])


def key_of(vector: dict[str, Any]) -> SrtpKey:
    return SrtpKey(bytes.fromhex(vector["master_key"]), bytes.fromhex(vector["master_salt"]))


@named(SRTP["rtp"])
def test_srtp_by_the_code(vector: dict[str, Any]) -> None:
    plain, protected = bytes.fromhex(vector["plain"]), bytes.fromhex(vector["protected"])
    assert SrtpSender(key_of(vector)).protect_rtp(plain) == protected
    assert SrtpReceiver(key_of(vector)).unprotect_rtp(protected) == plain
    assert RtpPacket.decode(plain).encode() == plain
    assert (rtp_ssrc(plain), RtpPacket.decode(plain).sequence) == (vector["ssrc"], vector["sequence"])


@named(SRTP["rtcp"])
def test_srtcp_by_the_code(vector: dict[str, Any]) -> None:
    plain, protected = bytes.fromhex(vector["plain"]), bytes.fromhex(vector["protected"])
    assert SrtpReceiver(key_of(vector)).unprotect_rtcp(protected) == plain
    sender = SrtpSender(key_of(vector))
    assert [sender.protect_rtcp(plain) for _ in range(vector["index"])][-1] == protected


@named(SRTP["rtp"] + SRTP["rtcp"])
def test_every_bit_of_a_protected_packet_counts(vector: dict[str, Any]) -> None:
    protected = bytearray.fromhex(vector["protected"])
    is_rtcp = "index" in vector
    for at in range(len(protected)):
        changed = bytearray(protected)
        changed[at] ^= 1
        receiver = SrtpReceiver(key_of(vector))
        unprotect = receiver.unprotect_rtcp if is_rtcp else receiver.unprotect_rtp
        with pytest.raises(SrtpError):
            unprotect(bytes(changed))


def test_an_epoch_key_does_not_open_what_another_protects() -> None:
    one, other = SRTP["rtp"][0], SRTP["rtp"][1]
    aead, salt = gcm(other, 0, 2)
    octets = bytes.fromhex(one["protected"])
    iv = xor(b"\0\0" + octets[8:12] + bytes(4) + octets[2:4], salt)
    with pytest.raises(InvalidTag):
        aead.decrypt(iv, octets[12:], octets[:12])


# Logging in

LOGIN = vectors("login")


@pytest.mark.parametrize("purpose", ["enroll", "login", "resume"])
def test_proofs(purpose: Any) -> None:
    said = LOGIN[purpose]
    challenge, digest = bytes.fromhex(LOGIN["challenge"]), bytes.fromhex(LOGIN["certificate_digest"])
    octets = b"".join(
        (b"pttserver\0", purpose.encode(), b"\0", bytes((LOGIN["protocol_version"],)), challenge, digest)
    ) + said["credential"].encode("ascii")
    assert octets.hex() == said["proof"]
    assert proof(purpose, 1, challenge, digest, said["credential"]) == octets
    key = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(LOGIN["device_private_key"]))
    assert key.sign(octets).hex() == said["signature"]
    assert key.public_key().public_bytes_raw().hex() == LOGIN["device_public_key"]
    assert verify(bytes.fromhex(LOGIN["device_public_key"]), bytes.fromhex(said["signature"]), octets)


@pytest.mark.parametrize("step", ["enroll", "login", "login.console", "resume"])
def test_proofs_of_a_browser(step: str) -> None:
    """The digest is that of the origin; everything else is the same."""
    browser, said = LOGIN["browser"], LOGIN["browser"][step]
    digest = hashlib.sha256(browser["origin"].encode("ascii")).digest()
    assert digest.hex() == browser["origin_digest"] == origin_digest(browser["origin"]).hex()
    plain = LOGIN[said["purpose"]]["proof"]
    assert said["proof"] == plain.replace(LOGIN["certificate_digest"], browser["origin_digest"]) != plain
    signature = bytes.fromhex(said["signature"])
    assert verify(bytes.fromhex(LOGIN["device_public_key"]), signature, bytes.fromhex(said["proof"]))
    assert not verify(bytes.fromhex(LOGIN["device_public_key"]), signature, bytes.fromhex(plain))


def test_frames_of_the_log_in_at_the_console() -> None:
    said = LOGIN["browser"]["login.console"]
    request = signalling.parse_request(said["request"])
    assert isinstance(request, signalling.LoginConsole)
    assert (request.device, request.signature.hex()) == (said["credential"], said["signature"])
    assert signalling.parse_server_message(said["reply"]).to_json() == LOGIN["login"]["reply"]


def test_a_proof_is_worth_nothing_for_another_purpose() -> None:
    public_key = bytes.fromhex(LOGIN["device_public_key"])
    signature = bytes.fromhex(LOGIN["login"]["signature"])
    assert not verify(public_key, signature, bytes.fromhex(LOGIN["resume"]["proof"]))


@pytest.mark.parametrize("step", ["hello", "enroll", "login", "resume"])
def test_frames_of_the_login(step: str) -> None:
    request = signalling.parse_request(LOGIN[step]["request"])
    reply = signalling.parse_server_message(LOGIN[step]["reply"])
    assert (request.to_json(), reply.to_json()) == (LOGIN[step]["request"], LOGIN[step]["reply"])
    assert reply.re == request.id
    plain = json.loads(LOGIN[step]["request"])
    if step != "hello":
        assert b64decode(plain["signature"], validate=True).hex() == LOGIN[step]["signature"]
        assert plain["code" if step == "enroll" else "device"] == LOGIN[step]["credential"]


def test_the_challenge_is_told_in_the_welcome() -> None:
    assert b64decode(json.loads(LOGIN["hello"]["reply"])["challenge"]).hex() == LOGIN["challenge"]
    assert hashlib.sha256(bytes.fromhex(LOGIN["certificate_der"])).hexdigest() == LOGIN["certificate_digest"]


# Enrolment

ENROLMENT = vectors("enrolment")


def test_the_pin_names_the_key_of_the_certificate() -> None:
    der = bytes.fromhex(ENROLMENT["certificate_der"])
    info = bytes.fromhex(ENROLMENT["subject_public_key_info"])
    key = x509.load_der_x509_certificate(der).public_key()
    assert key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo) == info
    assert urlsafe_b64encode(hashlib.sha256(info).digest()).decode().rstrip("=") == ENROLMENT["pin"]
    assert certificate_pin_of_der(der) == ENROLMENT["pin"]


def test_the_enrolment_text() -> None:
    parts = Enrolment(ENROLMENT["url"], ENROLMENT["pin"], ENROLMENT["code"])
    assert ENROLMENT["text"] == f"ptt:enroll?url={parts.url}&pin={parts.pin}&code={parts.code}"
    assert build_enrolment(parts) == ENROLMENT["text"]
    for text in (ENROLMENT["text"], *ENROLMENT["also_accepted"]):
        assert parse_enrolment(text) == parts


@pytest.mark.parametrize("text", ENROLMENT["refused"])
def test_wrong_enrolment_texts(text: str) -> None:
    with pytest.raises(MalformedMessage):
        parse_enrolment(text)


# Messages

MESSAGES = vectors("messages")


def test_messages_are_read_and_written() -> None:
    for kind, frame in MESSAGES["requests"].items():
        request = signalling.parse_request(frame)
        assert (request.type, request.to_json()) == (kind, frame)  # type: ignore[attr-defined]
    for frame in (*MESSAGES["server"].values(), *MESSAGES["server_variants"]):
        assert signalling.parse_server_message(frame).to_json() == frame


def test_clients_read_what_grew_and_ignore_what_they_do_not_know() -> None:
    for said in MESSAGES["read_by_a_client"]:
        signalling.parse_server_message(said["frame"])
    for said in MESSAGES["ignored_by_a_client"]:
        with pytest.raises(ProtocolError):  # the reference client drops these
            signalling.parse_server_message(said["frame"])


@pytest.mark.parametrize("said", MESSAGES["refused_by_a_server"], ids=lambda said: said["frame"])
def test_servers_refuse(said: dict[str, str]) -> None:
    with pytest.raises(ProtocolError) as refusal:
        signalling.parse_request(said["frame"])
    assert refusal.value.code == said["code"]

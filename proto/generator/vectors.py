"""Test vectors: octets and what they mean. Octets are hexadecimal, numbers are decimal."""

import json
from dataclasses import fields
from enum import IntEnum
from typing import Any

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from generator import examples, fixed
from generator.key_derivation import SessionKeys
from generator.sealed_messages import sealed_messages
from pttserver.crypto.device_keys import Purpose, origin_digest
from pttserver.crypto.srtp import SrtpKey, SrtpSender
from pttserver.floor.burst import Burst
from pttserver.floor.messages import ServerMessages
from pttserver.floor.participant import Participant
from pttserver.floor.priority import EffectivePriority, Kind
from pttserver.floor.queue import FloorQueue, Request
from pttserver.wire import rtcp
from pttserver.wire.alert_packet import AlertPacket, AlertPacketType, RefusalCause
from pttserver.wire.enrolment import Enrolment, build_enrolment
from pttserver.wire.floor_control import (
    DenyCause,
    FloorIndicator,
    FloorMessage,
    MessageType,
    RevokeCause,
    Source,
)
from pttserver.wire.rtp import RtpPacket

Vector = dict[str, Any]
ORDINARY = EffectivePriority(Kind.ORDINARY, 100)
EMERGENCY = EffectivePriority(Kind.EMERGENCY, 100)


def vector_files() -> dict[str, Vector]:
    """Content by file name."""
    return {
        "floor-control.json": floor_control(),
        "rtcp.json": compound_packets(),
        "srtp.json": srtp(),
        "login.json": login(),
        "enrolment.json": enrolment(),
        "messages.json": messages(),
        "sealed-messages.json": sealed_messages(),
    }


# Floor control -------------------------------------------------------------------------------------------------------

SERVER = ServerMessages(fixed.CONTROL_SSRC, queueing=True)
TALK = Burst(fixed.AFFILIATION_SSRC, fixed.BURST_SSRC, ORDINARY, stops_at=30.0)
ALARM = Burst(fixed.AFFILIATION_SSRC, fixed.BURST_SSRC, EMERGENCY, stops_at=30.0)
QUEUED_GRANT = Burst(fixed.AFFILIATION_SSRC, fixed.BURST_SSRC, ORDINARY, stops_at=30.0, grants_left=3)
PREEMPTED = Burst(fixed.AFFILIATION_SSRC, fixed.BURST_SSRC, ORDINARY, 30.0, revoke_cause=RevokeCause.PREEMPTED)
TOO_LONG = Burst(fixed.AFFILIATION_SSRC, fixed.BURST_SSRC, ORDINARY, 30.0, revoke_cause=RevokeCause.BURST_TOO_LONG)
ANNA = Participant(fixed.AFFILIATION_SSRC, fixed.ANNA, "Anna")
MUELLER = Participant(fixed.AFFILIATION_SSRC, fixed.ANNA, "Müller 消防 🚒")


def _waiting(*ssrcs: int) -> FloorQueue:
    queue = FloorQueue(100)
    for ssrc in ssrcs:
        queue.join(Request(ssrc, ORDINARY))
    return queue


def _from_client(kind: MessageType, **members: Any) -> FloorMessage:
    return FloorMessage(type=kind, ssrc=fixed.AFFILIATION_SSRC, **members)


FLOOR_MESSAGES: dict[str, tuple[str, FloorMessage]] = {
    "Floor Request": ("client", _from_client(MessageType.FLOOR_REQUEST, indicator=FloorIndicator.NORMAL)),
    "Floor Request with a priority": (
        "client",
        _from_client(MessageType.FLOOR_REQUEST, floor_priority=7, indicator=FloorIndicator.NORMAL),
    ),
    "Floor Request, emergency": (
        "client",
        _from_client(MessageType.FLOOR_REQUEST, indicator=FloorIndicator.EMERGENCY),
    ),
    "Floor Request, imminent peril": (
        "client",
        _from_client(MessageType.FLOOR_REQUEST, indicator=FloorIndicator.IMMINENT_PERIL),
    ),
    "Floor Release": (
        "client",
        _from_client(MessageType.FLOOR_RELEASE, ack_required=True, granted_ssrc=fixed.BURST_SSRC),
    ),
    "Floor Release of a place in the queue": ("client", _from_client(MessageType.FLOOR_RELEASE, ack_required=True)),
    "Floor Queue Position Request": ("client", _from_client(MessageType.QUEUE_POSITION_REQUEST)),
    "Floor Ack of a grant": (
        "client",
        _from_client(
            MessageType.FLOOR_ACK, source=Source.FLOOR_PARTICIPANT, message_type=int(MessageType.FLOOR_GRANTED)
        ),
    ),
    "Floor Granted": ("server", SERVER.granted(TALK, 0.0, 7)),
    "Floor Granted out of the queue": ("server", SERVER.granted(QUEUED_GRANT, 0.0, 8)),
    "Floor Granted, emergency": ("server", SERVER.granted(ALARM, 0.0, 9)),
    "Floor Taken": ("server", SERVER.taken(TALK, ANNA, 7)),
    "Floor Taken with a name in UTF-8": ("server", SERVER.taken(TALK, MUELLER, 7)),
    "Floor Taken, emergency": ("server", SERVER.taken(ALARM, ANNA, 9)),
    "Floor Taken without a name, no queue": (
        "server",
        ServerMessages(fixed.CONTROL_SSRC, queueing=False).taken(ALARM, Participant(1, fixed.ANNA), 9),
    ),
    "Floor Idle": ("server", SERVER.idle(65_535)),
    **{
        f"Floor Deny, cause {int(cause)}": ("server", SERVER.deny(cause))
        for cause in (
            DenyCause.ANOTHER_HAS_PERMISSION,
            DenyCause.ONLY_ONE_PARTICIPANT,
            DenyCause.RECEIVE_ONLY,
            DenyCause.QUEUE_FULL,
        )
    },
    "Floor Revoke, pre-empted": ("server", SERVER.revoke(PREEMPTED)),
    "Floor Revoke, talked too long": ("server", SERVER.revoke(TOO_LONG)),
    "Floor Queue Position Info": ("server", SERVER.position(_waiting(1, 2, 3), Request(2, ORDINARY))),
    "Floor Queue Position Info, not queued": ("server", SERVER.position(_waiting(), Request(2, ORDINARY))),
    "Floor Ack of a release": ("server", SERVER.ack(MessageType.FLOOR_RELEASE)),
    "Floor Release Multi Talker": (
        "nobody",
        FloorMessage(
            type=MessageType.RELEASE_MULTI_TALKER,
            ssrc=fixed.CONTROL_SSRC,
            user_id=fixed.ANNA,
            granted_ssrc=fixed.BURST_SSRC,
        ),
    ),
    "every field": (
        "nobody",
        FloorMessage(
            type=MessageType.FLOOR_DENY,
            ssrc=fixed.CONTROL_SSRC,
            ack_required=True,
            floor_priority=255,
            duration_s=65_535,
            reject_cause=DenyCause.OTHER,
            reject_phrase="é",
            queue_info=SERVER.position(_waiting(2), Request(2, ORDINARY)).queue_info,
            granted_party=fixed.ANNA,
            permission_to_request=False,
            user_id=fixed.BERT,
            queue_size=1,
            sequence_number=0,
            queued_user_id=fixed.BERT,
            source=Source.CONTROLLING_FUNCTION,
            message_type=4,
            indicator=FloorIndicator(0xFF80),
            granted_ssrc=0xFFFFFFFF,
            functional_alias="",
        ),
    ),
}

UNKNOWN_FIELDS = bytes((240, 0, 3)) + b"abc\0\0" + bytes((99, 2, 1, 2))
"""Field 240 with its 16-bit length and two octets of padding, field 99 with its 8-bit length."""


def floor_control() -> Vector:
    return {
        "about": "Unprotected RTCP APP packets. `from`: who sends it in ptt.v1; nobody: decoders must cope with it. "
        "Decoding `octets` gives `fields`; encoding `fields` gives `octets`, but where `encodes_to` is given.",
        "messages": [*(_floor(name, *pair) for name, pair in FLOOR_MESSAGES.items()), _with_unknown_fields()],
        "malformed": [{"name": name, "octets": octets.hex()} for name, octets in _malformed().items()],
    }


def _floor(name: str, sender: str, message: FloorMessage) -> Vector:
    return {"name": name, "from": sender, "octets": message.encode().hex(), "fields": floor_fields(message)}


def floor_fields(message: FloorMessage) -> Vector:
    """The members that are there, as plain values."""
    found: Vector = {}
    for member in fields(message):
        value = getattr(message, member.name)
        if value is None or (member.name == "reject_phrase" and message.reject_cause is None):
            continue
        if isinstance(value, IntEnum):
            value = int(value)
        found[member.name] = list(value) if isinstance(value, tuple) else value
    return found


def _with_unknown_fields() -> Vector:
    message = FLOOR_MESSAGES["Floor Idle"][1]
    known = message.encode()
    packet = known[:12] + UNKNOWN_FIELDS + known[12:]
    packet = packet[:2] + (len(packet) // 4 - 1).to_bytes(2, "big") + packet[4:]
    return {
        "name": "Floor Idle with unknown fields",
        "from": "nobody",
        "octets": packet.hex(),
        "fields": floor_fields(message),
        "encodes_to": known.hex(),
    }


def _malformed() -> dict[str, bytes]:
    idle = FLOOR_MESSAGES["Floor Idle"][1].encode()
    request = FLOOR_MESSAGES["Floor Request"][1].encode()
    return {
        "empty": b"",
        "shorter than a header": idle[:7],
        "version 1": bytes((0x40 | idle[0] & 0x3F,)) + idle[1:],
        "length field says more than there is": idle[:-4],
        "field says more than there is": idle[:13] + b"\x03" + idle[14:],
        "field of a wrong size": idle[:2] + b"\0\x04" + idle[4:13] + b"\x04" + idle[14:] + bytes(4),
        "Floor Request with the acknowledgement bit": bytes((0x90,)) + request[1:],
        "name that is not UTF-8": idle[:12] + bytes((17, 2, 0xC3, 0x28)),
    }


# RTCP ----------------------------------------------------------------------------------------------------------------

REFERENCE_NTP = 0x1234_5678_9ABC_0000
KEEPALIVE = (
    rtcp.ReceiverReport(fixed.SESSION_SSRC).encode() + rtcp.ReferenceTime(fixed.SESSION_SSRC, REFERENCE_NTP).encode()
)
ANSWER = (
    rtcp.ReceiverReport(fixed.SERVER_SSRC).encode()
    + rtcp.DelaySinceReference(fixed.SERVER_SSRC, fixed.SESSION_SSRC, REFERENCE_NTP >> 16 & 0xFFFFFFFF).encode()
)
CALL_FOR_HELP = AlertPacket(AlertPacketType.RAISE, fixed.SESSION_SSRC, fixed.ALERT)
EXERCISE = AlertPacket(AlertPacketType.RAISE, fixed.SESSION_SSRC, fixed.ALERT, drill=True)
ALERT_ACCEPTED = AlertPacket(AlertPacketType.ACCEPTED, fixed.SERVER_SSRC, fixed.ALERT)
ALERT_REFUSED = AlertPacket(AlertPacketType.REFUSED, fixed.SERVER_SSRC, fixed.ALERT, cause=RefusalCause.SWITCHED_OFF)
REPORT = rtcp.ReceiverReport(
    fixed.SESSION_SSRC, (rtcp.ReportBlock(fixed.OTHER_BURST_SSRC, 12, -1, 0x0000_0200, 480),)
).encode()


def compound_packets() -> Vector:
    reference = {"kind": "reference time", "ssrc": fixed.SESSION_SSRC, "ntp": f"{REFERENCE_NTP:016x}"}
    block = {"ssrc": fixed.OTHER_BURST_SSRC, "fraction_lost": 12, "lost": -1, "highest_sequence": 512, "jitter": 480}
    return {
        "about": "Unprotected RTCP datagrams and the packets in them. "
        "RFC 3550 §6.4.2 and §6.6, RFC 3611 §4.4 and §4.5.",
        "datagrams": [
            {
                "name": "keep-alive",
                "octets": KEEPALIVE.hex(),
                "packets": [{"kind": "receiver report", "ssrc": fixed.SESSION_SSRC, "blocks": []}, reference],
            },
            {
                "name": "keep-alive with a report of a talk burst",
                "octets": (REPORT + rtcp.ReferenceTime(fixed.SESSION_SSRC, REFERENCE_NTP).encode()).hex(),
                "packets": [{"kind": "receiver report", "ssrc": fixed.SESSION_SSRC, "blocks": [block]}, reference],
            },
            {
                "name": "answer of the server",
                "octets": ANSWER.hex(),
                "packets": [
                    {"kind": "receiver report", "ssrc": fixed.SERVER_SSRC, "blocks": []},
                    {
                        "kind": "delay since reference",
                        "ssrc": fixed.SERVER_SSRC,
                        "about_ssrc": fixed.SESSION_SSRC,
                        "last_reference": REFERENCE_NTP >> 16 & 0xFFFFFFFF,
                        "delay": 0,
                    },
                ],
            },
            *(
                _alert(*named)
                for named in (
                    ("call for help", CALL_FOR_HELP),
                    ("call for help, an exercise", EXERCISE),
                    ("the alert stands", ALERT_ACCEPTED),
                    ("alerts are switched off", ALERT_REFUSED),
                )
            ),
            {
                "name": "bye",
                "octets": rtcp.Bye(fixed.SESSION_SSRC).encode().hex(),
                "packets": [{"kind": "bye", "ssrc": fixed.SESSION_SSRC}],
            },
        ],
        "round_trip": {
            "about": "now - last_reference - delay, modulo 2^32, in 1/65536 s; "
            "`now` is the middle 32 bits of the NTP time when the answer arrives.",
            "now": 0x5678_9ABC + 6554,
            "last_reference": 0x5678_9ABC,
            "delay": 0,
            "round_trip_s": 6554 / 65536,
        },
    }


def _alert(name: str, packet: AlertPacket) -> Vector:
    fields: Vector = {"kind": "alert", "subtype": int(packet.type), "ssrc": packet.ssrc, "alert": packet.alert}
    fields |= {"drill": packet.drill, "cause": int(packet.cause)}
    return {"name": name, "octets": packet.encode().hex(), "packets": [fields]}


# SRTP ----------------------------------------------------------------------------------------------------------------

OPUS = bytes.fromhex("48") + fixed.octets("opus", 39)
FIRST_VOICE = RtpPacket(sequence=1, timestamp=960_000, ssrc=fixed.BURST_SSRC, payload=OPUS, marker=True)
LATE_VOICE = RtpPacket(sequence=0x8123, timestamp=0x0000_0010, ssrc=fixed.BURST_SSRC, payload=OPUS)


def srtp() -> Vector:
    granted = FLOOR_MESSAGES["Floor Granted"][1].encode()
    taken = FLOOR_MESSAGES["Floor Taken"][1].encode()
    request = FLOOR_MESSAGES["Floor Request"][1].encode()
    return {
        "about": "AEAD_AES_256_GCM (RFC 7714). `iv` and `associated_data` are the inputs of AES-256-GCM with the "
        "session key. Key derivation: RFC 3711 §4.3 with AES_256_CM_PRF (RFC 6188), key derivation rate 0.",
        "rtp": [
            _rtp("first packet of a burst, as the talker sends it", "uplink", fixed.UPLINK, FIRST_VOICE),
            _rtp("the same packet, as the listeners get it", "group epoch 1", fixed.EPOCH_1, FIRST_VOICE),
            _rtp("a late packet: the roll-over counter is still 0", "group epoch 1", fixed.EPOCH_1, LATE_VOICE),
        ],
        "rtcp": [
            _rtcp("keep-alive", "uplink", fixed.UPLINK, KEEPALIVE, 1),
            _rtcp("Floor Request", "uplink", fixed.UPLINK, request, 1),
            _rtcp("call for help", "uplink", fixed.UPLINK, CALL_FOR_HELP.encode(), 2),
            _rtcp("answer to a keep-alive", "downlink", fixed.DOWNLINK, ANSWER, 1),
            _rtcp("Floor Granted", "downlink", fixed.DOWNLINK, granted, 1),
            _rtcp("Floor Taken", "group epoch 1", fixed.EPOCH_1, taken, 1),
            _rtcp("Floor Taken again: the next index", "group epoch 1", fixed.EPOCH_1, taken, 2),
        ],
    }


def _master(name: str, key: SrtpKey) -> Vector:
    return {"key_name": name, "master_key": key.key.hex(), "master_salt": key.salt.hex()}


def _rtp(name: str, key_name: str, key: SrtpKey, packet: RtpPacket) -> Vector:
    plain = packet.encode()
    session = SessionKeys.of_rtp(key.key, key.salt)
    return {
        "name": name,
        **_master(key_name, key),
        "session_key": session.key.hex(),
        "session_salt": session.salt.hex(),
        "ssrc": packet.ssrc,
        "roll_over_counter": 0,
        "sequence": packet.sequence,
        "iv": session.rtp_iv(packet.ssrc, 0, packet.sequence).hex(),
        "associated_data": plain[:12].hex(),
        "plain": plain.hex(),
        "protected": SrtpSender(key).protect_rtp(plain).hex(),
    }


def _rtcp(name: str, key_name: str, key: SrtpKey, plain: bytes, index: int) -> Vector:
    sender = SrtpSender(key)
    protected = [sender.protect_rtcp(plain) for _ in range(index)][-1]
    session = SessionKeys.of_rtcp(key.key, key.salt)
    ssrc = int.from_bytes(plain[4:8], "big")
    return {
        "name": name,
        **_master(key_name, key),
        "session_key": session.key.hex(),
        "session_salt": session.salt.hex(),
        "ssrc": ssrc,
        "index": index,
        "iv": session.rtcp_iv(ssrc, index).hex(),
        "associated_data": (plain[:8] + (1 << 31 | index).to_bytes(4, "big")).hex(),
        "plain": plain.hex(),
        "protected": protected.hex(),
    }


# Logging in ----------------------------------------------------------------------------------------------------------


def login() -> Vector:
    return {
        "about": "A whole log-in. `proof` = prefix, purpose, version, challenge, digest, credential (keys.md); "
        "the digest is of the certificate, in `browser` of the origin. `signature` = Ed25519 of `proof` "
        "(deterministic, RFC 8032). Frames are exact text frames.",
        "certificate_der": fixed.CERTIFICATE.hex(),
        "certificate_digest": fixed.CERTIFICATE_DIGEST.hex(),
        "device_private_key": fixed.DEVICE_KEY.private_bytes_raw().hex(),
        "device_public_key": fixed.DEVICE_KEY.public_key().public_bytes_raw().hex(),
        "challenge": fixed.CHALLENGE.hex(),
        "protocol_version": 1,
        "hello": _frames("hello", "welcome"),
        "enroll": {**_proof("enroll", fixed.CODE), **_frames("enroll", "enrolled")},
        "login": {**_proof("login", fixed.DEVICE), **_frames("login", "session")},
        "resume": {
            **_proof("resume", fixed.DEVICE),
            "request": examples.REQUESTS["resume"].to_json(),
            "reply": examples.SESSION_RESUMED.to_json(),
        },
        "browser": _browser(),
    }


def _browser() -> Vector:
    """The same device key in a browser: its handshake had an Origin."""
    digest = origin_digest(fixed.ORIGIN)
    return {
        "origin": fixed.ORIGIN,
        "origin_digest": digest.hex(),
        "enroll": _proof("enroll", fixed.CODE, digest),
        "login": _proof("login", fixed.DEVICE, digest),
        "login.console": {**_proof("login", fixed.DEVICE, digest), **_frames("login.console", "session")},
        "resume": _proof("resume", fixed.DEVICE, digest),
    }


def _proof(purpose: Purpose, credential: str, digest: bytes = fixed.CERTIFICATE_DIGEST) -> Vector:
    octets = examples.signed(purpose, credential, digest)
    return {
        "purpose": purpose,
        "credential": credential,
        "proof": octets.hex(),
        "signature": fixed.DEVICE_KEY.sign(octets).hex(),
    }


def _frames(request: str, reply: str) -> Vector:
    return {"request": examples.REQUESTS[request].to_json(), "reply": examples.SERVER_MESSAGES[reply].to_json()}


def enrolment() -> Vector:
    text = build_enrolment(Enrolment(fixed.URL, fixed.CERTIFICATE_PIN, fixed.CODE))
    compact = fixed.CODE.replace("-", "").lower()
    parts = (f"code={compact}", f"pin={fixed.CERTIFICATE_PIN}", f"url={fixed.URL}")
    return {
        "about": "The text of the QR code. `pin` = base64url without padding of SHA-256 of the certificate's "
        "SubjectPublicKeyInfo.",
        "certificate_der": fixed.CERTIFICATE.hex(),
        "subject_public_key_info": _public_key_info().hex(),
        "url": fixed.URL,
        "pin": fixed.CERTIFICATE_PIN,
        "code": fixed.CODE,
        "text": text,
        "also_accepted": [f"  {text}\n", f"ptt:enroll?{'&'.join(parts)}", text.replace("0F9A", "OF9A")],
        "refused": [
            text.replace("ptt:", "PTT:"),
            text.replace("wss:", "ws:"),
            text.replace("/v1/", "/v2/"),
            text.replace(":8443", ""),
            text.replace(fixed.CERTIFICATE_PIN, fixed.CERTIFICATE_PIN + "="),
            text.replace("7K3Q", "7K3U"),
            f"{text}&x=1",
            f"{text}&code={fixed.CODE}",
        ],
    }


def _public_key_info() -> bytes:
    from cryptography import x509

    key = x509.load_der_x509_certificate(fixed.CERTIFICATE).public_key()
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def messages() -> Vector:
    """Every message once, and what a client must refuse or ignore."""
    return {
        "about": "Exact text frames. `requests` must be accepted by a server, `server` by a client.",
        "requests": {kind: message.to_json() for kind, message in examples.REQUESTS.items()},
        "server": {kind: message.to_json() for kind, message in examples.SERVER_MESSAGES.items()},
        "server_variants": [message.to_json() for message in examples.VARIANTS],
        "read_by_a_client": [
            {
                "frame": '{"type":"pong","re":6,"new_member":{"x":1}}',
                "because": "members that a client does not know are ignored",
            }
        ],
        "ignored_by_a_client": [
            {
                "frame": '{"type":"weather.report","wind":4}',
                "because": "a type that a client does not know is ignored",
            }
        ],
        "refused_by_a_server": [
            {"frame": frame, "code": code}
            for frame, code in (
                ('{"type":"ping"}', "protocol.malformed"),
                ('{"type":"ping","id":0}', "protocol.malformed"),
                ('{"type":"ping","id":1.0}', "protocol.malformed"),
                ('{"type":"ping","id":1,"id":2}', "protocol.malformed"),
                ('{"type":"ping","id":1,"more":true}', "protocol.malformed"),
                ('{"type":"ping","id":NaN}', "protocol.malformed"),
                ('["ping"]', "protocol.malformed"),
                ("ping", "protocol.malformed"),
                ('{"id":1}', "protocol.malformed"),
                ('{"type":"pong","id":1}', "protocol.unknown_type"),
                (json.dumps({"type": "media.path", "id": 1, "via": "carrier pigeon"}), "protocol.malformed"),
            )
        ],
    }

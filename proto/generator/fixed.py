"""Fixed values of all examples and vectors. They are public: no server and no device uses them."""

import base64
import hashlib
from datetime import UTC, datetime

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from pttserver.crypto.certificate import certificate_pin_of_der
from pttserver.crypto.srtp import SrtpKey

TENANT = "ten_00000000000000a1"
GROUP = "grp_00000000000000b1"
FENCE = "fen_0a1b2c3d4e5f6071"
LOCATION_REQUEST = "loc_1b2c3d4e5f607182"
OTHER_GROUP = "grp_00000000000000b2"
ANNA = "sub_00000000000000c1"
BERT = "sub_00000000000000c2"
DEVICE = "dev_00000000000000d1"
BERTS_DEVICE = "dev_00000000000000d2"
MESSAGE = "msg_00000000000000f1"
CALL = "cal_00000000000000f1"
TEMPORARY_GROUP = "grp_00000000000000b3"
ALERT = "alr_00000000000000f1"
SESSION = "ses_00000000000000e1"

SESSION_SSRC = 0x10000001
AFFILIATION_SSRC = 0x20000002
CONTROL_SSRC = 0x30000003
BURST_SSRC = 0x40000004
SERVER_SSRC = 0x50000005
OTHER_BURST_SSRC = 0x60000006

URL = "wss://ptt.example:8443/v1/ptt"
ORIGIN = "https://ptt.example:8443"
CODE = "7K3Q-0F9A-XWZ2-M4TB"
PIN = "4711"


def octets(name: str, count: int) -> bytes:
    """Octets that are always the same for a name: the start of SHA-512 of it."""
    return hashlib.sha512(f"ptt.v1 vector: {name}".encode()).digest()[:count]


def srtp_key(name: str) -> SrtpKey:
    return SrtpKey(octets(f"{name} key", 32), octets(f"{name} salt", 12))


UPLINK, DOWNLINK, EPOCH_1, EPOCH_2 = (srtp_key(name) for name in ("uplink", "downlink", "epoch 1", "epoch 2"))
CHALLENGE = octets("challenge", 32)
TOKEN = octets("resume token", 32)
DEVICE_KEY = Ed25519PrivateKey.from_private_bytes(octets("device key", 32))


def _certificate() -> bytes:
    """DER of a self-signed certificate. Ed25519, because its signatures are deterministic."""
    key = Ed25519PrivateKey.from_private_bytes(octets("certificate key", 32))
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "pttserver")])
    builder = x509.CertificateBuilder(
        issuer_name=name,
        subject_name=name,
        public_key=key.public_key(),
        serial_number=4711,
        not_valid_before=datetime(2026, 1, 1, tzinfo=UTC),
        not_valid_after=datetime(2036, 1, 1, tzinfo=UTC),
    )
    return builder.sign(key, None).public_bytes(Encoding.DER)


CERTIFICATE = _certificate()
CERTIFICATE_DIGEST = hashlib.sha256(CERTIFICATE).digest()
CERTIFICATE_PIN = certificate_pin_of_der(CERTIFICATE)


def text64(value: bytes) -> str:
    """Base64 with padding, as in the messages."""
    return base64.b64encode(value).decode()

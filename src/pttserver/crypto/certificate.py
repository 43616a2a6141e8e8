"""The server's certificate: a private one for those who have none, and the digests that devices know."""

import base64
import hashlib
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

VALIDITY = timedelta(days=3652)
_CLOCKS_MAY_BE_SLOW = timedelta(days=1)


def make_certificate(hosts: Iterable[str], now_ms: int) -> tuple[bytes, bytes]:
    """A self-signed certificate and its key, both PEM: ECDSA P-256, ten years; `hosts` are names or IPs.

    Devices know it by its pin, not by who signed it. P-256 and not P-384, since a herd that comes back costs
    one signature each; what protects the traffic is AES-256 either way.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "pttserver")])
    now = datetime.fromtimestamp(now_ms / 1000, UTC)
    builder = x509.CertificateBuilder(
        issuer_name=name,
        subject_name=name,
        public_key=key.public_key(),
        serial_number=x509.random_serial_number(),
        not_valid_before=now - _CLOCKS_MAY_BE_SLOW,
        not_valid_after=now + VALIDITY,
    )
    for extension, critical in _extensions(hosts):
        builder = builder.add_extension(extension, critical)
    certificate = builder.sign(key, hashes.SHA256())
    pem_key = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return certificate.public_bytes(Encoding.PEM), pem_key


def certificate_pin(pem: bytes) -> str:
    """43 characters: base64url of SHA-256 of the SubjectPublicKeyInfo (RFC 7469 §2.4) of the first one.

    It names the key: a renewed certificate on the same key keeps its pin. Raises ValueError if `pem` holds
    none.
    """
    return _pin(_first(pem))


def certificate_pin_of_der(der: bytes) -> str:
    """The same for what a TLS client got: `ssl_object.getpeercert(binary_form=True)`."""
    return _pin(x509.load_der_x509_certificate(der))


def certificate_der_digest(pem: bytes) -> bytes:
    """32 bytes: SHA-256 of the DER of a chain's first certificate, as RFC 5929 §4.1 `tls-server-end-point`.

    Always SHA-256. RFC 5929 takes the hash of the certificate's signature where that is stronger; we don't do
    this, so that a client needs no table of signature algorithms. Raises ValueError if `pem` holds none.
    """
    return hashlib.sha256(_first(pem).public_bytes(Encoding.DER)).digest()


def _first(pem: bytes) -> x509.Certificate:
    return x509.load_pem_x509_certificates(pem)[0]


def _pin(certificate: x509.Certificate) -> str:
    key = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return base64.urlsafe_b64encode(hashlib.sha256(key).digest()).decode().rstrip("=")


def _extensions(hosts: Iterable[str]) -> list[tuple[x509.ExtensionType, bool]]:
    usage = x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )
    return [
        (x509.BasicConstraints(ca=False, path_length=None), True),
        (usage, True),
        (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False),
        (x509.SubjectAlternativeName([_general_name(host) for host in dict.fromkeys(hosts)]), False),
    ]


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(host))
    except ValueError:
        return x509.DNSName(host)

"""The private certificate serves TLS 1.3 to a client that checks names, and its digests are what the RFCs say."""

import base64
import hashlib
import ssl
from contextlib import suppress

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from pttserver.crypto.certificate import (
    certificate_der_digest,
    certificate_pin,
    certificate_pin_of_der,
    make_certificate,
)

NOW_MS = 1_790_000_000_000
HOSTS = ["ptt.example", "127.0.0.1", "::1", "ptt.example"]


@pytest.fixture(scope="module")
def made():
    return make_certificate(HOSTS, NOW_MS)


def test_who_it_is_for_and_how_long(made):
    certificate = x509.load_pem_x509_certificate(made[0])
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["ptt.example"]
    assert [str(ip) for ip in names.get_values_for_type(x509.IPAddress)] == ["127.0.0.1", "::1"]
    assert certificate.not_valid_before_utc.timestamp() == NOW_MS / 1000 - 86_400
    assert (certificate.not_valid_after_utc - certificate.not_valid_before_utc).days == 3653
    key = load_pem_private_key(made[1], None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    assert key.public_key() == certificate.public_key()


def test_digests(made):
    certificate = x509.load_pem_x509_certificate(made[0])
    der = certificate.public_bytes(Encoding.DER)
    spki = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    pin = certificate_pin(made[0])
    assert base64.urlsafe_b64decode(pin + "=") == hashlib.sha256(spki).digest()
    assert len(pin) == 43
    assert pin == certificate_pin_of_der(der)
    assert certificate_der_digest(made[0]) == hashlib.sha256(der).digest()


def test_of_a_chain_the_first_counts(made):
    other = make_certificate(["other"], NOW_MS)[0]
    assert certificate_pin(made[0] + other) == certificate_pin(made[0]) != certificate_pin(other)


@pytest.mark.parametrize("pem", [b"", b"nonsense", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"])
def test_no_certificate(pem):
    with pytest.raises(ValueError):  # noqa: PT011 - the message is the library's
        certificate_pin(pem)


def test_a_tls_client_that_trusts_it_accepts_it(made, tmp_path):
    (tmp_path / "c.pem").write_bytes(made[0])
    (tmp_path / "k.pem").write_bytes(made[1])
    server_side, client_side = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context()
    server_side.load_cert_chain(tmp_path / "c.pem", tmp_path / "k.pem")
    client_side.load_verify_locations(tmp_path / "c.pem")
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = client_side.wrap_bio(to_client, to_server, server_hostname="127.0.0.1")
    server = server_side.wrap_bio(to_server, to_client, server_side=True)
    for _ in range(4):
        for end in (client, server):
            with suppress(ssl.SSLWantReadError):
                end.do_handshake()
    assert client.version() == "TLSv1.3"
    assert certificate_pin_of_der(client.getpeercert(binary_form=True)) == certificate_pin(made[0])

"""TLS 1.3 with AES-256-GCM and nothing else, on both ends."""

import contextlib
import ssl
from pathlib import Path

import pytest

from pttserver.crypto.certificate import make_certificate
from pttserver.crypto.tls import CIPHER_SUITE, client_context, server_context
from pttserver.errors import ConfigError


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    certificate, key = make_certificate(["localhost"], 1_700_000_000_000)
    (tmp_path / "certificate.pem").write_bytes(certificate)
    (tmp_path / "key.pem").write_bytes(key)
    return tmp_path / "certificate.pem", tmp_path / "key.pem"


def test_both_ends_are_restricted(files: tuple[Path, Path]) -> None:
    """T-046."""
    for context in (
        server_context(*files),
        client_context(verified_by_pin=True),
        client_context(verified_by_pin=False),
    ):
        assert context.minimum_version is ssl.TLSVersion.TLSv1_3
        suites = {cipher["name"] for cipher in context.get_ciphers() if cipher["protocol"] == "TLSv1.3"}
        assert suites == {CIPHER_SUITE}


def test_a_handshake_ends_without_tickets(files: tuple[Path, Path]) -> None:
    """Nobody resumes TLS; the log-in is bound to the certificate of its own handshake."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = client_context(verified_by_pin=True).wrap_bio(to_client, to_server)
    server = server_context(*files).wrap_bio(to_server, to_client, server_side=True)
    for end in (client, server, client):
        with contextlib.suppress(ssl.SSLWantReadError):
            end.do_handshake()
    server.do_handshake()
    assert client.version() == "TLSv1.3"
    assert to_client.pending == 0


def test_without_a_pin_the_certificate_is_verified() -> None:
    context = client_context(verified_by_pin=False)
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname


def test_files_that_do_not_fit_are_an_error_of_the_configuration(files: tuple[Path, Path], tmp_path: Path) -> None:
    other = tmp_path / "other.pem"
    other.write_bytes(make_certificate(["localhost"], 1_700_000_000_000)[1])
    for certificate, key in ((files[0], other), (files[0], tmp_path / "missing.pem"), (files[1], files[1])):
        with pytest.raises(ConfigError):
            server_context(certificate, key)

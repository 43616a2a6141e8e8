"""TLS 1.3 with AES-256-GCM and nothing else (RFC 8446 §9.1: the one 256-bit AES suite), for both ends."""

import _ssl
import ctypes
import ssl
from pathlib import Path

from pttserver.errors import ConfigError

CIPHER_SUITE = "TLS_AES_256_GCM_SHA384"


def server_context(certificate: Path, private_key: Path) -> ssl.SSLContext:
    """Raises ConfigError if the files do not fit or this Python cannot be restricted to AES-256."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(certificate, private_key)
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(f"{certificate}, {private_key}: not a certificate and its private key: {error}") from None
    # No tickets (RFC 8446 §4.6.1): proofs are bound to the certificate that this handshake showed, nobody resumes TLS,
    # and two tickets a handshake are a tenth of its cost.
    context.num_tickets = 0
    return _restrict(context)


def client_context(*, verified_by_pin: bool) -> ssl.SSLContext:
    """With a pin the caller compares the certificate itself, after the handshake and before the first byte.

    The system's certificates, which nobody asks then, would take longer to read than the whole handshake.
    """
    if not verified_by_pin:
        return _restrict(ssl.create_default_context())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return _restrict(context)


def _restrict(context: ssl.SSLContext) -> ssl.SSLContext:
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    _set_cipher_suites(context)
    offered = {str(cipher["name"]) for cipher in context.get_ciphers() if cipher["protocol"] == "TLSv1.3"}
    if offered != {CIPHER_SUITE}:
        raise ConfigError(
            f"This Python's OpenSSL cannot be restricted to {CIPHER_SUITE}; use Debian's or python.org's."
        )
    return context


def _set_cipher_suites(context: ssl.SSLContext) -> None:
    """The ssl module has no call for the suites of TLS 1.3 before Python 3.15, so OpenSSL is asked itself.

    CPython's PySSLContext is the object header and then the SSL_CTX pointer; the caller verifies the outcome.
    """
    set_cipher_suites = ctypes.CDLL(_ssl.__file__).SSL_CTX_set_ciphersuites
    set_cipher_suites.argtypes = (ctypes.c_void_p, ctypes.c_char_p)
    ssl_ctx = ctypes.c_void_p.from_address(id(context) + object.__basicsize__)
    if not ssl_ctx.value or set_cipher_suites(ssl_ctx, CIPHER_SUITE.encode()) != 1:
        raise ConfigError("OpenSSL refused to be restricted to AES-256.")

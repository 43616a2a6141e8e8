"""The certificate that the server shows: the operator's, or a private one made at the first need."""

import fcntl
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pttserver.clock import Clock
from pttserver.config import Settings
from pttserver.crypto.certificate import certificate_pin, make_certificate
from pttserver.errors import ConfigError, MalformedMessage
from pttserver.store.private_files import OTHERS, make_private_file, make_private_folder, refuse_exposed
from pttserver.wire.enrolment import server_url


@dataclass(frozen=True, slots=True)
class CertificateFiles:
    """PEM files: the certificate chain and its private key."""

    certificate: Path
    private_key: Path

    def pin(self) -> str:
        """What devices know the server by. Raises ConfigError if the certificate cannot be read."""
        try:
            return certificate_pin(self.certificate.read_bytes())
        except (OSError, ValueError) as error:
            raise ConfigError(f"{self.certificate}: not a readable PEM certificate: {error}") from error


def ensure_certificate(settings: Settings, clock: Clock) -> CertificateFiles:
    """The operator's files, or those in `data_dir`, made if they are missing (the key with mode 0600).

    Raises ConfigError if only one of the two is configured, or one is missing; StoreUnavailable if others can
    read the key.
    """
    own = settings.signalling
    if own.certificate_file is None and own.private_key_file is None:
        return _private_certificate(settings, clock)
    if own.certificate_file is None or own.private_key_file is None:
        raise ConfigError("set both signalling.certificate_file and signalling.private_key_file, or neither")
    for file in (own.certificate_file, own.private_key_file):
        if not file.is_file():
            raise ConfigError(f"{file}: there is no such file")
    refuse_exposed(own.private_key_file, OTHERS)  # a group that may read it is the operator's choice
    return CertificateFiles(own.certificate_file, own.private_key_file)


def device_url(settings: Settings) -> str:
    """The address that devices reach the server at. Raises ConfigError."""
    try:
        return server_url(_public_host(settings), settings.signalling.port)
    except MalformedMessage as error:
        raise ConfigError("devices need a signalling.public_host and a fixed signalling.port") from error


def _private_certificate(settings: Settings, clock: Clock) -> CertificateFiles:
    folder = settings.data_dir
    files = CertificateFiles(folder / "certificate.pem", folder / "private_key.pem")
    make_private_folder(folder)
    with _alone_in(folder):
        if not files.certificate.exists():  # it is written last: where it is, the key is
            certificate, key = make_certificate(_hosts(settings), clock.utc_ms())
            files.private_key.unlink(missing_ok=True)
            make_private_file(files.private_key, key)
            make_private_file(files.certificate, certificate)
    refuse_exposed(files.private_key)
    return files


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """Server and command line may both find no certificate; one makes it, the other waits."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _public_host(settings: Settings) -> str:
    return settings.signalling.public_host or socket.gethostname()


def _hosts(settings: Settings) -> list[str]:
    return [_public_host(settings), socket.gethostname(), "localhost", "127.0.0.1", "::1"]

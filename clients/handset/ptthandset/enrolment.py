"""Enrolment: a new device makes its key and registers it with a one-time code."""

import sys

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ptthandset.credentials import Credentials
from ptthandset.signalling_client import SignallingClient
from pttserver.wire import signalling
from pttserver.wire.enrolment import parse_enrolment


async def enroll(text: str, device_type: str | None = None) -> Credentials:
    """Makes a key and registers it with the one-time code of an enrolment text (`ptt:enroll?...`).

    Raises MalformedMessage (not an enrolment text), Refused (`enrolment.failed`), ServerUnreachable, WrongServer.
    """
    enrolment = parse_enrolment(text)
    key = Ed25519PrivateKey.generate()
    link = await SignallingClient.open(enrolment.url, enrolment.pin, _ignore, _ignore)
    try:
        enrolled = await link.request(
            signalling.Enroll(
                id=1,
                code=enrolment.code,
                public_key=key.public_key().public_bytes_raw(),
                device_type=device_type or f"ptt on {sys.platform.capitalize()}",
                signature=key.sign(link.proof("enroll", enrolment.code)),
            ),
            signalling.Enrolled,
        )
    finally:
        await link.close()
    return Credentials(
        server_url=enrolment.url,
        certificate_pin=enrolment.pin,
        device=enrolled.device,
        subscriber=enrolled.subscriber,
        tenant_name=enrolled.tenant_name,
        name=enrolled.name,
        private_key=key.private_bytes_raw(),
    )


def _ignore(_: object) -> None:
    """Nothing is expected before the log-in."""

"""One-time enrolment codes: drawn here, shown once, kept as a digest only."""

import hashlib
import secrets

from pttserver.wire.enrolment import CODE_BYTES, group_code, normal_code


def draw_code() -> str:
    """80 random bits as `7K3Q-0F9A-...`."""
    return group_code(secrets.token_bytes(CODE_BYTES))


def code_digest(code: str) -> bytes:
    """32 bytes of SHA-256; enough for 80 random bits, which no dictionary holds.

    Takes the code as a person types it. Raises MalformedMessage if it cannot be one.
    """
    return hashlib.sha256(normal_code(code).encode()).digest()

"""Time-based one-time passwords (RFC 6238) as every authenticator app makes them: SHA-1, 6 digits, steps of 30 s.

SHA-1 is safe here: HMAC does not depend on collisions, and many apps know nothing else.
"""

import base64
import hmac
import secrets

from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.hotp import HOTP
from cryptography.hazmat.primitives.twofactor.totp import TOTP

SECRET_BYTES = 20  # RFC 4226 §4, R6: 160 bits recommended
DIGITS = 6
STEP_S = 30
STEPS_ASIDE = 1  # RFC 6238 §5.2: at most one step for the way and for clocks


def draw_secret() -> bytes:
    return secrets.token_bytes(SECRET_BYTES)


def secret_text(secret: bytes) -> str:
    """Base32, as people type it into an app."""
    return base64.b32encode(secret).decode()


def provisioning_uri(secret: bytes, account: str, issuer: str) -> str:
    """`otpauth://totp/...`: the text of the QR code that an app reads."""
    return TOTP(secret, DIGITS, SHA1(), STEP_S).get_provisioning_uri(account, issuer)  # noqa: S303 - see above


def code_at(secret: bytes, step: int) -> str:
    return HOTP(secret, DIGITS, SHA1()).generate(step).decode()  # noqa: S303


def matching_step(secret: bytes, code: str, now_ms: int) -> int | None:
    """The step whose code it is, of now, the one before and the one after; None: of none.

    The caller refuses a step that is not later than the last one used: a code opens once (RFC 6238 §5.2).
    """
    now = now_ms // 1000 // STEP_S
    found = None
    for step in range(now - STEPS_ASIDE, now + STEPS_ASIDE + 1):
        if hmac.compare_digest(code_at(secret, step).encode(), code.encode()):
            found = step
    return found

"""Passkeys (W3C Web Authentication, level 3) as a second factor: what a browser is asked for, and what it answers.

The relying party is the host of the page's origin. A browser has no passkeys for an address (WebAuthn §5.1.2: the
relying party is a domain), so a server that is reached by one offers none. Attestation is not asked for: which make of
key somebody uses is nobody's business. The library is imported when it is needed: it is slow, and no command needs it.
"""

import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

RELYING_PARTY_NAME = "pttserver"
TIMEOUT_MS = 120_000


@dataclass(frozen=True, slots=True)
class Passkey:
    """`public_key`: COSE_Key (RFC 9052 §7). `sign_count`: 0 for an authenticator that does not count."""

    credential_id: bytes = field(repr=False)
    public_key: bytes = field(repr=False)
    sign_count: int


def relying_party(origin: str) -> str | None:
    """The host of an origin; None: it is an address."""
    host = urlsplit(origin).hostname or ""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return host
    return None


def creation_options(relying_party_id: str, user_handle: bytes, user_name: str, challenge: bytes) -> dict[str, Any]:
    """PublicKeyCredentialCreationOptionsJSON."""
    from webauthn import generate_registration_options
    from webauthn.helpers import options_to_json_dict

    options = generate_registration_options(
        rp_id=relying_party_id,
        rp_name=RELYING_PARTY_NAME,
        user_id=user_handle,
        user_name=user_name,
        challenge=challenge,
        timeout=TIMEOUT_MS,
    )
    return options_to_json_dict(options)


def request_options(relying_party_id: str, challenge: bytes, credential_ids: Sequence[bytes]) -> dict[str, Any]:
    """PublicKeyCredentialRequestOptionsJSON; user verification is preferred, since the password came before."""
    from webauthn import generate_authentication_options
    from webauthn.helpers import options_to_json_dict
    from webauthn.helpers.structs import PublicKeyCredentialDescriptor

    options = generate_authentication_options(
        rp_id=relying_party_id,
        challenge=challenge,
        timeout=TIMEOUT_MS,
        allow_credentials=[PublicKeyCredentialDescriptor(id=each) for each in credential_ids],
    )
    return options_to_json_dict(options)


def registered(credential: Mapping[str, Any], challenge: bytes, origin: str, relying_party_id: str) -> Passkey | None:
    """The passkey of a RegistrationResponseJSON; None: it does not answer this challenge at this origin."""
    from webauthn import verify_registration_response

    try:
        verified = verify_registration_response(
            credential=dict(credential),
            expected_challenge=challenge,
            expected_origin=origin,
            expected_rp_id=relying_party_id,
        )
    except Exception:  # CBOR, keys and certificates of strangers: whatever its parsers raise, it is no passkey
        return None
    return Passkey(verified.credential_id, verified.credential_public_key, verified.sign_count)


def credential_id_of(credential: Mapping[str, Any]) -> bytes:
    """Which passkey an AuthenticationResponseJSON says that it is of; empty: it does not say."""
    from webauthn.helpers import base64url_to_bytes

    try:
        return base64url_to_bytes(credential["rawId"])
    except (KeyError, TypeError, ValueError, AttributeError):
        return b""


def asserted(
    credential: Mapping[str, Any], passkey: Passkey, challenge: bytes, origin: str, relying_party_id: str
) -> int | None:
    """The new sign count of an AuthenticationResponseJSON; None: it is not by the passkey, for this challenge, here.

    The caller refuses a count for which `may_follow` is false.
    """
    from webauthn import verify_authentication_response

    try:
        verified = verify_authentication_response(
            credential=dict(credential),
            expected_challenge=challenge,
            expected_origin=origin,
            expected_rp_id=relying_party_id,
            credential_public_key=passkey.public_key,
            credential_current_sign_count=0,
        )
    except Exception:  # likewise
        return None
    return verified.new_sign_count


def may_follow(sign_count: int, before: int) -> bool:
    """False: there is a second authenticator with the same key (WebAuthn §6.1.1), or an answer came twice."""
    return sign_count > before or sign_count == before == 0

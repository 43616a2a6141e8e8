"""A passkey authenticator in software (W3C Web Authentication): makes ES256 keys, counts, and can be cloned."""

import copy
import hashlib
import json
import os
from typing import Any, Self

import cbor2
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from webauthn.helpers import base64url_to_bytes, bytes_to_base64url

USER_PRESENT, USER_VERIFIED, ATTESTED = 0x01, 0x04, 0x40


class Authenticator:
    """`origin` is what its browser says of the page; `counts` False: as authenticators that sync their keys."""

    def __init__(self, origin: str, *, counts: bool = True) -> None:
        self.origin = origin
        self.counts = counts
        self.count = 0
        self.flags = USER_PRESENT | USER_VERIFIED
        self.credential_id = os.urandom(32)
        self.key = ec.generate_private_key(ec.SECP256R1())

    def clone(self) -> Self:
        return copy.copy(self)

    def create(self, options: dict[str, Any]) -> dict[str, Any]:
        """RegistrationResponseJSON to PublicKeyCredentialCreationOptionsJSON."""
        client_data = self._client_data("webauthn.create", options["challenge"])
        attested = bytes(16) + len(self.credential_id).to_bytes(2, "big") + self.credential_id + self._cose_key()
        data = self._authenticator_data(options["rp"]["id"], self.flags | ATTESTED) + attested
        attestation = cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": data})
        return self._credential(clientDataJSON=client_data, attestationObject=attestation)

    def get(self, options: dict[str, Any], *, challenge: str | None = None) -> dict[str, Any]:
        """AuthenticationResponseJSON to PublicKeyCredentialRequestOptionsJSON; `challenge` instead of theirs."""
        self.count += self.counts
        client_data = self._client_data("webauthn.get", challenge or options["challenge"])
        data = self._authenticator_data(options["rpId"], self.flags)
        signature = self.key.sign(data + hashlib.sha256(client_data).digest(), ec.ECDSA(SHA256()))
        return self._credential(clientDataJSON=client_data, authenticatorData=data, signature=signature)

    def holds(self, options: dict[str, Any]) -> bool:
        wanted = [base64url_to_bytes(each["id"]) for each in options["allowCredentials"]]
        return self.credential_id in wanted

    def _client_data(self, kind: str, challenge: str) -> bytes:
        said = {"type": kind, "challenge": challenge, "origin": self.origin, "crossOrigin": False}
        return json.dumps(said).encode()

    def _authenticator_data(self, relying_party: str, flags: int) -> bytes:
        return hashlib.sha256(relying_party.encode()).digest() + bytes((flags,)) + self.count.to_bytes(4, "big")

    def _cose_key(self) -> bytes:
        """RFC 9053 §7.1.1: EC2, ES256, P-256."""
        point = self.key.public_key().public_numbers()
        return cbor2.dumps({1: 2, 3: -7, -1: 1, -2: point.x.to_bytes(32, "big"), -3: point.y.to_bytes(32, "big")})

    def _credential(self, **response: bytes) -> dict[str, Any]:
        number = bytes_to_base64url(self.credential_id)
        return {
            "id": number,
            "rawId": number,
            "type": "public-key",
            "response": {name: bytes_to_base64url(octets) for name, octets in response.items()},
            "clientExtensionResults": {},
        }

"""PINs: hashed with argon2id, so that who copies the database still has to guess each one at a cost."""

import secrets
import unicodedata
from functools import cached_property

import argon2
from argon2.exceptions import InvalidHashError, VerificationError

_RANDOM_PIN_DIGITS = 6


class PinHasher:
    """argon2id with `memory_kib` of memory, `passes` passes, one lane. Slow by intent: keep it off the loop.

    `dummy_hash` is the hash of a secret that nobody knows, with the same cost: verifying against it takes an
    unknown subscriber as long as a wrong PIN takes a known one. It is made when it is first read, which whoever
    verifies does beforehand.
    """

    def __init__(self, memory_kib: int, passes: int) -> None:
        self._argon2 = argon2.PasswordHasher(time_cost=passes, memory_cost=memory_kib, parallelism=1)

    @cached_property
    def dummy_hash(self) -> str:
        return self.hash(secrets.token_hex(16))

    def hash(self, pin: str) -> str:
        """An encoded hash (`$argon2id$v=19$m=...`), with a salt of its own."""
        return self._argon2.hash(_as_typed_anywhere(pin))

    def verify(self, pin_hash: str, pin: str) -> bool:
        """Costs what `pin_hash` was made with. A damaged hash verifies nothing."""
        try:
            return self._argon2.verify(pin_hash, _as_typed_anywhere(pin))
        except (VerificationError, InvalidHashError):
            return False


def random_pin() -> str:
    """Six digits."""
    return f"{secrets.randbelow(10**_RANDOM_PIN_DIGITS):0{_RANDOM_PIN_DIGITS}d}"


def _as_typed_anywhere(pin: str) -> bytes:
    # Keyboards differ in how they compose an `é`. Lone surrogates are no text, but must not crash a log-in.
    return unicodedata.normalize("NFC", pin).encode("utf-8", "surrogatepass")

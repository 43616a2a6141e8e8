"""What a device remembers of messages, in a file that it seals with its own key: its X25519 key, the keys of others as
first seen, the place in each conversation, and what it has not got rid of yet. No text of others is kept.
"""

import os
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from pydantic import BaseModel, Field, ValidationError

from ptthandset.credentials import Credentials
from ptthandset.errors import CredentialsError
from ptthandset.message_chain import Chain
from ptthandset.private_file import read_private, write_private
from pttserver.crypto.message_keys import decrypt, encrypt
from pttserver.errors import SealBroken

_CONTEXT = b"ptt message memory 1"


class Pin(BaseModel):
    """A device of somebody, with the Ed25519 key (hexadecimal) that it was first seen with."""

    subscriber: str
    signing_key: str


class Place(BaseModel):
    """How far this device has come in a conversation: number and digest (hexadecimal) of its newest message."""

    sequence: int = 0
    digest: str = bytes(32).hex()


class Unsent(BaseModel):
    """A sealed message that the server has not confirmed: its request, and the encrypted attachment (hexadecimal)."""

    request: str
    attachment: str | None = None
    conversation: str
    before: Place


class Remembered(BaseModel):
    """The content of the file. Chains by device and conversation."""

    private_key: str = Field(default_factory=lambda: X25519PrivateKey.generate().private_bytes_raw().hex())
    pins: dict[str, Pin] = {}
    places: dict[str, Place] = {}
    chains: dict[str, Chain] = {}
    unsent: list[Unsent] = []


class MessageMemory:
    """`file` None: it lasts as long as the program."""

    def __init__(self, credentials: Credentials, file: Path | None) -> None:
        """Raises CredentialsError: the file is damaged, or another device's."""
        self._file = file
        self._key = HKDF(SHA256(), 32, None, _CONTEXT).derive(credentials.private_key)
        self._device = credentials.device
        self.content = self._read() or Remembered()

    def _read(self) -> Remembered | None:
        if self._file is None or not self._file.exists():
            return None
        try:
            octets = decrypt(self._key, read_private(self._file), self._device.encode())
            return Remembered.model_validate_json(octets)
        except OSError as error:
            raise CredentialsError(f"{self._file}: {error.strerror}") from None
        except (SealBroken, ValidationError):
            text = f"{self._file} is damaged, or another device's; remove it to begin anew: what waits is lost to it"
            raise CredentialsError(text) from None

    def save(self) -> None:
        """Raises CredentialsError."""
        if self._file is not None:
            octets = self.content.model_dump_json().encode()
            write_private(self._file, encrypt(self._key, octets, self._device.encode()))

    def close(self) -> None:
        """Nothing is written any more: the file may be destroyed."""
        self._file = None

    @property
    def private_key(self) -> bytes:
        """X25519."""
        return bytes.fromhex(self.content.private_key)

    @property
    def public_key(self) -> bytes:
        return X25519PrivateKey.from_private_bytes(self.private_key).public_key().public_bytes_raw()

    def chain(self, device: str, conversation: str) -> Chain:
        return self.content.chains.setdefault(f"{device} {conversation}", Chain())


def draw_message_id() -> bytes:
    """16 random octets."""
    return os.urandom(16)

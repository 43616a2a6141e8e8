"""A file that is encrypted as it is written: AES-256-GCM in chunks, so that no change, cut or swap goes unseen.

    MAGIC | length of header (32 bits) | header (JSON) | chunk | chunk | ... | last chunk

The STREAM construction (Hoang, Reyhanitabar, Rogaway, Vizár 2015): the nonce of a chunk is the file's random prefix (56
bits), the chunk's number (32 bits) and whether it is the last (8 bits). All chunks but the last hold CHUNK_BYTES. The
file's key is drawn for it, and wrapped by the operator's master key; the header is authenticated with every chunk.
"""

import hashlib
import io
import json
import os
from typing import IO, Any, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from pttserver.crypto.sealing import KEY_BYTES, MasterKey
from pttserver.errors import BackupInvalid, MasterKeyMissing

MAGIC: Final = b"pttserver sealed file 1\n"
CHUNK_BYTES: Final = 64 * 1024
TAG_BYTES: Final = 16
PREFIX_BYTES: Final = 7
MAX_HEADER_BYTES: Final = 4096
CONTEXT: Final = "file"


class _Chunks:
    def __init__(self, key: bytes, prefix: bytes, header: bytes) -> None:
        self._aes = AESGCM(key)
        self._prefix = prefix
        self._header_digest = hashlib.sha256(header).digest()
        self._number = 0

    def _nonce(self, last: bool) -> bytes:
        number, self._number = self._number, self._number + 1
        return self._prefix + number.to_bytes(4, "big") + bytes([last])

    def seal(self, plain: bytes, last: bool) -> bytes:
        return self._aes.encrypt(self._nonce(last), plain, self._header_digest)

    def open(self, octets: bytes, last: bool) -> bytes:
        try:
            return self._aes.decrypt(self._nonce(last), octets, self._header_digest)
        except (InvalidTag, ValueError):
            raise BackupInvalid("the file was cut off, changed or damaged") from None


class SealedWriter(io.RawIOBase):
    """`write` as to a file; without `finish` the file is not whole, and no reader takes it."""

    def __init__(self, target: IO[bytes], master: MasterKey) -> None:
        key, prefix = os.urandom(KEY_BYTES), os.urandom(PREFIX_BYTES)
        wrapped = master.wrap(CONTEXT, key)
        header = json.dumps({"master": master.key_id, "wrapped": wrapped.hex(), "prefix": prefix.hex()}).encode()
        self._target = target
        self._chunks = _Chunks(key, prefix, header)
        self._waiting = bytearray()
        target.write(MAGIC + len(header).to_bytes(4, "big") + header)

    def writable(self) -> bool:
        return True

    def write(self, octets: Any) -> int:
        self._waiting += octets
        while len(self._waiting) > CHUNK_BYTES:  # the last chunk is written by `finish`
            self._target.write(self._chunks.seal(bytes(self._waiting[:CHUNK_BYTES]), last=False))
            del self._waiting[:CHUNK_BYTES]
        return len(octets)

    def finish(self) -> None:
        self._target.write(self._chunks.seal(bytes(self._waiting), last=True))
        self._waiting.clear()


class SealedReader(io.RawIOBase):
    """`read` as from a file. Raises BackupInvalid as soon as a chunk is not what was written."""

    def __init__(self, source: IO[bytes], masters: list[MasterKey]) -> None:
        """Raises BackupInvalid (no such file), MasterKeyMissing (written under another master key)."""
        header = _header(source)
        self._source = source
        self._chunks = _Chunks(*_file_key(header, masters), header)
        self._ahead = source.read(CHUNK_BYTES + TAG_BYTES)
        self._plain = b""
        self._ended = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._plain and not self._ended:
            self._next()
        count = min(len(buffer), len(self._plain))
        buffer[:count], self._plain = self._plain[:count], self._plain[count:]
        return count

    def _next(self) -> None:
        octets, self._ahead = self._ahead, self._source.read(CHUNK_BYTES + TAG_BYTES)
        self._ended = not self._ahead
        self._plain = self._chunks.open(octets, last=self._ended)


def _header(source: IO[bytes]) -> bytes:
    if source.read(len(MAGIC)) != MAGIC:
        raise BackupInvalid
    length = int.from_bytes(source.read(4), "big")
    header = source.read(min(length, MAX_HEADER_BYTES))
    if len(header) != length:
        raise BackupInvalid
    return header


def _file_key(header: bytes, masters: list[MasterKey]) -> tuple[bytes, bytes]:
    try:
        fields = json.loads(header)
        master_id, wrapped, prefix = (fields["master"], *(bytes.fromhex(fields[it]) for it in ("wrapped", "prefix")))
    except (ValueError, KeyError, TypeError) as error:
        raise BackupInvalid from error
    for master in masters:
        if master.key_id == master_id:
            return master.unwrap(CONTEXT, wrapped), prefix
    raise MasterKeyMissing(f"the file was written under master key {master_id}, which is not configured")

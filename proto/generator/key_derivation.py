"""Intermediate values of SRTP for the vectors (RFC 3711 §4.3, RFC 6188, RFC 7714 §8.1, §9.1).

Nothing is protected here.
"""

from dataclasses import dataclass

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes


def derive(master_key: bytes, master_salt: bytes, label: int, octets: int) -> bytes:
    """RFC 3711 §4.3.1: AES in counter mode from (label at octet 7) XOR (salt, zeros to 14 octets), times 2^16."""
    start = bytearray(master_salt.ljust(16, b"\0"))
    start[7] ^= label
    stream = Cipher(algorithms.AES(master_key), modes.CTR(bytes(start))).encryptor()
    return stream.update(bytes(octets))


@dataclass(frozen=True)
class SessionKeys:
    """Session encryption key (32 octets) and session salt (12 octets)."""

    key: bytes
    salt: bytes

    @classmethod
    def of_rtp(cls, master_key: bytes, master_salt: bytes) -> "SessionKeys":
        return cls(derive(master_key, master_salt, 0, 32), derive(master_key, master_salt, 2, 12))

    @classmethod
    def of_rtcp(cls, master_key: bytes, master_salt: bytes) -> "SessionKeys":
        return cls(derive(master_key, master_salt, 3, 32), derive(master_key, master_salt, 5, 12))

    def rtp_iv(self, ssrc: int, roll_over_counter: int, sequence: int) -> bytes:
        return self._xor_salt((ssrc << 48) + (roll_over_counter << 16) + sequence)

    def rtcp_iv(self, ssrc: int, index: int) -> bytes:
        return self._xor_salt((ssrc << 48) + index)

    def _xor_salt(self, number: int) -> bytes:
        return (number ^ int.from_bytes(self.salt, "big")).to_bytes(12, "big")

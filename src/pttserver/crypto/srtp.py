"""SRTP and SRTCP contexts with AEAD_AES_256_GCM (RFC 3711, RFC 7714), one direction each.

AES-GCM dies by nonce reuse: a sender refuses to protect one index twice (libsrtp's own check stays on), keys are drawn
fresh for every context, and an SSRC is never used twice under one key.

libsrtp works in place. What is given as octets passes through one piece of memory that all contexts of a process share,
so all belong to one thread; the relay hands over the memory that a datagram came in.
"""

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from pylibsrtp import ERRORS, Policy
from pylibsrtp._binding import ffi, lib  # its Session allocates twice for each packet

from pttserver.crypto.packet_memory import PacketMemory
from pttserver.ids import Ssrc

KEY_BYTES = 32
SALT_BYTES = 12
TAG_BYTES = 16
MAX_PACKET_BYTES = 1_300  # what we let in or make, header and tag included: no IPv6 path fragments it

_REPLAYS = (9, 10)  # srtp_err_status_replay_fail, srtp_err_status_replay_old
_protect, _unprotect = lib.srtp_protect, lib.srtp_unprotect
_protect_rtcp, _unprotect_rtcp = lib.srtp_protect_rtcp, lib.srtp_unprotect_rtcp
_shared = PacketMemory.allocate()


class SrtpError(Exception):
    """libsrtp refused a packet; `status` is its srtp_err_status_t."""

    def __init__(self, status: int) -> None:
        super().__init__(ERRORS[status])
        self.status = status


@dataclass(frozen=True, slots=True)
class SrtpKey:
    """Master key (32 octets) and master salt (12 octets)."""

    key: bytes = field(repr=False)
    salt: bytes = field(repr=False)

    @classmethod
    def draw(cls) -> "SrtpKey":
        return cls(os.urandom(KEY_BYTES), os.urandom(SALT_BYTES))


class _Context:
    """One libsrtp session: a stream for each SSRC, made at its first packet."""

    __slots__ = ("_srtp",)

    def __init__(self, key: SrtpKey, direction: int) -> None:
        policy = Policy(key=key.key + key.salt, ssrc_type=direction, srtp_profile=Policy.SRTP_PROFILE_AEAD_AES_256_GCM)
        made = ffi.new("srtp_t *")
        status = lib.srtp_create(made, policy._policy)
        if status:
            raise SrtpError(status)
        self._srtp = ffi.gc(made[0], lib.srtp_dealloc)

    def forget(self, ssrc: Ssrc | int) -> None:
        """Frees the state of an SSRC that will never be used again under this key."""
        lib.srtp_remove_stream(self._srtp, int.from_bytes(ssrc.to_bytes(4, "big"), sys.byteorder))  # network order

    def _transform(self, function: Callable[[Any, Any, Any], int], packet: bytes) -> bytes:
        _shared.put(packet)
        status = function(self._srtp, _shared.start, _shared.length)
        if status:
            raise SrtpError(status)
        return _shared.copy()


class SrtpSender(_Context):
    """Protects what this side sends; its calls raise SrtpError for an index that was used before."""

    __slots__ = ()

    def __init__(self, key: SrtpKey) -> None:
        super().__init__(key, Policy.SSRC_ANY_OUTBOUND)

    def protect_rtp(self, packet: bytes) -> bytes:
        """The RTP packet, its payload encrypted, with a tag."""
        return self._transform(_protect, packet)

    def protect_rtp_in_place(self, packet: PacketMemory) -> None:
        """The same, where the packet stands."""
        status = _protect(self._srtp, packet.start, packet.length)
        if status:
            raise SrtpError(status)

    def protect_rtcp(self, packet: bytes) -> bytes:
        """The RTCP packet, encrypted behind its first 8 octets, with a tag and the next index."""
        return self._transform(_protect_rtcp, packet)

    def protect_rtcp_in_place(self, packet: PacketMemory) -> None:
        """The same, where the packet stands."""
        status = _protect_rtcp(self._srtp, packet.start, packet.length)
        if status:
            raise SrtpError(status)


class SrtpReceiver(_Context):
    """Authenticates and decrypts what the other side sent; raises SrtpError for a bad tag or a replay."""

    __slots__ = ()

    def __init__(self, key: SrtpKey) -> None:
        super().__init__(key, Policy.SSRC_ANY_INBOUND)

    def unprotect_rtp(self, packet: bytes) -> bytes:
        """The plain RTP packet."""
        return self._transform(_unprotect, packet)

    def unprotect_rtp_in_place(self, packet: PacketMemory) -> int:
        """The same, where the packet stands: 0, or the status of an SrtpError, for a flood need not cost exceptions.

        What a refused packet leaves in the memory is nothing.
        """
        status: int = _unprotect(self._srtp, packet.start, packet.length)
        return status

    def unprotect_rtcp(self, packet: bytes) -> bytes:
        """The plain RTCP packet."""
        return self._transform(_unprotect_rtcp, packet)

    def unprotect_rtcp_in_place(self, packet: PacketMemory) -> int:
        """The same, where the packet stands: 0, or the status of an SrtpError."""
        status: int = _unprotect_rtcp(self._srtp, packet.start, packet.length)
        return status


def is_replay(status: int) -> bool:
    """Whether a packet was refused because its index was seen before, or is too old to tell.

    libsrtp looks at that before the tag: a forged packet may be called a replay, or one that another key opens.
    """
    return status in _REPLAYS

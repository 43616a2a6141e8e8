"""SRTP and SRTCP contexts with AEAD_AES_256_GCM (RFC 3711, RFC 7714), one direction each.

AES-GCM dies by nonce reuse: a sender refuses to protect one index twice (libsrtp's own check stays on), keys are drawn
fresh for every context, and an SSRC is never used twice under one key. A context belongs to one thread.
"""

import contextlib
import os
from dataclasses import dataclass, field

from pylibsrtp import Error as SrtpError
from pylibsrtp import Policy
from pylibsrtp import Session as _Context

from pttserver.ids import Ssrc

KEY_BYTES = 32
SALT_BYTES = 12
TAG_BYTES = 16
SRTCP_TRAILER_BYTES = TAG_BYTES + 4
MAX_PACKET_BYTES = 1_300  # what we let in or make, header and tag included: no IPv6 path fragments it

__all__ = ["MAX_PACKET_BYTES", "SRTCP_TRAILER_BYTES", "SrtpError", "SrtpKey", "SrtpReceiver", "SrtpSender", "is_replay"]


@dataclass(frozen=True, slots=True)
class SrtpKey:
    """Master key (32 octets) and master salt (12 octets)."""

    key: bytes = field(repr=False)
    salt: bytes = field(repr=False)

    @classmethod
    def draw(cls) -> "SrtpKey":
        return cls(os.urandom(KEY_BYTES), os.urandom(SALT_BYTES))


class SrtpSender:
    """Protects what this side sends; the two calls raise SrtpError for an index that was used before."""

    __slots__ = ("_context", "protect_rtcp", "protect_rtp")

    def __init__(self, key: SrtpKey) -> None:
        self._context = _context(key, Policy.SSRC_ANY_OUTBOUND)
        self.protect_rtp = self._context.protect
        self.protect_rtcp = self._context.protect_rtcp

    def forget(self, ssrc: Ssrc | int) -> None:
        """Frees the state of an SSRC that will never be used again under this key."""
        _forget(self._context, ssrc)


class SrtpReceiver:
    """Authenticates and decrypts what the other side sent; raises SrtpError for a bad tag or a replay."""

    __slots__ = ("_context", "unprotect_rtcp", "unprotect_rtp")

    def __init__(self, key: SrtpKey) -> None:
        self._context = _context(key, Policy.SSRC_ANY_INBOUND)
        self.unprotect_rtp = self._context.unprotect
        self.unprotect_rtcp = self._context.unprotect_rtcp

    def forget(self, ssrc: Ssrc | int) -> None:
        """Frees the state of an SSRC whose packets are refused before they come here from now on."""
        _forget(self._context, ssrc)


def is_replay(error: SrtpError) -> bool:
    """Whether its index was seen before, or is too old to tell.

    libsrtp looks at that before the tag: a forged packet may be called a replay, or one that another key opens.
    """
    return str(error).startswith("replay check failed")


def _context(key: SrtpKey, direction: int) -> _Context:
    policy = Policy(key=key.key + key.salt, ssrc_type=direction, srtp_profile=Policy.SRTP_PROFILE_AEAD_AES_256_GCM)
    return _Context(policy=policy)


def _forget(context: _Context, ssrc: int) -> None:
    with contextlib.suppress(SrtpError):  # no packet of that SSRC ever came
        context.remove_stream(ssrc)

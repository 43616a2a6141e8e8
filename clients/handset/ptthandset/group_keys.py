"""The keys that a device holds, and what it cannot read yet.

What the server sends comes under the device's own downlink key, or under the key epoch of a group, the present one or
the one before. A datagram may overtake the key that opens it: it waits a moment, and is tried again when a key comes.
"""

from collections import deque
from collections.abc import Callable

from pttserver.crypto.srtp import SrtpError, SrtpKey, SrtpReceiver, SrtpSender, is_replay
from pttserver.wire.signalling import Epoch, SrtpKeys

HELD_PACKETS = 64
HELD_S = 1.0


def srtp_key(keys: SrtpKeys) -> SrtpKey:
    return SrtpKey(keys.key, keys.salt)


class DeviceKeys:
    """The SRTP contexts of one session. They live as long as the session: a context made anew would repeat indices."""

    def __init__(self, uplink: SrtpKeys, downlink: SrtpKeys) -> None:
        self.uplink_key = srtp_key(uplink)
        self.uplink = SrtpSender(self.uplink_key)
        self._downlink = SrtpReceiver(srtp_key(downlink))

    def open_rtcp(self, packet: bytes) -> bytes | None:
        """The plain RTCP packet; empty if it came before; None if it is not for this device alone."""
        return _open(packet, [self._downlink.unprotect_rtcp])


class EpochKeys:
    """The present and the previous key epoch of a group."""

    def __init__(self, epoch: Epoch) -> None:
        self.number = epoch.number
        self.key = srtp_key(epoch)
        self._present = SrtpReceiver(self.key)
        self._previous: SrtpReceiver | None = None

    def renew(self, epoch: Epoch) -> None:
        """A newer epoch becomes the present one; an older or the same changes nothing."""
        if epoch.number <= self.number:
            return
        self.number = epoch.number
        self.key = srtp_key(epoch)
        self._previous, self._present = self._present, SrtpReceiver(self.key)

    def open_rtp(self, packet: bytes) -> bytes | None:
        """The plain RTP packet; empty if it came before; None if no epoch opens it."""
        return _open(packet, [receiver.unprotect_rtp for receiver in self._receivers()])

    def open_rtcp(self, packet: bytes) -> bytes | None:
        """Likewise for RTCP."""
        return _open(packet, [receiver.unprotect_rtcp for receiver in self._receivers()])

    def _receivers(self) -> list[SrtpReceiver]:
        return [self._present] if self._previous is None else [self._present, self._previous]


def _open(packet: bytes, ways: list[Callable[[bytes], bytes]]) -> bytes | None:
    """libsrtp looks for replays before it looks at the tag: a "replay" under one key may be news under another."""
    seen_before = False
    for unprotect in ways:
        try:
            return unprotect(packet)
        except SrtpError as error:
            seen_before = seen_before or is_replay(error.status)
    return b"" if seen_before else None


class HeldPackets:
    """Datagrams that no key opened yet."""

    def __init__(self) -> None:
        self._waiting: deque[tuple[float, bytes]] = deque(maxlen=HELD_PACKETS)

    def hold(self, now: float, packet: bytes) -> None:
        self._waiting.append((now, packet))

    def release(self, now: float) -> list[bytes]:
        """What is still worth another try, in the order of arrival."""
        fresh = [packet for held_at, packet in self._waiting if now - held_at <= HELD_S]
        self._waiting.clear()
        return fresh

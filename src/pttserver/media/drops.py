"""Why a packet was dropped: every reason has a name and a plain counter."""

from collections.abc import Iterator

from pttserver.crypto.srtp import is_replay


class Drops:
    """Counters of dropped packets by reason; read when metrics are scraped."""

    __slots__ = (
        "address_flapping",
        "bad_tag",
        "foreign_ssrc",
        "internal_error",
        "malformed",
        "no_floor",
        "rate",
        "replay",
        "sequence_wrapped",
        "suspect_address",
        "too_long",
        "unknown_ssrc",
    )

    def __init__(self) -> None:
        self.malformed = 0  # too short, wrong version, not what RTCP may hold
        self.too_long = 0
        self.unknown_ssrc = 0
        self.bad_tag = 0
        self.replay = 0
        self.no_floor = 0  # the SSRC of an ended burst, or of somebody who may not talk
        self.foreign_ssrc = 0  # an SSRC inside the packet, or on a WebSocket, that is not the sender's
        self.rate = 0
        self.sequence_wrapped = 0
        self.suspect_address = 0  # forged packets come from there
        self.address_flapping = 0  # the packet is kept, its new address is not
        self.internal_error = 0

    def count_refused(self, status: int) -> None:
        """A packet that libsrtp did not open, or did not protect."""
        if is_replay(status):
            self.replay += 1
        else:
            self.bad_tag += 1

    def items(self) -> Iterator[tuple[str, int]]:
        return ((name, getattr(self, name)) for name in self.__slots__)

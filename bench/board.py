"""What the processes of the harness share: when each packet was sent, who must be heard, and live counters."""

import mmap

import numpy as np
from numpy.typing import NDArray

LONGEST_STREAM = 8192  # packets of one talker in one step
SENT, DONE, DOZING, DROWSY = 16, 17, 18, 19  # places in the counters; those before are of the ears
WITNESS = 2  # in `wanted`: ears keep all that this handset hears


class Board:
    """Anonymous shared memory; make it before the processes are forked.

    `sent_ns[talker, sequence]` is CLOCK_REALTIME just before the packet was handed to the kernel, 0 if it was not;
    `ssrc[talker]` is the SSRC of its talk burst; `wanted[handset]` says whose RTCP the crowd must see.
    """

    def __init__(self, handsets: int, talkers: int) -> None:
        self._stamps = mmap.mmap(-1, 8 * max(1, talkers) * LONGEST_STREAM)
        self._rest = mmap.mmap(-1, 4096 + 16 * (handsets + talkers))
        self.sent_ns: NDArray[np.int64] = np.frombuffer(self._stamps, np.int64).reshape(-1, LONGEST_STREAM)
        self.counters: NDArray[np.int64] = np.frombuffer(self._rest, np.int64, 512)
        self.ssrc: NDArray[np.uint32] = np.frombuffer(self._rest, np.uint32, talkers, 4096)
        self.wanted: NDArray[np.uint8] = np.frombuffer(self._rest, np.uint8, handsets, 4096 + 4 * talkers)
        self.wanted[:] = 1

    @property
    def handsets(self) -> int:
        return len(self.wanted)

    @property
    def received(self) -> int:
        """Datagrams that all ears took so far."""
        return int(self.counters[:SENT].sum())

    @property
    def sent(self) -> int:
        """Packets that talkers sent so far."""
        return int(self.counters[SENT])

    @property
    def done(self) -> int:
        """Handsets that carried out the present order."""
        return int(self.counters[DONE])

    @property
    def dozing(self) -> bool:
        """Nobody expects a datagram: ears leave the core to the crowds."""
        return bool(self.counters[DOZING])

    @dozing.setter
    def dozing(self, yes: bool) -> None:
        self.counters[DOZING] = yes

    @property
    def drowsy(self) -> bool:
        """Datagrams can wait: ears look for them a few times a second, but for those of `wanted` handsets."""
        return bool(self.counters[DROWSY])

    @drowsy.setter
    def drowsy(self, yes: bool) -> None:
        self.counters[DROWSY] = yes

    def forget_stream(self) -> None:
        self.sent_ns[:] = 0
        self.ssrc[:] = 0

"""Room for one packet, in memory that C functions read, transform in place, and send from: no copy is made of it."""

from typing import Any

from cffi import FFI

MEMORY_BYTES = 2048
TRAILER_ROOM_BYTES = 256  # more than SRTP_MAX_TRAILER_LEN

_ffi = FFI()


class PacketMemory:
    """One packet. `start` (`char *`) and `length` (`int *`) are what C functions take."""

    __slots__ = ("_view", "length", "start")

    def __init__(self, start: Any, length: Any) -> None:
        """`start` has MEMORY_BYTES octets; both belong to the caller, who keeps them."""
        self.start = start
        self.length = length
        self._view = _ffi.buffer(start, MEMORY_BYTES)

    @classmethod
    def allocate(cls) -> "PacketMemory":
        """Memory of its own."""
        return cls(_ffi.new("char[]", MEMORY_BYTES), _ffi.new("int *"))

    def put(self, packet: bytes) -> None:
        """Raises ValueError if it would not have room to grow by a tag and an index."""
        size = len(packet)
        if size > MEMORY_BYTES - TRAILER_ROOM_BYTES:
            raise ValueError("the packet is too long")
        self._view[0:size] = packet
        self.length[0] = size

    def word(self, start: int) -> int:
        """The 32 bits from octet `start`, in network order."""
        return int.from_bytes(self._view[start : start + 4], "big")

    def copy(self) -> bytes:
        """What it holds, as octets of their own."""
        held: bytes = self._view[0 : self.length[0]]
        return held

"""Batches of datagrams in one system call, with the kernel's own time stamp of each arrival.

`ReceiveSlab` appends the waiting datagrams of many sockets to one slab of memory, so that numpy reads thousands of
headers at once and no Python object is made for a datagram. `FanOut` sends one datagram to many addresses.
"""

import socket
import struct
from typing import Any

import numpy as np
from cffi import FFI
from numpy.typing import NDArray

from pttserver.media.batch_socket import MMSG_DECLARATIONS

SLOT_BYTES = 512
CONTROL_BYTES = 64
NAME_BYTES = 16
HEADER_BYTES = 64  # sizeof(struct mmsghdr)
MOST_AT_ONCE = 1024  # UIO_MAXIOV
SO_TIMESTAMPNS = 35
SO_MEMINFO = 55  # asm-generic/socket.h
_MEMINFO = struct.Struct("=9I")

_ffi = FFI()
_ffi.cdef(MMSG_DECLARATIONS)
_libc: Any = _ffi.dlopen(None)


def open_port(buffer_bytes: int = 1 << 20) -> socket.socket:
    """A UDP port on loopback whose arrivals the kernel stamps with CLOCK_REALTIME."""
    port = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    port.setblocking(False)
    port.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer_bytes)
    port.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
    port.bind(("127.0.0.1", 0))
    return port


def unread(port: socket.socket) -> int:
    """Datagrams that the kernel dropped so far because nobody read the port in time (SO_MEMINFO, SK_MEMINFO_DROPS)."""
    return int(_MEMINFO.unpack(port.getsockopt(socket.SOL_SOCKET, SO_MEMINFO, _MEMINFO.size))[8])


class ReceiveSlab:
    """Room for `slots` datagrams. `fill` from sockets, read the columns, `clear`."""

    def __init__(self, slots: int = 8192) -> None:
        self._slots = slots
        self._payloads = _ffi.new("char[]", slots * SLOT_BYTES)
        self._controls = _ffi.new("char[]", slots * CONTROL_BYTES)
        self._vectors = _ffi.new("struct iovec[]", slots)
        self._messages = _ffi.new("struct mmsghdr[]", slots)
        for index in range(slots):
            self._vectors[index].iov_base = self._payloads + index * SLOT_BYTES
            self._vectors[index].iov_len = SLOT_BYTES
            header = self._messages[index].msg_hdr
            header.msg_iov = self._vectors + index
            header.msg_iovlen = 1
            header.msg_control = self._controls + index * CONTROL_BYTES
        words = np.frombuffer(_ffi.buffer(self._messages), np.uint64).reshape(slots, HEADER_BYTES // 8)
        self._control_lengths, self._lengths = words[:, 5], words[:, 7]
        self._stamps = np.frombuffer(_ffi.buffer(self._controls), np.int64).reshape(slots, CONTROL_BYTES // 8)
        self.payloads = np.frombuffer(_ffi.buffer(self._payloads), np.uint8).reshape(slots, SLOT_BYTES)
        self.used = 0
        self._control_lengths[:] = CONTROL_BYTES

    @property
    def is_full(self) -> bool:
        return self.used == self._slots

    def fill(self, descriptor: int) -> int:
        """Appends what waits at the socket, and says how many."""
        room = min(self._slots - self.used, MOST_AT_ONCE)
        count = _libc.recvmmsg(descriptor, self._messages + self.used, room, socket.MSG_DONTWAIT, _ffi.NULL)
        if count <= 0:
            return 0
        self.used += count
        return int(count)

    def lengths(self) -> NDArray[np.int64]:
        return (self._lengths[: self.used] & 0xFFFFFFFF).astype(np.int64)

    def arrivals_ns(self) -> NDArray[np.int64]:
        """CLOCK_REALTIME at which the kernel delivered each (SCM_TIMESTAMPNS: a cmsghdr, then a timespec)."""
        stamps = self._stamps[: self.used]
        return np.asarray(stamps[:, 2] * 1_000_000_000 + stamps[:, 3])

    def datagram(self, index: int) -> bytes:
        return self.payloads[index, : int(self._lengths[index] & 0xFFFFFFFF)].tobytes()

    def clear(self) -> None:
        self._control_lengths[: self.used] = CONTROL_BYTES
        self.used = 0


class FanOut:
    """Many addresses, kept in kernel form; `send` gives each the same datagram."""

    def __init__(self, addresses: list[tuple[str, int]]) -> None:
        self.count = len(addresses)
        packed = b"".join(kernel_address(address) for address in addresses)
        self._names = _ffi.new("char[]", packed)
        self._vector = _ffi.new("struct iovec *")
        self._messages = _ffi.new("struct mmsghdr[]", max(1, self.count))
        for index in range(self.count):
            header = self._messages[index].msg_hdr
            header.msg_name = self._names + index * NAME_BYTES
            header.msg_namelen = NAME_BYTES
            header.msg_iov = self._vector
            header.msg_iovlen = 1

    def send(self, descriptor: int, payload: bytes) -> int:
        """How many the kernel took."""
        content = _ffi.from_buffer(payload)
        self._vector.iov_base = content
        self._vector.iov_len = len(payload)
        done = 0
        while done < self.count:
            wanted = min(self.count - done, MOST_AT_ONCE)
            sent = _libc.sendmmsg(descriptor, self._messages + done, wanted, socket.MSG_DONTWAIT)
            if sent <= 0:
                break
            done += sent
        return done


def kernel_address(address: tuple[str, int]) -> bytes:
    """struct sockaddr_in."""
    return struct.pack("=H", socket.AF_INET) + struct.pack("!H", address[1]) + socket.inet_aton(address[0]) + bytes(8)

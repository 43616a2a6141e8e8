"""One UDP socket that reads up to 64 datagrams and writes any number of copies of one datagram in a system call.

Linux's recvmmsg(2) and sendmmsg(2) through cffi; the GIL is free while the kernel copies. Addresses stay raw octets
(struct sockaddr): the relay compares and stores them, it never looks inside.

A datagram stays in the slab of memory that the kernel wrote it to, and may be sent on from there. Nothing is copied but
its address and the few fields of its head that the relay looks at.
"""

import errno
import socket
import struct
from collections.abc import Callable, Iterator
from itertools import islice

from cffi import FFI

from pttserver.crypto.packet_memory import MEMORY_BYTES, PacketMemory
from pttserver.wire.rtp import RELAYED_HEADER_FORMAT

RECEIVE_BATCH = 64
DATAGRAM_BYTES = MEMORY_BYTES  # longer datagrams are cut to this
ADDRESS_BYTES = {socket.AF_INET: 16, socket.AF_INET6: 28}  # sizeof(struct sockaddr_in), of sockaddr_in6
ADDRESS_ROOM_BYTES = 32  # for the longest, and half a cache line
SEND_BATCH = 1024  # UIO_MAXIOV: the kernel's limit for one call
MIN_SPARE = 8

MMSG_DECLARATIONS = """
struct iovec { void *iov_base; size_t iov_len; };
struct msghdr {
    void *msg_name; unsigned int msg_namelen; struct iovec *msg_iov; size_t msg_iovlen;
    void *msg_control; size_t msg_controllen; int msg_flags;
};
struct mmsghdr { struct msghdr msg_hdr; unsigned int msg_len; };
int recvmmsg(int fd, struct mmsghdr *messages, unsigned int count, int flags, void *timeout);
int sendmmsg(int fd, struct mmsghdr *messages, unsigned int count, int flags);
"""

_ffi = FFI()
_ffi.cdef(MMSG_DECLARATIONS)
_libc = _ffi.dlopen(None)
_recvmmsg, _sendmmsg = _libc.recvmmsg, _libc.sendmmsg
_MSG_DONTWAIT = int(socket.MSG_DONTWAIT)
_FULL = (errno.EAGAIN, errno.ENOBUFS)
_SO_MEMINFO = 55  # asm-generic/socket.h; the socket module does not name it
_MEMINFO = struct.Struct("=9I")  # the last of the nine is SK_MEMINFO_DROPS
_SLOT_BYTES = ADDRESS_ROOM_BYTES + DATAGRAM_BYTES  # an address, then the datagram

Received = tuple[PacketMemory, memoryview]
Head = tuple[bytes, int, int, int, int]
"""Source address, then as if it were RTP: first octet, second octet, sequence number, SSRC."""


class AddressArray:
    """Socket addresses in kernel form, ready for sendmmsg; grows by doubling, swaps and pops in place.

    `octets`: all of them, ADDRESS_ROOM_BYTES each; who writes there himself leaves the length of an address as it is.
    """

    def __init__(self) -> None:
        self._capacity = MIN_SPARE
        self._allocate()
        self.count = 0

    def _allocate(self) -> None:
        self.payload = _ffi.new("struct iovec *")
        self._names = _ffi.new("char[]", self._capacity * ADDRESS_ROOM_BYTES)
        self.octets = _ffi.buffer(self._names)
        self.messages = _ffi.new("struct mmsghdr[]", self._capacity)
        for index in range(self._capacity):
            header = self.messages[index].msg_hdr
            header.msg_name = self._names + index * ADDRESS_ROOM_BYTES
            header.msg_iov = self.payload
            header.msg_iovlen = 1

    def __getitem__(self, index: int) -> bytes:
        start = index * ADDRESS_ROOM_BYTES
        length: int = self.messages[index].msg_hdr.msg_namelen
        return bytes(self.octets[start : start + length])

    def __setitem__(self, index: int, address: bytes) -> None:
        start = index * ADDRESS_ROOM_BYTES
        self.octets[start : start + len(address)] = address
        self.messages[index].msg_hdr.msg_namelen = len(address)

    def append(self, address: bytes) -> None:
        if self.count == self._capacity:
            self._grow()
        self[self.count] = address
        self.count += 1

    def swap(self, one: int, other: int) -> None:
        self[one], self[other] = self[other], self[one]

    def pop(self) -> None:
        """Drops the last address."""
        self.count -= 1

    def _grow(self) -> None:
        addresses = [self[index] for index in range(self.count)]
        self._capacity *= 2
        self._allocate()
        for index, address in enumerate(addresses):
            self[index] = address


class BatchSocket:
    """A bound, non-blocking UDP socket. Counters are plain integers, read when metrics are scraped."""

    def __init__(self, address: str, port: int, buffer_bytes: int) -> None:
        """Raises OSError if the address cannot be had."""
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self._socket = socket.socket(family, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
            self._socket.setsockopt(socket.SOL_SOCKET, option, buffer_bytes)
        if family == socket.AF_INET6:
            self._socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        self._socket.bind((address, port))
        self._fd = self._socket.fileno()
        self._single = AddressArray()
        self._single.append(bytes(ADDRESS_BYTES[family]))
        self._outgoing = PacketMemory.allocate()
        self._prepare_receiving(ADDRESS_BYTES[family])
        self.send_buffer_full = 0
        self.send_errors = 0
        self.datagrams_sent = 0
        self.octets_sent = 0

    def _prepare_receiving(self, address_bytes: int) -> None:
        """A socket of one family has addresses of one length: so what the kernel writes back is what it needs next."""
        head = struct.Struct(f"!{address_bytes}s{ADDRESS_ROOM_BYTES - address_bytes}x{RELAYED_HEADER_FORMAT}")
        self.unpack_head: Callable[[memoryview], Head] = head.unpack
        self._slab = _ffi.new("char[]", RECEIVE_BATCH * _SLOT_BYTES)
        self._vectors = _ffi.new("struct iovec[]", RECEIVE_BATCH)
        self._incoming = _ffi.new("struct mmsghdr[]", RECEIVE_BATCH)
        self._slots: list[Received] = []
        for index in range(RECEIVE_BATCH):
            name = self._slab + index * _SLOT_BYTES
            self._vectors[index].iov_base = name + ADDRESS_ROOM_BYTES
            self._vectors[index].iov_len = DATAGRAM_BYTES
            header = self._incoming[index].msg_hdr
            header.msg_name = name
            header.msg_namelen = address_bytes
            header.msg_iov = self._vectors + index
            header.msg_iovlen = 1
            length = _ffi.cast("int *", _ffi.addressof(self._incoming[index], "msg_len"))
            memory = PacketMemory(name + ADDRESS_ROOM_BYTES, length)
            self._slots.append((memory, memoryview(_ffi.buffer(name, head.size))))

    @property
    def port(self) -> int:
        return int(self._socket.getsockname()[1])

    @property
    def receive_buffer_full(self) -> int:
        """Datagrams that the kernel had no room for before we read them."""
        return int(_MEMINFO.unpack(self._socket.getsockopt(socket.SOL_SOCKET, _SO_MEMINFO, _MEMINFO.size))[-1])

    def fileno(self) -> int:
        return self._fd

    def close(self) -> None:
        self._socket.close()

    def receive(self) -> int:
        """Reads the waiting datagrams, 64 at most, into the slab; says how many."""
        count: int = _recvmmsg(self._fd, self._incoming, RECEIVE_BATCH, _MSG_DONTWAIT, _ffi.NULL)
        return max(0, count)

    def received(self, count: int) -> Iterator[Received]:
        """Of each of the `count` datagrams just read: the memory that it stands in, and its head for `unpack_head`.

        The head of a datagram that is shorter than it says nothing.
        """
        return islice(self._slots, count)

    def send(self, packet: PacketMemory, address: bytes) -> None:
        """The packet, from where it stands, to one address; what the kernel does not take is counted, not queued."""
        self._single.octets[0 : len(address)] = address  # its length is that of all of the socket's family
        self.send_from(packet, self._single, 1)

    def send_to_all(self, payload: bytes, addresses: AddressArray, count: int) -> None:
        """The same datagram to the first `count` addresses. Raises ValueError if it is too long."""
        self._outgoing.put(payload)
        self.send_from(self._outgoing, addresses, count)

    def send_from(self, packet: PacketMemory, addresses: AddressArray, count: int) -> None:
        """The packet, from where it stands, to the first `count` addresses.

        A full send buffer drops the rest: late voice is no voice.
        """
        size = packet.length[0]
        vector = addresses.payload
        vector.iov_base = packet.start
        vector.iov_len = size
        sent = _sendmmsg(self._fd, addresses.messages, min(count, SEND_BATCH), _MSG_DONTWAIT)
        if sent != count:
            sent = self._send_rest(addresses, sent, count)
        self.datagrams_sent += sent
        self.octets_sent += sent * size

    def _send_rest(self, addresses: AddressArray, sent: int, count: int) -> int:
        """Goes on behind what the last call took (-1: nothing); gives how many were taken of all."""
        done = taken = 0
        while True:
            if sent > 0:
                done += sent
                taken += sent
            elif _ffi.errno in _FULL:
                self.send_buffer_full += count - done
                return taken
            elif _ffi.errno != errno.EINTR:
                # this one address cannot be sent to (port 0, unreachable, too big): go on behind it
                self.send_errors += 1
                done += 1
            if done == count:
                return taken
            sent = _sendmmsg(self._fd, addresses.messages + done, min(count - done, SEND_BATCH), _MSG_DONTWAIT)

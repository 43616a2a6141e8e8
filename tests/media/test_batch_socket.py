"""The batch socket: many datagrams in a call, addresses as raw octets, nothing queued and nothing raised."""

import socket
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pttserver.crypto.packet_memory import PacketMemory
from pttserver.media.batch_socket import DATAGRAM_BYTES, RECEIVE_BATCH, AddressArray, BatchSocket
from pttserver.wire.rtp import RtpPacket


@pytest.fixture
def server() -> Iterator[BatchSocket]:
    made = BatchSocket("127.0.0.1", 0, 1 << 20)
    yield made
    made.close()


@pytest.fixture
def client() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as made:
        made.bind(("127.0.0.1", 0))
        made.settimeout(1)
        yield made


def read(server: BatchSocket) -> list[tuple[bytes, bytes]]:
    """The datagrams of one batch, each with the address that it came from."""
    return [(packet.copy(), server.unpack_head(head)[0]) for packet, head in server.received(server.receive())]


def raw_address(sock: socket.socket) -> bytes:
    host, port = sock.getsockname()
    return socket.AF_INET.to_bytes(2, "little") + port.to_bytes(2, "big") + socket.inet_aton(host) + bytes(8)


def test_datagrams_come_in_order_with_their_address(server: BatchSocket, client: socket.socket) -> None:
    sent = [b"", b"a", bytes(DATAGRAM_BYTES), bytes(DATAGRAM_BYTES + 1)]
    for datagram in sent:
        client.sendto(datagram, ("127.0.0.1", server.port))
    got = read(server)
    assert [packet for packet, _ in got] == [b"", b"a", bytes(DATAGRAM_BYTES), bytes(DATAGRAM_BYTES)]
    assert {address for _, address in got} == {raw_address(client)}
    assert read(server) == []


def test_the_head_of_each_datagram_is_unpacked(server: BatchSocket, client: socket.socket) -> None:
    """Octets, sequence number and SSRC as in RFC 3550 §5.1; the next batch leaves nothing of the last one's length."""
    packets = [RtpPacket(number, 960 * number, 0xFFFF0000 + number, bytes(number)) for number in (1, 300, 65)]
    for _ in range(2):
        for packet in packets:
            client.sendto(packet.encode(), ("127.0.0.1", server.port))
        found = [(at.length[0], server.unpack_head(head)[1:]) for at, head in server.received(server.receive())]
        assert found == [(12 + len(p.payload), (0x80, 111, p.sequence, p.ssrc)) for p in packets]


def test_a_datagram_is_sent_on_from_where_it_stands(server: BatchSocket, client: socket.socket) -> None:
    """Its length is what was written beside it since."""
    addresses = AddressArray()
    addresses.append(raw_address(client))
    client.sendto(b"one", ("127.0.0.1", server.port))
    client.sendto(b"other", ("127.0.0.1", server.port))
    (one, _), (other, _) = server.received(server.receive())
    other.length[0] = 3
    server.send_from(other, addresses, 1)
    server.send_from(one, addresses, 1)
    assert [client.recv(100), client.recv(100)] == [b"oth", b"one"]


def test_a_batch_is_bounded(server: BatchSocket, client: socket.socket) -> None:
    for number in range(RECEIVE_BATCH + 6):
        client.sendto(bytes((number,)), ("127.0.0.1", server.port))
    assert [server.receive() for _ in range(3)] == [RECEIVE_BATCH, 6, 0]


def test_one_datagram_goes_to_many_and_a_bad_address_is_skipped(server: BatchSocket, client: socket.socket) -> None:
    """T-016, T-021: the error of one address is counted; those behind it get theirs."""
    addresses = AddressArray()
    good = raw_address(client)
    nowhere = good[:2] + b"\0\0" + good[4:]
    for address in (good, nowhere, good, nowhere, nowhere, good):
        addresses.append(address)
    server.send_to_all(b"voice", addresses, addresses.count)
    assert [client.recv(100) for _ in range(3)] == [b"voice"] * 3
    assert (server.datagrams_sent, server.octets_sent, server.send_errors, server.send_buffer_full) == (3, 15, 3, 0)


def test_what_the_kernel_had_no_room_for_is_counted(client: socket.socket) -> None:
    """T-023."""
    small = BatchSocket("127.0.0.1", 0, 4096)
    for _ in range(500):
        client.sendto(bytes(1000), ("127.0.0.1", small.port))
    taken = sum(small.receive() for _ in range(20))
    assert taken < 500
    assert small.receive_buffer_full == 500 - taken
    small.close()


def test_ipv6_and_ipv4_share_a_port(client: socket.socket) -> None:
    try:
        both = BatchSocket("::", 0, 65_536)
    except OSError:
        pytest.skip("this machine has no IPv6")
    client.sendto(b"four", ("127.0.0.1", both.port))
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as six:
        six.sendto(b"six", ("::1", both.port))
    got = read(both)
    assert [packet for packet, _ in got] == [b"four", b"six"]
    back = PacketMemory.allocate()
    back.put(b"back")
    both.send(back, got[0][1])
    assert client.recv(10) == b"back"
    both.close()


@given(st.lists(st.tuples(st.sampled_from("aps"), st.integers(0, 30), st.integers(0, 30)), max_size=60))
def test_an_address_array_is_a_list(steps: list[tuple[str, int, int]]) -> None:
    """Append, pop, swap in any order, over its doublings."""
    array, model = AddressArray(), []
    for number, (step, one, other) in enumerate(steps):
        if step == "a":
            address = number.to_bytes(2, "big") * (8 if one % 2 else 14)
            array.append(address)
            model.append(address)
        elif step == "p" and model:
            array.pop()
            model.pop()
        elif step == "s" and model:
            one, other = one % len(model), other % len(model)
            array.swap(one, other)
            model[one], model[other] = model[other], model[one]
        assert [array[index] for index in range(array.count)] == model

"""deploy/firewall.nft between two machines: what is offered is reached, nothing else; the server calls nobody."""

import json
import subprocess
from collections.abc import Callable, Iterator

import pytest

from deploy.two_machines import FIREWALL, INSIDE, MANAGEMENT, OUTSIDE, SERVER_UID, Machine, two_machines
from pttserver.config import Settings
from pttserver.crypto.srtp import MAX_PACKET_BYTES, TAG_BYTES

pytestmark = pytest.mark.system

RTP_HEADER_BYTES = 12
ECHO = """
held = [socket.create_server(("0.0.0.0", port), backlog=4096) for port in (8443, 9464)]
udp = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2)]
for one, port in zip(udp, (8443, 9999)):
    one.bind(("0.0.0.0", port))
print("ready", flush=True)
while True:
    octets, sender = udp[0].recvfrom(65_535)
    udp[0].sendto(octets, sender)
"""
LISTEN = (
    'import socket, time; held = socket.create_server(("0.0.0.0", {})); print("ready", flush=True); time.sleep(600)'
)
REACH = """
tcp = socket.socket()
tcp.settimeout(0.7)
tcp.bind(({source!r}, 0))
try:
    tcp.connect(({host!r}, {port}))
    print("reached")
except OSError as error:
    print(type(error).__name__)
"""
SEND = """
udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
udp.bind(({source!r}, {source_port}))
udp.settimeout(0.5)
for size in {sizes}:
    udp.sendto(bytes(size), ({host!r}, {port}))
answered = []
try:
    while True:
        answered.append(len(udp.recv(65_535)))
except OSError:
    print(json.dumps(answered))
"""
FLOOD = """
for _ in range(1300):
    tcp = socket.socket()
    tcp.setblocking(False)
    tcp.connect_ex(({host!r}, {port}))
    tcp.close()
"""


@pytest.fixture(scope="module")
def machines(
    tmp_path_factory: pytest.TempPathFactory, system_program: Callable[[str], str]
) -> Iterator[tuple[Machine, Machine]]:
    """The server listens inside, as its own user, with ports that it should not offer; SSH listens too."""
    for name in ("ip", "nft", "nsenter", "unshare"):
        system_program(name)
    if subprocess.run(["unshare", "-n", "true"], capture_output=True, check=False).returncode:
        pytest.skip("this user may not make network namespaces")
    firewall = tmp_path_factory.mktemp("firewall") / "firewall.nft"
    firewall.write_text(FIREWALL.read_text().replace('define server = "pttserver"', f"define server = {SERVER_UID}"))
    with two_machines(firewall) as (inside, outside):
        inside.listen(ECHO, SERVER_UID)
        inside.listen(LISTEN.format(22))
        outside.listen(LISTEN.format(80))
        yield inside, outside


def reach(machine: Machine, host: str, port: int, source: str = "0.0.0.0", uid: int = 0) -> str:
    return machine.python(REACH.format(host=host, port=port, source=source), uid)


def counted(inside: Machine, name: str) -> int:
    listed = json.loads(inside.run("nft", "--json", "list", "counter", "inet", "pttserver", name))
    return int(listed["nftables"][1]["counter"]["packets"])


def test_the_ports_are_those_of_the_settings() -> None:
    settings, text = Settings(), FIREWALL.read_text()
    assert f"tcp dport {settings.signalling.port} jump connections" in text
    assert f"udp dport {settings.media.port} jump voice" in text
    assert str(settings.metrics.port) not in text


def test_only_what_is_offered_is_reached(machines: tuple[Machine, Machine]) -> None:
    inside, outside = machines
    assert reach(outside, INSIDE, 8443) == "reached"
    assert reach(inside, "127.0.0.1", 9464) == "reached"  # it listens
    assert reach(outside, INSIDE, 9464) == "TimeoutError"
    assert reach(outside, INSIDE, 22, OUTSIDE) == "TimeoutError"
    assert reach(outside, INSIDE, 22, MANAGEMENT) == "reached"
    assert counted(inside, "not_offered") >= 2


def test_datagrams_of_impossible_size_or_port_do_not_arrive(machines: tuple[Machine, Machine]) -> None:
    """The others come back: what the server answers passes the firewall too."""
    inside, outside = machines
    shortest, longest = RTP_HEADER_BYTES + TAG_BYTES, MAX_PACKET_BYTES
    sizes = [0, 1, shortest - 1, shortest, 200, longest, longest + 1, 1_400]
    sent = {"source": OUTSIDE, "source_port": 0, "host": INSIDE, "port": 8443, "sizes": sizes}
    assert json.loads(outside.python(SEND.format(**sent))) == [shortest, 200, longest]
    assert counted(inside, "impossible_datagrams") == 5
    assert json.loads(outside.python(SEND.format(**sent | {"port": 9999}))) == []


def test_the_server_calls_nobody_and_others_of_the_machine_may(machines: tuple[Machine, Machine]) -> None:
    inside, _ = machines
    assert reach(inside, OUTSIDE, 80) == "reached"
    before = counted(inside, "calls_of_the_server")
    assert reach(inside, OUTSIDE, 80, uid=SERVER_UID) == "ConnectionRefusedError"
    assert counted(inside, "calls_of_the_server") > before


def test_a_blocked_address_reaches_nothing_until_it_is_let_go(machines: tuple[Machine, Machine]) -> None:
    inside, outside = machines
    inside.run("nft", "add", "element", "inet", "pttserver", "blocked", f"{{ {OUTSIDE} timeout 1h }}")
    assert reach(outside, INSIDE, 8443, OUTSIDE) == "TimeoutError"
    assert reach(outside, INSIDE, 8443, MANAGEMENT) == "reached"
    inside.run("nft", "delete", "element", "inet", "pttserver", "blocked", f"{{ {OUTSIDE} }}")
    assert reach(outside, INSIDE, 8443, OUTSIDE) == "reached"


def test_a_flood_of_connections_is_cut_and_others_get_in(machines: tuple[Machine, Machine]) -> None:
    inside, outside = machines
    outside.python(FLOOD.format(host=INSIDE, port=8443))
    assert counted(inside, "too_many_connections") > 0
    assert reach(outside, INSIDE, 8443, MANAGEMENT) == "reached"


def test_loading_again_replaces_it(machines: tuple[Machine, Machine], tmp_path_factory: pytest.TempPathFactory) -> None:
    inside, outside = machines
    before = inside.run("nft", "--stateless", "list", "chain", "inet", "pttserver", "input")
    inside.run("nft", "-f", str(next(tmp_path_factory.getbasetemp().glob("firewall*/firewall.nft"))))
    assert inside.run("nft", "--stateless", "list", "chain", "inet", "pttserver", "input") == before
    assert reach(outside, INSIDE, 8443) == "reached"

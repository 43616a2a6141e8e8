"""What a server asks of the kernel while a group talks: every system call, as strace saw it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from attacks.live_call import LiveCall
from attacks.server_apart import server_apart
from running_server import until

_CALL = re.compile(r"^\d+ +(?:<\.\.\. )?(\w+)[( ]")
_INTERNET = re.compile(r'sin6?_port=htons\((\d+)\), .*?inet_(?:addr|pton)\((?:AF_INET6, )?"([^"]+)"')


@dataclass(frozen=True)
class Trace:
    """The lines of `strace -f`, and the UDP ports of the radios that the server served meanwhile."""

    lines: list[str]
    radio_ports: set[int]
    data_dir: Path

    @cached_property
    def calls(self) -> set[str]:
        """Names of all system calls."""
        return {found[1] for line in self.lines if (found := _CALL.match(line))}

    def of(self, *names: str) -> Iterator[str]:
        """The lines of some system calls."""
        return (line for line in self.lines if (found := _CALL.match(line)) and found[1] in names)

    def destinations(self, *names: str) -> set[tuple[str, int]]:
        """Internet addresses that some system calls were given."""
        return {(address, int(port)) for line in self.of(*names) for port, address in _INTERNET.findall(line)}


async def traced_call(folder: Path, strace: str) -> Trace:
    """Starts a server, lets a group talk by UDP and on the WebSocket, reads the metrics, stops it."""
    log = folder / "strace.log"
    async with server_apart(folder, under=[strace, "-D", "-f", "-s", "64", "-o", log]) as apart:
        call = await LiveCall.start(apart.platform)
        on_websocket = await apart.platform.log_in(await apart.platform.enrol("Carl", "Patrol"), use_udp=False)
        await on_websocket.affiliate("Patrol")
        call.talker.send_udp(call.packet())
        assert len(await call.heard(0.3)) == 1
        await apart.metrics()
        ports = {radio.udp.getsockname()[1] for radio in (call.talker, call.listener)}
        await call.stop()
        apart.process.terminate()
        await apart.process.communicate()  # under strace and on a busy machine that may take long
        ended = re.compile(rf"^{apart.process.pid} +\+\+\+ exited", re.MULTILINE)
        await until(lambda: ended.search(log.read_text(errors="replace")), timeout_s=60)
    return Trace(log.read_text(errors="replace").splitlines(), ports, folder / "data")

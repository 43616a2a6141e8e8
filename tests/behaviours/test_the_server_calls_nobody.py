"""The server opens no connection to anybody: no telemetry, no updates, no name service. It answers who came to it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from deploy.traced_server import traced_call


@pytest.mark.system
async def test_from_start_to_stop_it_sends_to_the_radios_only(
    tmp_path: Path, system_program: Callable[[str], str]
) -> None:
    trace = await traced_call(tmp_path, system_program("strace"))
    assert trace.destinations("connect") == set()
    sent = trace.destinations("sendto", "sendmsg", "sendmmsg")
    assert sent == {("127.0.0.1", port) for port in trace.radio_ports}

"""The server relays voice and keeps none of it: after a call, not an octet of what was said is in its files."""

from pathlib import Path

from attacks.bare_radio import BareRadio
from attacks.live_call import LiveCall
from attacks.server_apart import server_apart
from pttserver.wire.floor_control import MessageType

SAID = b"what was said \x00\xff to the others "
PACKETS = 50


def everything_written(folder: Path) -> bytes:
    return b"".join(file.read_bytes() for file in sorted(folder.rglob("*")) if file.is_file())


async def test_nothing_that_was_said_is_in_any_file(tmp_path: Path) -> None:
    """Searched while the server runs, with its write-ahead log, and after its stop; also what it printed."""
    async with server_apart(tmp_path) as apart:
        call = await LiveCall.start(apart.platform)
        on_websocket = await BareRadio.log_in(await apart.platform.enrol("Carl", "Patrol"))
        await on_websocket.affiliate()
        for sequence in range(1, PACKETS + 1):
            call.talker.send_udp(call.talker.voice(call.burst_ssrc, sequence, SAID))
        assert len(await call.heard(0.5)) == PACKETS
        assert [packet.payload for packet in on_websocket.voice_heard()] == [SAID] * PACKETS  # the server opened it
        await call.talker.say(call.talker.floor_message(MessageType.FLOOR_RELEASE))
        await call.heard(1.0)  # longer than the interval at which calls are written
        while_running = everything_written(tmp_path)
        await on_websocket.close()
        await call.stop()
        apart.process.terminate()
        printed = b"".join(await apart.process.communicate())
    assert call.group.encode() in while_running  # the search finds what is kept: the record of the call
    for text in (while_running, everything_written(tmp_path), printed):
        assert SAID[:12] not in text
        assert SAID[-12:] not in text

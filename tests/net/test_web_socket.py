"""Open WebSockets: messages in their order, and nothing left of a connection that is over."""

import gc
import json
import weakref

from attacks.raw_websocket import BINARY, CLOSE, TEXT, frame
from attacks.test_websocket_frames import connections, logged_in
from running_server import Platform, until


def text(kind: str, number: int) -> bytes:
    return frame(TEXT, json.dumps({"type": kind, "id": number}).encode())


async def test_what_came_before_the_end_is_served(platform: Platform) -> None:
    """A device that logs out and hangs up in the same breath is logged out."""
    raw = await logged_in(platform)
    assert len(platform.server.services.sessions) == 1
    raw.send(text("logout", 7) + frame(CLOSE, b"\x03\xe8"))
    await until(lambda: not len(platform.server.services.sessions))
    await until(lambda: not platform.server.site.connections)


async def test_messages_that_come_at_once_are_served_one_after_the_other(platform: Platform) -> None:
    """The packets between them, too: nothing overtakes, and nobody waits for ever."""
    raw = await logged_in(platform)
    dropped = platform.server.services.relay.drops.malformed
    raw.send(b"".join(text("groups", number) + frame(BINARY, b"\x80") for number in range(10, 30)))
    assert [(await raw.message())["re"] for _ in range(20)] == list(range(10, 30))
    await until(lambda: platform.server.services.relay.drops.malformed == dropped + 20)
    raw.send(text("ping", 99))
    assert (await raw.message())["type"] == "pong"
    raw.abort()


async def test_a_lost_connection_does_not_wait_for_the_garbage_collector(platform: Platform) -> None:
    """A herd that loses its network would leave TLS and buffers of each behind for that long."""
    raw = await logged_in(platform)
    (protocol,) = connections(platform)
    left = weakref.ref(protocol.guest)
    del protocol
    gc.collect()
    gc.disable()
    try:
        raw.abort()
        await until(lambda: not platform.server.site.connections)
        await until(lambda: left() is None)
    finally:
        gc.enable()

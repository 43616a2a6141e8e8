"""The signalling connection against a real server, and against what is none."""

import asyncio
import socket
from collections.abc import AsyncIterator

import pytest

from ptthandset.errors import NotConnected, Refused, ServerUnreachable, WrongServer
from ptthandset.signalling_client import SignallingClient
from pttserver.wire import signalling
from running_server import PIN, Platform, until


def ignore(_: object) -> None:
    pass


@pytest.fixture
async def pin(platform: Platform) -> str:
    await platform.organise("Patrol")
    return (await platform.enrol("Anna", "Patrol")).certificate_pin


@pytest.fixture
async def client(platform: Platform, pin: str) -> AsyncIterator[SignallingClient]:
    opened = await SignallingClient.open(platform.url, pin, ignore, ignore)
    yield opened
    await opened.close()


async def test_the_pinned_certificate_opens_the_connection(client: SignallingClient, platform: Platform) -> None:
    assert client.server_address == ("127.0.0.1", platform.server.signalling_port)
    assert client.proof("login", "dev") != client.proof("resume", "dev")


async def test_another_certificate_is_the_wrong_server(platform: Platform, pin: str) -> None:
    with pytest.raises(WrongServer, match="do not go on"):
        await SignallingClient.open(platform.url, pin[:-1] + ("A" if pin[-1] != "A" else "B"), ignore, ignore)


async def test_without_a_pin_a_private_certificate_is_not_believed(platform: Platform) -> None:
    with pytest.raises(ServerUnreachable, match="certificate"):
        await SignallingClient.open(platform.url, None, ignore, ignore)


@pytest.mark.parametrize("url", ["wss://127.0.0.1:{port}/v1/ptt", "wss://no.such.host.invalid/v1/ptt", "no url at all"])
async def test_a_server_that_is_not_there_is_unreachable(url: str) -> None:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        url = url.format(port=reserved.getsockname()[1])
        with pytest.raises(ServerUnreachable, match="cannot be reached"):
            await SignallingClient.open(url, "pin", ignore, ignore)


async def test_what_speaks_no_tls_is_unreachable() -> None:
    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(ServerUnreachable):
            await SignallingClient.open(f"wss://127.0.0.1:{port}/v1/ptt", "pin", ignore, ignore)


async def test_a_path_that_is_not_the_signalling_one_is_unreachable(platform: Platform, pin: str) -> None:
    with pytest.raises(ServerUnreachable):
        await SignallingClient.open(platform.url.replace("ptt", "nothing"), pin, ignore, ignore)


async def test_a_refusal_carries_its_code(client: SignallingClient) -> None:
    with pytest.raises(Refused) as refused:
        await client.request(signalling.ListGroups(id=1), signalling.Groups)
    assert refused.value.code == "auth.required"


async def test_a_server_that_goes_away_fails_what_waits_and_what_comes_after(client: SignallingClient) -> None:
    waiting = asyncio.create_task(client.request(signalling.Ping(id=1), signalling.Pong))
    await asyncio.sleep(0)
    client.abort()
    await client.closed()
    with pytest.raises((NotConnected, Refused)):
        await waiting
    async with asyncio.timeout(1):
        with pytest.raises(NotConnected):
            await client.request(signalling.Ping(id=1), signalling.Pong)


async def test_packets_on_a_lost_connection_go_nowhere_and_harm_nothing(client: SignallingClient) -> None:
    client.abort()
    await client.closed()
    for _ in range(1000):
        client.send_voice(b"voice")
    client.send_control(b"control")


async def test_who_gives_up_waiting_does_not_disturb_the_reader(platform: Platform, pin: str) -> None:
    handset = await platform.log_in(await platform.another_device("Anna"))
    link = handset._connected()
    given_up = [asyncio.create_task(link.request(signalling.Ping(id=1), signalling.Pong)) for _ in range(20)]
    for number, task in enumerate(given_up):
        await asyncio.sleep(0.0005 * (number % 3))
        task.cancel()
    await asyncio.gather(*given_up, return_exceptions=True)
    assert (await link.request(signalling.Ping(id=1), signalling.Pong)).re > 20


async def test_a_reply_is_worked_on_before_the_next_frame_is_read(platform: Platform, pin: str) -> None:
    """The state of the floor comes right behind the reply to an affiliation; it must find the group there."""
    credentials = await platform.another_device("Anna")
    order: list[str] = []
    link = await SignallingClient.open(platform.url, pin, ignore, lambda _: order.append("packet"))
    signature = credentials.sign(link.proof("login", credentials.device))
    login = signalling.Login(id=1, device=credentials.device, pin=PIN, signature=signature)
    group = (await link.request(login, signalling.SessionStarted)).groups[0].group
    request = signalling.Affiliate(id=1, group=group)
    await link.request(request, signalling.Affiliated, lambda _: order.append("reply"))
    await until(lambda: len(order) >= 2)
    assert order[:2] == ["reply", "packet"]
    await link.close()

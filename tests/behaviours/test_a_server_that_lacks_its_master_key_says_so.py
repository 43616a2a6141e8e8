"""A server that was given its master keys when it started: another process wraps everything with one that it lacks."""

import asyncio
import io
import json
import logging
import urllib.request
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
import structlog
from pydantic import SecretStr

from attacks.bare_radio import BareRadio, Refusal, tls
from pttserver.config import KeySettings
from pttserver.crypto.sealing import MasterKey
from pttserver.errors import ConfigError
from pttserver.ids import Personal
from pttserver.observe.log import configure_logging
from pttserver.services.instructions import Instruction
from pttserver.services.key_rotation import in_use, rewrap, rotate
from pttserver.services.keyring import key_file, master_keys, open_database, write_keys
from pttserver.services.office import Office, furnish
from pttserver.store.private_files import make_private_file
from running_server import PLAIN_POLICY, TENANT, Platform, reachable_at, running_platform, until

OLD, NEW = "ab" * 32, "cd" * 32
WHY = Instruction(Personal("Olga"), Personal("again"))


def given(keys: str) -> KeySettings:
    return KeySettings(master_key=SecretStr(keys))


@pytest.fixture
def logged() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    before, level, stream = root.handlers[:], root.level, io.StringIO()
    configure_logging("info", "json")
    handler = root.handlers[0]
    assert isinstance(handler, logging.StreamHandler)
    handler.setStream(stream)
    yield stream
    structlog.reset_defaults()
    root.handlers[:] = before
    root.setLevel(level)


@pytest.fixture
async def platform(tmp_path: Path, logged: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Platform]:
    monkeypatch.setattr("pttserver.services.keys_watch.INTERVAL_S", 0.2)
    async with running_platform(tmp_path, keys=given(OLD)) as running:
        yield running


@asynccontextmanager
async def with_both_keys(platform: Platform) -> AsyncIterator[Office]:
    """An operator who wrapped everything with the new key, as on another machine: nobody told the server."""
    both = platform.settings.model_copy(update={"keys": given(f"{NEW} {OLD}")})
    database = await open_database(both)
    try:
        await database.write(database.vault.rewrap)
        yield await furnish(database, reachable_at(both, platform.server.signalling_port))
    finally:
        await database.close()


async def health(platform: Platform) -> tuple[int, dict[str, object]]:
    async with httpx.AsyncClient(verify=tls(), trust_env=False) as client:
        answer = await client.get(f"https://127.0.0.1:{platform.server.signalling_port}/health")
    return answer.status_code, answer.json()


async def metric(platform: Platform, work: str) -> float:
    url = f"http://127.0.0.1:{platform.server.metrics_port}/metrics"
    text = await asyncio.to_thread(lambda: urllib.request.urlopen(url).read().decode())
    return float(text.partition(f'pttserver_failing{{reason="{work}"}} ')[2].partition("\n")[0])


async def test_it_is_seen_from_outside_at_once_and_told_to_no_handset(platform: Platform) -> None:
    await platform.organise("Patrol")
    anna = await platform.enrol("Anna", "Patrol")
    troubles = platform.server.services.troubles
    assert await health(platform) == (200, {**(await health(platform))[1], "status": "ok", "reasons": []})
    assert await metric(platform, "master_keys") == 0
    async with with_both_keys(platform):
        await until(lambda: bool(troubles.reasons()))
        status, state = await health(platform)
        assert (status, state["status"]) == (503, "failing")
        assert state["reasons"] == ["the server does not have the master key that its database needs"]
        assert await metric(platform, "master_keys") == 1
        with pytest.raises(Refusal) as refused:
            await BareRadio.log_in(anna)
        assert refused.value.code == "store.unavailable"
        assert refused.value.error.message == "The database cannot be used."


async def test_what_is_taken_away_is_still_taken_away(platform: Platform, logged: io.StringIO) -> None:
    """A revocation, and a switch: although the policy that was applied since cannot be read."""
    await platform.organise("Patrol")
    credentials = {name: await platform.enrol(name, "Patrol") for name in ("Anna", "Bert")}
    anna, bert = [await BareRadio.log_in(each) for each in credentials.values()]
    session = platform.server.services.sessions.get(bert.session.session)
    async with with_both_keys(platform) as office:
        tenant_id = (await office.provisioning.tenant(TENANT)).tenant_id
        await office.instructions.apply(tenant_id, PLAIN_POLICY.replace('"1"', '"2"'), WHY)
        troubles = platform.server.services.troubles
        await until(lambda: len(troubles.reasons()) == 2, 5)
        assert (await health(platform))[0] == 503
        assert await metric(platform, "standing") == 1
        assert session.identity.rights.alerts_allowed is not False
        await office.roles.allow(TENANT, "Bert", "alerts", False)
        await office.devices.revoke(TENANT, credentials["Anna"].device)
        assert await anna.closed(3) == 4003
        await until(lambda: session.identity.rights.alerts_allowed is False, 3)
        await asyncio.sleep(1.5)  # three rounds more
    told = [line for line in logged.getvalue().splitlines() if "background_work_fails" in line]
    assert len(told) == len(set(told)) <= 4  # each as it began, and as it became another one
    assert "Traceback" not in logged.getvalue()
    await bert.close()


# Before it comes to that ---------------------------------------------------------------------------------------------


async def test_a_key_that_a_running_server_lacks_wraps_nothing(platform: Platform) -> None:
    await platform.organise("Patrol")
    anna = await platform.enrol("Anna", "Patrol")
    both = platform.settings.model_copy(update={"keys": given(f"{NEW} {OLD}")})
    with pytest.raises(ConfigError, match=r"Restart it with both keys first.*then run: pttserver key rewrap"):
        await rewrap(both)
    assert await in_use(both) == {MasterKey(bytes.fromhex(OLD)).key_id}
    await (await BareRadio.log_in(anna)).close()
    assert await rewrap(both, servers_have_it=True) == 1


async def test_a_server_that_has_both_is_no_hindrance_nor_is_one_that_was_killed(tmp_path: Path) -> None:
    left = tmp_path / "data" / "serving.0000.keys"
    async with running_platform(tmp_path, keys=given(f"{NEW} {OLD}")) as platform:
        await platform.organise("Patrol")
        anna = await platform.enrol("Anna", "Patrol")
        make_private_file(left, json.dumps({"master_ids": ["of one that was killed"], "asks_again": False}).encode())
        assert await rewrap(platform.settings) == 0
        newest = platform.settings.model_copy(update={"keys": given(f"{OLD} {NEW}")})
        assert await rewrap(newest) == 1
        await (await BareRadio.log_in(anna)).close()
    async with running_platform(tmp_path, keys=given(OLD)):
        assert not left.exists()
    assert not list(left.parent.glob("serving.*"))


async def test_keys_of_a_file_and_of_a_server_with_its_own_are_not_mixed(tmp_path: Path) -> None:
    """It would never look into the file."""
    file = tmp_path / "keys"
    make_private_file(file, OLD.encode())
    async with running_platform(tmp_path, keys=given(OLD)) as platform:
        await platform.organise("Patrol")
        by_file = platform.settings.model_copy(update={"keys": KeySettings(master_key_file=file)})
        with pytest.raises(ConfigError, match="Restart it with both keys first"):
            await rotate(by_file)
        assert file.read_text() == OLD
    assert await rotate(by_file)


async def test_a_server_that_takes_keys_from_a_file_gets_to_know_a_new_one(tmp_path: Path) -> None:
    async with running_platform(tmp_path) as platform:
        await platform.organise("Patrol")
        anna = await platform.enrol("Anna", "Patrol")
        own = key_file(platform.settings)
        write_keys(own, [MasterKey.draw(), *master_keys(platform.settings)])
        assert await rewrap(platform.settings) == 1
        await (await BareRadio.log_in(anna)).close()
        mine = platform.settings.model_copy(update={"keys": given(f"{NEW} {own.read_text()}")})
        with pytest.raises(ConfigError, match="Restart it"):  # who says that the file has it
            await rewrap(mine)

"""The access log of the console: who came, who went and who was refused, by a fixed list of fields (S-071)."""

import json
from pathlib import Path

import httpx
import pytest

from attacks.bare_radio import tls
from console_visitor import COOKIE, PASSWORD, Refused, Visitor, activated
from pttserver.services.console_access import DETAILS, OPERATIONS
from pttserver.services.console_login import ConsoleLogin
from pttserver.store.audit import AuditEntry
from running_server import TENANT, Platform

MARKED = {
    "user-agent": "MarkedBrowser/77.7 (Marked OS)",
    "referer": "https://marked-referrer.example/?q=marked-query",
    "x-forwarded-for": "198.51.100.77",
    "accept-language": "marked-language",
}


async def access_log(platform: Platform) -> list[AuditEntry]:
    """Oldest first."""
    tenant = await platform.provisioning.tenant(TENANT)
    entries = await platform.office.audit.entries(tenant.tenant_id)
    return [each for each in entries if each.operation in OPERATIONS]


async def told(platform: Platform) -> list[tuple[str, dict[str, str | int]]]:
    return [(each.operation, dict(each.details)) for each in await access_log(platform)]


@pytest.fixture
async def dora(platform: Platform) -> Visitor:
    await platform.organise()
    return await activated(platform)


async def test_who_came_and_went_and_who_was_refused_is_there(platform: Platform, dora: Visitor) -> None:
    assert await told(platform) == []  # that the account was activated has an entry of its own
    for wrong in ("not this one", "nor this one"):
        with pytest.raises(Refused):
            await dora.first_step("Dora", wrong)
    assert await told(platform) == []  # a stranger fills no log
    step = await dora.first_step("Dora")
    with pytest.raises(Refused):
        await dora.post("login/totp", ticket=step["ticket"], code="000000")
    await dora.log_in("Dora")
    await dora.call("POST", "logout")
    await dora.call("POST", "logout")  # there is none any more
    assert await told(platform) == [
        ("console.login_refused", {"factor": "totp", "wrong_passwords": 2}),
        ("console.login", {"factor": "totp"}),
        ("console.logout", {}),
    ]
    entries = await access_log(platform)
    session = await platform.provisioning.subscriber(TENANT, "Dora")
    assert {each.actor.reveal() for each in entries if each.actor} == {session.subscriber_id}
    assert all(each.details.keys() <= DETAILS for each in entries)


async def test_nothing_of_browser_page_or_address_is_written_down(
    platform: Platform, dora: Visitor, tmp_path: Path
) -> None:
    step = json.loads(
        (await dora.call("POST", "login", {"tenant": TENANT, "name": "Dora", "password": PASSWORD}, **MARKED)).text
    )
    await dora.call("POST", "login/totp", {"ticket": step["ticket"], "code": dora.code(1)}, **MARKED)
    async with httpx.AsyncClient(verify=tls(), trust_env=False, headers=MARKED) as client:
        await client.get(f"{dora.base}/marked-page?marked-query", headers={"cookie": f"{COOKIE}={dora.cookie}"})
    await dora.call("POST", "logout", **MARKED)
    assert [operation for operation, _ in await told(platform)] == ["console.login", "console.logout"]
    entries = "".join(repr([each.operation, each.details, each.subject]) for each in await access_log(platform))
    files = [file.read_bytes() for file in (tmp_path / "data").rglob("*") if file.is_file()]
    assert files
    for mark in ("MarkedBrowser", "marked-referrer", "marked-query", "marked-page", "198.51.100.77", "marked-language"):
        assert mark not in entries
        assert not any(mark.encode() in content for content in files)
    assert "127.0.0.1" not in entries


async def test_who_cannot_be_noted_does_not_get_in(
    platform: Platform, dora: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pttserver.errors import StoreUnavailable

    login: ConsoleLogin = platform.server.services.console.login

    async def full(*_: object) -> None:
        raise StoreUnavailable

    monkeypatch.setattr(login._access._audit, "add", full)
    before = dora.cookie
    step = await dora.first_step("Dora")
    answer = await dora.call("POST", "login/totp", {"ticket": step["ticket"], "code": dora.code(1)})
    assert answer.status_code == 503
    assert dora.cookie == before
    monkeypatch.undo()
    assert await told(platform) == []

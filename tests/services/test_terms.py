"""What a subscriber may do is told in the answer to the log-in, and after it whenever it changes."""

import pytest

from attacks.test_websocket_frames import logged_in
from pttserver.roles import Role
from pttserver.services.attendance import Opened
from pttserver.services.provision import FIRST_INSTRUCTION
from running_server import PLAIN_POLICY, TENANT, Platform


async def test_nothing_of_terms_is_told_before_the_login_is_answered(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A review of all sessions, as each second brings one, while the log-in is being recorded."""
    services = platform.server.services
    record = services.attendance.record_login

    async def record_amid_a_review(opened: Opened) -> bytes | None:
        services.terms.review()
        return await record(opened)

    monkeypatch.setattr(services.attendance, "record_login", record_amid_a_review)
    raw = await logged_in(platform)  # the first message is the answer
    await platform.office.roles.set_role(TENANT, "Anna", Role.DISPATCHER)
    changed = await raw.message()
    assert (changed["type"], changed["terms"]["role"]) == ("terms", "dispatcher")


async def test_a_console_may_record_as_long_as_policy_and_role_let_it(platform: Platform) -> None:
    await platform.organise("Patrol", policy=PLAIN_POLICY + "[recording]\nat_consoles = true\nkeep_days = 2\n")
    raw = await logged_in(platform)
    await platform.office.roles.set_role(TENANT, "Anna", Role.DISPATCHER)
    told = (await raw.message())["terms"]["recording"]
    assert told == {"allowed": True, "on_alert": True, "keep_s": 172_800}
    tenant = await platform.provisioning.tenant(TENANT)
    await platform.office.instructions.apply(tenant.tenant_id, PLAIN_POLICY, FIRST_INSTRUCTION)
    assert (await raw.message())["terms"]["recording"]["allowed"] is False


async def test_how_long_a_dispatcher_may_listen_in_is_told_and_0_where_that_is_not_allowed(platform: Platform) -> None:
    allowed = PLAIN_POLICY + "[alerts]\nambient_listening = true\nambient_listening_at_most_s = 90\n"
    await platform.organise("Patrol", policy=allowed)
    raw = await logged_in(platform)
    await platform.office.roles.set_role(TENANT, "Anna", Role.DISPATCHER)
    assert (await raw.message())["terms"]["listen_in_s"] == 90
    tenant = await platform.provisioning.tenant(TENANT)
    await platform.office.instructions.apply(tenant.tenant_id, PLAIN_POLICY, FIRST_INSTRUCTION)
    assert (await raw.message())["terms"]["listen_in_s"] == 0

"""What a subscriber may do is told in the answer to the log-in, and after it whenever it changes."""

import pytest

from attacks.test_websocket_frames import logged_in
from pttserver.roles import Role
from pttserver.services.attendance import Opened
from running_server import TENANT, Platform


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

"""Support sessions by the clock: they end by themselves, to the millisecond, and a clock that goes back opens none."""

import pytest

from pttserver.config import AuthenticationSettings, Settings, SignallingSettings
from pttserver.errors import InvalidValue, NotFound, PolicyForbids
from pttserver.ids import Personal
from pttserver.privacy.categories import Category
from pttserver.roles import Role
from pttserver.services.instructions import Instruction
from pttserver.services.keyring import open_database
from pttserver.services.office import furnish
from pttserver.services.support import MINUTE_MS
from pttserver.services.views import NOT_SHOWN

START_MS = 1_790_000_000_000
POLICY = """
[policy]
title = "x"
version = "1"
[categories.identifier]
visible_to = ["technician"]
[categories.last_login]
visible_to = ["manager"]
"""
TICKET = {"ticket": "T-1", "reason": "a test"}


class HandClock:
    def __init__(self):
        self.ms = START_MS

    def now(self):
        return self.ms / 1000

    def utc_ms(self):
        return self.ms


@pytest.fixture
async def rooms(tmp_path):
    """A clock, a tenant, and the office as three find it: Olga of the organisation, the technicians Kim and Lee."""
    settings = Settings(
        data_dir=tmp_path / "data",
        signalling=SignallingSettings(public_host="ptt.example"),
        authentication=AuthenticationSettings(pin_hash_memory_kib=8, pin_hash_passes=1),
    )
    database, clock = await open_database(settings), HandClock()
    olga = await furnish(database, settings, clock, Personal("olga"))
    owner = await olga.provisioning.add_tenant("ACME", POLICY)
    await olga.provisioning.add_subscriber("ACME", "nora", display_name="Nora", pin="4711")
    kim, lee = [await furnish(database, settings, clock, Personal(name), technician=True) for name in ("kim", "lee")]
    yield clock, owner.tenant_id, olga, kim, lee
    await database.close()


async def identifier(office):
    (shown,) = await office.views.subscribers("ACME")
    return shown.identifier


async def test_it_ends_by_itself_to_the_millisecond(rooms):
    clock, tenant_id, _, kim, lee = rooms
    assert await identifier(kim) == NOT_SHOWN
    session = await kim.support.open(tenant_id, tier=2, minutes=7, **TICKET)
    assert session.ends_ms == START_MS + 7 * MINUTE_MS
    assert (await identifier(kim), await identifier(lee)) == (Personal("nora"), NOT_SHOWN)
    clock.ms = session.ends_ms - 1
    assert await identifier(kim) == Personal("nora")
    clock.ms += 1
    assert await identifier(kim) == NOT_SHOWN
    with pytest.raises(NotFound):
        await kim.support.close(tenant_id)
    await kim.support.open(tenant_id, tier=2, minutes=1, **TICKET)
    assert await identifier(kim) == Personal("nora")


async def test_a_clock_that_goes_back_opens_nothing_that_is_to_come(rooms):
    clock, tenant_id, _, kim, _ = rooms
    await kim.support.open(tenant_id, tier=2, minutes=7, **TICKET)
    clock.ms -= 1
    assert await identifier(kim) == NOT_SHOWN


async def test_names_times_and_tiers(rooms):
    _, tenant_id, olga, kim, _ = rooms
    (ours,) = await olga.views.subscribers("ACME")
    assert (ours.identifier, ours.display_name) == (NOT_SHOWN, Personal("Nora"))
    with pytest.raises(InvalidValue):
        await kim.support.open(tenant_id, tier=3, minutes=1, **TICKET)
    with pytest.raises(InvalidValue):
        await kim.support.open(tenant_id, tier=2, minutes=0, **TICKET)
    await kim.support.open(tenant_id, tier=1, minutes=1, **TICKET)
    assert await identifier(kim) == NOT_SHOWN
    with pytest.raises(PolicyForbids, match="no support session lets you see alerts"):
        await kim.sight.require(tenant_id, Category.ALERT)
    with pytest.raises(PolicyForbids, match="own staff"):
        kim.sight.require_organisation()
    with pytest.raises(PolicyForbids, match=r"support\.technicians"):
        olga.sight.require_technician()


async def test_no_list_shows_a_technician_more_than_the_others_and_each_look_is_noted(rooms):
    _, tenant_id, olga, kim, _ = rooms
    why = Instruction(Personal("Olga Mark"), Personal("nora is accused of theft"))
    await olga.roles.set_role("ACME", "nora", Role.DISPATCHER)
    await olga.console.invite("ACME", "nora")
    hold = await olga.periods.hold("ACME", why, subscriber="nora")
    await olga.instructions.apply(tenant_id, POLICY + "# again\n", why)
    await kim.book.load()
    before = len(await olga.audit.entries(tenant_id))
    (account,), (held,) = await kim.views.console_accounts("ACME"), await kim.views.holds("ACME")
    newest, _ = await kim.views.policies("ACME")
    assert (account.identifier, account.display_name) == (NOT_SHOWN, NOT_SHOWN)
    assert (held.hold_id, held.actor, held.reason) == (hold.hold_id, NOT_SHOWN, NOT_SHOWN)
    assert (newest.text, newest.actor, newest.reason) == (POLICY + "# again\n", NOT_SHOWN, NOT_SHOWN)
    looks = (await olga.audit.entries(tenant_id))[before:]
    assert [(each.operation, each.actor) for each in looks] == [
        ("console.list", "kim"),
        ("hold.list", "kim"),
        ("policy.history", "kim"),
    ]
    assert (await olga.views.holds("ACME"))[0].reason == why.reason
    (account,) = await olga.views.console_accounts("ACME")
    assert (account.identifier, account.display_name) == (NOT_SHOWN, "Nora")


async def test_another_tenants_session_opens_nothing_here(rooms):
    _, tenant_id, olga, kim, _ = rooms
    await olga.provisioning.add_tenant("Other", POLICY)
    await olga.provisioning.add_subscriber("Other", "otto", pin="4711")
    await kim.book.load()
    await kim.support.open(tenant_id, tier=2, minutes=7, **TICKET)
    (shown,) = await kim.views.subscribers("Other")
    assert shown.identifier == NOT_SHOWN

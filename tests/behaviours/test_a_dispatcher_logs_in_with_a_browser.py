"""A dispatcher is invited, sets a password and a second factor, and is on the radio with the browser."""

import asyncio

import pytest

from attacks.bare_radio import PIN, BareRadio, Refusal
from console_visitor import PASSWORD, Refused, TurnedClock, Visitor, activated, dispatcher
from pttserver.config import ConsoleSettings, SessionSettings
from pttserver.ids import Personal
from pttserver.roles import Role
from pttserver.services.instructions import Instruction
from pttserver.wire import signalling as s
from pttserver.wire.floor_control import MessageType
from running_server import TENANT, running_platform, until
from sim.authenticator import Authenticator

DAY_S = 86_400


@pytest.fixture
def clock() -> TurnedClock:
    return TurnedClock()


@pytest.fixture
async def platform(tmp_path, clock):
    console = ConsoleSettings(origins=["https://console.example"])
    sessions = SessionSettings(dead_after_s=10 * DAY_S)
    async with running_platform(tmp_path, clock=clock, console=console, sessions=sessions) as running:
        await running.organise("Patrol")
        yield running


async def test_from_the_invitation_to_the_radio_by_authenticator_app(platform, clock) -> None:
    visitor = Visitor(platform, clock)
    await visitor.activate(await dispatcher(platform))
    first = await visitor.session()
    assert (first["name"], first["role"], first["tenant_name"]) == ("Dora Dahl", "dispatcher", TENANT)
    assert {"oversee", "remote_control"} <= set(first["scopes"])
    await visitor.post("logout")
    with pytest.raises(Refused, match=r"401 auth\.required"):
        await visitor.session()
    told = await visitor.log_in("Dora")
    assert told.keys() == first.keys()
    assert told["subscriber"] == first["subscriber"]
    await visitor.register()
    radio = await visitor.on_the_radio()
    assert (radio.session.name, radio.session.terms.role) == ("Dora Dahl", "dispatcher")
    anna = await BareRadio.log_in(await platform.enrol("Anna", "Patrol"))
    group = (await anna.affiliate()).group
    await radio.affiliate(group)
    ssrc = await radio.take_floor(group)
    assert (await anna.told(MessageType.FLOOR_TAKEN)).granted_ssrc == ssrc
    await radio.close()
    await anna.close()


async def test_from_the_invitation_to_the_session_by_passkey(platform, clock) -> None:
    visitor = Visitor(platform, clock)
    authenticator = Authenticator(visitor.base)
    offered = await visitor.post("activate", code=await dispatcher(platform), password=PASSWORD)
    assert offered["passkey"]["rp"]["id"] == "localhost"
    assert offered["passkey"]["user"]["name"] == "Dora"
    await visitor.post(
        "activate/passkey", ticket=offered["ticket"], credential=authenticator.create(offered["passkey"])
    )
    assert (await visitor.session())["name"] == "Dora Dahl"
    for _ in range(2):
        step = await visitor.first_step("Dora")
        assert step["factors"] == ["passkey"]
        assert step["passkey"]["userVerification"] == "preferred"
        assert authenticator.holds(step["passkey"])
        answer = authenticator.get(step["passkey"])
        told = await visitor.post("login/passkey", ticket=step["ticket"], credential=answer)
        assert told["session"]["name"] == "Dora Dahl"


async def test_a_passkey_that_does_not_count_works_again_and_again(platform, clock) -> None:
    visitor = Visitor(platform, clock)
    authenticator = Authenticator(visitor.base, counts=False)
    offered = await visitor.post("activate", code=await dispatcher(platform), password=PASSWORD)
    await visitor.post(
        "activate/passkey", ticket=offered["ticket"], credential=authenticator.create(offered["passkey"])
    )
    for _ in range(2):
        step = await visitor.first_step("Dora")
        await visitor.post("login/passkey", ticket=step["ticket"], credential=authenticator.get(step["passkey"]))


async def test_a_page_that_is_reached_by_an_address_or_another_name_offers_no_passkey(platform, clock) -> None:
    visitor = Visitor(platform, clock)
    authenticator = Authenticator(visitor.base)
    offered = await visitor.post("activate", code=await dispatcher(platform), password=PASSWORD)
    await visitor.post(
        "activate/passkey", ticket=offered["ticket"], credential=authenticator.create(offered["passkey"])
    )
    visitor.base = visitor.base.replace("localhost", "127.0.0.1")
    for origin in (visitor.base, "https://console.example"):
        visitor.origin = origin
        step = await visitor.first_step("Dora")
        assert (step["factors"], "passkey" in step) == ([], False)
    visitor.origin = visitor.base
    again = await visitor.post("activate", code=await dispatcher(platform, "Dirk"), password=PASSWORD)
    assert "passkey" not in again


async def test_the_browser_signs_its_origin_and_may_come_by_a_proxy(platform, clock) -> None:
    visitor = await activated(platform, clock=clock)
    visitor.origin = "https://console.example"
    await visitor.register()
    radio = await visitor.on_the_radio()
    assert await radio.ask_ping() < 5
    await radio.close()


async def test_the_phone_page_enrols_with_its_origin(platform) -> None:
    """Enrolment, PIN and resumption of a browser that is no console's."""
    await platform.provisioning.add_subscriber(TENANT, "Anna", pin=PIN)
    ticket = await platform.devices.add(TENANT, "Anna")
    page = Visitor(platform)
    radio = await page.greeted()
    request = s.Enroll(
        id=1, code=ticket.code, public_key=page.key.public_key().public_bytes_raw(), device_type="phone page",
        signature=page.key.sign(radio.proof("enroll", ticket.code)),
    )  # fmt: skip
    page.device = (await radio.ask(request, s.Enrolled)).device
    login = s.Login(id=1, device=page.device, pin=PIN, signature=page.sign(radio))
    token = (await radio.ask(login, s.SessionStarted)).resume_token
    radio.vanish()
    radio = await page.greeted()
    request = s.Resume(id=1, device=page.device, token=token, signature=page.sign(radio, "resume"))
    assert not (await radio.ask(request, s.SessionStarted)).resumed
    await radio.close()


async def test_it_comes_back_by_resume_while_the_console_session_lives(platform, clock) -> None:
    visitor = await activated(platform, clock=clock)
    await visitor.register()
    radio = await visitor.on_the_radio()
    token, number = radio.session.resume_token, radio.session.session
    radio.vanish()
    radio = await visitor.greeted()
    request = s.Resume(
        id=1, device=visitor.device, token=token, signature=visitor.sign(radio, "resume"), session=number
    )
    assert (await radio.ask(request, s.SessionStarted)).resumed
    await visitor.post("logout")
    assert await radio.closed() == 4003
    assert [event.reason for event in radio.events if isinstance(event, s.SessionEnded)] == ["console_ended"]
    radio = await visitor.greeted()
    signature = visitor.sign(radio, "resume")
    with pytest.raises(Refusal, match=r"auth\.failed"):
        await radio.ask(s.Resume(id=1, device=visitor.device, token=token, signature=signature), s.SessionStarted)
    await radio.close()


async def test_the_same_key_is_the_same_device(platform, clock) -> None:
    visitor = await activated(platform, clock=clock)
    await visitor.register()
    device = visitor.device
    await visitor.register()
    assert visitor.device == device
    await visitor.log_in("Dora")
    await visitor.register()
    assert visitor.device == device


async def test_an_account_has_ten_browsers_and_the_oldest_makes_room(platform, clock) -> None:
    first = await activated(platform, clock=clock)
    await first.register()
    for number in range(10):
        clock.ahead_s += 40
        browser = Visitor(platform, clock)
        browser.secret = first.secret
        await browser.log_in("Dora", steps_later=0)
        await browser.register()
        alive = [each for each in await platform.devices.devices(TENANT, "Dora") if each.revoked_ms is None]
        assert len(alive) == min(10, number + 2)
    assert first.device not in [each.device_id for each in alive]


async def test_a_console_takes_the_handset_over_and_the_handset_the_console(platform, clock) -> None:
    visitor = await activated(platform, clock=clock)
    handset = await BareRadio.log_in(await platform.another_device("Dora"))
    await visitor.register()
    radio = await visitor.on_the_radio()
    assert await handset.closed() == 4001
    assert radio.session.superseded.device_type == "test radio"
    again = await BareRadio.log_in(await platform.another_device("Dora"))
    assert await radio.closed() == 4001
    assert (await visitor.session())["name"] == "Dora Dahl"
    await visitor.post("logout")
    assert await again.ask_ping() < 5  # the handset's session is its own
    await again.close()


# The end of a console session --------------------------------------------------------------------------------------


async def test_a_session_that_nobody_uses_ends_with_the_radio(platform, clock) -> None:
    visitor = await activated(platform, clock=clock)
    await visitor.register()
    radio = await visitor.on_the_radio()
    clock.ahead_s = 1790
    await radio.ask_ping()  # a program's own sign of life is no use by a person
    assert (await visitor.session())["role"] == "dispatcher"  # and neither is a look at the session
    assert radio.is_open
    clock.ahead_s = 1810
    assert await radio.closed() == 4003
    with pytest.raises(Refused, match="401"):
        await visitor.session()
    with pytest.raises(Refused, match="401"):
        await visitor.register()


async def test_use_keeps_a_session_until_it_is_too_old(platform, clock) -> None:
    visitor = await activated(platform, clock=clock)
    await visitor.register()
    radio = await visitor.on_the_radio()
    opened = await visitor.session()
    assert opened["idle_expires_ms"] - clock.utc_ms() <= 1_800_000 < opened["absolute_expires_ms"] - clock.utc_ms()
    for n in range(1, 27):
        clock.ahead_s = n * 1600
        if n % 2:
            await visitor.post("active")
        else:
            await radio.ask(s.GetOverview(id=1), s.Overview)
    left = await visitor.session()
    assert abs(left["absolute_expires_ms"] - opened["absolute_expires_ms"]) < 100
    assert left["idle_expires_ms"] > opened["idle_expires_ms"]
    clock.ahead_s = 27 * 1600 + 1
    assert left["idle_expires_ms"] == left["absolute_expires_ms"]
    assert await radio.closed() == 4003
    with pytest.raises(Refused, match="401"):
        await visitor.session()


async def role_taken(platform):
    await platform.office.roles.set_role(TENANT, "Dora", Role.SUBSCRIBER)


async def removed(platform):
    await platform.provisioning.remove_subscriber(TENANT, "Dora")


async def erased(platform):
    tenant = (await platform.provisioning.tenant(TENANT)).tenant_id
    await platform.office.erasure.erase(tenant, "Dora", Instruction(Personal("Olga"), Personal("asked for")))


async def locked(platform):
    await platform.office.console.lock(TENANT, "Dora")


async def reset(platform):
    await platform.office.console.reset(TENANT, "Dora")


async def revoked(platform):
    for device in await platform.devices.devices(TENANT, "Dora"):
        await platform.devices.revoke(TENANT, device.device_id)


@pytest.mark.parametrize("taking", [role_taken, removed, erased, locked, reset, revoked])
async def test_what_is_taken_away_ends_the_session_at_once(platform, clock, taking) -> None:
    visitor = await activated(platform, clock=clock)
    await visitor.register()
    radio = await visitor.on_the_radio()
    await taking(platform)
    assert await radio.closed() == 4003
    await until(lambda: len(platform.server.services.console.room) == 0)
    with pytest.raises(Refused, match=r"401 auth\.required"):
        await visitor.session()


async def test_a_new_password_ends_the_sessions_of_the_old_one(platform, clock) -> None:
    old = await activated(platform, clock=clock)
    code = (await platform.office.console.reset(TENANT, "Dora")).code
    await until(lambda: len(platform.server.services.console.room) == 0)
    new = Visitor(platform, clock)
    await new.activate(code, "another long password")
    with pytest.raises(Refused, match="401"):
        await old.session()
    with pytest.raises(Refused, match=r"401 auth\.failed"):
        await old.first_step("Dora")
    assert (await new.session())["name"] == "Dora Dahl"


@pytest.mark.parametrize("control", [s.LogOutDevice, s.DisableDevice, s.WipeDevice])
@pytest.mark.parametrize("online", [True, False], ids=["on the radio", "away"])
async def test_a_dispatcher_controls_a_browser_like_any_device(platform, clock, control, online) -> None:
    visitor = await activated(platform, clock=clock)
    await visitor.register()
    radio = await visitor.on_the_radio()
    if not online:
        await radio.ask(s.Logout(id=1), s.Done)
    await platform.enrol("Max")
    await platform.office.roles.set_role(TENANT, "Max", Role.MANAGER)
    manager = await BareRadio.log_in(await platform.another_device("Max"))
    await manager.ask(control(id=1, who=visitor.device, reason="left the desk"), s.Done)
    assert len(platform.server.services.console.room) == 0
    with pytest.raises(Refused, match="401"):
        await visitor.session()
    if control is s.DisableDevice:  # and nobody gets around it with a new key
        step = await visitor.first_step("Dora")
        with pytest.raises(Refused, match=r"403 auth\.disabled"):
            await visitor.post("login/totp", ticket=step["ticket"], code=visitor.code(1))
        await manager.ask(s.EnableDevice(id=1, who=visitor.device, reason="back"), s.Done)
        clock.ahead_s = 60
        assert (await visitor.log_in("Dora"))["name"] == "Dora Dahl"
    await manager.close()
    await radio.close()


async def test_a_browser_that_is_wiped_may_still_say_that_its_keys_are_gone(platform, clock) -> None:
    visitor = await activated(platform, clock=clock)
    await visitor.register()
    radio = await visitor.on_the_radio()
    await platform.enrol("Max")
    await platform.office.roles.set_role(TENANT, "Max", Role.MANAGER)
    manager = await BareRadio.log_in(await platform.another_device("Max"))
    await manager.ask(s.WipeDevice(id=1, who=visitor.device, reason="stolen"), s.Done)
    await until(lambda: any(isinstance(event, s.WipeOrdered) for event in radio.events))
    await radio.ask(s.DeviceWiped(id=1), s.Done)
    assert await radio.closed() == 4003
    await manager.close()


async def test_what_is_done_with_accounts_stands_in_the_audit_log(platform, clock) -> None:
    visitor = await activated(platform, clock=clock)
    await visitor.register()
    await platform.office.console.lock(TENANT, "Dora")
    await platform.office.console.reset(TENANT, "Dora")
    tenant = (await platform.provisioning.tenant(TENANT)).tenant_id
    found = [entry.operation for entry in await platform.office.audit.entries(tenant)]
    assert [each for each in found if each.startswith("console.")] == [
        "console.invite", "console.activate", "console.device", "console.lock", "console.reset",
    ]  # fmt: skip


async def test_the_time_of_the_log_in_is_kept_as_the_policy_says(platform, clock) -> None:
    await activated(platform, clock=clock)
    await asyncio.sleep(0)
    shown = await platform.provisioning.subscriber(TENANT, "Dora")
    assert abs(shown.last_login_ms - clock.utc_ms()) < 10_000

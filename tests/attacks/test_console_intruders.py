"""Who tries to get into the console without the right: stolen halves, replays, guesses, pages of strangers."""

import asyncio
import json
import statistics
import time

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from attacks.bare_radio import PIN, BareRadio, Refusal, tls
from attacks.raw_websocket import RawWebSocket, upgrade
from console_visitor import COOKIE, PASSWORD, Refused, TurnedClock, Visitor, activated, dispatcher
from pttserver.config import AuthenticationSettings, ConsoleSettings
from pttserver.crypto.device_keys import origin_digest
from pttserver.errors import AuthenticationFailed
from pttserver.roles import Role
from pttserver.services.console_login import Visitor as AtTheDoor
from pttserver.sessions.console import MAX_PER_SUBSCRIBER
from pttserver.wire import signalling as s
from pttserver.wire.signalling import PATH
from running_server import FAST_PINS, TENANT, running_platform
from sim.authenticator import Authenticator

EVIL = "https://evil.example"


@pytest.fixture
def clock() -> TurnedClock:
    return TurnedClock()


@pytest.fixture
async def platform(tmp_path, clock):
    async with running_platform(tmp_path, clock=clock) as running:
        await running.organise("Patrol")
        yield running


async def by_passkey(platform, clock=None) -> tuple[Visitor, Authenticator]:
    """An account with a passkey, logged in."""
    visitor = Visitor(platform, clock)
    authenticator = Authenticator(visitor.base)
    offered = await visitor.post("activate", code=await dispatcher(platform), password=PASSWORD)
    await visitor.post(
        "activate/passkey", ticket=offered["ticket"], credential=authenticator.create(offered["passkey"])
    )
    return visitor, authenticator


# Pages of strangers --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "origin", [EVIL, "null", "http://localhost:{port}", "https://localhost", "https://localhost:1"]
)
async def test_pages_of_other_origins_move_nothing(platform, origin) -> None:
    """CSRF: the cookie comes along, and does not help."""
    visitor = await activated(platform)
    visitor.origin = origin.format(port=platform.server.signalling_port)
    for path, body in (
        ("logout", {}),
        ("active", {}),
        ("device", {"public_key": visitor.public_key, "device_type": "x"}),
        ("login", {"tenant": TENANT, "name": "Dora", "password": PASSWORD}),
        ("activate", {"code": "7K3Q-0F9A-XWZ2-M4TB", "password": PASSWORD}),
    ):
        with pytest.raises(Refused, match=r"403 auth\.forbidden"):
            await visitor.post(path, **body)
    assert (await visitor.session())["name"] == "Dora Dahl"


async def test_a_post_without_an_origin_moves_nothing(platform) -> None:
    visitor = await activated(platform)
    visitor.origin = None
    with pytest.raises(Refused, match=r"403 auth\.forbidden"):
        await visitor.post("logout")


async def test_a_form_of_another_page_is_not_taken_for_json(platform) -> None:
    visitor = await activated(platform)
    answer = await visitor.call("POST", "logout", None, **{"content-type": "text/plain", "origin": EVIL})
    assert answer.status_code == 403
    assert await visitor.session()


async def handshake(platform, *headers: str) -> str:
    raw = await RawWebSocket.connect(platform.server.signalling_port)
    raw.send(upgrade(PATH, "ptt.v1", *headers))
    head = await raw.http_head()
    raw.abort()
    return head.partition("\r\n")[0]


async def test_a_websocket_of_another_origin_is_refused(platform) -> None:
    """Cross-site WebSocket hijacking: the browser would send the cookie along."""
    assert "101" in await handshake(platform)  # no browser
    assert "101" in await handshake(platform, "Origin: https://x")  # the test's Host
    assert "101" in await handshake(platform, "Origin: https://x:443")
    for origin in (EVIL, "null", "http://x", "https://x.evil.example", "https://x:8443", "https://xx", ""):
        assert "403" in await handshake(platform, f"Origin: {origin}"), origin
    assert "101" not in await handshake(platform, "Origin: https://x", f"Origin: {EVIL}")


async def test_a_proof_for_one_origin_or_certificate_is_worth_nothing_for_another(platform) -> None:
    visitor = await activated(platform)
    await visitor.register()
    radio = await visitor.greeted()
    for digest in (origin_digest(EVIL), (await certificate_digest(platform))):
        radio = await visitor.greeted()
        radio.certificate_digest = digest
        with pytest.raises(Refusal, match=r"auth\.failed"):
            await radio.ask(s.LoginConsole(id=1, device=visitor.device, signature=visitor.sign(radio)), s.Reply)
        await radio.close()


async def certificate_digest(platform) -> bytes:
    radio = await BareRadio.open(platform.url)
    digest = radio.certificate_digest
    await radio.close()
    return digest


# Cookies -------------------------------------------------------------------------------------------------------------


async def test_the_cookie_is_for_this_host_and_no_script(platform) -> None:
    visitor = await activated(platform)
    (line,) = visitor.last.headers.get_list("set-cookie")
    value, *flags = line.split("; ")
    assert value.startswith(f"{COOKIE}=")
    assert sorted(flags) == ["HttpOnly", "Path=/", "SameSite=strict", "Secure"]
    assert visitor.last.headers["cache-control"] == "no-store"
    await visitor.post("logout")
    (line,) = visitor.last.headers.get_list("set-cookie")
    assert "Max-Age=0" in line
    assert {"Secure", "HttpOnly", "Path=/"} <= set(line.split("; "))


async def test_a_session_has_a_token_of_its_own_whatever_the_browser_brought(platform, clock) -> None:
    """Session fixation: what an attacker put into the browser is not what the victim is logged in with."""
    visitor = await activated(platform, clock=clock)
    visitor.cookie = planted = "A" * 43
    await visitor.log_in("Dora")
    fresh = visitor.cookie
    assert fresh != planted
    visitor.cookie = planted
    with pytest.raises(Refused, match="401"):
        await visitor.session()
    visitor.cookie = fresh
    clock.ahead_s = 60
    await visitor.log_in("Dora")
    assert visitor.cookie != fresh
    visitor.cookie = fresh  # what the browser had before is over
    with pytest.raises(Refused, match="401"):
        await visitor.session()


async def test_no_token_works_after_the_log_out(platform) -> None:
    visitor = await activated(platform)
    token = visitor.cookie
    await visitor.post("logout")
    visitor.cookie = token
    with pytest.raises(Refused, match="401"):
        await visitor.session()


@pytest.mark.parametrize("cookie", ["", "x", "A" * 43, "A" * 5000, '"', "%C3%A4", "a=b"])
async def test_a_wrong_cookie_is_none(platform, cookie) -> None:
    visitor = await activated(platform)
    for given in (f"{COOKIE}={cookie}", f"{COOKIE}={visitor.cookie}; {COOKIE}={visitor.cookie}"):
        answer = await visitor.call("GET", "session", None, cookie=given)
        assert answer.status_code == 401


async def test_an_account_has_few_sessions_at_once(platform, clock) -> None:
    first = await activated(platform, clock=clock)
    for _ in range(MAX_PER_SUBSCRIBER):
        clock.ahead_s += 40
        other = Visitor(platform, clock)
        other.secret = first.secret
        await other.log_in("Dora", steps_later=0)
    assert len(platform.server.services.console.room) == MAX_PER_SUBSCRIBER
    with pytest.raises(Refused, match="401"):
        await first.session()


# Halves --------------------------------------------------------------------------------------------------------------


async def refused(visitor, radio, request) -> None:
    with pytest.raises(Refusal, match=r"auth\.failed"):
        await radio.ask(request, s.SessionStarted)
    await radio.close()


async def test_a_stolen_key_without_the_cookie_is_worth_nothing(platform) -> None:
    visitor = await activated(platform)
    await visitor.register()
    radio = await visitor.on_the_radio()
    token = radio.session.resume_token
    await radio.close()
    visitor.cookie = None
    for origin in (visitor.origin, None):  # as a browser, and as a program
        visitor.origin = origin
        radio = await visitor.greeted()
        if origin is None:
            radio.certificate_digest = await certificate_digest(platform)
        signature = visitor.sign(radio)
        await refused(visitor, radio, s.LoginConsole(id=1, device=visitor.device, signature=signature))
        radio = await visitor.greeted()
        if origin is None:
            radio.certificate_digest = await certificate_digest(platform)
        signature = visitor.sign(radio, "resume")
        await refused(visitor, radio, s.Resume(id=1, device=visitor.device, token=token, signature=signature))
        radio = await visitor.greeted()
        if origin is None:
            radio.certificate_digest = await certificate_digest(platform)
        await refused(visitor, radio, s.Login(id=1, device=visitor.device, pin=PIN, signature=visitor.sign(radio)))


async def test_the_pin_does_not_stand_in_for_the_console_session(platform) -> None:
    visitor = await activated(platform)
    await visitor.register()
    radio = await visitor.greeted()
    await refused(visitor, radio, s.Login(id=1, device=visitor.device, pin=PIN, signature=visitor.sign(radio)))


async def test_a_stolen_cookie_without_the_key_is_worth_nothing_on_the_radio(platform) -> None:
    visitor = await activated(platform)
    await visitor.register()
    thief = Visitor(platform)
    thief.cookie, thief.device = visitor.cookie, visitor.device
    radio = await thief.greeted()
    await refused(thief, radio, s.LoginConsole(id=1, device=thief.device, signature=thief.sign(radio)))
    with pytest.raises(Refused, match=r"403 auth\.forbidden"):  # nor does it bring a key of its own
        await thief.register()
    assert len(await platform.devices.devices(TENANT, "Dora")) == 1


async def test_of_two_keys_that_come_at_once_one_is_registered(platform) -> None:
    visitor, thief = await activated(platform), Visitor(platform)
    thief.cookie = visitor.cookie
    outcomes = await asyncio.gather(visitor.register(), thief.register(), return_exceptions=True)
    assert len([each for each in outcomes if each is None]) == 1
    assert len(await platform.devices.devices(TENANT, "Dora")) == 1


async def test_a_handsets_key_is_no_browsers(platform) -> None:
    visitor = await activated(platform)
    handset = await platform.another_device("Dora")
    radio = await visitor.greeted()
    signature = handset.sign(radio.proof("login", handset.device))
    await refused(visitor, radio, s.LoginConsole(id=1, device=handset.device, signature=signature))


async def test_the_cookie_of_one_tenant_is_worth_nothing_at_another(platform) -> None:
    visitor = await activated(platform)
    await visitor.register()
    await platform.organise("Patrol", tenant="Umbrella")
    eve = Visitor(platform)
    await eve.activate(await dispatcher(platform, "Eve", tenant="Umbrella"))
    await eve.register()
    eve.cookie, visitor.cookie = visitor.cookie, eve.cookie
    for each in (eve, visitor):
        radio = await each.greeted()
        await refused(each, radio, s.LoginConsole(id=1, device=each.device, signature=each.sign(radio)))
    with pytest.raises(Refused, match=r"401 auth\.failed"):
        await eve.first_step("Eve")  # at ACME


async def test_the_password_alone_opens_nothing(platform) -> None:
    visitor = await activated(platform)
    await visitor.post("logout")
    step = await visitor.first_step("Dora")
    visitor.cookie = step["ticket"]
    with pytest.raises(Refused, match="401"):
        await visitor.session()


async def test_a_weak_key_is_no_key(platform) -> None:
    """A public key of small order, for which anybody can sign."""
    visitor = await activated(platform)
    await visitor.post("device", public_key="A" * 43 + "=", device_type="x")
    visitor.device = visitor.last.json()["device"]
    radio = await visitor.greeted()
    await refused(visitor, radio, s.LoginConsole(id=1, device=visitor.device, signature=bytes(64)))


# Replays -------------------------------------------------------------------------------------------------------------


async def test_a_code_of_the_app_opens_once(platform, clock) -> None:
    """RFC 6238 §5.2; also the one that activated the account, and one that is older than the last."""
    visitor = await activated(platform, clock=clock)
    for code in (visitor.code(), visitor.code(-1)):
        step = await visitor.first_step("Dora")
        with pytest.raises(Refused, match=r"401 auth\.failed"):
            await visitor.post("login/totp", ticket=step["ticket"], code=code)
    clock.ahead_s = 60
    steps = [await visitor.first_step("Dora") for _ in range(2)]
    same = visitor.code()
    outcomes = await asyncio.gather(
        *(visitor.post("login/totp", ticket=each["ticket"], code=same) for each in steps), return_exceptions=True
    )
    assert sorted(type(each).__name__ for each in outcomes) == ["Refused", "dict"]


async def test_a_code_of_long_ago_or_of_the_future_opens_nothing(platform, clock) -> None:
    visitor = await activated(platform, clock=clock)
    clock.ahead_s = 300
    for steps in (-2, 2, 5):
        step = await visitor.first_step("Dora")
        with pytest.raises(Refused, match=r"401 auth\.failed"):
            await visitor.post("login/totp", ticket=step["ticket"], code=visitor.code(steps))


async def test_a_ticket_works_once_for_a_while_and_for_its_own_account(platform, clock) -> None:
    visitor = await activated(platform, clock=clock)
    step = await visitor.first_step("Dora")
    await visitor.post("login/totp", ticket=step["ticket"], code=visitor.code(1))
    clock.ahead_s = 60
    with pytest.raises(Refused, match=r"401 auth\.failed"):
        await visitor.post("login/totp", ticket=step["ticket"], code=visitor.code(1))
    step = await visitor.first_step("Dora")
    clock.ahead_s = 60 + 301
    with pytest.raises(Refused, match=r"401 auth\.failed"):
        await visitor.post("login/totp", ticket=step["ticket"], code=visitor.code())
    other = await activated(platform, "Dirk", clock=clock)
    step = await visitor.first_step("Dora")
    with pytest.raises(Refused, match=r"401 auth\.failed"):
        await visitor.post("login/totp", ticket=step["ticket"], code=other.code(1))
    for ticket in ("x", "A" * 43):
        with pytest.raises(Refused, match=r"401 auth\.failed"):
            await visitor.post("login/totp", ticket=ticket, code=visitor.code(1))


async def test_a_ticket_is_good_for_three_codes(platform, clock) -> None:
    visitor = await activated(platform, clock=clock)
    wrong = f"{(int(visitor.code(1)) + 1) % 1_000_000:06}"
    for tries, outcome in ((2, None), (3, "401")):
        clock.ahead_s += 90
        step = await visitor.first_step("Dora")
        for _ in range(tries):
            wrong = next(f"{n:06}" for n in range(10) if f"{n:06}" not in {visitor.code(d) for d in (-1, 0, 1)})
            with pytest.raises(Refused, match="401"):
                await visitor.post("login/totp", ticket=step["ticket"], code=wrong)
        if outcome is None:
            await visitor.post("login/totp", ticket=step["ticket"], code=visitor.code())
        else:
            with pytest.raises(Refused, match=outcome):
                await visitor.post("login/totp", ticket=step["ticket"], code=visitor.code(1))


async def test_a_challenge_is_answered_once(platform) -> None:
    visitor, authenticator = await by_passkey(platform)
    first = await visitor.first_step("Dora")
    answer = authenticator.get(first["passkey"])
    second = await visitor.first_step("Dora")
    with pytest.raises(Refused, match=r"401 auth\.failed"):  # an answer to another challenge
        await visitor.post("login/passkey", ticket=second["ticket"], credential=answer)
    with pytest.raises(Refused, match=r"401 auth\.failed"):  # which used the ticket up
        await visitor.post("login/passkey", ticket=second["ticket"], credential=authenticator.get(second["passkey"]))
    first = await visitor.first_step("Dora")
    answer = authenticator.get(first["passkey"])
    await visitor.post("login/passkey", ticket=first["ticket"], credential=answer)
    with pytest.raises(Refused, match=r"401 auth\.failed"):
        await visitor.post("login/passkey", ticket=first["ticket"], credential=answer)


async def test_a_cloned_passkey_is_noticed_and_noted(platform) -> None:
    """WebAuthn §6.1.1: two authenticators with one key count apart."""
    visitor, authenticator = await by_passkey(platform)
    clone = authenticator.clone()
    for _ in range(3):
        step = await visitor.first_step("Dora")
        await visitor.post("login/passkey", ticket=step["ticket"], credential=authenticator.get(step["passkey"]))
    step = await visitor.first_step("Dora")
    with pytest.raises(Refused, match=r"401 auth\.failed"):
        await visitor.post("login/passkey", ticket=step["ticket"], credential=clone.get(step["passkey"]))
    tenant = (await platform.provisioning.tenant(TENANT)).tenant_id
    noted = [entry.operation for entry in await platform.office.audit.entries(tenant)]
    assert noted.count("console.passkey_refused") == 1


async def test_answers_that_are_not_of_the_passkey_here_are_refused(platform) -> None:
    visitor, authenticator = await by_passkey(platform)
    stranger = Authenticator(visitor.base)
    impostor = Authenticator(visitor.base)
    impostor.credential_id = authenticator.credential_id
    phished = authenticator.clone()
    phished.origin, phished.count = EVIL, 50
    absent = authenticator.clone()
    absent.flags, absent.count = 0, 60
    for wrong in (stranger, impostor, phished, absent):
        step = await visitor.first_step("Dora")
        with pytest.raises(Refused, match=r"401 auth\.failed"):
            await visitor.post("login/passkey", ticket=step["ticket"], credential=wrong.get(step["passkey"]))
    step = await visitor.first_step("Dora")
    elsewhere = {**step["passkey"], "rpId": "evil.example"}
    with pytest.raises(Refused, match=r"401 auth\.failed"):
        await visitor.post("login/passkey", ticket=step["ticket"], credential=authenticator.get(elsewhere))


@pytest.mark.parametrize(
    "credential",
    [{}, {"id": 5}, {"rawId": "!"}, {"id": "x", "rawId": "x", "type": "public-key", "response": {}}, {"a": [[[[]]]]}],
    ids=str,
)
async def test_junk_is_no_passkey(platform, credential) -> None:
    visitor, authenticator = await by_passkey(platform)
    step = await visitor.first_step("Dora")
    with pytest.raises(Refused, match=r"401 auth\.failed"):
        await visitor.post("login/passkey", ticket=step["ticket"], credential=credential)
    offered = await visitor.post("activate", code=await dispatcher(platform, "Dirk"), password=PASSWORD)
    with pytest.raises(Refused, match=r"401 auth\.failed"):
        await visitor.post("activate/passkey", ticket=offered["ticket"], credential=credential)
    made = authenticator.create(offered["passkey"])
    made["response"]["attestationObject"] = made["response"]["attestationObject"][:40]
    offered = await visitor.post("activate", code=await invited_again(platform, "Dirk"), password=PASSWORD)
    with pytest.raises(Refused, match=r"401 auth\.failed"):
        await visitor.post("activate/passkey", ticket=offered["ticket"], credential=made)


async def invited_again(platform, name: str) -> str:
    return (await platform.office.console.invite(TENANT, name)).code


# Invitations ---------------------------------------------------------------------------------------------------------


async def test_an_invitation_works_once_in_its_time_and_until_the_next_one(platform, clock) -> None:
    code = await dispatcher(platform)
    visitors = [Visitor(platform, clock) for _ in range(2)]
    outcomes = await asyncio.gather(*(each.activate(code) for each in visitors), return_exceptions=True)
    assert len([each for each in outcomes if each is None]) == 1
    late = Visitor(platform, clock)
    with pytest.raises(Refused, match=r"400 enrolment\.failed"):
        await late.activate(code)
    old = await dispatcher(platform, "Dirk")
    new = await invited_again(platform, "Dirk")
    for wrong in (old, "7K3Q-0F9A-XWZ2-M4TB", "00000000"):
        with pytest.raises(Refused, match=r"400 enrolment\.failed"):
            await late.activate(wrong)
    clock.ahead_s = 25 * 3600
    with pytest.raises(Refused, match=r"400 enrolment\.failed"):
        await late.activate(new)


async def test_an_account_is_active_only_with_both_factors(platform) -> None:
    visitor = Visitor(platform)
    offered = await visitor.post("activate", code=await dispatcher(platform), password=PASSWORD)
    assert visitor.cookie is None
    with pytest.raises(Refused, match=r"401 auth\.failed"):
        await visitor.first_step("Dora")
    for _ in range(3):
        with pytest.raises(Refused, match=r"401 auth\.failed"):
            await visitor.post("activate/totp", ticket=offered["ticket"], code="000000")
    with pytest.raises(Refused, match=r"401 auth\.failed"):
        await visitor.first_step("Dora")


@pytest.mark.parametrize(
    "password",
    ["short", "aaaaaaaaaaaaaaaa", "I am DORA dahl, me", "x" * 129, "elevenchars"],
    ids=lambda text: text[:20],
)
async def test_a_password_that_is_easily_guessed_is_refused(platform, password) -> None:
    visitor = Visitor(platform)
    with pytest.raises(Refused, match="400"):
        await visitor.post("activate", code=await dispatcher(platform), password=password)
    assert password not in visitor.last.text


async def test_whose_role_was_taken_away_does_not_get_in(platform, clock) -> None:
    code = await dispatcher(platform)
    await platform.office.roles.set_role(TENANT, "Dora", Role.SUBSCRIBER)
    visitor = Visitor(platform, clock)
    with pytest.raises(Refused, match=r"400 enrolment\.failed"):
        await visitor.activate(code)
    await platform.office.roles.set_role(TENANT, "Dora", Role.MANAGER)
    await visitor.activate(code)
    clock.ahead_s = 60
    step = await visitor.first_step("Dora")
    await platform.office.roles.set_role(TENANT, "Dora", Role.SUBSCRIBER)
    with pytest.raises(Refused, match=r"401 auth\.failed"):
        await visitor.post("login/totp", ticket=step["ticket"], code=visitor.code())
    with pytest.raises(Refused, match=r"401 auth\.failed"):
        await visitor.first_step("Dora")


# Guessing ------------------------------------------------------------------------------------------------------------


async def test_all_refusals_of_the_first_step_look_the_same(platform) -> None:
    visitor = await activated(platform)
    await dispatcher(platform, "Dirk")  # invited only
    await activated(platform, "Lock")
    await platform.office.console.lock(TENANT, "Lock")
    await platform.provisioning.add_subscriber(TENANT, "Anna", pin=PIN)
    answers = set()
    for tenant, name, password in (
        (TENANT, "Dora", "wrong password here"),
        (TENANT, "Nobody", PASSWORD),
        (TENANT, "Dirk", PASSWORD),
        (TENANT, "Lock", PASSWORD),
        (TENANT, "Anna", PIN),
        ("Umbrella", "Dora", PASSWORD),
        (TENANT, "\ud800".encode("utf-8", "surrogatepass").decode("utf-8", "replace"), PASSWORD),
    ):
        with pytest.raises(Refused):
            await visitor.post("login", tenant=tenant, name=name, password=password)
        answers.add((visitor.last.status_code, visitor.last.text))
    assert answers == {(401, '{"code":"auth.failed","message":"The log-in was refused."}')}


async def test_guesses_are_slowed_down_for_the_account_and_not_for_its_owners_address(tmp_path, clock) -> None:
    """Strangers' guesses are charged to the account; who logged in from an address before has an allowance there."""
    console = ConsoleSettings(failures_per_account=4, failures_per_account_refill_s=30)
    async with running_platform(tmp_path, clock=clock, console=console) as platform:
        await platform.organise("Patrol")
        code = await dispatcher(platform)
        limits = platform.server.services.console.limits
        visitor = Visitor(platform, clock)
        await visitor.activate(code)
        limits._trusted.clear()  # as from an address that nobody logged in from
        for _ in range(4):
            with pytest.raises(Refused, match=r"401 auth\.failed"):
                await visitor.first_step("Dora", "a wrong password")
        with pytest.raises(Refused, match=r"429 auth\.throttled") as throttled:
            await visitor.first_step("Dora")
        assert 0 < throttled.value.details["retry_after_s"] <= 30
        assert 1 <= int(visitor.last.headers["retry-after"]) <= 31
        limits.trust("127.0.0.1", (await visitor.session())["subscriber"])
        clock.ahead_s = 1
        await visitor.log_in("Dora")
        limits._trusted.clear()
        clock.ahead_s = 62
        await visitor.log_in("Dora")


async def test_an_unknown_name_is_slowed_down_as_a_known_one(tmp_path) -> None:
    async with running_platform(tmp_path, console=ConsoleSettings(failures_per_account=3)) as platform:
        await platform.organise("Patrol")
        visitor = Visitor(platform)
        for _ in range(3):
            with pytest.raises(Refused, match=r"401 auth\.failed"):
                await visitor.first_step("Nobody")
        with pytest.raises(Refused, match=r"429 auth\.throttled"):
            await visitor.first_step("Nobody")
        with pytest.raises(Refused, match=r"401 auth\.failed"):
            await visitor.first_step("Somebody else")


async def test_an_address_that_guesses_is_slowed_down_at_every_door(tmp_path) -> None:
    settings = AuthenticationSettings(pin_hash_memory_kib=8, failures_per_address=5)
    async with running_platform(tmp_path, authentication=settings) as platform:
        await platform.organise("Patrol")
        visitor = Visitor(platform)
        for n in range(5):
            with pytest.raises(Refused, match=r"401 auth\.failed"):
                await visitor.first_step(f"Nobody {n}")
        for path, body in (
            ("login", {"tenant": TENANT, "name": "Nobody", "password": "x"}),
            ("activate", {"code": "7K3Q-0F9A-XWZ2-M4TB", "password": PASSWORD}),
            ("login/totp", {"ticket": "x", "code": "123456"}),
            ("activate/totp", {"ticket": "x", "code": "123456"}),
        ):
            with pytest.raises(Refused, match=r"429 auth\.throttled"):
                await visitor.post(path, **body)


async def test_time_does_not_tell_which_account_exists(tmp_path) -> None:
    """Medians of the first step, one after the other, with hashes that cost what they cost."""
    settings = FAST_PINS.model_copy(update={"pin_hash_memory_kib": 8192, "failures_per_address": 10_000})
    console = ConsoleSettings(failures_per_account=10_000)
    async with running_platform(tmp_path, authentication=settings, console=console) as platform:
        await platform.organise("Patrol")
        visitor = await activated(platform)
        taken: dict[str, list[float]] = {"Dora": [], "Nobody": []}
        login = platform.server.services.console.login
        door = AtTheDoor(visitor.base, "127.0.0.1")
        for _ in range(40):
            for name, times in taken.items():
                started = time.perf_counter()
                with pytest.raises(AuthenticationFailed):
                    await login.login(door, TENANT, name, "a wrong password")
                times.append(time.perf_counter() - started)
        known, unknown = (statistics.median(times) for times in taken.values())
        assert abs(known - unknown) < 0.3 * max(known, unknown), (known, unknown)


# Bad requests --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        {},
        [],
        "x",
        {"tenant": TENANT, "name": "Dora"},
        {"tenant": TENANT, "name": "Dora", "password": 5},
        {"tenant": TENANT, "name": "Dora", "password": "SECRET-MARKER", "more": 1},
        {"tenant": TENANT, "name": ["SECRET-MARKER"], "password": "SECRET-MARKER"},
        {"tenant": TENANT, "name": "SECRET-MARKER" * 100, "password": "x"},
    ],
    ids=lambda body: json.dumps(body)[:40],
)
async def test_what_is_no_request_is_refused_and_not_repeated(platform, body) -> None:
    visitor = Visitor(platform)
    answer = await visitor.call("POST", "login", body)
    assert (answer.status_code, answer.json()["code"]) == (400, "protocol.malformed")
    assert "SECRET-MARKER" not in answer.text


@pytest.mark.parametrize(
    "body", [b"", b"{", b"\xff", b"[" * 60_000, b'{"tenant":"\\ud800"}'], ids=lambda body: str(body[:5])
)
async def test_what_is_no_json_is_refused(platform, body) -> None:
    visitor = Visitor(platform)
    async with httpx.AsyncClient(verify=tls(), trust_env=False) as client:
        headers = {"origin": visitor.base, "content-type": "application/json"}
        answer = await client.post(f"{visitor.base}/v1/console/login", content=body, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (400, "protocol.malformed")


async def test_a_body_without_end_is_refused(platform) -> None:
    visitor = Visitor(platform)
    answer = await visitor.call("POST", "login", {"tenant": "x", "name": "x", "password": "x" * 100_000})
    assert answer.status_code == 413


async def test_a_bug_costs_one_request(platform, monkeypatch) -> None:
    visitor = await activated(platform)

    async def bug(*_):
        raise ValueError("a bug")

    monkeypatch.setattr(platform.server.services.console.room, "standing", bug)
    answer = await visitor.call("GET", "session")
    assert (answer.status_code, answer.json()["code"]) == (500, "internal")
    assert "a bug" not in answer.text


async def test_a_stranger_with_a_key_of_his_own_is_nobody(platform) -> None:
    visitor = await activated(platform)
    await visitor.register()
    visitor.key = Ed25519PrivateKey.generate()
    radio = await visitor.greeted()
    await refused(visitor, radio, s.LoginConsole(id=1, device=visitor.device, signature=visitor.sign(radio)))

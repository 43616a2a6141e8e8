"""Single-device login: the second wins, the first is out at once, and nothing that it holds works any more."""

import asyncio
import contextlib
import socket
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import select

from attacks.bare_radio import BareRadio, EpochEar, Refusal, voice_only
from attacks.live_call import LiveCall
from ptthandset.credentials import Credentials
from ptthandset.errors import Superseded
from pttserver.config import AuthenticationSettings, FloorTimerSettings, SessionSettings
from pttserver.errors import StoreUnavailable
from pttserver.services.key_epochs import COALESCE_S
from pttserver.services.pin_check import PinCheck
from pttserver.services.standing_watch import StandingWatch
from pttserver.store.groups import Groups
from pttserver.store.resume import ResumeTokens
from pttserver.store.schema import takeovers
from pttserver.wire import signalling
from pttserver.wire.floor_control import MessageType
from running_server import Platform, running_platform, until
from thorough import tries

RACES = tries(248, thorough=1000)
SUBSCRIBERS = 8
LONG_BURST = FloorTimerSettings(t1_end_of_rtp_s=60, t2_stop_talking_s=600)


class Race:
    """One subscriber with two devices that log in at the same moment, again and again, while a session lives."""

    def __init__(self, platform: Platform, devices: list[Credentials], use_udp: bool) -> None:
        self._platform = platform
        self._devices = devices
        self._use_udp = use_udp
        self._winner: BareRadio | None = None
        self.outcomes: Counter[str] = Counter()
        self.after_notice: Counter[str] = Counter()
        self.heard = 0

    async def run(self, races: int) -> None:
        for _ in range(races):
            await self.once()
        assert self._winner is not None
        self.heard += len(self._winner.voice_heard()) + len(voice_only(self._winner.datagrams()))
        await self._winner.close()

    async def once(self) -> None:
        before = self._winner
        radios = [await self._greeted(), await self._greeted()]
        await asyncio.gather(*map(self._log_in, radios, self._devices))
        losers = [radio for radio in radios if not self._lives(radio)]
        winners = [radio for radio in radios if self._lives(radio)]
        self.outcomes[f"{len(winners)} survived"] += 1
        self._winner = winners[0]
        await self._winner.affiliate()
        if self._use_udp:
            await self._winner.use_udp()
        await asyncio.sleep(0.04)  # two packets of the talker at least
        for radio in [*losers, before]:
            if radio is not None:
                await self._left_alone(radio)

    async def _greeted(self) -> BareRadio:
        radio = await BareRadio.open(self._platform.url)
        radio.on_event = lambda event: self._notice(radio, event)
        await radio.hello()
        return radio

    async def _log_in(self, radio: BareRadio, credentials: Credentials) -> None:
        with contextlib.suppress(ConnectionError):
            await radio.login(credentials)

    def _lives(self, radio: BareRadio) -> bool:
        if radio.session is None:
            return False
        session = self._platform.server.services.sessions.get(radio.session.session)
        return session is not None and session.link is not None

    def _notice(self, radio: BareRadio, event: signalling.Message) -> None:
        """What the kernel has by now was sent before the notice; whatever comes from here on was sent after it."""
        if isinstance(event, signalling.SessionSuperseded):
            self.outcomes["told"] += 1
            self.heard += len(radio.voice_heard()) + len(voice_only(radio.datagrams()))
            radio.frames.clear()

    async def _left_alone(self, radio: BareRadio) -> None:
        await radio.closed()
        self.outcomes[f"closed {radio.close_code}"] += 1
        self.after_notice["binary frames"] += len(radio.frames)
        self.after_notice["datagrams"] += len(radio.datagrams())
        await radio.close()


async def test_races_of_two_devices_leave_one_session_each(tmp_path: Path) -> None:
    """T-032: exactly one survives; the loser gets 0 packets after its notice while somebody talks all the time."""
    limits = AuthenticationSettings(pin_hash_memory_kib=8, pin_hash_passes=1, pin_hash_workers=2)
    async with running_platform(tmp_path, floor=LONG_BURST, authentication=limits) as platform:
        call = await LiveCall.start(platform)
        races = []
        for number in range(SUBSCRIBERS):
            devices = [await platform.enrol(f"S{number}", "Patrol"), await platform.another_device(f"S{number}")]
            races.append(Race(platform, devices, use_udp=number % 2 == 0))
        racing = asyncio.gather(*(race.run(RACES // SUBSCRIBERS) for race in races))
        while not racing.done():
            call.talker.send_udp(call.packet())
            await asyncio.sleep(0.02)
        await racing
        outcomes = sum((race.outcomes for race in races), Counter())
        after = sum((race.after_notice for race in races), Counter())
        heard = sum(race.heard for race in races)
        print(f"\nT-032: {outcomes}, packets before the notice {heard}, after it {sum(after.values())}")
        assert outcomes["1 survived"] == RACES
        losers = 2 * RACES - SUBSCRIBERS
        assert outcomes["told"] == outcomes["closed 4001"] == losers
        assert sum(after.values()) == 0
        assert heard > RACES
        assert platform.server.services.attendance.records_lost == 0
        recorded = await platform.database.read(lambda sql: sql.execute(select(takeovers)).all())
        assert len(recorded) == platform.server.services.attendance.takeovers
        assert len(recorded) >= RACES
        await call.stop()


async def test_a_takeover_tells_both_and_is_recorded(platform: Platform) -> None:
    """T-032: the first is warned and out, the second learns of it; type and time of the other, and a row for good."""
    await platform.organise("Patrol")
    phone = await platform.enrol("Anna", "Patrol")
    tablet = await platform.another_device("Anna", device_type="tablet")
    first = await BareRadio.log_in(phone)
    second = await BareRadio.log_in(tablet)
    assert await first.closed() == 4001
    notice = first.events[-1]
    assert isinstance(notice, signalling.SessionSuperseded)
    assert notice.device_type == "tablet"
    assert second.session.superseded.device_type == "test radio"
    assert second.session.superseded.at_ms == notice.at_ms
    rows = await platform.database.read(lambda sql: sql.execute(select(takeovers)).all())
    anna = await platform.keys(phone.subscriber)
    opened = [(anna.text(row.from_device_id), anna.text(row.to_device_id), row.subject.text) for row in rows]
    assert opened == [(phone.device, tablet.device, anna.reference())]
    await second.close()


async def test_two_handsets_that_fight_do_not_loop(platform: Platform) -> None:
    """T-032: a superseded handset stays out until its user logs in again."""
    await platform.organise("Patrol")
    phone, tablet = await platform.enrol("Anna", "Patrol"), await platform.another_device("Anna")
    first = await platform.log_in(phone)
    second = await platform.log_in(tablet)
    with pytest.raises(Superseded):
        await asyncio.wait_for(first.wait_closed(), 3)
    assert first.credentials.resume_token is None
    await asyncio.sleep(2)  # longer than the handset's first pause before it reconnects
    assert platform.server.services.attendance.takeovers == 1
    assert platform.server.services.sessions.of_subscriber(phone.subscriber).identity.device_id == tablet.device
    assert second.media is not None


async def everything_is_refused(platform: Platform, out: BareRadio, credentials: Credentials, token: bytes) -> None:
    """T-033: token, connection, UDP keys of a session that is over."""
    server = platform.server
    relayed, sent, drops = (
        server.services.relay.packets_relayed,
        server.socket.datagrams_sent,
        server.services.relay.drops,
    )
    before = drops.unknown_ssrc + drops.no_floor
    out.datagrams()
    out.send_udp(out.uplink.protect_rtcp(out.keepalive()))
    affiliation = next(iter(out.affiliations.values()))
    request = out.floor_message(MessageType.FLOOR_REQUEST)
    out.send_udp(out.uplink.protect_rtcp(request.encode()))
    out.send_udp(out.voice(affiliation.ssrc, 1))
    await until(lambda: drops.unknown_ssrc + drops.no_floor == before + 3)
    assert (server.services.relay.packets_relayed, server.socket.datagrams_sent) == (relayed, sent)
    assert out.datagrams() == []
    for session in (None, out.session.session):
        back = await BareRadio.open(platform.url)
        await back.hello()
        with pytest.raises(Refusal, match=r"auth\.failed"):
            await back.resume(credentials, token, session)
        assert await back.closed() == 4002


@pytest.mark.parametrize("end", ["takeover", "logout", "revocation", "new_pin", "removal"])
async def test_what_a_device_held_is_worth_nothing_afterwards(platform: Platform, end: str) -> None:
    """T-033, T-076: old token, old keys, old connection after takeover, logout, revocation, new PIN."""
    await platform.organise("Patrol")
    credentials, other = await platform.enrol("Anna", "Patrol"), await platform.another_device("Anna")
    radio = await BareRadio.log_in(credentials)
    await radio.affiliate()
    await radio.use_udp()
    token = radio.session.resume_token
    match end:
        case "takeover":
            await (await BareRadio.log_in(other)).close()
        case "logout":
            await radio.ask(signalling.Logout(id=1), signalling.Done)
        case "revocation":
            await platform.devices.revoke("ACME", credentials.device)
        case "removal":
            await platform.provisioning.remove_subscriber("ACME", "Anna")
        case "new_pin":
            await platform.provisioning.set_pin("ACME", "Anna", "9999")
            await radio.ask(signalling.Ping(id=1), signalling.Pong)
            back = await BareRadio.open(platform.url)
            await back.hello()
            with pytest.raises(Refusal, match=r"auth\.failed"):
                await back.resume(credentials, token)
            return
    assert await radio.closed() in {1000, 4001, 4003}
    await until(lambda: platform.server.services.sessions.get(radio.session.session) is None)
    await everything_is_refused(platform, radio, credentials, token)
    if end in {"revocation", "removal"}:
        with pytest.raises(Refusal, match=r"auth\.failed"):
            await BareRadio.log_in(credentials)


@pytest.mark.parametrize("moment", ["while the PIN waits", "just before the session opens"])
async def test_a_device_that_is_revoked_while_it_logs_in_does_not_stay(
    platform: Platform, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    """T-033: between the look at its rights and its session the administrator was faster."""
    await platform.organise("Patrol")
    credentials = await platform.enrol("Anna", "Patrol")
    owner, name = (PinCheck, "verify") if moment == "while the PIN waits" else (Groups, "memberships")
    plain, revoked = getattr(owner, name), asyncio.Event()

    async def slow(*arguments: object) -> object:
        found = await plain(*arguments)
        await revoked.wait()
        return found

    monkeypatch.setattr(owner, name, slow)
    logging_in = asyncio.create_task(BareRadio.log_in(credentials))
    await asyncio.sleep(0.2)
    await platform.devices.revoke("ACME", credentials.device)
    if moment == "while the PIN waits":
        await asyncio.sleep(1.2)  # whoever watches for revocations has looked, and found nobody
    else:
        looked = asyncio.Event()
        monkeypatch.setattr(StandingWatch, "_apply", after(StandingWatch._apply, looked.set))
        await asyncio.wait_for(looked.wait(), 2)
    revoked.set()
    await asyncio.gather(logging_in, return_exceptions=True)
    await asyncio.sleep(1.2)
    assert len(platform.server.services.sessions) == 0


def after(plain: Callable[..., None], then: Callable[[], None]) -> Callable[..., None]:
    def both(*arguments: object) -> None:
        plain(*arguments)
        then()

    return both


async def test_keys_and_sessions_die_with_the_server_but_the_token_works_on(tmp_path: Path) -> None:
    """T-033: after a restart the old session's id and keys are unknown; the token brings a new session, new keys."""
    async with running_platform(tmp_path) as platform:
        await platform.organise("Patrol")
        credentials = await platform.enrol("Anna", "Patrol")
        old = await BareRadio.log_in(credentials)
        await old.affiliate()
    assert await old.closed() == 1012
    async with running_platform(tmp_path) as platform:
        back = await BareRadio.open(platform.url)
        await back.hello()
        reply = await back.resume(credentials, old.session.resume_token, old.session.session)
        assert not reply.resumed
        assert reply.uplink.key != old.session.uplink.key
        udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        udp.sendto(old.uplink.protect_rtcp(old.keepalive()), back.media_address)
        await until(lambda: platform.server.services.relay.drops.unknown_ssrc == 1)
        udp.close()
        await back.close()


async def test_the_resume_token_returns_a_lost_radio_without_the_pin(platform: Platform) -> None:
    """Issue 2 part 5: the session goes on with its floor; the token can be used again, by this device only."""
    call = await LiveCall.start(platform)
    device = next(iter(platform.server.services.sessions)).identity.device_id
    other = await platform.another_device("Anna")
    radio = call.talker
    token, session = radio.session.resume_token, radio.session.session
    credentials = Credentials(platform.url, "", device, "", "", "", other.private_key)
    back = await BareRadio.open(platform.url)
    await back.hello()
    with pytest.raises(Refusal, match=r"auth\.failed"):
        await back.resume(credentials, token, session)  # the token without the device's key
    thief = await BareRadio.open(platform.url)
    await thief.hello()
    with pytest.raises(Refusal, match=r"auth\.failed"):
        await thief.resume(other, token, session)  # another device of the same subscriber
    await call.still_works()
    await call.stop()


async def test_a_token_dies_of_age(tmp_path: Path) -> None:
    """T-033: resume_lifetime_s after the log-in with the PIN, however often it was used."""
    async with running_platform(tmp_path, sessions=SessionSettings(resume_lifetime_s=1.5)) as platform:
        await platform.organise("Patrol")
        credentials = await platform.enrol("Anna", "Patrol")
        radio = await BareRadio.log_in(credentials)
        token = radio.session.resume_token
        for _ in range(2):
            back = await BareRadio.open(platform.url)
            await back.hello()
            assert (await back.resume(credentials, token, radio.session.session)).resumed
        assert back.session.resume_token is None
        await asyncio.sleep(1.6)
        late = await BareRadio.open(platform.url)
        await late.hello()
        with pytest.raises(Refusal, match=r"auth\.failed"):
            await late.resume(credentials, token, radio.session.session)


async def test_a_takeover_kills_the_token_even_while_the_database_is_locked(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    """T-033 under T-123: who was superseded may not come back by a token that could not be overwritten."""
    await platform.organise("Patrol")
    phone, tablet = await platform.enrol("Anna", "Patrol"), await platform.another_device("Anna")
    first = await BareRadio.log_in(phone)

    async def locked(*_: object) -> None:
        raise StoreUnavailable

    with monkeypatch.context() as patched:
        patched.setattr(ResumeTokens, "put_resume", locked)
        second = await BareRadio.log_in(tablet)
    assert second.session.resume_token is None
    assert await first.closed() == 4001
    back = await BareRadio.open(platform.url)
    await back.hello()
    with pytest.raises(Refusal, match=r"auth\.failed"):
        await back.resume(phone, first.session.resume_token)


async def test_a_removed_member_gets_nothing_and_reads_nothing(platform: Platform) -> None:
    """T-031, T-034: 0 packets to its open socket, and none of the later ones opens with all that it has."""
    call = await LiveCall.start(platform)
    out = await BareRadio.log_in(await platform.enrol("Eve", "Patrol"))
    affiliation = await out.affiliate()
    await out.use_udp()
    call.talker.send_udp(call.packet())
    await asyncio.sleep(0.05)
    ear = EpochEar(affiliation.epoch)
    assert ear.opens_voice(out.datagrams()) == [1]
    await platform.provisioning.remove_member("ACME", "Patrol", "Eve")
    await until(lambda: any(isinstance(event, signalling.GroupRemoved) for event in out.events))
    out.datagrams(), out.frames.clear(), await call.heard()
    captured = []
    for _ in range(30):
        call.talker.send_udp(call.packet())
        captured += await call.heard(0.005)
    captured += await call.heard()
    assert len(captured) == 30
    assert out.datagrams() == out.frames == []
    keys = [affiliation.epoch, *(e.epoch for e in out.events if isinstance(e, signalling.GroupEpoch))]
    assert EpochEar(*keys).opens_voice(captured) == []
    epochs = [e.epoch for e in call.listener.events if isinstance(e, signalling.GroupEpoch)]
    assert len(EpochEar(epochs[-1]).opens_voice(captured)) == 30
    with pytest.raises(Refusal, match="not_found"):
        await out.affiliate(affiliation.group)
    await out.close()
    await call.stop()


async def test_the_first_packet_after_a_departure_has_the_new_key(platform: Platform) -> None:
    """T-034: not one packet more under the old key, though departures share a new one for a few milliseconds."""
    call = await LiveCall.start(platform)
    out = await BareRadio.log_in(await platform.enrol("Eve", "Patrol"))
    affiliation = await out.affiliate()
    await call.heard()
    await out.ask(signalling.Deaffiliate(id=1, group=affiliation.group), signalling.Done)
    call.talker.send_udp(call.packet())
    captured = await call.heard()
    assert len(captured) == 1
    assert EpochEar(affiliation.epoch).opens_voice(captured) == []
    await out.close()
    await call.stop()


async def test_a_new_member_cannot_read_what_was_said_before_it_came(platform: Platform) -> None:
    """T-035: ciphertext recorded before the affiliation stays closed."""
    call = await LiveCall.start(platform)
    recorded = []
    for _ in range(10):
        call.talker.send_udp(call.packet())
        recorded += await call.heard(0.01)
    assert len(recorded) == 10
    late = await BareRadio.log_in(await platform.enrol("Eve", "Patrol"))
    affiliation = await late.affiliate()
    opened = EpochEar(affiliation.epoch).opens_voice(recorded)
    await late.close()
    await call.stop()
    assert opened == []


async def test_one_who_comes_just_after_a_departure_is_not_given_the_old_key(platform: Platform) -> None:
    """T-035: the key that expired a moment ago is nobody's business any more."""
    call = await LiveCall.start(platform)
    out = await BareRadio.log_in(await platform.enrol("Eve", "Patrol"))
    affiliation = await out.affiliate()
    late = await BareRadio.log_in(await platform.enrol("Carl", "Patrol"))
    await asyncio.sleep(COALESCE_S)
    await out.ask(signalling.Deaffiliate(id=1, group=affiliation.group), signalling.Done)
    joined = await late.affiliate(affiliation.group)
    await out.close()
    await late.close()
    await call.stop()
    assert joined.epoch.key != affiliation.epoch.key

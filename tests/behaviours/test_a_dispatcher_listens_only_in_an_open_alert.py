"""A dispatcher hears the microphone of who called for help: only then, only if allowed, and not in secret (T-086)."""

import asyncio
import contextlib
from collections.abc import AsyncIterable, AsyncIterator
from typing import Any

import pytest
from sqlalchemy import select

from attacks.bare_radio import BareRadio
from behaviours.control_room import POLICY, Control, Person
from e2e.voices import RATE_HZ, listening, say, sentence
from ptthandset.audio.codec import OpusEncoder
from ptthandset.audio.pacing import spoken
from ptthandset.audio.similarity import similarity
from ptthandset.errors import HandsetError, Refused
from ptthandset.listening import Ambient, ListeningEvent, MicrophoneClosed, MicrophoneFailed, MicrophoneOpened
from pttserver.alerts import listening as machine
from pttserver.errors import StoreUnavailable
from pttserver.ids import Personal
from pttserver.roles import Role
from pttserver.services.alert_debrief import alert_document
from pttserver.services.instructions import Instruction
from pttserver.services.provision import FIRST_INSTRUCTION
from pttserver.store.audit import AuditLog
from pttserver.store.governance_schema import audit_entries
from pttserver.wire import signalling
from pttserver.wire.rtp import RtpPacket
from running_server import TENANT, Platform, running_platform, until

ALLOWED = POLICY + "ambient_listening = true\n"
HIDDEN = ALLOWED + 'ambient_listening_hidden_because = "The police asked for it."\n'
WHY = "no answer to our calls"
LEAST_S = 10


class Device:
    """Somebody whose device has a microphone, which hears `pcm` again and again."""

    def __init__(self, person: Person, pcm: bytes) -> None:
        self.person = person
        self.events: list[ListeningEvent] = []
        self.is_open = False
        self._pcm = pcm
        person.handset.listening.microphone = self._microphone
        person.handset.listening.listeners.append(self.events.append)

    @contextlib.asynccontextmanager
    async def _microphone(self, encoder: OpusEncoder) -> AsyncIterator[AsyncIterable[bytes]]:
        self.is_open = True
        try:
            yield spoken(self._pcm * 20, encoder.frame_bytes, encoder.frame_ms)
        finally:
            self.is_open = False

    async def is_silent(self) -> None:
        """The microphone is closed, the channel is gone, and the user knows."""
        await until(lambda: not self.is_open)
        await until(lambda: isinstance(self.events[-1], MicrophoneClosed))


class Scene:
    """Anna calls for help; Dora and Dan are dispatchers, Bert is on patrol with Anna."""

    def __init__(self, control: Control) -> None:
        self.control = control
        self.server = control.platform.server.services

    async def begin(self, pcm: bytes | None = None) -> None:
        self.anna, self.bert, self.dora = await self.control.staff()
        self.device = Device(self.anna, sentence(0) if pcm is None else pcm)
        self.alert = await self.anna.handset.alerts.raise_alert()
        await until(self.dora.raised)

    async def listens(self, who: Person | None = None, for_s: int | None = None) -> Ambient:
        return await (who or self.dora).handset.listening.listen(self.alert, WHY, for_s)

    async def hears(self, who: Person | None = None) -> Ambient:
        """Dora listens, and the microphone is open."""
        ambient = await self.listens(who)
        await (who or self.dora).sees("listening_begun")
        return ambient

    def channels(self) -> int:
        return len(self.server.memberships.temporary)

    async def is_over(self, why: str) -> None:
        """For Dora, Anna and the server alike."""
        await self.dora.sees("listening_ended")
        ended = [e.step for e in self.dora.events if isinstance(e, signalling.AlertStepped)]
        assert [s.note for s in ended if s.kind == "listening_ended"] == [why]
        await until(lambda: self.channels() == 0 and self.server.talk.bursts_in_progress == 0)


@pytest.fixture
async def scene(platform: Platform) -> Scene:
    await platform.organise("Patrol", policy=ALLOWED)
    return Scene(Control(platform))


async def dispatcher(scene: Scene, name: str = "Dan") -> Person:
    return await scene.control.on_duty(name, role=Role.DISPATCHER)


# What is heard -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("use_udp", [True, False])
async def test_the_dispatcher_hears_the_microphone_and_nobody_else_does(platform: Platform, use_udp: bool) -> None:
    await platform.organise("Patrol", policy=ALLOWED)
    scene = Scene(Control(platform))
    anna = await scene.control.on_duty("Anna", "Patrol", use_udp=use_udp)
    bert = await scene.control.on_duty("Bert", "Patrol")
    scene.dora = await scene.control.on_duty("Dora", role=Role.DISPATCHER, use_udp=use_udp)
    max_ = await scene.control.on_duty("Max", role=Role.MANAGER)
    device = scene.device = Device(anna, sentence(0))
    groups = [await person.handset.affiliate("Patrol") for person in (anna, bert)]
    scene.alert = await anna.handset.alerts.raise_alert()
    ambient = await scene.hears()
    async with listening(ambient.group, *groups) as (at_dora, at_anna, at_bert):
        await asyncio.sleep(len(sentence(0)) / 2 / RATE_HZ + 0.5)
    assert similarity(sentence(0), bytes(at_dora), RATE_HZ) > 0.7
    assert not any(at_anna)
    assert not any(at_bert)
    for person in (bert, max_):
        with pytest.raises(Refused, match="no such object"):
            await person.handset.affiliate(ambient.group.group_id)
    shown = [group.group for page in [p async for p in max_.handset.dispatch.overview()] for group in page.groups]
    assert ambient.group.group_id not in shown
    assert device.is_open


async def test_nobody_else_can_speak_into_the_channel(scene: Scene) -> None:
    """Whoever listens may only listen; voice with any other SSRC than the granted one is dropped."""
    await scene.begin()
    radio = await BareRadio.log_in(await scene.control.credentials("Carl", "Patrol"))
    ambient = await scene.hears()
    assert ambient.group.listen_only
    with pytest.raises(HandsetError):
        await say(ambient.group, sentence(1, 0.1))
    drops = scene.server.relay.drops
    before = dict(drops.items())["bad_tag"]
    talker = scene.anna.handset.talkgroups[ambient.group.group_id].grant
    assert talker is not None
    radio.send_udp(radio.voice(talker.burst_ssrc, 30_000))
    await until(lambda: dict(drops.items())["bad_tag"] == before + 1)
    await radio.close()


async def test_the_groups_of_the_device_go_on_as_before(scene: Scene) -> None:
    """Anna presses her key while Dora listens: the group hears her, and she hears the group; Dora goes on to hear."""
    await scene.begin(sentence(2))
    hers, his = [await person.handset.affiliate("Patrol") for person in (scene.anna, scene.bert)]
    ambient = await scene.hears()
    async with listening(ambient.group, hers, his) as (at_dora, at_anna, at_bert):
        said = await say(hers, sentence(0))
        await until(lambda: not his.has_voice)
        assert scene.server.talk.bursts_in_progress == 1  # that of the channel went on all the while
        answered = await say(his, sentence(1))
        await until(lambda: not hers.has_voice)
    assert (said.lost, answered.lost) == (None, None)
    assert similarity(sentence(0), bytes(at_bert), RATE_HZ) > 0.8
    assert similarity(sentence(1), bytes(at_anna), RATE_HZ) > 0.8
    assert similarity(sentence(2), bytes(at_dora), RATE_HZ) > 0.7
    assert scene.dora.steps().count("listening_ended") == 0


async def test_a_second_dispatcher_hears_too_and_each_may_stop(scene: Scene) -> None:
    await scene.begin()
    dan = await dispatcher(scene)
    ambient = await scene.hears()
    await asyncio.sleep(0.2)
    other = await scene.hears(dan)
    assert other.group.group_id == ambient.group.group_id
    assert other.at_most_s < ambient.at_most_s
    await until(lambda: scene.device.events[-1].names == ("Dora", "Dan"))
    await scene.dora.handset.listening.stop(scene.alert)
    await asyncio.wait_for(ambient.over.wait(), 5)
    assert (ambient.why, other.why) == ("ended", None)
    await until(lambda: scene.device.events[-1].names == ("Dan",))
    assert scene.device.is_open
    assert ambient.group.group_id not in scene.dora.handset.talkgroups
    with pytest.raises(Refused, match="no such object"):
        await scene.dora.handset.affiliate(other.group.group_id)
    await dan.handset.listening.stop(scene.alert)
    await scene.device.is_silent()


# Who may not ---------------------------------------------------------------------------------------------------------


async def refused(who: Person, alert: str, **more: Any) -> str:
    with pytest.raises(Refused) as error:
        await who.handset.listening.listen(alert, WHY, **more)
    return error.value.code


async def test_there_is_no_listening_without_an_open_alert(scene: Scene) -> None:
    anna, _, dora = await scene.control.staff()
    assert await refused(dora, "alr_ffffffffffffffff") == "not_found"
    device = Device(anna, sentence(0))
    alert = await anna.handset.alerts.raise_alert()
    await dora.handset.alerts.resolve(alert)
    assert await refused(dora, alert) == "not_found"
    assert (device.is_open, device.events, scene.channels()) == (False, [], 0)


@pytest.mark.parametrize("policy", [POLICY, POLICY + "ambient_listening = false\n"])
async def test_what_the_organisation_does_not_allow_is_refused(platform: Platform, policy: str) -> None:
    await platform.organise("Patrol", policy=policy)
    scene = Scene(Control(platform))
    await scene.begin()
    assert await refused(scene.dora, scene.alert) == "policy.forbids"
    assert scene.device.events == []
    assert await audited(platform) == []


async def test_a_subscriber_may_not_listen(scene: Scene) -> None:
    await scene.begin()
    assert await refused(scene.bert, scene.alert) == "auth.forbidden"
    assert await refused(scene.anna, scene.alert) == "auth.forbidden"
    assert scene.device.events == []


async def test_a_dispatcher_of_another_organisation_may_not(scene: Scene) -> None:
    await scene.control.platform.organise("Guards", tenant="Rival", policy=ALLOWED)
    eve = await Control(scene.control.platform, "Rival").on_duty("Eve", role=Role.DISPATCHER)
    await scene.begin()
    assert await refused(eve, scene.alert) == await refused(eve, "alr_ffffffffffffffff") == "not_found"
    ambient = await scene.hears()
    with pytest.raises(Refused, match="no such object"):
        await eve.handset.affiliate(ambient.group.group_id)
    await eve.handset.listening.stop(scene.alert)
    assert scene.device.is_open


async def test_longer_than_is_allowed_is_refused(scene: Scene) -> None:
    await scene.begin()
    assert await refused(scene.dora, scene.alert, for_s=121) == "invalid_value"
    assert (await scene.listens(for_s=120)).at_most_s == 120


async def test_a_dispatcher_in_distress_cannot_listen_to_herself(scene: Scene) -> None:
    dora = await dispatcher(scene, "Dora")
    alert = await dora.handset.alerts.raise_alert()
    assert await refused(dora, alert) == "invalid_value"


async def test_a_device_that_is_not_there_cannot_be_listened_to(scene: Scene) -> None:
    await scene.begin()
    await scene.anna.handset.log_out()
    assert await refused(scene.dora, scene.alert) == "call.unavailable"


async def test_what_cannot_be_written_down_is_not_done(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    await scene.begin()

    async def fails(*_: object) -> None:
        raise StoreUnavailable("disk full")

    monkeypatch.setattr(AuditLog, "add", fails)
    assert await refused(scene.dora, scene.alert) == "store.unavailable"
    assert (scene.device.events, scene.channels()) == ([], 0)


# How it ends ---------------------------------------------------------------------------------------------------------


async def test_it_ends_when_the_time_is_up(scene: Scene) -> None:
    """In real time, with the shortest box that there is."""
    await scene.begin()
    loop = asyncio.get_running_loop()
    began = loop.time()
    ambient = await scene.listens(for_s=LEAST_S)
    await asyncio.wait_for(ambient.over.wait(), LEAST_S + 3)
    assert LEAST_S <= loop.time() - began < LEAST_S + 2
    assert ambient.why == "time_up"
    await scene.is_over("time_up")
    await scene.device.is_silent()


async def test_it_ends_when_the_alert_is_closed(scene: Scene) -> None:
    await scene.begin()
    ambient = await scene.hears()
    grant = scene.anna.handset.talkgroups[ambient.group.group_id].grant
    await scene.dora.handset.alerts.resolve(scene.alert)
    await scene.is_over("alert_over")
    await scene.device.is_silent()
    kinds = scene.dora.steps()
    assert kinds.index("listening_ended") < kinds.index("resolved")
    assert grant is not None
    before = dict(scene.server.relay.drops.items())["no_floor"]
    media = scene.anna.handset.media
    assert media is not None
    media.send_voice(RtpPacket(30_000, 1, grant.burst_ssrc, b"\xf8" * 40).encode())  # a device that goes on sending
    await until(lambda: dict(scene.server.relay.drops.items())["no_floor"] == before + 1)


async def test_it_ends_when_the_person_takes_the_alert_back(scene: Scene) -> None:
    await scene.begin()
    await scene.hears()
    await scene.anna.handset.alerts.cancel("all well")
    await scene.is_over("alert_over")
    await scene.device.is_silent()


async def test_it_ends_when_the_device_leaves(scene: Scene) -> None:
    await scene.begin()
    await scene.hears()
    await scene.anna.handset.log_out()
    await scene.is_over("device_gone")
    assert len(scene.control.board()) == 1


async def test_it_ends_when_another_device_takes_over(scene: Scene) -> None:
    await scene.begin()
    await scene.hears()
    await scene.control.platform.log_in(await scene.control.platform.another_device("Anna"))
    await scene.is_over("device_gone")


async def test_it_ends_when_the_dispatcher_leaves(scene: Scene) -> None:
    await scene.begin()
    dan = await dispatcher(scene)
    await scene.hears()
    await scene.dora.handset.log_out()
    await dan.sees("listening_ended")
    last = [e.step for e in dan.events if isinstance(e, signalling.AlertStepped)][-1]
    assert (last.note, last.by) == ("dispatcher_gone", scene.dora.number)
    await scene.device.is_silent()
    assert scene.channels() == 0


async def test_it_ends_when_the_dispatcher_leaves_the_channel(scene: Scene) -> None:
    await scene.begin()
    ambient = await scene.hears()
    await scene.dora.handset.deaffiliate(ambient.group)
    await scene.is_over("dispatcher_gone")
    await scene.device.is_silent()


async def test_it_ends_when_the_organisation_forbids_it(scene: Scene) -> None:
    await scene.begin()
    await scene.hears()
    await apply(scene.control.platform, ALLOWED.replace('"1"', '"2"').replace("listening = true", "listening = false"))
    await scene.is_over("forbidden")
    await scene.device.is_silent()


async def test_it_ends_when_the_dispatcher_is_none_any_more(scene: Scene) -> None:
    await scene.begin()
    ambient = await scene.hears()
    await scene.control.platform.office.roles.set_role(TENANT, "Dora", Role.SUBSCRIBER)
    await asyncio.wait_for(ambient.over.wait(), 5)
    assert ambient.why == "forbidden"
    await scene.device.is_silent()


async def test_a_device_without_a_microphone_is_given_up(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "OPEN_WITHIN_S", 0.3)
    await scene.begin()
    scene.anna.handset.listening.microphone = None
    ambient = await scene.listens()
    await asyncio.wait_for(ambient.over.wait(), 5)
    assert ambient.why == "no_answer"
    assert [type(event) for event in scene.device.events] == [MicrophoneFailed, MicrophoneClosed]
    assert scene.channels() == 0


async def test_a_device_that_was_cut_off_for_a_moment_goes_on(scene: Scene) -> None:
    await scene.begin()
    ambient = await scene.hears()
    link = scene.anna.handset._link
    assert link is not None
    await link.close()
    await until(lambda: scene.anna.handset._link is not None and scene.anna.handset._link is not link)
    await until(lambda: len([e for e in scene.device.events if isinstance(e, MicrophoneOpened)]) == 2)
    async with listening(ambient.group) as (at_dora,):
        await asyncio.sleep(1.5)
    assert any(at_dora)
    assert scene.dora.steps().count("listening_ended") == 0


async def test_after_a_restart_it_is_over_and_the_alert_is_not(tmp_path: Any) -> None:
    async with running_platform(tmp_path) as platform:
        await platform.organise("Patrol", policy=ALLOWED)
        scene = Scene(Control(platform))
        await scene.begin()
        await scene.hears()
        await scene.server.alert_log.flush()
        scene.server.alert_log.put = lambda *_: None  # the server dies: what it would write while stopping is lost
    async with running_platform(tmp_path) as platform:
        (alert,) = platform.server.services.alerts.desk.board
        kinds = [(step.kind.value, step.note.reveal()) for step in alert.timeline if "listening" in step.kind]
        assert kinds[-1] == ("listening_ended", "server_restarted")
        assert alert.state.is_open
        assert len(platform.server.services.memberships.temporary) == 0


# What is shown and recorded ------------------------------------------------------------------------------------------


async def test_the_device_shows_who_listens_and_for_how_long(scene: Scene) -> None:
    await scene.begin()
    await scene.hears()
    assert scene.device.events == [MicrophoneOpened(scene.alert, ("Dora",), 120.0)]
    await scene.anna.sees("listening_asked", "listening_begun")
    await scene.dora.handset.listening.stop(scene.alert)
    await scene.anna.sees("listening_ended")
    asked = next(e.step for e in scene.anna.events if getattr(e, "step", None) and e.step.kind == "listening_asked")
    assert (asked.name, asked.note) == ("Dora", WHY)
    assert scene.bert.steps().count("listening_begun") == 0  # of no use to the group, and it could betray


async def test_where_a_reason_is_named_the_device_does_not_show_it(platform: Platform) -> None:
    await platform.organise("Patrol", policy=HIDDEN)
    scene = Scene(Control(platform))
    await scene.begin()
    heard: list[signalling.Message] = []
    taken = scene.anna.handset.listening.take
    scene.anna.handset.listening.take = lambda event: (heard.append(event), taken(event))  # type: ignore[assignment,func-returns-value]
    ambient = await scene.hears()
    mine = scene.anna.handset.talkgroups[ambient.group.group_id]
    async with listening(ambient.group) as (at_dora,):
        await asyncio.sleep(1.0)
    assert any(at_dora)
    listed = await scene.anna.handset.alerts.list()
    presence = await scene.anna.handset.presence(ambient.group.group_id)
    await scene.dora.handset.listening.stop(scene.alert)
    await scene.dora.sees("listening_ended")
    await until(lambda: not scene.device.is_open)
    assert scene.device.events == []
    assert mine.participants is None
    assert presence.listed is None
    assert [step for step in scene.anna.steps() if step.startswith("listening")] == []
    assert [step.kind for step in listed[0].steps if step.kind.startswith("listening")] == []
    told = "".join(event.to_json() for event in heard if not isinstance(event, signalling.AlertStepped))
    assert "Dora" not in told
    assert scene.dora.number not in told
    assert "listening_begun" in [step.kind for step in (await scene.dora.handset.alerts.list())[0].steps]


async def test_what_is_hidden_is_shown_as_soon_as_the_organisation_says_so(platform: Platform) -> None:
    await platform.organise("Patrol", policy=HIDDEN)
    scene = Scene(Control(platform))
    await scene.begin()
    await scene.hears()
    assert scene.device.events == []
    await apply(platform, ALLOWED.replace('"1"', '"2"'))
    await until(lambda: scene.device.events)
    assert scene.device.events[0].names == ("Dora",)


async def test_what_is_shown_stays_shown_to_its_end(scene: Scene) -> None:
    await scene.begin()
    await scene.hears()
    policies, tenant = scene.server.policies, await scene.control.platform.provisioning.tenant(TENANT)
    await apply(scene.control.platform, HIDDEN.replace('"1"', '"2"'))
    await until(lambda: not policies.policy(tenant.tenant_id).alerts.shows_ambient_listening)
    await asyncio.sleep(0.6)  # the watch over policies has gone its round
    await scene.dora.handset.listening.stop(scene.alert)
    await scene.device.is_silent()
    assert [type(event) for event in scene.device.events] == [MicrophoneOpened, MicrophoneClosed]


async def test_it_stands_in_the_log_of_the_alert_in_the_debriefing_and_in_the_audit_log(scene: Scene) -> None:
    await scene.begin()
    await scene.hears()
    await scene.dora.handset.listening.stop(scene.alert)
    await scene.dora.handset.alerts.resolve(scene.alert)
    platform = scene.control.platform
    review = Instruction(Personal("operator"), Personal("review"))
    report = alert_document(await platform.office.alerts.alert(TENANT, scene.alert, review))
    told = [(s["kind"], s["who"], s["note"]) for s in report["steps"] if s["kind"].startswith("listening")]
    assert told == [
        ("listening_asked", "Dora", WHY),
        ("listening_begun", "Dora", None),
        ("listening_ended", "Dora", "ended"),
    ]
    assert await audited(platform) == ["alert.listen", "alert.listening_begun", "alert.listening_ended"]


async def audited(platform: Platform) -> list[str]:
    """Operations of ambient listening in the audit log, in order."""
    query = select(audit_entries.c.operation).where(audit_entries.c.operation.like("alert.listen%"))
    return await platform.database.read(lambda sql: list(sql.scalars(query.order_by(audit_entries.c.sequence))))


async def apply(platform: Platform, policy: str) -> None:
    tenant = await platform.provisioning.tenant(TENANT)
    await platform.office.instructions.apply(tenant.tenant_id, policy, FIRST_INSTRUCTION)

"""A role that the policy does not name for a category receives no byte of it, whatever it asks for; one that is does.

Nora works; a dispatcher and a manager each do all there is that could show something of her, over real connections,
and every octet that came is searched. What no request shows is looked for all the same.
"""

import contextlib
from dataclasses import dataclass, field

import pytest

from attacks.bare_radio import BareRadio, Refusal
from e2e.messaging import writer
from locating import LATITUDE, position
from ptthandset.handset import Handset, enroll
from pttserver.ids import Personal
from pttserver.privacy.categories import Category
from pttserver.roles import Role
from pttserver.services.instructions import Instruction
from pttserver.wire import signalling
from running_server import PLAIN_POLICY, TENANT, Platform, until

NAME = "Nora Marker-Name"
PHONE, EMAIL, LABEL, FIELD = "+4915155501234", "nora.marker@example.org", "Marker Label 7", "marker size 39"
DEVICE_TYPE = "MarkerPhone 9"
STAFF = (Role.DISPATCHER, Role.MANAGER)
LOCATED = """
[location]
enabled = true
live_only = false
interval_s = 5
"""
SHOWN = {
    Category.SUBSCRIBER_NAME,
    Category.MEMBERSHIP,
    Category.DEVICE_TYPE,
    Category.PARTICIPANTS,
    Category.LOCATION,
    Category.ALERT,
}
"""The categories of which the wire shows something to roles."""


def policy_hiding(category: Category, role: Role) -> str:
    """Everything is shown to dispatchers and managers, but one category to one of them."""
    text = PLAIN_POLICY + LOCATED
    for each in Category:
        if each is Category.EXTRA:
            continue
        named = [other.value for other in STAFF if (each, other) != (category, role)]
        basis = 'legal_basis = "legitimate_interests"\n' if each is Category.LOCATION else ""
        text += f"\n[categories.{each}]\n{basis}visible_to = {named}\n".replace("'", '"')
    named = [other.value for other in STAFF if (Category.EXTRA, other) != (category, role)]
    return text + f"\n[extra.shoe]\nvisible_to = {named}\n".replace("'", '"')


@dataclass
class Scene:
    """Nora and Otto on patrol, of whom Otto is never there; those who look, by role."""

    nora: Handset
    otto: str
    group: str
    staff: dict[Role, BareRadio] = field(default_factory=dict)
    alert: str = ""

    def traces(self, category: Category) -> list[str]:
        """What a datum of the category looks like in a frame."""
        return {
            Category.SUBSCRIBER_NAME: [NAME],
            Category.MEMBERSHIP: [self.otto, '"participants":', '"joined":', '"left":'],
            Category.DEVICE_TYPE: [DEVICE_TYPE],
            Category.PARTICIPANTS: ['"talker":{'],
            Category.LOCATION: [f"{LATITUDE:.3f}"],
            Category.ALERT: [self.alert],
            Category.IDENTIFIER: [PHONE],
            Category.CONTACT_DATA: [EMAIL],
            Category.NICKNAME: [LABEL],
            Category.EXTRA: [FIELD],
            Category.IP_ADDRESS: ["127.0.0.1"],
            Category.LAST_LOGIN: ["last_login"],
            Category.CALL_RECORD: ["ended_ms"],
            Category.MESSAGE_CONTENT: ["a word between colleagues"],
        }.get(category, [f'"{category}"'])

    def received(self, role: Role) -> bytes:
        radio = self.staff[role]
        return "\n".join(radio.texts).encode() + b"\n" + b"\n".join(radio.frames)

    def found(self, category: Category, role: Role) -> list[str]:
        octets = self.received(role)
        return [trace for trace in self.traces(category) if trace.encode() in octets]


async def set_up(platform: Platform, policy: str, tenant: str) -> Scene:
    await platform.organise("Patrol", tenant=tenant, policy=policy)
    at, devices = platform.provisioning, platform.devices
    added = await at.add_subscriber(tenant, PHONE, display_name=NAME, pin="4711")
    await at.set_member(tenant, "Patrol", PHONE)
    told = Instruction(Personal("test"), Personal("test"))
    owner = (await at.tenant(tenant)).tenant_id
    await platform.office.rights.set_fields(owner, PHONE, {"email": EMAIL, "shoe": FIELD}, told)
    credentials = await enroll((await devices.add(tenant, PHONE, label=LABEL)).text, DEVICE_TYPE)
    otto = await at.add_subscriber(tenant, "otto", display_name="Otto", pin="4711")
    await at.set_member(tenant, "Patrol", "otto")
    nora = await platform.log_in(credentials, use_udp=False)
    assert nora.credentials.subscriber == added.subscriber.subscriber_id
    group = (await at.group(tenant, "Patrol")).group_id
    scene = Scene(nora, otto.subscriber.subscriber_id, group)
    for role in STAFF:
        credentials = await platform.enrol(role.value, tenant=tenant)
        await platform.office.roles.set_role(tenant, role.value, role)
        scene.staff[role] = await BareRadio.log_in(credentials)
    return scene


async def tried(radio: BareRadio, request: signalling.Request) -> None:
    with contextlib.suppress(Refusal):
        await radio.ask(request, signalling.Message)


async def play(scene: Scene) -> None:
    """All that could show something of Nora."""
    nora, who = scene.nora, scene.nora.credentials.subscriber
    patrol = await nora.affiliate("Patrol")
    await nora.location.report(position())
    for radio in scene.staff.values():
        await tried(radio, signalling.Watch(id=1, on=True))
        await tried(radio, signalling.LocationWatch(id=1))
        await radio.affiliate(scene.group)
    await patrol.request_floor()
    scene.alert = await nora.alerts.raise_alert(position=position())
    for radio in scene.staff.values():
        own = radio.session.subscriber if radio.session else ""
        for request in (
            signalling.GetOverview(id=1),
            signalling.ListPresence(id=1, group=scene.group),
            signalling.LocationLast(id=1, subscriber=who),
            signalling.LocationHistory(id=1, subscriber=who, from_ms=0, until_ms=2**45),
            signalling.LocationLooks(id=1),
            signalling.ListAlerts(id=1),
            signalling.FindRecipients(id=1, subscribers=[who]),
            signalling.PutContact(id=1, subscriber=who, alias="hers"),
            signalling.ListContacts(id=1),
            signalling.ListMessages(id=1),
            signalling.CallAlert(id=1, to=who),
        ):
            await tried(radio, request)
        await nora.calls.ask_to_call_back(own)
        call = await nora.calls.private(own)
        await until(lambda radio=radio: any(isinstance(each, signalling.CallInvited) for each in radio.events))
        await call.end()
    patrol.release_floor()
    for radio in scene.staff.values():
        await tried(radio, signalling.ResolveAlert(id=1, alert=scene.alert, outcome="resolved"))
    for radio in scene.staff.values():
        await tried(radio, signalling.ListPastAlerts(id=1))
        await tried(radio, signalling.DebriefAlert(id=1, alert=scene.alert))
        await radio.ask(signalling.Deaffiliate(id=1, group=scene.group), signalling.Done)
        await radio.affiliate(scene.group)
        await radio.ask_ping()


@pytest.mark.parametrize("category", sorted(SHOWN))
async def test_no_byte_for_who_is_not_named(platform: Platform, category: Category) -> None:
    """Who is named sees it in the same scene, and who is not sees everything else: so the search can find."""
    for role in STAFF:
        scene = await set_up(platform, policy_hiding(category, role), f"{TENANT} {role}")
        await play(scene)
        other = next(each for each in STAFF if each is not role)
        assert scene.found(category, role) == []
        assert scene.traces(category)[0] in scene.found(category, other)
        for shown in SHOWN - {category}:
            assert scene.traces(shown)[0] in scene.found(shown, role), shown
        for radio in scene.staff.values():
            await radio.close()


async def test_what_no_request_shows_is_shown_to_nobody_whoever_is_named(platform: Platform) -> None:
    """All other categories, under a policy that names both roles for each of them."""
    scene = await set_up(platform, policy_hiding(Category.ALERT, Role.SUBSCRIBER), TENANT)
    paul = await writer(platform, await platform.enrol("Paul", "Patrol"))
    await scene.nora.messages.ready()
    sent = await scene.nora.messages.send("a word between colleagues", to=[paul.me])
    await play(scene)
    for role in STAFF:
        for category in set(Category) - SHOWN:
            assert scene.found(category, role) == [], category
        assert sent.message.encode() not in scene.received(role)
        for radio in scene.staff.values():
            await radio.close()


async def test_a_talkers_name_is_in_nobodys_packet_while_somebody_listens_who_may_not_see_it(
    platform: Platform,
) -> None:
    """Floor Taken is one packet for all who listen; the members have the name from the roster."""
    scene = await set_up(platform, policy_hiding(Category.SUBSCRIBER_NAME, Role.DISPATCHER), TENANT)
    manager, dispatcher = scene.staff[Role.MANAGER], scene.staff[Role.DISPATCHER]
    patrol = await scene.nora.affiliate("Patrol")
    await manager.affiliate(scene.group)
    await patrol.request_floor()
    await until(lambda: NAME.encode() in b"".join(manager.frames))
    patrol.release_floor()
    await until(lambda: len(manager.floor_messages()) >= 2)
    await dispatcher.affiliate(scene.group)
    await manager.ask_ping()
    manager.frames.clear()
    await patrol.request_floor()
    await until(lambda: dispatcher.floor_messages() and manager.frames)
    for radio in (manager, dispatcher):
        assert NAME.encode() not in b"".join(radio.frames)
    assert NAME in "".join(manager.texts)
    assert NAME not in "".join(dispatcher.texts)


async def test_a_colleague_is_told_of_an_alert_and_not_of_the_place(platform: Platform) -> None:
    """Positions are for the roles that the policy names; a subscriber is none. Who called for help sees the own."""
    scene = await set_up(platform, policy_hiding(Category.EXTRA, Role.DISPATCHER), TENANT)
    paul = await BareRadio.log_in(await platform.enrol("Paul", "Patrol"))
    await paul.affiliate(scene.group)
    await scene.nora.affiliate("Patrol")
    own: list[signalling.AlertInfo] = []
    scene.nora.alerts.listeners.append(
        lambda event: own.append(event.info) if isinstance(event, signalling.AlertRaised) else None
    )
    scene.alert = await scene.nora.alerts.raise_alert(position=position())
    await until(lambda: any(isinstance(each, signalling.AlertRaised) for each in paul.events) and own)
    told = "".join(paul.texts)
    assert scene.alert in told
    assert NAME in told
    assert f"{LATITUDE:.3f}" not in told
    assert own[-1].position is not None
    await paul.close()

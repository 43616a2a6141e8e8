"""A request for deletion hides the name at once, in living sessions too; whose account is over is nobody any more."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest
from sqlalchemy import func, select

from attacks.bare_radio import BareRadio
from e2e.voices import say, sentence
from ptthandset.errors import Refused
from pttserver.ids import Personal, SubscriberId
from pttserver.privacy.retention import EventKind
from pttserver.roles import Role
from pttserver.services.instructions import Instruction
from pttserver.sessions.session import Session
from pttserver.store.events import record_event
from pttserver.store.schema import members
from pttserver.wire import signalling
from running_server import PLAIN_POLICY, TENANT, Platform, until

ASKED = Instruction(Personal("Dana"), Personal("request 7"))
TWO_PHASES = (
    PLAIN_POLICY
    + '[categories.subscriber_name]\nkeep = ["while_subscribed", "60 days + 60 days after deletion_requested"]\n'
)
OF_THE_DEVICE = TWO_PHASES + TWO_PHASES[len(PLAIN_POLICY) :].replace("subscriber_name", "device_type")
NOT_KEPT = (
    PLAIN_POLICY.replace('version = "1"', 'version = "2"\nacknowledged = ["no_names"]')
    + '[categories.device_type]\ncollect = false\n[categories.subscriber_name]\nstore = "none"\n'
    + '[categories.ip_address]\nstore = "none"\n'
)
ALERT = "alr_00000000000000a1"
CLOSES = PLAIN_POLICY + '[categories.identifier]\nkeep = ["while_subscribed", "until account_closed"]\n'


async def test_the_name_goes_from_living_groups_and_comes_back_with_the_request_withdrawn(platform: Platform) -> None:
    await platform.organise("Patrol", policy=TWO_PHASES)
    radios = {name: await platform.enrol(name, "Patrol") for name in ("Anna", "Bert")}
    anna, bert = [await platform.log_in(radio) for radio in radios.values()]
    hers, his = await anna.affiliate("Patrol"), await bert.affiliate("Patrol")
    tenant_id = (await platform.provisioning.tenant(TENANT)).tenant_id
    who = await platform.office.erasure.request(tenant_id, "Anna", ASKED)
    await until(lambda: (his.participants or {}).get(who) == "", timeout_s=3)

    talking = asyncio.create_task(say(hers, sentence(0, seconds=0.4)))
    await until(lambda: his.talker is not None)
    assert his.talker is not None
    assert not his.talker.name
    await talking
    assert {member.name for member in (await bert.presence("Patrol")).listed or []} == {"", "Bert"}
    assert {m.display_name for m in await platform.provisioning.group_members(TENANT, "Patrol")} == {None, "Bert"}

    await anna.close()
    anna = await platform.log_in(radios["Anna"])  # the service goes on
    await anna.affiliate("Patrol")
    await until(lambda: (his.participants or {}).get(who) == "", timeout_s=3)
    await platform.office.erasure.withdraw(tenant_id, who, ASKED)
    await until(lambda: (his.participants or {}).get(who) == "Anna", timeout_s=3)


async def test_whose_account_is_over_is_refused_like_nobody_before_any_sweep(platform: Platform) -> None:
    await platform.organise("Patrol", policy=CLOSES)
    radio = await platform.enrol("Anna", "Patrol")
    handset = await platform.log_in(radio)
    await handset.close()
    owner = (await platform.provisioning.tenant(TENANT)).tenant_id
    closed_ms = (await platform.provisioning.subscriber(TENANT, "Anna")).created_ms
    await platform.database.write(lambda sql: record_event(sql, owner, None, EventKind.ACCOUNT_CLOSED, closed_ms))
    with pytest.raises(Refused) as refused:
        await platform.log_in(radio)
    nobody = replace(radio, device="dev_0123456789abcdef")
    with pytest.raises(Refused) as unknown:
        await platform.log_in(nobody)
    assert (refused.value.code, refused.value.args) == (unknown.value.code, unknown.value.args)
    assert await platform.provisioning.subscribers(TENANT) == []
    assert await platform.provisioning.group_members(TENANT, "Patrol") == []


async def crew(platform: Platform) -> tuple[BareRadio, BareRadio, BareRadio]:
    """Anna, the dispatcher Dora and the manager Mara; Anna has raised an alert."""
    radios = []
    for name, role in (("Anna", Role.SUBSCRIBER), ("Dora", Role.DISPATCHER), ("Mara", Role.MANAGER)):
        credentials = await platform.enrol(name, "Patrol")
        await platform.office.roles.set_role(TENANT, name, role)
        radios.append(await BareRadio.log_in(credentials))
    anna, dora, mara = radios
    await anna.ask(signalling.RaiseAlert(id=1, alert=ALERT, drill=False), signalling.AlertAccepted)
    assert await raiser_told_to(dora) == "Anna"
    assert (await types_told_to(mara))[anna.session.subscriber] == "test radio"
    return anna, dora, mara


async def raiser_told_to(radio: BareRadio) -> str:
    """The name, as open alerts are listed."""
    (alert,) = (await radio.ask(signalling.ListAlerts(id=1), signalling.Alerts)).alerts
    return alert.info.name


async def types_told_to(radio: BareRadio) -> dict[str, str]:
    """Of the devices that are there, by subscriber."""
    people = (await radio.ask(signalling.GetOverview(id=1), signalling.Overview)).people
    return {each.subscriber: each.device_type for each in people}


async def holds(condition: Callable[[], Awaitable[bool]]) -> None:
    """Within a few looks at the database."""
    async with asyncio.timeout(5):
        while not await condition():
            await asyncio.sleep(0.1)


async def test_what_an_open_alert_and_the_overview_tell_goes_with_the_request(platform: Platform) -> None:
    await platform.organise("Patrol", policy=OF_THE_DEVICE)
    anna, dora, mara = await crew(platform)
    who, tenant_id = anna.session.subscriber, (await platform.provisioning.tenant(TENANT)).tenant_id
    other = await platform.another_device("Anna", device_type="other radio")
    await platform.office.erasure.request(tenant_id, "Anna", ASKED)

    async def is_hidden() -> bool:
        return not await raiser_told_to(dora) and not (await types_told_to(mara))[who]

    await holds(is_hidden)
    late = await BareRadio.log_in(await platform.another_device("Dora"))
    assert await raiser_told_to(late) == ""
    again = await BareRadio.log_in(other)
    assert again.session.superseded is not None
    assert again.session.superseded.device_type == ""
    assert (await types_told_to(mara))[who] == ""

    await again.close()  # whoever raised it need not be there
    platform.server.services.attendance.end(living(platform, who), "expired")
    await platform.office.erasure.withdraw(tenant_id, "Anna", ASKED)

    async def is_back() -> bool:
        return await raiser_told_to(late) == "Anna"

    await holds(is_back)
    for radio in (anna, dora, late, mara):
        await radio.close()


def living(platform: Platform, who: str) -> Session:
    session = platform.server.services.sessions.of_subscriber(SubscriberId(who))
    assert session is not None
    return session


async def test_what_the_policy_does_not_let_anybody_keep_is_not_held_by_who_is_there(platform: Platform) -> None:
    await platform.organise("Patrol")
    anna, dora, mara = await crew(platform)
    sessions = platform.server.services.sessions
    assert {each.initiator_address.reveal() for each in sessions} == {"127.0.0.1"}
    tenant_id = (await platform.provisioning.tenant(TENANT)).tenant_id
    await platform.office.instructions.apply(tenant_id, NOT_KEPT, ASKED)

    async def is_hidden() -> bool:
        return not await raiser_told_to(dora) and set((await types_told_to(mara)).values()) == {""}

    await holds(is_hidden)
    assert {each.initiator_address.reveal() for each in sessions} == {""}
    again = await BareRadio.log_in(await platform.another_device("Anna"))
    assert again.session.superseded is not None
    assert again.session.superseded.device_type == ""
    for radio in (anna, dora, mara, again):
        await radio.close()


async def test_what_others_call_somebody_goes_with_the_request_too(platform: Platform) -> None:
    by_contact = TWO_PHASES[len(PLAIN_POLICY) :].replace("subscriber_name", "contact_data")
    await platform.organise("Patrol", policy=PLAIN_POLICY + by_contact)
    anna, bert = [await BareRadio.log_in(await platform.enrol(name, "Patrol")) for name in ("Anna", "Bert")]
    who, tenant_id = anna.session.subscriber, (await platform.provisioning.tenant(TENANT)).tenant_id
    await bert.ask(signalling.PutContact(id=1, subscriber=who, alias="Anni of the night shift"), signalling.Done)

    async def listed() -> list[str]:
        found = await bert.ask(signalling.ListContacts(id=1), signalling.Contacts)
        return [each.alias for each in found.contacts]

    await platform.office.erasure.request(tenant_id, "Anna", ASKED)
    assert await listed() == []
    await platform.office.erasure.withdraw(tenant_id, who, ASKED)
    assert await listed() == ["Anni of the night shift"]
    for radio in (anna, bert):
        await radio.close()


async def test_memberships_that_are_over_let_nobody_in_before_any_sweep(platform: Platform) -> None:
    until_billed = '[categories.membership]\nkeep = ["while_subscribed", "until billing_closed"]\n'
    await platform.organise("Patrol", policy=PLAIN_POLICY + until_billed)
    radio = await platform.enrol("Anna", "Patrol")
    anna = await platform.log_in(radio)
    patrol = (await anna.affiliate("Patrol")).group_id
    await platform.office.periods.record(TENANT, EventKind.BILLING_CLOSED, ASKED)
    await until(lambda: not anna.talkgroups, timeout_s=3)
    assert await anna.refresh_groups() == []
    with pytest.raises(Refused) as refused:
        await anna.affiliate(patrol)
    assert refused.value.code == "not_found"
    assert await platform.provisioning.memberships(TENANT, "Anna") == []
    assert await platform.provisioning.group_members(TENANT, "Patrol") == []
    written = await platform.database.read(lambda sql: sql.scalar(select(func.count()).select_from(members)))
    assert written == 1
    token = anna.credentials.resume_token
    await anna.close()
    assert token is not None
    again = await BareRadio.open(platform.url)
    await again.hello()
    assert (await again.resume(radio, token)).groups == []
    new = await BareRadio.log_in(radio)
    assert new.session.groups == []
    for each in (again, new):
        await each.close()

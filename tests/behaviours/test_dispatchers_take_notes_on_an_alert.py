"""A dispatcher notes what happens while an alert is open, for the others and for the debriefing, and reads it later.

Notes are about who raised the alert: they are kept as that person's, no longer than alerts, and go with that person.
"""

import logging
from pathlib import Path

import pytest
from sqlalchemy import func, select

from attacks.bare_radio import BareRadio, Refusal
from behaviours.control_room import ALERT, POLICY, Control, Person
from behaviours.test_an_organisation_that_keeps_nothing_leaves_nothing import NO_RECORDS, scan
from locating import LATITUDE, LOCATED, LONGITUDE, position
from ptthandset.errors import Refused
from pttserver.alerts.alert import MOST_NOTES
from pttserver.ids import Personal
from pttserver.roles import Role
from pttserver.services.instructions import Instruction
from pttserver.services.provision import FIRST_INSTRUCTION
from pttserver.store.alert_schema import alert_notes, alert_steps
from pttserver.wire import signalling as s
from running_server import TENANT, Platform, running_platform, until

NOTE = "fell from the ladder, cannot feel her legs"
OUTCOME = "taken to the hospital"
HELP = s.RaiseAlert(id=1, alert=ALERT)


def noted(person: Person) -> list[tuple[str, str]]:
    steps = [event.step for event in person.events if isinstance(event, s.AlertStepped)]
    return [(step.name, step.note) for step in steps if step.kind == "noted"]


async def rows(platform: Platform) -> int:
    await platform.server.services.alert_log.flush()
    query = select(func.count()).select_from(alert_notes)
    return await platform.database.read(lambda sql: sql.scalar(query) or 0)


@pytest.fixture
async def control(platform: Platform) -> Control:
    await platform.organise("Patrol", policy=POLICY)
    return Control(platform)


async def test_the_other_desk_reads_it_at_once_and_nobody_else(control: Control) -> None:
    anna, bert, dora = await control.staff()
    max_ = await control.on_duty("Max", role=Role.MANAGER)
    eve = await control.on_duty("Eve", role=Role.DISPATCHER)
    alert = await anna.handset.alerts.raise_alert()
    await until(lambda: dora.raised() and eve.raised() and bert.raised())
    await dora.handset.alerts.note(alert, NOTE)
    await until(lambda: noted(dora) == noted(eve) == [("Dora", NOTE)])
    (detail,) = await max_.handset.alerts.list()
    assert [step.note for step in detail.steps if step.kind == "noted"] == [NOTE]
    (of_raiser,) = await anna.handset.alerts.list()
    assert "noted" not in {step.kind for step in of_raiser.steps}
    await dora.handset.alerts.resolve(alert)
    for person in (anna, bert):
        await person.sees("resolved")
        assert noted(person) == []


async def test_only_dispatchers_write_and_only_while_it_is_open(control: Control) -> None:
    anna, bert, dora = await control.staff()
    alert = await anna.handset.alerts.raise_alert()
    for person in (anna, bert):
        with pytest.raises(Refused, match="role"):
            await person.handset.alerts.note(alert, NOTE)
    await control.platform.organise("Away", tenant="Umbrella")
    stranger = await Control(control.platform, "Umbrella").on_duty("Ulf", role=Role.DISPATCHER)
    with pytest.raises(Refused) as refused:
        await stranger.handset.alerts.note(alert, NOTE)
    assert refused.value.code == "not_found"
    await dora.handset.alerts.resolve(alert)
    with pytest.raises(Refused, match="takes no more notes"):
        await dora.handset.alerts.note(alert, NOTE)
    assert await rows(control.platform) == 0


async def test_an_alert_takes_so_many_and_no_more(control: Control) -> None:
    anna, _, dora = await control.staff()
    alert = await anna.handset.alerts.raise_alert()
    for number in range(MOST_NOTES):
        await dora.handset.alerts.note(alert, f"note {number}")
    with pytest.raises(Refused) as refused:
        await dora.handset.alerts.note(alert, "one more")
    assert refused.value.code == "invalid_value"
    await control.platform.server.services.alert_log.flush()
    noted = select(func.count()).select_from(alert_steps).where(alert_steps.c.kind == "noted")
    assert await control.platform.database.read(lambda sql: sql.scalar(noted)) == MOST_NOTES


async def test_it_outlives_the_server(tmp_path: Path) -> None:
    async with running_platform(tmp_path) as platform:
        await platform.organise("Patrol", policy=POLICY)
        anna, _, dora = await Control(platform).staff()
        alert = await anna.handset.alerts.raise_alert()
        await dora.handset.alerts.note(alert, NOTE)
    async with running_platform(tmp_path) as platform:
        (open_,) = platform.server.services.alerts.desk.board
        assert [step.note.reveal() for step in open_.timeline if step.kind == "noted"] == [NOTE]


@pytest.mark.parametrize("keeps", [False, True])
async def test_t110_it_is_nowhere_in_clear_and_nowhere_at_all_if_nothing_is_kept(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, keeps: bool
) -> None:
    caplog.set_level(logging.DEBUG)
    async with running_platform(tmp_path) as platform:
        await platform.organise("Patrol", policy=POLICY if keeps else NO_RECORDS)
        anna, _, dora = await Control(platform).staff()
        alert = await anna.handset.alerts.raise_alert()
        await dora.handset.alerts.note(alert, NOTE)
        await until(lambda: noted(dora) == [("Dora", NOTE)])
        assert await rows(platform) == int(keeps)
        assert scan(platform.settings.data_dir, [NOTE, NOTE[:12]]) == []
        assert NOTE not in caplog.text
        assert NOTE not in repr(platform.server.services.metrics.__dict__)


async def test_it_is_in_the_copy_of_who_raised_the_alert_and_goes_with_that_person(control: Control) -> None:
    anna, _, dora = await control.staff()
    alert = await anna.handset.alerts.raise_alert()
    await dora.handset.alerts.note(alert, NOTE)
    await dora.handset.alerts.resolve(alert, note=OUTCOME)
    assert await rows(control.platform) == 2
    platform, by = control.platform, Instruction(Personal("test"), Personal("asked"))
    tenant = await platform.provisioning.tenant(TENANT)
    hers = (await platform.office.exports.export(tenant, anna.number, by)).model_dump_json()
    writers = (await platform.office.exports.export(tenant, dora.number, by)).model_dump_json()
    assert NOTE in hers
    assert OUTCOME in hers
    assert NOTE not in writers
    assert OUTCOME not in writers
    await platform.office.erasure.erase(tenant.tenant_id, "Anna", by)
    assert await rows(platform) == 0


# Afterwards ----------------------------------------------------------------------------------------------------------


async def closed(dora: BareRadio, raiser: BareRadio, alert: str) -> None:
    await raiser.ask(s.RaiseAlert(id=1, alert=alert, position=position()), s.AlertAccepted)
    await dora.ask(s.NoteAlert(id=1, alert=alert, note=NOTE), s.Done)
    await dora.ask(s.HandleAlert(id=1, alert=alert), s.Done)
    await dora.ask(s.ResolveAlert(id=1, alert=alert, outcome="false_alarm"), s.Done)


async def crew(platform: Platform, policy: str) -> tuple[BareRadio, BareRadio]:
    """Dora at the console, Anna on patrol."""
    await platform.organise("Patrol", policy=policy)
    control = Control(platform)
    dora = await BareRadio.log_in(await control.credentials("Dora", role=Role.DISPATCHER))
    return dora, await BareRadio.log_in(await control.credentials("Anna", "Patrol"))


async def past(radio: BareRadio, **wanted: object) -> s.PastAlerts:
    return await radio.ask(s.ListPastAlerts(id=1, **wanted), s.PastAlerts)  # type: ignore[arg-type]


def named(number: int) -> str:
    return f"alr_00000000000000{number:02x}"


async def test_what_is_over_is_read_page_by_page_newest_first(platform: Platform) -> None:
    dora, anna = await crew(platform, LOCATED)
    for number in range(5):
        await closed(dora, anna, named(number))
    await anna.ask(s.RaiseAlert(id=1, alert=named(99)), s.AlertAccepted)  # it is open: not in the list
    first = await past(dora, limit=2)
    second = await past(dora, limit=2, before=first.further)
    third = await past(dora, limit=2, before=second.further)
    told = [one for page in (first, second, third) for one in page.alerts]
    assert [one.info.alert for one in told] == [named(number) for number in (4, 3, 2, 1, 0)]
    assert third.further is None
    assert {(one.info.name, one.info.state, one.info.position) for one in told} == {("Anna", "false_alarm", None)}
    assert all(one.closed_ms >= one.info.raised_ms for one in told)


async def test_one_of_them_is_debriefed_and_each_look_is_noted(platform: Platform) -> None:
    dora, anna = await crew(platform, LOCATED)
    await closed(dora, anna, ALERT)
    await past(dora)
    shown = await dora.ask(s.DebriefAlert(id=1, alert=ALERT), s.AlertDebriefing)
    assert [(step.kind, step.name, step.note) for step in shown.steps if step.kind != "delivered"] == [
        ("raised", "Anna", ""),
        ("noted", "Dora", NOTE),
        ("handling", "Dora", ""),
        ("false_alarm", "Dora", ""),
    ]
    assert shown.past.info.handler == dora.session.subscriber if dora.session else False
    assert shown.place == s.Point(latitude=LATITUDE, longitude=LONGITUDE)
    tenant = await platform.provisioning.tenant(TENANT)
    entries = await platform.office.audit.entries(tenant.tenant_id)
    assert {"alert.list", "alert.show", "location.look.alert"} <= {entry.operation for entry in entries}
    looked = (await anna.ask(s.LocationLooks(id=1), s.LocationLooked)).looks
    assert [(look.what, look.who) for look in looked] == [("alert", "Dora")]


async def test_others_and_what_is_gone_are_not_found(platform: Platform) -> None:
    dora, anna = await crew(platform, LOCATED)
    await closed(dora, anna, ALERT)
    await anna.ask(s.RaiseAlert(id=1, alert=named(1)), s.AlertAccepted)
    await platform.organise("Away", tenant="Umbrella")
    control = Control(platform, "Umbrella")
    ulf = await BareRadio.log_in(await control.credentials("Ulf", role=Role.DISPATCHER))
    assert (await past(ulf)).alerts == []
    for radio, alert in ((ulf, ALERT), (dora, named(1)), (dora, named(2))):
        with pytest.raises(Refusal, match="not_found"):
            await radio.ask(s.DebriefAlert(id=1, alert=alert), s.AlertDebriefing)
    for request in (s.ListPastAlerts(id=1), s.DebriefAlert(id=1, alert=ALERT)):
        with pytest.raises(Refusal, match=r"auth\.forbidden"):
            await anna.ask(request, s.Message)
    tenant = await platform.provisioning.tenant(TENANT)
    await platform.office.erasure.erase(tenant.tenant_id, "Anna", Instruction(Personal("test"), Personal("asked")))
    assert (await past(dora)).alerts == []
    with pytest.raises(Refusal, match="not_found"):
        await dora.ask(s.DebriefAlert(id=1, alert=ALERT), s.AlertDebriefing)


async def test_a_stricter_policy_hides_them_at_once(platform: Platform) -> None:
    dora, anna = await crew(platform, LOCATED)
    await closed(dora, anna, ALERT)
    assert len((await past(dora)).alerts) == 1
    await apply(platform, LOCATED + 'visible_to = ["manager"]\n')
    assert (await dora.ask(s.DebriefAlert(id=1, alert=ALERT), s.AlertDebriefing)).place is None
    await apply(platform, LOCATED + '[categories.alert]\nvisible_to = ["manager"]\n')
    assert (await past(dora)).alerts == []
    with pytest.raises(Refusal, match="not_found"):
        await dora.ask(s.DebriefAlert(id=1, alert=ALERT), s.AlertDebriefing)
    assert await rows(platform) == 1


async def apply(platform: Platform, policy: str) -> None:
    tenant = await platform.provisioning.tenant(TENANT)
    await platform.office.instructions.apply(tenant.tenant_id, policy, FIRST_INSTRUCTION)
    await platform.server.services.policies.load()

"""Push to Locate between real radios: reports, looks, watches, fences; who may not look is refused, and it is noted."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import LargeBinary, type_coerce, update

from attacks.bare_radio import BareRadio, Refusal
from behaviours.test_what_was_measured_while_location_was_off_stays_unknown import apply
from locating import LATITUDE, LIVE_ONLY, LOCATED, LONGITUDE, NOT_LOCATED, crew, now_ms, position, report, traces
from pttserver.clock import Clock
from pttserver.config import LocationSettings
from pttserver.errors import Forbidden, PolicyForbids, SealBroken
from pttserver.places.geodesy import scale
from pttserver.privacy.restriction import Restriction
from pttserver.roles import Role
from pttserver.services.instructions import Instruction
from pttserver.services.provision import FIRST_INSTRUCTION
from pttserver.store.location_schema import fences
from pttserver.wire import signalling as s
from running_server import PIN, TENANT, Platform, running_platform, until

NORTH_M = scale(LATITUDE)[0]


def told(radio: BareRadio, kind: type) -> list:
    return [event for event in radio.events if isinstance(event, kind)]


async def last(radio: BareRadio, who: str) -> s.LocationLastKnown:
    return await radio.ask(s.LocationLast(id=1, subscriber=who), s.LocationLastKnown)


async def looks(radio: BareRadio) -> list[tuple[str, str]]:
    found = (await radio.ask(s.LocationLooks(id=1), s.LocationLooked)).looks
    assert [look.at_ms for look in found] == sorted((look.at_ms for look in found), reverse=True)
    return [(look.what, look.who) for look in found]


async def circle(radio: BareRadio, radius_m: float = 200, **more: object) -> str:
    shape = s.CircleShape(center=s.Point(latitude=LATITUDE, longitude=LONGITUDE), radius_m=radius_m)
    kept = await radio.ask(s.PutFence(id=1, name=f"Yard {radius_m}", shape=shape, **more), s.FenceKept)  # type: ignore[arg-type]
    return kept.fence


async def test_the_last_position_and_the_history_are_seen_and_each_look_is_known_to_the_person(platform) -> None:
    anna, dora = await crew(platform)
    who = anna.session.subscriber
    assert (await last(dora, who)).position is None
    taken = await report(anna, *(position(ago_s=ago_s, accuracy_m=ago_s + 1) for ago_s in (40, 30, 20)))
    assert (taken.accepted, taken.dropped) == (3, {})
    found = await last(dora, who)
    assert (found.position.latitude, found.position.longitude, found.position.accuracy_m) == (LATITUDE, LONGITUDE, 21)
    assert 18 <= found.age_s <= 30
    await platform.server.services.location.log.flush()
    track = await dora.ask(
        s.LocationHistory(id=1, subscriber=who, from_ms=now_ms() - 35_000, until_ms=now_ms()), s.LocationTrack
    )
    assert [round(each.accuracy_m) for each in track.positions] == [31, 21]
    newest = s.LocationHistory(id=1, subscriber=who, from_ms=0, until_ms=now_ms(), limit=1)
    assert [round(p.accuracy_m) for p in (await dora.ask(newest, s.LocationTrack)).positions] == [21]
    assert await looks(anna) == [("history", "Dora"), ("history", "Dora"), ("last", "Dora"), ("last", "Dora")]
    assert await looks(dora) == []
    await anna.close()
    await dora.close()


async def test_the_device_is_asked_and_its_answer_comes_before_its_turn(platform) -> None:
    anna, dora = await crew(platform)
    who = anna.session.subscriber
    await report(anna, position(ago_s=2))
    wanted = (await dora.ask(s.LocationRequest(id=1, subscriber=who), s.LocationRequested)).request
    await until(lambda: told(anna, s.LocationWanted))
    assert told(anna, s.LocationWanted)[0].request == wanted
    assert (await report(anna, position(ago_s=1))).dropped == {"early": 1}
    assert (await report(anna, position(accuracy_m=3), request=wanted)).accepted == 1
    await until(lambda: told(dora, s.LocationPosition))
    answer = told(dora, s.LocationPosition)[0]
    assert (answer.request, answer.position.accuracy_m, answer.name) == (wanted, 3, "Anna")
    assert (await report(anna, position(), request=wanted)).accepted == 0
    assert await looks(anna) == [("request", "Dora")]
    await anna.close()
    await until(lambda: platform.server.services.sessions.of_subscriber(who).link is None)
    with pytest.raises(Refusal, match="not_found"):
        await dora.ask(s.LocationRequest(id=1, subscriber=who), s.LocationRequested)
    await dora.close()


async def test_who_watches_is_told_and_it_is_noted_once(platform) -> None:
    anna, dora = await crew(platform)
    bert = await BareRadio.log_in(await platform.enrol("Bert", "Patrol"))
    await dora.ask(s.LocationWatch(id=1), s.Done)
    for ago_s in (50, 40, 30):
        await report(anna, position(ago_s=ago_s))
        await until(lambda: told(dora, s.LocationPosition))
    await report(bert, position(accuracy_m=9))
    await until(lambda: len(told(dora, s.LocationPosition)) == 4)
    assert [event.name for event in told(dora, s.LocationPosition)] == ["Anna"] * 3 + ["Bert"]
    assert await looks(anna) == [("watch", "Dora")]
    assert await looks(bert) == [("watch", "Dora")]
    await dora.ask(s.LocationUnwatch(id=1), s.Done)
    await report(anna, position())
    await asyncio.sleep(0.1)
    assert len(told(dora, s.LocationPosition)) == 4
    for radio in (anna, bert, dora):
        await radio.close()


async def test_a_watch_of_a_group_is_of_who_takes_part(platform) -> None:
    anna, dora = await crew(platform)
    bert = await BareRadio.log_in(await platform.enrol("Bert", "Patrol"))
    await anna.affiliate()
    group = anna.session.groups[0].group
    await dora.ask(s.LocationWatch(id=1, group=group), s.Done)
    await report(bert)
    await report(anna)
    await until(lambda: told(dora, s.LocationPosition))
    await asyncio.sleep(0.1)
    assert [event.name for event in told(dora, s.LocationPosition)] == ["Anna"]
    for wrong in (s.LocationWatch(id=1, group="grp_" + "0" * 16), s.LocationWatch(id=1, fence="fen_" + "0" * 16)):
        with pytest.raises(Refusal, match="not_found"):
            await dora.ask(wrong, s.Done)
    for radio in (anna, bert, dora):
        await radio.close()


async def test_a_fence_tells_who_enters_stays_and_leaves(platform) -> None:
    anna, dora = await crew(platform)
    fence = await circle(dora, dwell_s=10)
    await dora.ask(s.LocationWatch(id=1, fence=fence), s.Done)
    walk = [(900, 60), (0, 50), (5, 45), (3, 38), (900, 10)]
    for metres, ago_s in walk:
        await report(anna, position(latitude=LATITUDE + metres / NORTH_M, ago_s=ago_s))
    await until(lambda: len(told(dora, s.FenceEvent)) == 3)
    assert [event.event for event in told(dora, s.FenceEvent)] == ["entered", "stays", "left"]
    assert {(event.fence, event.name) for event in told(dora, s.FenceEvent)} == {(fence, "Anna")}
    inside = [round((event.position.latitude - LATITUDE) * NORTH_M) for event in told(dora, s.LocationPosition)]
    assert 900 not in inside
    assert await looks(anna) == [("watch", "Dora")]
    await anna.close()
    await dora.close()


async def test_fences_are_kept_listed_changed_and_removed(platform) -> None:
    _, dora = await crew(platform)
    first = await circle(dora, 50)
    with pytest.raises(Refusal, match="already_exists"):
        await circle(dora, 50)
    assert await circle(dora, 60, fence=first) == first
    crossing = s.PolygonShape(points=[s.Point(latitude=a, longitude=b) for a, b in ((0, 0), (1, 1), (0, 1), (1, 0))])
    with pytest.raises(Refusal) as refused:
        await dora.ask(s.PutFence(id=1, name="Eight", shape=crossing), s.FenceKept)
    assert refused.value.error.message == "The polygon crosses itself."
    for number in range(s.MOST_FENCES + 3):
        await circle(dora, 1000 + number)
    page = await dora.ask(s.ListFences(id=1), s.Fences)
    rest = await dora.ask(s.ListFences(id=1, after=page.fences[-1].fence), s.Fences)
    assert (len(page.fences), page.further, len(rest.fences), rest.further) == (50, True, 4, False)
    assert len({fence.fence for fence in (*page.fences, *rest.fences)}) == 54
    await dora.ask(s.RemoveFence(id=1, fence=first), s.Done)
    with pytest.raises(Refusal, match="not_found"):
        await dora.ask(s.RemoveFence(id=1, fence=first), s.Done)
    with pytest.raises(Refusal, match="not_found"):
        await circle(dora, 70, fence=first)
    await dora.close()


async def test_a_fence_of_the_operator_is_in_force_within_a_second(platform) -> None:
    anna, dora = await crew(platform)
    await dora.ask(s.LocationWatch(id=1), s.Done)
    ring = [[LONGITUDE - 0.01, LATITUDE - 0.01], [LONGITUDE + 0.01, LATITUDE - 0.01], [LONGITUDE, LATITUDE + 0.02]]
    drawn = f"""{{"type": "Feature", "properties": {{"name": "Site"}},
        "geometry": {{"type": "Polygon", "coordinates": [{[*ring, ring[0]]}]}}}}"""
    (site,) = await platform.office.fences.add(TENANT, drawn)
    tenant = await platform.provisioning.tenant(TENANT)
    fences = platform.server.services.location.fencing.of(tenant.tenant_id)
    await until(lambda: site.fence_id in fences.by_id)
    await report(anna, position(ago_s=20))
    await until(lambda: told(dora, s.FenceEvent))
    await platform.office.fences.remove(TENANT, "Site")
    await until(lambda: not fences.by_id)
    assert (await report(anna)).accepted == 1
    assert len(told(dora, s.FenceEvent)) == 1
    await anna.close()
    await dora.close()


async def test_while_nobody_is_located_fences_stay_tell_nothing_and_no_other_is_put(platform) -> None:
    anna, dora = await crew(platform)
    first, second = await circle(dora, 200), await circle(dora, 300)
    await dora.ask(s.LocationWatch(id=1), s.Done)
    await apply(platform, NOT_LOCATED)
    for refused in (circle(dora, 400), circle(dora, 250, fence=first), report(anna, position(ago_s=10))):
        with pytest.raises(Refusal, match=r"policy\.forbids"):
            await refused
    await platform.office.book.load()  # each command of an operator does
    with pytest.raises(PolicyForbids, match="once location is on"):
        await platform.office.fences.add(TENANT, "{}")
    await dora.ask(s.RemoveFence(id=1, fence=second), s.Done)
    listed = (await dora.ask(s.ListFences(id=1), s.Fences)).fences
    assert [(each.fence, each.name) for each in listed] == [(first, "Yard 200")]
    assert told(dora, s.FenceEvent) == []
    await apply(platform, LOCATED + "# again\n")
    await dora.ask(s.LocationWatch(id=1), s.Done)
    await report(anna)
    await until(lambda: told(dora, s.FenceEvent))
    assert [(each.fence, each.event) for each in told(dora, s.FenceEvent)] == [(first, "entered")]
    await anna.close()
    await dora.close()


async def test_no_file_of_the_server_shows_a_fence(platform) -> None:
    """The same search finds it in what the dispatcher was told."""
    anna, dora = await crew(platform)
    home = "Home of Anna Zauber"
    shape = s.CircleShape(center=s.Point(latitude=LATITUDE, longitude=LONGITUDE), radius_m=200)
    await dora.ask(s.PutFence(id=1, name=home, shape=shape), s.FenceKept)
    await dora.ask(s.ListFences(id=1), s.Fences)
    await report(anna)  # she comes into it
    await apply(platform, NOT_LOCATED)
    await platform.office.retention.round()
    places = {f.name: f.read_bytes() for f in platform.settings.data_dir.rglob("*") if f.is_file()}
    assert places.keys() >= {"pttserver.sqlite3", "pttserver.sqlite3-wal", "pttserver.sqlite3-shm"}
    places["what Dora was told"] = "".join(dora.texts).encode()
    for marks in ([home.encode()], traces()):
        assert [name for name, octets in places.items() if any(mark in octets for mark in marks)] == [
            "what Dora was told"
        ]
    await anna.close()
    await dora.close()


async def test_fences_that_cannot_be_opened_harm_no_other_organisation(platform) -> None:
    anna, dora = await crew(platform)
    await circle(dora, 200)
    await platform.organise(tenant="Broken", policy=LOCATED)
    place = '{"type": "Point", "coordinates": [1, 2]}'
    drawn = f'{{"type": "Feature", "properties": {{"name": "Site", "radius_m": 50}}, "geometry": {place}}}'
    (site,) = await platform.office.fences.add("Broken", drawn)
    fencing = platform.server.services.location.fencing
    await until(lambda: site.fence_id in fencing.of(site.tenant_id).by_id)
    octets = {"shape": type_coerce(b"broken", LargeBinary), "changed_ms": 1}
    broken = update(fences).where(fences.c.id == site.fence_id).values(octets)
    await platform.database.write(lambda sql: sql.execute(broken))
    await until(lambda: not fencing.of(site.tenant_id).by_id)
    await dora.ask(s.LocationWatch(id=1), s.Done)
    await report(anna)
    await until(lambda: told(dora, s.FenceEvent))
    with pytest.raises(SealBroken):
        await platform.office.fences.of_tenant("Broken")
    await anna.close()
    await dora.close()


# Who may not --------------------------------------------------------------------------------------------------------


async def every_look(radio: BareRadio, who: str) -> list[str]:
    """Codes of the refusals, in order; `taken` for what was answered."""
    requests = [
        s.LocationRequest(id=1, subscriber=who),
        s.LocationLast(id=1, subscriber=who),
        s.LocationHistory(id=1, subscriber=who, from_ms=0, until_ms=now_ms()),
        s.LocationWatch(id=1),
    ]
    codes = []
    for request in requests:
        try:
            await radio.ask(request, s.Reply)
        except Refusal as refusal:
            codes.append(refusal.code)
        else:
            codes.append("taken")
    return codes


async def test_t085_who_is_not_entitled_is_refused_and_the_person_can_see_that_it_was_tried(platform) -> None:
    """A manager, where the policy shows positions to dispatchers only."""
    anna, dora = await crew(platform)
    await platform.office.roles.set_role(TENANT, "Dora", Role.MANAGER)
    await until(lambda: told(dora, s.TermsChanged))
    await report(anna)
    assert await every_look(dora, anna.session.subscriber) == ["auth.forbidden"] * 4
    assert await looks(anna) == [("refused", "Dora")]
    entries = await platform.office.audit.entries((await platform.provisioning.tenant(TENANT)).tenant_id)
    assert [entry.operation for entry in entries].count("location.look.refused") == 2  # of her, and of everybody
    await anna.close()
    await dora.close()


async def test_t085_neither_subscribers_nor_dispatchers_without_the_scope(platform) -> None:
    policy = LOCATED + '\n[roles]\ndispatcher = ["talk", "call"]\n'
    anna, dora = await crew(platform, policy)
    bert = await BareRadio.log_in(await platform.enrol("Bert", "Patrol"))
    for radio in (bert, dora):
        assert await every_look(radio, anna.session.subscriber) == ["auth.forbidden"] * 4
    assert await looks(anna) == [("refused", "Dora"), ("refused", "Bert")]
    for radio in (anna, bert, dora):
        await radio.close()


async def test_subscribers_of_other_organisations_do_not_exist(platform) -> None:
    anna, dora = await crew(platform)
    await platform.organise("Patrol", tenant="Other", policy=LOCATED)
    eve = await BareRadio.log_in(await platform.enrol("Eve", "Patrol", tenant="Other"))
    await report(eve)
    unknown = "sub_" + "0" * 16
    for who in (eve.session.subscriber, unknown):
        assert await every_look(dora, who) == ["not_found"] * 3 + ["taken"]
    await report(eve, position(ago_s=-5))
    await report(anna)
    await until(lambda: told(dora, s.LocationPosition))
    assert {event.name for event in told(dora, s.LocationPosition)} == {"Anna"}
    for radio in (anna, dora, eve):
        await radio.close()


async def test_who_may_not_look_any_more_hears_no_more(platform) -> None:
    anna, dora = await crew(platform)
    await dora.ask(s.LocationWatch(id=1), s.Done)
    await report(anna, position(ago_s=40))
    await until(lambda: told(dora, s.LocationPosition))
    await platform.office.roles.set_role(TENANT, "Dora", Role.SUBSCRIBER)
    await until(lambda: told(dora, s.TermsChanged))
    await report(anna)
    await asyncio.sleep(0.1)
    assert len(told(dora, s.LocationPosition)) == 1
    await anna.close()
    await dora.close()


async def test_of_somebody_whose_processing_is_restricted_nothing_is_taken_or_shown(platform) -> None:
    anna, dora = await crew(platform)
    who, tenant = anna.session.subscriber, await platform.provisioning.tenant(TENANT)
    await report(anna, position(ago_s=30))
    await dora.ask(s.LocationWatch(id=1), s.Done)
    by = Instruction(FIRST_INSTRUCTION.actor, FIRST_INSTRUCTION.reason)
    await platform.office.rights.restrict(tenant.tenant_id, who, Restriction.ACCURACY_DISPUTE, by)
    await until(lambda: told(anna, s.TermsChanged))
    with pytest.raises(Refusal, match=r"policy\.forbids"):
        await report(anna)
    assert await every_look(dora, who) == ["policy.forbids"] * 3 + ["taken"]
    assert told(dora, s.LocationPosition) == []
    await anna.close()
    await dora.close()


# The rules of the policy --------------------------------------------------------------------------------------------


async def test_what_is_not_due_cannot_be_true_or_is_too_old_is_dropped_by_name(platform) -> None:
    anna, dora = await crew(platform)
    far = position(latitude=LATITUDE + 10)
    flawed = [position(ago_s=-120), position(ago_s=4000), position(ago_s=60), position(ago_s=58), position(ago_s=70)]
    taken = await report(anna, *flawed, far)
    assert (taken.accepted, taken.dropped) == (1, {"future": 1, "stale": 1, "early": 1, "order": 1, "absurd": 1})
    drops = platform.server.services.location.locating.drops
    assert {name: number for name, number in drops.items() if number} == taken.dropped
    with pytest.raises(Refusal, match=r"protocol\.malformed"):
        await anna.ask_text(
            '{"type":"location.report","id":9,"positions":[{"latitude":91.5,"longitude":1,"accuracy_m":1,"at_ms":1}]}',
            9,
            s.LocationTaken,
        )
    assert "91.5" not in "".join(anna.texts)
    await anna.close()
    await dora.close()


async def test_positions_are_rounded_before_anybody_sees_them(platform) -> None:
    anna, dora = await crew(platform, LOCATED.replace("interval_s = 5", "interval_s = 5\nprecision_m = 1000"))
    await dora.ask(s.LocationWatch(id=1), s.Done)
    await report(anna)
    await until(lambda: told(dora, s.LocationPosition))
    seen = told(dora, s.LocationPosition)[0].position
    found = await last(dora, anna.session.subscriber)
    await platform.server.services.location.log.flush()
    history = s.LocationHistory(id=1, subscriber=anna.session.subscriber, from_ms=0, until_ms=now_ms())
    (stored,) = (await dora.ask(history, s.LocationTrack)).positions
    for each in (seen, found.position, stored):
        assert (each.latitude, each.longitude) != (LATITUDE, LONGITUDE)
        assert abs(each.latitude - LATITUDE) < 0.01
        assert each.accuracy_m > 700
    await anna.close()
    await dora.close()


async def test_a_policy_that_truncates_stores_places_only(platform) -> None:
    policy = LOCATED + 'store = "truncated"\ntruncate = { decimals = 2 }\n'
    anna, dora = await crew(platform, policy)
    await report(anna)
    await platform.server.services.location.log.flush()
    history = s.LocationHistory(id=1, subscriber=anna.session.subscriber, from_ms=0, until_ms=now_ms())
    (stored,) = (await dora.ask(history, s.LocationTrack)).positions
    assert (stored.latitude, stored.longitude) == (round(LATITUDE, 2), round(LONGITUDE, 2))
    assert (await last(dora, anna.session.subscriber)).position.latitude == LATITUDE
    await anna.close()
    await dora.close()


async def test_the_last_position_is_forgotten_in_time(tmp_path) -> None:
    async with running_platform(tmp_path, location=LocationSettings(last_known_s=30)) as platform:
        anna, dora = await crew(platform, LIVE_ONLY)
        await report(anna, position(ago_s=29))
        assert (await last(dora, anna.session.subscriber)).position is not None
        tenant = await platform.provisioning.tenant(TENANT)
        places = platform.server.services.location.locating._places(tenant.tenant_id)
        await until(lambda: not places.known())
        assert (await last(dora, anna.session.subscriber)).position is None
        await anna.close()
        await dora.close()


async def test_on_again_starts_anew_and_nothing_from_between_counts(platform) -> None:
    anna, dora = await crew(platform)
    await report(anna, position(ago_s=60))
    await platform.server.services.location.log.flush()
    await anna.ask(s.LocationSwitch(id=1, on=False), s.Done)
    between = position()
    await until(lambda: told(anna, s.TermsChanged)[-1].terms.location.state == "switched_off")
    await anna.ask(s.LocationSwitch(id=1, on=True), s.Done)
    await until(lambda: told(anna, s.TermsChanged)[-1].terms.location.state == "on")
    assert (await report(anna, between)).dropped == {"order": 1}
    assert (await last(dora, anna.session.subscriber)).position.accuracy_m == 5  # the stored one, of before
    await asyncio.sleep(0.01)
    assert (await report(anna, position(accuracy_m=7))).accepted == 1
    await anna.close()
    await dora.close()


class Later(Clock):
    """The machine's clock, some hours ahead."""

    hours = 0

    def utc_ms(self) -> int:
        return super().utc_ms() + self.hours * 3_600_000


async def test_at_the_end_of_duty_everybody_is_forgotten_and_told(platform) -> None:
    begin, end = (datetime.now(UTC) + timedelta(hours=hours) for hours in (-1, 1))
    span = f"{begin:%a %H:%M}-{end:%H:%M}".lower()
    anna, dora = await crew(platform, LOCATED.replace("interval_s = 5", f'interval_s = 5\nduty_hours = ["{span}"]'))
    services, clock = platform.server.services, Later()
    services.location.locating._clock = services.terms._clock = clock
    await dora.ask(s.LocationWatch(id=1), s.Done)
    await report(anna)
    await until(lambda: told(dora, s.LocationPosition))
    clock.hours = 2
    await until(lambda: told(dora, s.LocationGone))
    await until(lambda: told(anna, s.TermsChanged))
    assert told(anna, s.TermsChanged)[-1].terms.location.state == "off_duty"
    with pytest.raises(Refusal, match=r"policy\.forbids"):
        await report(anna)
    tenant = await platform.provisioning.tenant(TENANT)
    assert services.location.locating._places(tenant.tenant_id).known() == []
    clock.hours = 0
    await until(lambda: told(anna, s.TermsChanged)[-1].terms.location.state == "on")
    await anna.close()
    await dora.close()


async def test_the_switch_outlives_the_session(platform) -> None:
    await platform.organise("Patrol", policy=LOCATED)
    credentials = await platform.enrol("Anna", "Patrol")
    anna = await BareRadio.log_in(credentials, PIN)
    await anna.ask(s.LocationSwitch(id=1, on=False), s.Done)
    await anna.ask(s.Logout(id=1), s.Done)
    again = await BareRadio.log_in(credentials, PIN)
    assert again.session.terms.location.state == "switched_off"
    await again.close()


async def test_where_the_organisation_does_not_allow_it_nobody_switches_off(platform) -> None:
    policy = LOCATED.replace("interval_s = 5", "interval_s = 5\nsubscriber_may_switch_off = false")
    anna, dora = await crew(platform, policy)
    with pytest.raises(Refusal, match=r"policy\.forbids"):
        await anna.ask(s.LocationSwitch(id=1, on=False), s.Done)
    assert (await report(anna)).accepted == 1
    await anna.close()
    await dora.close()


async def test_an_alert_carries_a_position_as_the_policy_says(platform: Platform) -> None:
    """T-083, at the door that alerts come in by; the whole matrix is in tests/privacy/test_location_admission.py."""
    anna, dora = await crew(platform, LOCATED.replace("sos_exception = false", "sos_exception = true"))
    locating = platform.server.services.location.locating
    session = platform.server.services.sessions.of_subscriber(anna.session.subscriber)
    here = position(ago_s=7200)
    assert locating.admit_for_alert(session, here) == here
    await anna.ask(s.LocationSwitch(id=1, on=False), s.Done)
    assert locating.admit_for_alert(session, here) == here
    tenant = await platform.provisioning.tenant(TENANT)
    await platform.office.instructions.apply(tenant.tenant_id, LOCATED, FIRST_INSTRUCTION)
    await until(lambda: not platform.server.services.policies.policy(tenant.tenant_id).location.sos_exception)
    assert locating.admit_for_alert(session, here) is None
    assert locating.drops["switched_off"] == 1
    await anna.close()
    await dora.close()


async def test_who_is_in_an_area_now(platform) -> None:
    anna, dora = await crew(platform)
    bert = await BareRadio.log_in(await platform.enrol("Bert", "Patrol"))
    await report(anna)
    await report(bert, position(latitude=LATITUDE + 1))
    tenant = await platform.provisioning.tenant(TENANT)
    locating = platform.server.services.location.locating
    shape = s.CircleShape(center=s.Point(latitude=LATITUDE, longitude=LONGITUDE), radius_m=100)
    assert locating.who_is_in(tenant.tenant_id, shape) == [anna.session.subscriber]
    desk, sessions = platform.server.services.location.desk, platform.server.services.sessions
    by, other = sessions.of_subscriber(dora.session.subscriber), sessions.of_subscriber(bert.session.subscriber)
    assert await desk.who_is_in(by, shape) == [anna.session.subscriber]
    assert await looks(anna) == [("group", "Dora")]
    assert await looks(bert) == []
    with pytest.raises(Forbidden):
        await desk.who_is_in(other, shape)
    wide = shape.model_copy(update={"radius_m": 100_000.0})
    assert set(locating.who_is_in(tenant.tenant_id, wide)) == {anna.session.subscriber}
    for radio in (anna, bert, dora):
        await radio.close()


async def test_whoever_is_in_an_area_is_called(platform) -> None:
    anna, dora = await crew(platform)
    bert = await BareRadio.log_in(await platform.enrol("Bert", "Patrol"))
    here = s.CircleShape(center=s.Point(latitude=LATITUDE, longitude=LONGITUDE), radius_m=200)
    request = s.LocationGroup(id=1, name="Quay", shape=here, reason="fire")
    with pytest.raises(Refusal, match="invalid_value"):
        await dora.ask(request, s.GroupMade)
    await report(anna, position())
    await report(bert, position(LATITUDE + 1000 / NORTH_M))
    made = (await dora.ask(request, s.GroupMade)).group
    await until(lambda: told(anna, s.GroupAdded))
    (added,) = told(anna, s.GroupAdded)
    assert (added.group.group, added.group.name, added.temporary) == (made, "Quay", True)
    assert told(bert, s.GroupAdded) == []
    for radio in (anna, dora):
        assert (await radio.ask(s.Affiliate(id=1, group=made), s.Affiliated)).affiliation.name == "Quay"
    with pytest.raises(Refusal, match="not_found"):
        await bert.ask(s.Affiliate(id=1, group=made), s.Affiliated)
    assert ("group", "Dora") in await looks(anna)
    assert await looks(bert) == []
    with pytest.raises(Refusal, match=r"auth\.forbidden"):
        await bert.ask(request, s.GroupMade)


async def test_who_may_not_look_any_more_forgets_whom_it_was_shown(platform: Platform) -> None:
    anna, dora = await crew(platform)
    await dora.ask(s.LocationWatch(id=1), s.Done)
    await report(anna)
    await until(lambda: any(isinstance(event, s.LocationPosition) for event in dora.events))
    await apply(platform, LOCATED.replace("legal_basis", 'visible_to = ["manager"]\nlegal_basis'))
    gone = s.LocationGone(subscriber=anna.session.subscriber)
    await until(lambda: gone in dora.events)  # without another position
    await anna.close()
    await dora.close()

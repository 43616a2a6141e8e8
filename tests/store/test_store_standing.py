"""The question of each second: which of the living no longer hold?"""

from dataclasses import replace

from sqlalchemy import text

from pttserver.ids import DeviceId, GroupId, Personal, SubscriberId
from pttserver.privacy.categories import Category
from pttserver.privacy.purposes import Purpose
from pttserver.store.audit_chain import AuditNote
from pttserver.store.records import Affiliation, Standing
from pttserver.store.remote import RemoteDevices
from pttserver.store.standing import standing, standing_number
from store.organisation import GATE

NOTHING = Standing(frozenset(), (), ())


def note(operation):
    return AuditNote(GATE, operation, "ten_1", Personal("sub_dora"), 5, details={"reason": "a test wants it"})


def annas(acme):
    return Affiliation(acme.group_id, acme.anna, 100, False)


async def test_all_is_well(acme, database):
    assert await standing(database, [(acme.radio, acme.anna)], [annas(acme)]) == NOTHING
    assert await standing(database, [], []) == NOTHING


async def test_revoked_and_removed_and_foreign_devices(acme, database):
    gone = DeviceId("dev_gone")
    assert (await standing(database, [(gone, acme.anna)], [])).ended_devices == {gone}
    assert (await standing(database, [(acme.radio, acme.bert)], [])).ended_devices == {acme.radio}
    await acme.devices.revoke(acme.radio, 5)
    assert (await standing(database, [(acme.radio, acme.anna)], [])).ended_devices == {acme.radio}


async def test_disabled_and_wiped_devices_are_told_apart(acme, database):
    remote = RemoteDevices(database)
    live = [(acme.radio, acme.anna)]
    await remote.stun([acme.radio], 5, note("device.stun"))
    found = await standing(database, live, [])
    assert (found.ended_devices, found.stunned_devices, found.wiped_devices) == (set(), {acme.radio}, set())
    await remote.enable([acme.radio], note("device.enable"))
    assert await standing(database, live, []) == NOTHING
    await remote.stun([acme.radio], 6, note("device.stun"))
    await remote.wipe([acme.radio], 7, note("device.wipe"))
    found = await standing(database, live, [])
    assert (found.ended_devices, found.stunned_devices, found.wiped_devices) == (set(), set(), {acme.radio})


async def test_groups_that_are_overseen_and_gone(acme, database):
    gone = GroupId("grp_gone")
    found = await standing(database, [], [], [acme.group_id, gone])
    assert found.gone_groups == {gone}


async def test_members_who_left_and_members_who_changed(acme, database):
    stranger = Affiliation(acme.group_id, acme.bert, 100, False)
    await acme.groups.put_member(acme.group_id, acme.anna, 100, True)
    found = await standing(database, [], [annas(acme), stranger])
    assert found.ended == (stranger,)
    assert found.changed == (replace(annas(acme), listen_only=True),)


async def test_thousands_in_a_few_queries(acme, database):
    rows = [{"n": n, "sub": f"sub_{n}"} for n in range(2100)]
    subjects = text("INSERT INTO subjects VALUES (:sub, 'ten_1', x'', 'subscriber', 1, NULL, NULL)")
    people = text("INSERT INTO subscribers VALUES (:sub, 'ten_1', NULL, NULL, 'custom', NULL, x'', 1, NULL, NULL)")

    def add(sql):
        sql.execute(subjects, rows)
        sql.execute(people, rows)
        sql.execute(text("INSERT INTO members VALUES ('grp_1', :sub, :n % 256, 0)"), rows)

    await database.write(add)
    live = [Affiliation(acme.group_id, SubscriberId(f"sub_{n}"), n % 256, False) for n in range(2200)]
    found = await standing(database, [(DeviceId(f"dev_{n}"), acme.anna) for n in range(2, 1200)], live)
    assert len(found.ended_devices) == 1198
    assert (len(found.ended), found.changed) == (100, ())


async def test_the_number_moves_when_a_right_is_taken_away_and_only_then(acme, database):
    async def moved_by(work):
        before = await standing_number(database)
        await work
        return await standing_number(database) != before

    login = GATE.release(Category.LAST_LOGIN, Purpose.SECURITY, acme.anna, 7)
    assert not await moved_by(acme.subscribers.record_login(acme.anna, login))
    assert await moved_by(acme.groups.put_member(acme.group_id, acme.anna, 90, True))
    remote = RemoteDevices(database)
    assert await moved_by(remote.stun([acme.radio], 5, note("device.stun")))
    assert await moved_by(remote.enable([acme.radio], note("device.enable")))
    assert await moved_by(acme.groups.remove(acme.group_id, 9))  # its members go with it
    assert await moved_by(acme.devices.revoke(acme.radio, 5))
    assert await moved_by(acme.subscribers.remove(acme.anna, 50))  # its devices go with it

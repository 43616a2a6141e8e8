"""Rights of people while the server runs: a new name shows within a second, restricted data are held and not shown."""

import asyncio

import pytest
from sqlalchemy import select

from e2e.voices import say, sentence
from pttserver.errors import InvalidValue
from pttserver.ids import Personal
from pttserver.privacy.restriction import Restriction
from pttserver.services.instructions import Instruction
from pttserver.store.schema import bursts, call_participants, calls, subscribers
from pttserver.store.vault import HISTORY
from running_server import TENANT, Platform, until

BY = Instruction(Personal("Dana"), Personal("request 7"))


async def tenant_id(platform: Platform):
    return (await platform.provisioning.tenant(TENANT)).tenant_id


async def test_t106_a_rectified_name_is_seen_in_a_living_session(platform: Platform) -> None:
    await platform.organise("Patrol")
    anna, bert = [await platform.log_in(await platform.enrol(name, "Patrol")) for name in ("Anna", "Bert")]
    his, hers = await bert.affiliate("Patrol"), await anna.affiliate("Patrol")
    await until(lambda: "Anna" in (his.participants or {}).values())
    await platform.office.rights.rectify(await tenant_id(platform), "Anna", {"display_name": "Annika"}, BY)
    await until(lambda: set((his.participants or {}).values()) == {"Annika", "Bert"}, timeout_s=2)
    carl = await platform.log_in(await platform.enrol("Carl", "Patrol"))
    theirs = await carl.affiliate("Patrol")
    assert set((theirs.participants or {}).values()) == {"Annika", "Bert", "Carl"}
    listed = (await carl.presence("Patrol")).listed or []
    assert "Annika" in {member.name for member in listed}
    talking = asyncio.create_task(say(hers, sentence(0, seconds=0.4)))
    await until(lambda: his.talker is not None)
    assert his.talker is not None
    assert his.talker.name == "Annika"
    await talking


async def test_t105_a_restricted_persons_data_are_held_and_not_used(platform: Platform) -> None:
    """Names and history are hidden, nothing new is recorded; the live service goes on; lifting brings it back."""
    await platform.organise("Patrol")
    anna, bert = [await platform.log_in(await platform.enrol(name, "Patrol")) for name in ("Anna", "Bert")]
    hers, his = await anna.affiliate("Patrol"), await bert.affiliate("Patrol")
    owner = await tenant_id(platform)
    before = await platform.provisioning.subscriber(TENANT, "Anna")
    who, last_login = before.subscriber_id, before.last_login_ms
    assert last_login is not None
    await platform.office.rights.restrict(owner, "Anna", Restriction.ACCURACY_DISPUTE, BY)
    await until(lambda: (his.participants or {}).get(who) == "", timeout_s=2)
    result = await say(hers, sentence(0, seconds=0.3))
    assert result.lost is None
    await until(lambda: platform.server.services.talk.bursts_in_progress == 0)
    await platform.server.services.call_log.flush()

    keys = await platform.keys(who)
    me = keys.reference(HISTORY)

    def work(sql):
        named = [sql.scalars(select(column)).all() for column in (calls.c.initiator, bursts.c.subject,
                                                                   call_participants.c.subject)]  # fmt: skip
        return [[r.text for r in column if r is not None] for column in named], sql.scalars(
            select(subscribers.c.last_login_ms).where(subscribers.c.id == who)
        ).one()

    named, held_login = await platform.database.read(work)
    assert [me in column for column in named] == [False, False, False]
    assert held_login == last_login  # what is held is not deleted
    shown = await platform.provisioning.subscriber(TENANT, "Anna")
    assert (shown.display_name, shown.identifier, shown.last_login_ms, shown.restricted) == (None, None, None, True)
    members = await platform.provisioning.group_members(TENANT, "Patrol")
    assert {member.display_name for member in members} == {None, "Bert"}

    await platform.office.rights.lift(owner, who, BY)
    await until(lambda: (his.participants or {}).get(who) == "Anna", timeout_s=2)


@pytest.mark.parametrize("values", [{"shoe_size": "44"}, {}, {"display_name": "a\u202eb"}, {"email": "x" * 501}])
async def test_a_wrong_value_changes_nothing(platform: Platform, values: dict[str, str]) -> None:
    await platform.organise("Patrol")
    await platform.enrol("Anna", "Patrol")
    given = values and {"phone": "+4520304050", **values}
    with pytest.raises(InvalidValue):
        await platform.office.rights.rectify(await tenant_id(platform), "Anna", given, BY)
    who = await platform.provisioning.subscriber(TENANT, "Anna")
    assert (who.display_name, await platform.office.rights.fields(who.tenant_id, who.subscriber_id)) == ("Anna", {})

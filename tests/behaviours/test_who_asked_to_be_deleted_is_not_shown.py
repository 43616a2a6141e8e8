"""A request for deletion hides the name at once, in living sessions too; whose account is over is nobody any more."""

import asyncio
from dataclasses import replace

import pytest

from e2e.voices import say, sentence
from ptthandset.errors import Refused
from pttserver.ids import Personal
from pttserver.privacy.retention import EventKind
from pttserver.services.instructions import Instruction
from pttserver.store.events import record_event
from running_server import PLAIN_POLICY, TENANT, Platform, until

ASKED = Instruction(Personal("Dana"), Personal("request 7"))
TWO_PHASES = (
    PLAIN_POLICY
    + '[categories.subscriber_name]\nkeep = ["while_subscribed", "60 days + 60 days after deletion_requested"]\n'
)
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

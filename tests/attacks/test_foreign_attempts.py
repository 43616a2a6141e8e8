"""T-068, T-085: who reaches for what is another's gets nothing, not even a hint; the attempt is in the audit log."""

import json
import re
from collections import Counter

import pytest

from attacks.bare_radio import BareRadio, Refusal
from attacks.test_guessing import SAMPLES
from locating import LOCATED
from pttserver.errors import StoreUnavailable
from pttserver.privacy.operations import OPERATIONS
from pttserver.roles import Role
from pttserver.store.audit import AuditLog
from pttserver.wire import signalling as s
from running_server import Platform, until

FOREIGN = "Umbrella"
NAMED = re.compile(r"\b(sub|dev|grp|alr|fen|cal|msg)_[0-9a-f]{16}\b")
BY_NAME = sorted(kind for kind, members in SAMPLES.items() if kind in OPERATIONS and NAMED.search(json.dumps(members)))
DISPATCHERS_OWN = sorted(kind for kind, row in OPERATIONS.items() if Role.SUBSCRIBER not in row.roles)
NO_ANSWER_OF_ANOTHER = {"alert.raise", "message.send", "message.received", "message.attach", "contact.remove"}
"""They name an id that the client drew, or one whose absence is no refusal, or what the sender signed."""


async def attempts(platform: Platform, tenant: str) -> list[tuple[str, str]]:
    """Operation and code of each entry."""
    tenant_id = (await platform.provisioning.tenant(tenant)).tenant_id
    entries = await AuditLog(platform.database).entries(tenant_id, lambda _: None)
    return [
        (str(entry.details["operation"]), str(entry.details["code"]))
        for entry in entries
        if entry.operation == "access.refused"
    ]


async def victims(platform: Platform) -> dict[str, str]:
    """An object of each kind that another organisation has, by the kind of its identifier."""
    await platform.organise("Patrol", tenant=FOREIGN, policy=LOCATED)
    eve, mallory = [await platform.enrol(name, "Patrol", tenant=FOREIGN) for name in ("Eve", "Mallory")]
    await platform.office.roles.set_role(FOREIGN, "Eve", Role.DISPATCHER)
    one, other = await BareRadio.log_in(eve), await BareRadio.log_in(mallory)
    circle = s.CircleShape(center=s.Point(latitude=1.5, longitude=2.5), radius_m=100)
    fence = (await one.ask(s.PutFence(id=1, name="Yard", shape=circle), s.FenceKept)).fence
    alert = "alr_00000000000000e1"
    await one.ask(s.RaiseAlert(id=1, alert=alert), s.AlertAccepted)
    call = (await one.ask(s.PrivateCall(id=1, to=mallory.subscriber), s.CallStarted)).call
    await other.affiliate()
    found = {"sub": mallory.subscriber, "dev": mallory.device, "grp": other.session.groups[0].group}
    return found | {"fen": fence, "alr": alert, "cal": call, "msg": "msg_00000000000000e1"}


async def answer(radio: BareRadio, kind: str, objects: dict[str, str] | None) -> tuple[str, str, str]:
    """Code, message and details; None: of objects that nobody has."""
    sample = json.dumps(SAMPLES[kind])
    text = NAMED.sub(lambda match: objects[match[1]] if objects else f"{match[1]}_{'9' * 16}", sample)
    request = s.REQUESTS[kind].model_validate_json(json.dumps({**json.loads(text), "id": 1}))
    try:
        reply = await radio.ask(request, s.Reply)
    except Refusal as refusal:
        return refusal.code, refusal.error.message, str(refusal.error.details)
    return "done", type(reply).__name__, reply.model_copy(update={"re": 0}).to_json()


async def test_a_dispatcher_of_another_tenant_learns_nothing_and_is_noted(platform: Platform) -> None:
    """Every request that names an object, with one of another organisation and with one that does not exist."""
    theirs = await victims(platform)
    await platform.organise("Patrol", policy=LOCATED)
    credentials = await platform.enrol("Dora", "Patrol")
    await platform.office.roles.set_role("ACME", "Dora", Role.DISPATCHER)
    dora = await BareRadio.log_in(credentials)
    expected = set()
    for kind in BY_NAME:
        if kind in NO_ANSWER_OF_ANOTHER:
            continue
        foreign, none = await answer(dora, kind, theirs), await answer(dora, kind, None)
        assert foreign == none, kind
        assert foreign[0] in ("not_found", "invalid_value", "done", "policy.forbids"), (kind, foreign)
        if foreign[0] == "not_found":
            expected.add((kind, "not_found"))
    assert {kind for kind, _ in expected} >= {
        "device.stun", "device.wipe", "device.logout", "floor.revoke", "group.dissolve", "subscriber.regroup",
        "alert.acknowledge", "alert.resolve", "alert.cancel", "alert.position", "location.last", "fence.remove",
        "message.recipients", "contact.put", "affiliate",
    }  # fmt: skip
    noted = Counter(await attempts(platform, "ACME"))
    assert set(noted) == expected
    assert set(noted.values()) == {1}  # though each was tried twice
    assert await attempts(platform, FOREIGN) == []
    assert platform.server.services.alerts.desk.case(theirs["alr"]).alert.state.is_open
    await dora.close()


async def test_operations_without_right_are_noted(platform: Platform) -> None:
    """Each of the dispatchers' own, asked by a subscriber; looks at positions are noted as such (location.look)."""
    await platform.organise("Patrol", policy=LOCATED)
    anna = await BareRadio.log_in(await platform.enrol("Anna", "Patrol"))
    for kind in DISPATCHERS_OWN:
        assert (await answer(anna, kind, None))[0] == "auth.forbidden", kind
    noted = {kind for kind, code in await attempts(platform, "ACME") if code == "auth.forbidden"}
    looks = {"location.request", "location.last", "location.history", "location.watch", "location.group"}
    assert noted == set(DISPATCHERS_OWN) - looks
    tenant_id = (await platform.provisioning.tenant("ACME")).tenant_id
    entries = await AuditLog(platform.database).entries(tenant_id, lambda _: None)
    assert "location.look.refused" in {entry.operation for entry in entries}
    await anna.close()


async def test_a_refusal_stands_though_it_cannot_be_noted(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    await platform.organise("Patrol")
    anna = await BareRadio.log_in(await platform.enrol("Anna", "Patrol"))

    async def full(*_: object) -> None:
        raise StoreUnavailable("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(AuditLog, "add", full)
        assert (await answer(anna, "device.stun", None))[0] == "auth.forbidden"
    assert await attempts(platform, "ACME") == []
    await until(lambda: anna.is_open)
    await anna.close()

"""Who tries to manage without the right: dispatchers, strangers, pages of others, managers of other organisations."""

import re
from collections.abc import Callable, Iterable
from typing import Any

import httpx
import pytest
from fastapi.routing import APIRoute

from console_visitor import told
from managing import MARKERS, OTHER, Manager, Offices, holds_no_marker, offices
from pttserver.net.pages import Pages
from pttserver.net.site import http_application
from pttserver.roles import Role
from running_server import TENANT, until

EVIL = "https://evil.example"
REASON = "as asked for on paper"
NOBODY = {"subscriber": "sub_00000000000000ff", "group": "grp_00000000000000ff", "device": "dev_00000000000000ff"}
HASH = "0" * 64
READS = (
    "subscribers",
    "groups",
    "groups/{group}/members",
    "devices",
    "policy",
    "policy/versions",
    "policy/sweeps",
    "audit",
    "audit/verify",
    "register",
)
WRITES: dict[str, dict[str, Any]] = {
    "subscribers": {"identifier": "Newcomer"},
    "subscribers/{subscriber}/name": {"name": "Renamed"},
    "subscribers/{subscriber}/pin": {"reason": REASON},
    "subscribers/{subscriber}/role": {"role": "manager", "reason": REASON},
    "subscribers/{subscriber}/service": {"service": "location", "allowed": False, "reason": REASON},
    "subscribers/{subscriber}/invitation": {},
    "subscribers/{subscriber}/remove": {"reason": REASON},
    "groups": {"name": "New group"},
    "groups/{group}/remove": {"reason": REASON},
    "groups/{group}/members": {"subscriber": "{subscriber}", "priority": 255},
    "groups/{group}/members/remove": {"subscriber": "{subscriber}", "reason": REASON},
    "devices": {"subscriber": "{subscriber}"},
    "devices/{device}/code": {},
    "devices/{device}/revoke": {"reason": REASON},
    "policy/check": {"text": "x"},
    "policy/apply": {"text": "x", "replaces": HASH, "reason": REASON, "acknowledged": []},
    "subjects/find": {"text": "Zyxmarker", "reason": REASON},
    "subjects/{subscriber}/export": {"reason": REASON, "form": "json"},
    "subjects/{subscriber}/rectify": {"values": {"display_name": "Changed"}, "reason": REASON},
    "subjects/{subscriber}/restrict": {"ground": "objection", "reason": REASON},
    "subjects/{subscriber}/lift": {"reason": REASON},
    "subjects/{subscriber}/erase": {"reason": REASON, "confirm": "{subscriber}"},
    "subjects/{subscriber}/prove": {},
}


@pytest.fixture
async def yard(tmp_path):
    async with offices(tmp_path) as found:
        yield found


def filled(value: Any, names: dict[str, str]) -> Any:
    """With the numbers put in."""
    if isinstance(value, dict):
        return {key: filled(each, names) for key, each in value.items()}
    if isinstance(value, str):
        return re.sub(r"\{(\w+)\}", lambda place: names[place[1]], value)
    return value


def names_something(path: str) -> bool:
    """Whether the request is about an object."""
    return path == "devices" or "{" in path


async def everything(
    page: Manager, names: dict[str, str], only: Callable[[str], bool] = lambda path: True
) -> Iterable[tuple[str, httpx.Response]]:
    """Every request there is, in turn."""
    answers = [(path, await page.call("GET", filled(path, names))) for path in READS if only(path)]
    for path, body in WRITES.items():
        if only(path):
            answers.append((path, await page.call("POST", filled(path, names), filled(body, names))))
    return answers


async def state_of(yard: Offices, tenant: str) -> Any:
    """What could be changed of an organisation."""
    at = yard.platform.provisioning
    people = await at.subscribers(tenant)
    groups = await at.groups(tenant)
    return (
        people,
        [await yard.platform.office.roles.rights(each) for each in people],
        groups,
        [await at.group_members(tenant, group.group_id) for group in groups],
        await yard.platform.devices.devices(tenant),
        [each.digest for each in await yard.platform.office.policies.history(people[0].tenant_id, lambda _: None)],
    )


async def own_names(yard: Offices) -> dict[str, str]:
    """Of what the first organisation has itself."""
    at = yard.platform.provisioning
    added = await at.add_subscriber(TENANT, "Rita", display_name="Rita Roe", pin="4711")
    who = added.subscriber.subscriber_id
    group = (await at.group(TENANT, "Patrol")).group_id
    await at.set_member(TENANT, group, who)
    device = (await yard.platform.devices.add(TENANT, who)).device.device_id
    return {"subscriber": who, "group": group, "device": device}


def test_every_request_that_is_served_is_tried_here() -> None:
    """A new one without a line here would go untested."""
    http = http_application(list, Pages({}))
    served = {(route.path, method) for route in _routes(http.routes) for method in route.methods}
    ours = {(path, method) for path, method in served if path.startswith("/v1/manage/")}
    subject = re.compile(r"subjects/\{subscriber\}")
    tried = {(f"/v1/manage/{subject.sub('subjects/{subject}', path)}", "POST") for path in WRITES}
    tried |= {(f"/v1/manage/{path}", "GET") for path in READS}
    assert ours == tried


def _routes(routes: Iterable[Any]) -> Iterable[APIRoute]:
    for route in routes:
        if isinstance(route, APIRoute):
            yield route
        else:
            yield from _routes(getattr(getattr(route, "original_router", None), "routes", []))


async def test_a_dispatcher_manages_nothing(yard: Offices) -> None:
    names = await own_names(yard)
    before = await state_of(yard, TENANT)
    for path, answer in await everything(yard.dora, names):
        assert answer.status_code == 403, path
        assert answer.json()["code"] == "auth.forbidden", path
    assert await state_of(yard, TENANT) == before


async def test_a_dispatcher_who_tries_stands_in_the_audit_log(yard: Offices) -> None:
    await yard.dora.call("GET", "subscribers")
    await yard.dora.call("GET", "subscribers")
    entries = await yard.mona.audited("access.refused")
    dora = await yard.mona.subscriber("Dora")
    assert [(each["by"], each["details"]) for each in entries] == [
        (dora["subscriber"], {"operation": "manage.subscribers", "code": "auth.forbidden"})
    ]


async def test_without_a_cookie_nothing_is_served(yard: Offices) -> None:
    names = await own_names(yard)
    before = await state_of(yard, TENANT)
    for cookie in (None, "no-such-token"):
        for path, answer in await everything(yard.page(cookie), names):
            assert answer.status_code == 401, path
    assert await state_of(yard, TENANT) == before


async def test_pages_of_other_origins_are_served_nothing(yard: Offices) -> None:
    """CSRF: the cookie comes along, and does not help; nor does a page read what it cannot name the origin of."""
    names = await own_names(yard)
    before = await state_of(yard, TENANT)
    yard.mona.origin = EVIL
    for path, answer in await everything(yard.mona, names, lambda path: path in WRITES):
        if answer.request.method == "POST":
            assert answer.status_code == 403, path
    for path in READS:
        answer = await yard.mona.call("GET", filled(path, names), origin=EVIL)
        assert (answer.status_code, answer.json()["code"]) == (403, "auth.forbidden"), path
    yard.mona.origin = None
    for path, body in WRITES.items():
        answer = await yard.mona.call("POST", filled(path, names), filled(body, names))
        assert answer.status_code == 403, path
    assert await state_of(yard, TENANT) == before


async def test_what_another_organisation_has_is_not_there(yard: Offices) -> None:
    stranger = yard.stranger
    theirs = {"subscriber": stranger.subscriber, "group": stranger.group, "device": stranger.device}
    before = await state_of(yard, OTHER)
    for path, answer in await everything(yard.mona, theirs, names_something):
        if answer.request.method == "POST" or "{" in path:
            assert answer.status_code == 404, path
        assert holds_no_marker(answer), path
    assert await state_of(yard, OTHER) == before


async def test_it_is_not_told_whether_there_is_such_an_object_elsewhere(yard: Offices) -> None:
    """The answer about what another organisation has is that about what nobody has, octet by octet."""
    stranger = yard.stranger
    theirs = {"subscriber": stranger.subscriber, "group": stranger.group, "device": stranger.device}
    for path, body in WRITES.items():
        if "{" in path:
            one = await yard.mona.call("POST", filled(path, theirs), filled(body, theirs))
            other = await yard.mona.call("POST", filled(path, NOBODY), filled(body, NOBODY))
            assert (one.status_code, one.content) == (other.status_code, other.content), path


async def test_a_member_of_another_organisation_joins_no_group(yard: Offices) -> None:
    names = await own_names(yard)
    body = {"subscriber": yard.stranger.subscriber}
    answer = await yard.mona.call("POST", f"groups/{names['group']}/members", body)
    assert answer.status_code == 404
    members = await yard.mona.get(f"groups/{names['group']}/members")
    assert [each["subscriber"] for each in members["members"]] == [names["subscriber"]]


async def test_nothing_of_another_organisation_is_ever_in_an_answer(yard: Offices) -> None:
    """Whatever a manager asks for: the other organisation's markers are searched for in the octets of every answer."""
    names = await own_names(yard)
    before = await state_of(yard, OTHER)
    answers = list(await everything(yard.mona, names))
    answers.append(("find", await yard.mona.call("POST", "subjects/find", {"text": "4930999888", "reason": REASON})))
    assert {answer.status_code for _, answer in answers} >= {200, 204}
    for path, answer in answers:
        sent = path in ("subjects/find",)
        assert holds_no_marker(answer), path
        assert not sent or answer.json() == {"subjects": []}
    assert await state_of(yard, OTHER) == before
    assert all(MARKERS)


async def test_who_is_no_manager_any_more_is_out_at_once(yard: Offices) -> None:
    assert (await yard.mona.get("groups"))["groups"]
    await yard.platform.office.roles.set_role(TENANT, "Mona", Role.DISPATCHER)
    assert (await yard.mona.call("GET", "groups")).status_code in (401, 403)
    assert (await yard.mona.call("POST", "groups", {"name": "Late"})).status_code in (401, 403)
    assert "Late" not in [group.name for group in await yard.platform.provisioning.groups(TENANT)]


async def test_the_session_ends_with_the_role(yard: Offices) -> None:
    answer = await yard.mona.call("POST", f"subscribers/{(await yard.mona.subscriber('Dora'))['subscriber']}/role",
                                  {"role": "subscriber", "reason": REASON})  # fmt: skip
    assert answer.status_code == 204
    rooms = yard.platform.server.services.console.room
    await until(lambda: len(rooms) == 1)
    assert (await yard.dora.call("GET", "groups")).status_code == 401


async def test_no_answer_is_stored(yard: Offices) -> None:
    for path, answer in await everything(yard.mona, await own_names(yard)):
        assert answer.headers["cache-control"] == "no-store", path


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("subscribers", {"identifier": "x", "tenant": OTHER}),
        ("subscribers", {"identifier": 7}),
        ("groups/Patrol/remove", {"reason": REASON}),
        ("groups", {"name": ""}),
        ("subscribers/sub_1/name", {"name": "x"}),
        ("devices", {"subscriber": NOBODY["subscriber"], "expires_h": -1}),
        ("audit?limit=0", None),
        ("audit?limit=many", None),
    ],
)
async def test_what_is_no_request_is_refused(yard: Offices, path: str, body: Any) -> None:
    answer = await yard.mona.call("GET" if body is None else "POST", path, body)
    assert (answer.status_code, answer.json()["code"]) == (400, "protocol.malformed")


async def test_reasons_are_wanted_and_clean(yard: Offices) -> None:
    names = await own_names(yard)
    for reason in ("   ", "\u202eevil", "x" * 501):
        answer = await yard.mona.call("POST", f"devices/{names['device']}/revoke", {"reason": reason})
        assert answer.status_code == 400
    assert told(await yard.mona.call("GET", "devices"))["devices"][-1].get("revoked_ms") is None

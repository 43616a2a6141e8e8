"""A manager administers the organisation from the browser, and all of it stands in the audit log with who and why."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from console_visitor import Refused, Visitor
from managing import OTHER, Manager, Offices, holds_no_marker, logged_in, offices
from ptthandset.handset import enroll
from pttserver.config import ConsoleSettings
from pttserver.crypto.signed_document import verified_by
from pttserver.errors import StoreUnavailable
from pttserver.ids import Personal
from pttserver.privacy.subject_requests import Outcome, RequestKind
from pttserver.roles import Role
from pttserver.services.instructions import Instruction
from running_server import PIN, PLAIN_POLICY, TENANT, Platform, until

REASON = "request 17, on paper"
NAMED_ONLY = PLAIN_POLICY + '\n[categories.identifier]\nvisible_to = ["dispatcher"]\n'
HIDDEN = NAMED_ONLY + '[categories.subscriber_name]\nvisible_to = ["dispatcher"]\n'
MANAGED = PLAIN_POLICY.replace("Everything that a test looks for", "What the manager wrote")


@pytest.fixture
async def yard(tmp_path):
    async with offices(tmp_path) as found:
        yield found


async def added(mona: Manager, identifier: str = "Rita") -> str:
    """Number of somebody new."""
    answer = await mona.post("subscribers", identifier=identifier, name=f"{identifier} Roe", pin=PIN)
    number: str = answer["subscriber"]["subscriber"]
    return number


async def group_of(mona: Manager, name: str = "Patrol") -> str:
    found = (await mona.get("groups"))["groups"]
    return next(each["group"] for each in found if each["name"] == name)


async def noted(mona: Manager, operation: str) -> dict[str, Any]:
    """The newest entry; it is the manager's."""
    entry = (await mona.audited(operation))[0]
    assert entry["by"] == (await mona.subscriber("Mona"))["subscriber"]
    assert entry["operation"] == operation
    return entry


# People --------------------------------------------------------------------------------------------------------------


async def test_somebody_new_is_added_and_talks(yard: Offices) -> None:
    """From nothing to a radio that is logged in, with what the pages show alone."""
    made = await yard.mona.post("subscribers", identifier="Rita", name="Rita Roe")
    who = made["subscriber"]["subscriber"]
    assert len(made["pin"]) == 6
    await yard.mona.post(f"groups/{await group_of(yard.mona)}/members", subscriber=who, priority=150)
    code = await yard.mona.post("devices", subscriber=who, label="Radio 7")
    credentials = await enroll(code["enrolment"], "test radio")
    handset = await yard.platform.log_in(credentials) if made["pin"] == PIN else None
    assert handset is None
    listed = next(
        one for one in (await yard.mona.get("devices"))["devices"] if one["device"] == code["device"]["device"]
    )
    assert listed["label"] == "Radio 7"
    assert listed["enrolled_ms"] > 0
    assert (await noted(yard.mona, "subscriber.add"))["subject"] == who
    assert (await noted(yard.mona, "group.add_member"))["details"]["priority"] == 150
    assert (await noted(yard.mona, "device.add"))["subject"] == who


async def test_the_link_of_a_code_opens_the_phone_page_with_it(yard: Offices) -> None:
    code = await yard.mona.post("devices", subscriber=await added(yard.mona))
    page, _, enrolment = code["link"].partition("#enroll=")
    assert page == f"https://127.0.0.1:{yard.platform.server.signalling_port}/phone"
    assert unquote(enrolment) == code["enrolment"]


async def test_a_new_code_replaces_the_one_before(yard: Offices) -> None:
    first = await yard.mona.post("devices", subscriber=await added(yard.mona))
    second = await yard.mona.post(f"devices/{first['device']['device']}/code")
    assert first["code"] != second["code"]
    with pytest.raises(Exception, match="code is unknown, used or expired"):
        await enroll(first["enrolment"], "test radio")
    await enroll(second["enrolment"], "test radio")
    assert (await noted(yard.mona, "device.new_code"))["details"]["device"] == first["device"]["device"]


async def test_names_roles_and_services_change(yard: Offices) -> None:
    who = await added(yard.mona)
    await yard.mona.post(f"subscribers/{who}/name", name="Rita Rose")
    await yard.mona.post(f"subscribers/{who}/role", role="dispatcher", reason=REASON)
    await yard.mona.post(f"subscribers/{who}/service", service="alerts", allowed=False, reason=REASON)
    await yard.mona.post(f"subscribers/{who}/service", service="location", allowed=False, reason=REASON)
    rita = await yard.mona.subscriber("Rita")
    assert (rita["name"], rita["role"]) == ("Rita Rose", "dispatcher")
    assert (rita["alerts_allowed"], rita["location_allowed"]) == (False, False)
    assert (await noted(yard.mona, "subscriber.role"))["details"] == {"role": "dispatcher", "reason": REASON}
    assert (await noted(yard.mona, "subscriber.deny"))["details"] == {"service": "location", "reason": REASON}
    await yard.mona.post(f"subscribers/{who}/service", service="location", allowed=True, reason=REASON)
    assert (await yard.mona.subscriber("Rita"))["location_allowed"]


async def test_an_invited_dispatcher_activates_the_account(yard: Offices) -> None:
    who = await added(yard.mona)
    with pytest.raises(Refused, match="400 invalid_value"):
        await yard.mona.post(f"subscribers/{who}/invitation")
    await yard.mona.post(f"subscribers/{who}/role", role="dispatcher", reason=REASON)
    invited = await yard.mona.post(f"subscribers/{who}/invitation")
    assert (await yard.mona.subscriber("Rita"))["account"] == "invited"
    rita = Visitor(yard.platform)
    await rita.activate(invited["code"])
    assert (await rita.session())["role"] == "dispatcher"
    assert (await yard.mona.subscriber("Rita"))["account"] == "active"


async def test_who_is_removed_is_off_the_radio(yard: Offices) -> None:
    handset = await yard.platform.log_in(await yard.platform.enrol("Rita", "Patrol"))
    sessions = yard.platform.server.services.sessions
    assert len(sessions) == 1
    who = (await yard.mona.subscriber("Rita"))["subscriber"]
    assert await yard.mona.post(f"subscribers/{who}/remove", reason=REASON) == {"proven": True}
    await until(lambda: len(sessions) == 0)
    assert handset is not None
    assert (await noted(yard.mona, "subscriber.remove"))["details"] == {}  # why is about her, and went with her key
    assert who not in {each["subscriber"] for each in (await yard.mona.get("subscribers"))["subscribers"]}


async def test_a_removal_that_is_not_proven_says_so(yard: Offices) -> None:
    who = await added(yard.mona)
    async with reading_an_older_state(yard.platform):
        assert await yard.mona.post(f"subscribers/{who}/remove", reason=REASON) == {"proven": False}
    assert who not in {each["subscriber"] for each in (await yard.mona.get("subscribers"))["subscribers"]}


@asynccontextmanager
async def reading_an_older_state(platform: Platform) -> AsyncIterator[None]:
    reader = platform.database._readers[0]._connection
    await reader.execute("BEGIN")
    await (await reader.execute("SELECT count(*) FROM subjects")).fetchone()
    try:
        yield
    finally:
        await reader.execute("COMMIT")


async def test_a_revoked_device_is_off_the_radio(yard: Offices) -> None:
    credentials = await yard.platform.enrol("Rita", "Patrol")
    await yard.platform.log_in(credentials)
    sessions = yard.platform.server.services.sessions
    device = (await yard.mona.get("devices"))["devices"][0]["device"]
    await yard.mona.post(f"devices/{device}/revoke", reason=REASON)
    await until(lambda: len(sessions) == 0)
    assert (await noted(yard.mona, "device.revoke"))["details"] == {"device": device, "reason": REASON}
    with pytest.raises(Refused, match="400 invalid_value"):
        await yard.mona.post(f"devices/{device}/revoke", reason=REASON)


async def test_groups_come_and_go(yard: Offices) -> None:
    made = await yard.mona.post("groups", name="Night shift")
    with pytest.raises(Refused, match="409 already_exists"):
        await yard.mona.post("groups", name="Night shift")
    who = await added(yard.mona)
    await yard.mona.post(f"groups/{made['group']}/members", subscriber=who, listen_only=True)
    members = (await yard.mona.get(f"groups/{made['group']}/members"))["members"]
    assert [(each["name"], each["priority"], each["listen_only"]) for each in members] == [("Rita Roe", 100, True)]
    await yard.mona.post(f"groups/{made['group']}/members/remove", subscriber=who, reason=REASON)
    assert (await yard.mona.get(f"groups/{made['group']}/members")) == {"members": []}
    await yard.mona.post(f"groups/{made['group']}/remove", reason=REASON)
    assert made["group"] not in {each["group"] for each in (await yard.mona.get("groups"))["groups"]}
    assert (await noted(yard.mona, "group.remove"))["details"] == {"group": made["group"], "reason": REASON}


async def test_nobody_locks_himself_out(yard: Offices) -> None:
    mona = (await yard.mona.subscriber("Mona"))["subscriber"]
    for path, body in (
        (f"subscribers/{mona}/remove", {}),
        (f"subscribers/{mona}/role", {"role": "subscriber"}),
        (f"subjects/{mona}/erase", {"confirm": mona}),
    ):
        with pytest.raises(Refused, match="400 invalid_value"):
            await yard.mona.post(path, reason=REASON, **body)
    assert (await yard.mona.subscriber("Mona"))["role"] == "manager"


async def test_what_the_policy_does_not_show_to_managers_is_not_shown(yard: Offices) -> None:
    """Not even though it shows it to dispatchers."""
    tenant = await yard.platform.provisioning.tenant(TENANT)
    told = Instruction(Personal("operator"), Personal("test"))
    await yard.platform.office.instructions.apply(tenant.tenant_id, NAMED_ONLY, told)
    people = (await yard.mona.get("subscribers"))["subscribers"]
    assert {each["identifier"] for each in people} == {"(not shown)"}
    assert {each["name"] for each in people} == {"Mona Dahl", "Dora Dahl"}


# The policy ----------------------------------------------------------------------------------------------------------


async def test_the_policy_is_read_in_its_text_and_in_words(yard: Offices) -> None:
    policy = await yard.mona.get("policy")
    assert policy["text"] == PLAIN_POLICY
    assert policy["file"] == "in force"
    assert policy["may_apply"] is False
    assert len(policy["sentences"]) > 10
    versions = (await yard.mona.get("policy/versions"))["versions"]
    assert [(each["digest"], each["text"]) for each in versions] == [(policy["digest"], PLAIN_POLICY)]
    assert (await yard.mona.get("policy/sweeps"))["halted"] is False


async def test_an_edited_policy_is_checked_and_changes_nothing(yard: Offices) -> None:
    wrong = await yard.mona.post("policy/check", text='[policy]\ntitle = "x"\nversoin = "1"\n')
    assert wrong["valid"] is False
    assert any(problem["key"] == "policy.versoin" and problem["line"] == 3 for problem in wrong["problems"])
    stricter = MANAGED + "\n[categories.device_type]\ncollect = false\n"
    right = await yard.mona.post("policy/check", text=stricter)
    assert right["valid"]
    assert right["sentences"]
    assert {change["category"] for change in right["changes"]} >= {"device_type"}
    assert (await yard.mona.get("policy"))["text"] == PLAIN_POLICY


async def test_a_policy_is_not_applied_unless_the_operator_allows_it(yard: Offices) -> None:
    digest = (await yard.mona.get("policy"))["digest"]
    with pytest.raises(Refused, match=r"403 auth\.forbidden"):
        await yard.mona.post("policy/apply", text=MANAGED, replaces=digest, reason=REASON, acknowledged=[])
    assert (await yard.mona.get("policy"))["text"] == PLAIN_POLICY


async def test_a_policy_is_applied_where_the_operator_allows_it(tmp_path: Path) -> None:
    settings = ConsoleSettings(managers_may_apply_policy=True)
    async with offices(tmp_path, console=settings) as yard:
        before = await yard.mona.get("policy")
        assert before["may_apply"]
        told = await yard.mona.post(
            "policy/apply", text=MANAGED, replaces=before["digest"], reason=REASON, acknowledged=[]
        )  # fmt: skip
        assert told["written"] is True
        newest = (await yard.mona.get("policy/versions"))["versions"][0]
        mona = (await yard.mona.subscriber("Mona"))["subscriber"]
        assert (newest["by"], newest["reason"], newest["text"]) == (mona, REASON, MANAGED)
        assert (await yard.mona.get("policy"))["title"] == "What the manager wrote"
        with pytest.raises(Refused, match="400 invalid_value"):  # somebody else's change would be lost
            await yard.mona.post(
                "policy/apply", text=PLAIN_POLICY, replaces=before["digest"], reason=REASON, acknowledged=[]
            )
        digest = (await yard.mona.get("policy"))["digest"]
        with pytest.raises(Refused, match=r"400 policy\.invalid"):
            await yard.mona.post("policy/apply", text="x = 1\n", replaces=digest, reason=REASON, acknowledged=[])
        other = await yard.platform.provisioning.tenant(OTHER)
        assert len(await yard.platform.office.policies.history(other.tenant_id, lambda _: None)) == 1


async def test_what_was_acknowledged_with_a_policy_is_shown_so(tmp_path: Path) -> None:
    async with offices(tmp_path, console=ConsoleSettings(managers_may_apply_policy=True)) as yard:
        digest = (await yard.mona.get("policy"))["digest"]
        unrecorded = MANAGED + '\n[categories.call_record]\nstore = "none"\n'
        body = {"text": unrecorded, "replaces": digest, "reason": REASON, "acknowledged": ["no_call_history"]}
        await yard.mona.post("policy/apply", **body)
        [limitation] = (await yard.mona.get("policy"))["limitations"]
        assert (limitation["code"], limitation["acknowledged"]) == ("no_call_history", True)


async def test_a_policy_whose_file_cannot_be_written_is_in_force_and_says_so(tmp_path: Path) -> None:
    async with offices(tmp_path, console=ConsoleSettings(managers_may_apply_policy=True)) as yard:
        office = yard.platform.office
        path = office.watch.path((await office.provisioning.tenant(TENANT)).tenant_id)
        path.unlink()
        path.mkdir()
        digest = (await yard.mona.get("policy"))["digest"]
        told = await yard.mona.post("policy/apply", text=MANAGED, replaces=digest, reason=REASON, acknowledged=[])
        assert told["written"] is False
        now = await yard.mona.get("policy")
        assert (now["digest"], now["text"], now["file"]) == (told["digest"], MANAGED, "not written yet")


# Rights --------------------------------------------------------------------------------------------------------------


async def test_a_person_is_found_and_gets_a_copy(yard: Offices) -> None:
    who = await added(yard.mona)
    hits = (await yard.mona.post("subjects/find", text="rita r", reason=REASON))["subjects"]
    assert [(hit["subject"], hit["name"]) for hit in hits] == [(who, "Rita Roe")]
    answer = await yard.mona.call("POST", f"subjects/{who}/export", {"reason": REASON, "form": "json"})
    assert answer.headers["content-disposition"] == f'attachment; filename="{who}.json"'
    assert json.loads(answer.content)["profile"]["display_name"] == "Rita Roe"
    page = await yard.mona.call("POST", f"subjects/{who}/export", {"reason": REASON, "form": "html"})
    assert page.headers["content-type"].startswith("text/html")
    assert "sandbox" in page.headers["content-security-policy"]
    assert "Rita Roe" in page.text
    assert holds_no_marker(page)
    assert (await noted(yard.mona, "subject.export"))["details"] == {"reason": REASON}
    assert (await noted(yard.mona, "subject.find"))["details"] == {"reason": REASON}


async def hide_names(yard: Offices) -> None:
    """From managers, and identifiers too."""
    tenant = await yard.platform.provisioning.tenant(TENANT)
    told = Instruction(Personal("Olga"), Personal("works council"), ("no_names", "no_identifiers"))
    await yard.platform.office.instructions.apply(tenant.tenant_id, HIDDEN, told)
    await yard.platform.office.book.load()


async def test_what_managers_may_not_see_is_found_to_the_letter_and_not_shown(yard: Offices) -> None:
    who = await added(yard.mona)
    await hide_names(yard)
    for text in ("Rita Roe", "rita roe", "Rita", who):
        (hit,) = (await yard.mona.post("subjects/find", text=text, reason=REASON))["subjects"]
        assert (hit["subject"], hit["identifier"], hit["name"]) == (who, "(not shown)", "(not shown)")
    for text in ("Rita R", "oe", "Rit"):  # nobody guesses it piece by piece
        assert (await yard.mona.post("subjects/find", text=text, reason=REASON))["subjects"] == []


async def test_a_copy_with_what_managers_may_not_see_is_made_for_a_request_of_the_person_only(yard: Offices) -> None:
    who, other = await added(yard.mona), (await yard.mona.subscriber("Dora"))["subscriber"]
    await hide_names(yard)
    tenant_id = (await yard.platform.provisioning.tenant(TENANT)).tenant_id
    requests, by = yard.platform.office.requests, Instruction(Personal("Olga"), Personal("letter"))
    export = f"subjects/{who}/export", {"reason": REASON, "form": "json"}

    async def refused() -> None:
        answer = await yard.mona.call("POST", *export)
        assert (answer.status_code, answer.json()["code"]) == (403, "policy.forbids")
        assert "subject request open" in answer.json()["message"]
        assert "Rita" not in answer.text
        assert await yard.mona.audited("subject.export") == []

    await refused()
    await requests.open(tenant_id, who, RequestKind.ACCESS, None, "", by)  # not identified
    await requests.open(tenant_id, who, RequestKind.ERASURE, None, "passport", by)  # asks for something else
    await requests.open(tenant_id, other, RequestKind.ACCESS, None, "passport", by)  # somebody else asks
    await refused()
    asked = await requests.open(tenant_id, who, RequestKind.ACCESS, None, "passport", by)
    assert json.loads((await yard.mona.call("POST", *export)).content)["profile"]["display_name"] == "Rita Roe"
    named = await yard.mona.call("POST", export[0], export[1] | {"name_who_looked": True})
    assert named.status_code == 403  # names of others are not the person's own
    await requests.close(tenant_id, asked.number, Outcome.GRANTED, "", by)
    assert (await yard.mona.call("POST", *export)).status_code == 403


async def test_what_is_wrong_is_put_right(yard: Offices) -> None:
    who = await added(yard.mona)
    await yard.mona.post(f"subjects/{who}/rectify", values={"display_name": "Rita Rowe"}, reason=REASON)
    assert (await yard.mona.subscriber("Rita"))["name"] == "Rita Rowe"
    assert (await noted(yard.mona, "subject.rectify"))["details"]["changed"] == "display_name"


async def test_processing_is_restricted_and_the_restriction_ends(yard: Offices) -> None:
    who = await added(yard.mona)
    await yard.mona.post(f"subjects/{who}/restrict", ground="accuracy_dispute", reason=REASON)
    people = {each["subscriber"]: each for each in (await yard.mona.get("subscribers"))["subscribers"]}
    assert people[who]["restricted"]
    assert "Rita Roe" not in json.dumps(people)
    await yard.mona.post(f"subjects/{who}/lift", reason=REASON)
    assert (await yard.mona.subscriber("Rita"))["name"] == "Rita Roe"
    assert (await noted(yard.mona, "subject.lift_restriction"))["details"]["ground"] == "accuracy_dispute"


async def test_what_is_restricted_is_neither_changed_nor_removed_and_erased_only_if_that_is_said(yard: Offices) -> None:
    who = await added(yard.mona)
    await yard.mona.post(f"subjects/{who}/restrict", ground="unlawful", reason=REASON)
    for path, body in (
        (f"subscribers/{who}/remove", {"reason": REASON}),
        (f"subscribers/{who}/name", {"name": "Nobody"}),
        (f"subjects/{who}/erase", {"reason": REASON, "confirm": who}),
    ):
        with pytest.raises(Refused, match="409 hold"):
            await yard.mona.post(path, **body)
    found = (await yard.mona.post("subjects/find", text="Rita", reason=REASON))["subjects"]
    assert [(each["subject"], each["restriction"]) for each in found] == [(who, "unlawful")]
    await yard.mona.post(f"subjects/{who}/rectify", values={"display_name": "Rita Rowe"}, reason=REASON)
    await yard.mona.post(f"subjects/{who}/erase", reason=REASON, confirm=who, despite_restriction=True)
    assert (await noted(yard.mona, "subject.erase"))["details"]["despite_restriction"] == "unlawful"


async def test_an_erasure_that_a_full_disk_cut_off_is_said_to_come_and_comes(
    yard: Offices, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> None:
        raise StoreUnavailable("the disk is full")

    who = await added(yard.mona)
    with monkeypatch.context() as disk:
        disk.setattr("pttserver.store.erasures.note_erased", full)  # it has its line by then
        disk.setattr("pttserver.store.erasures.note_finished", full)
        with pytest.raises(Refused, match=r"503 erasure\.unfinished"):
            await yard.mona.post(f"subjects/{who}/erase", reason=REASON, confirm=who)
        with pytest.raises(Refused, match=r"503 store\.unavailable"):
            await yard.mona.post(f"subjects/{who}/restrict", ground="legal_claims", reason=REASON)
        assert [each["operation"] for each in await yard.mona.audited("subject.")] == ["subject.erase"]
    async with asyncio.timeout(10):
        while not await yard.mona.audited("subject.destroy_key"):  # the server finishes it
            await asyncio.sleep(0.05)
    with pytest.raises(Refused, match="404 not_found"):
        await yard.mona.post(f"subjects/{who}/restrict", ground="legal_claims", reason=REASON)
    assert (await yard.mona.post(f"subjects/{who}/prove"))["subject"] == who
    assert (await noted(yard.mona, "subject.erase"))["details"]["reason"] == REASON


async def test_erasing_wants_the_number_typed_and_gives_a_certificate(yard: Offices) -> None:
    who = await added(yard.mona)
    with pytest.raises(Refused, match="400 invalid_value"):
        await yard.mona.post(f"subjects/{who}/erase", reason=REASON, confirm="Rita")
    assert (await yard.mona.subscriber("Rita"))["subscriber"] == who
    erased = await yard.mona.post(f"subjects/{who}/erase", reason=REASON, confirm=who)
    if erased.get("certificate") is None:  # somebody reads an older state just now
        erased = await yard.mona.post(f"subjects/{who}/prove")
    assert yard.platform.office.erasure.verify(erased["certificate"]) == verified_by(erased["certificate"])
    assert "Rita" not in json.dumps(erased)
    assert (await yard.mona.post("subjects/find", text="Rita", reason=REASON)) == {"subjects": []}
    assert (await noted(yard.mona, "subject.erase"))["details"]["reason"] == REASON


# The audit log -------------------------------------------------------------------------------------------------------


async def test_the_audit_log_is_read_in_pages_and_by_filters(yard: Offices) -> None:
    for name in ("Ann", "Ben", "Cem"):
        await added(yard.mona, name)
    first = await yard.mona.get("audit", operation="subscriber.add", limit=2)
    assert len(first["entries"]) == 2
    rest = await yard.mona.get("audit", operation="subscriber.add", limit=500, before=first["next"])
    numbers = [each["number"] for each in first["entries"] + rest["entries"]]
    assert numbers == sorted(numbers, reverse=True)
    assert len(numbers) == len(set(numbers)) == 5
    mona = (await yard.mona.subscriber("Mona"))["subscriber"]
    assert len((await yard.mona.get("audit", operation="subscriber.add", by=mona))["entries"]) == 3
    newest = first["entries"][0]
    about = await yard.mona.get("audit", subject=newest["subject"])
    assert {each["subject"] for each in about["entries"]} == {newest["subject"]}
    later = await yard.mona.get("audit", from_ms=newest["at_ms"] + 1)
    assert all(each["at_ms"] > newest["at_ms"] for each in later["entries"])
    assert (await yard.mona.get("audit", until_ms=1))["entries"] == []


async def test_looks_at_people_and_at_the_log_stand_in_the_log(yard: Offices) -> None:
    for path, operation in (
        ("subscribers", "subscriber.list"),
        ("devices", "device.list"),
        (f"groups/{await group_of(yard.mona)}/members", "group.show"),
        ("audit", "audit.show"),
    ):
        await yard.mona.get(path)
        await noted(yard.mona, operation)


async def test_the_log_is_whole_after_all_of_it(yard: Offices) -> None:
    await added(yard.mona)
    verdict = await yard.mona.get("audit/verify")
    assert verdict["problems"] == []
    assert verdict["entries"] == verdict["last"] > 3


async def test_the_register_is_that_of_the_own_organisation(yard: Offices) -> None:
    register = await yard.mona.get("register")
    assert register["controller"] == "ACME Ltd"
    assert any(activity["category"] == "subscriber_name" for activity in register["activities"])
    assert holds_no_marker(yard.mona.last)


async def test_a_second_manager_works_beside_the_first(yard: Offices) -> None:
    mike = await logged_in(yard.platform, "Mike", Role.MANAGER)
    who = await added(mike)
    await yard.mona.post(f"subscribers/{who}/name", name="Rita Rowe")
    entry = (await mike.audited("subscriber.rename"))[0]
    assert entry["by"] == (await mike.subscriber("Mona"))["subscriber"]
    mona = (await mike.subscriber("Mona"))["subscriber"]
    await mike.post(f"subscribers/{mona}/role", role="subscriber", reason=REASON)
    with pytest.raises(Refused, match=r"40[13] auth"):
        await yard.mona.get("subscribers")


async def test_who_may_not_see_the_audit_log_reads_none_of_it_elsewhere(yard: Offices) -> None:
    """Not who gave a policy and why, nor why a hold was laid."""
    platform, who = yard.platform, await added(yard.mona)
    owner = await platform.provisioning.tenant(TENANT)
    why = Instruction(Personal("Olga Mark"), Personal("Rita is accused of theft"))
    hold = await platform.office.periods.hold(TENANT, why, subscriber="Rita")
    await platform.office.instructions.apply(owner.tenant_id, PLAIN_POLICY + "# again\n", why)
    assert (await yard.mona.get("policy/versions"))["versions"][0]["by"] == "Olga Mark"
    assert (await noted(yard.mona, "policy.history"))["details"] == {}
    hidden = PLAIN_POLICY + "[categories.audit_log]\nvisible_to = []\n"
    await platform.office.instructions.apply(owner.tenant_id, hidden, why)
    with pytest.raises(Refused, match="403"):
        await yard.mona.get("audit")
    versions = (await yard.mona.get("policy/versions"))["versions"]
    assert versions[0]["text"] == hidden
    assert {(each["by"], each["reason"]) for each in versions} == {("(not shown)", "(not shown)")}
    refused = await yard.mona.call("POST", f"subscribers/{who}/remove", {"reason": REASON}, origin=yard.mona.base)
    assert refused.status_code == 409
    assert hold.hold_id in refused.text
    assert "theft" not in refused.text

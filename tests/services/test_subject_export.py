"""A copy of a person's data: every personal column in it, nobody else, and nothing that has expired."""

import json
from dataclasses import replace
from types import SimpleNamespace

import jsonschema
import pytest
from sqlalchemy import insert, update

from pttserver.config import Settings
from pttserver.crypto.enrolment_code import code_digest
from pttserver.errors import AlreadyExists, InvalidValue, NotFound, PolicyMissing
from pttserver.ids import AlertId, CallId, GroupId, Personal
from pttserver.privacy.categories import Category
from pttserver.privacy.pages import as_html
from pttserver.privacy.purposes import Purpose
from pttserver.privacy.restriction import Restriction
from pttserver.roles import Rights
from pttserver.services.instructions import Instruction
from pttserver.services.location_looks import LocationLooks
from pttserver.services.message_release import MessageRelease
from pttserver.services.office import furnish
from pttserver.services.subject_page import subject_page
from pttserver.sessions.session import Identity
from pttserver.store import inventory
from pttserver.store.alert_notes import NewNote
from pttserver.store.alert_track import LocatedBy, NewTrackPoint
from pttserver.store.alert_track import NewPosition as AlertPosition
from pttserver.store.alerts import Alerts, NewAlert, NewStep
from pttserver.store.audit_chain import AuditNote
from pttserver.store.calls import CallHistory
from pttserver.store.console_credentials import ConsoleCredentials, NewCredentials, NewPasskey
from pttserver.store.console_schema import console_accounts, console_invitations
from pttserver.store.contacts import Contacts
from pttserver.store.database import Database
from pttserver.store.devices import Devices
from pttserver.store.enrolment import Enrolments
from pttserver.store.governance_schema import retention_events
from pttserver.store.holds import Hold, Holds
from pttserver.store.looks import Looks
from pttserver.store.message_directory import MessageDirectory
from pttserver.store.message_people import Reader
from pttserver.store.message_queue import MessageQueue
from pttserver.store.message_schema import messages
from pttserver.store.positions import NewPosition, Positions
from pttserver.store.records import Burst, Call, CallParticipant, Takeover
from pttserver.store.remote import RemoteDevices
from pttserver.store.remote_schema import device_controls
from pttserver.store.resume import ResumeTokens
from pttserver.store.schema import devices, subscribers
from pttserver.store.subscribers import Subscribers
from pttserver.wire import signalling
from repository import ROOT
from store.organisation import VAULT, new_key

BY = Instruction(Personal("Dana"), Personal("request 7"))
POLICY = """
[policy]
title = "Everything"
version = "1"
controller = "ACME Ltd"
contact = "privacy@acme.example"

[location]
enabled = true
live_only = false

[categories.location]
legal_basis = "legitimate_interests"

[extra.badge]
keep = "while_subscribed"
purpose = ["operations"]
"""
SCHEMA = ROOT / "proto" / "schemas" / "subject-export.json"
DAY_MS = 86_400_000
NOT_HERS = ("Bert", "Bertram", "bert@acme.example", "Berts radio", "BertPhone", "192.0.2.66", "Dana")


class FakeClock:
    def __init__(self):
        self.ms = 1_800_000_000_000

    def utc_ms(self):
        return self.ms

    def now(self):
        return self.ms / 1000


@pytest.fixture
async def acme(tmp_path):
    clock = FakeClock()
    database = await Database.open(tmp_path / "data" / "pttserver.sqlite3", VAULT)
    settings = Settings(data_dir=tmp_path / "data", authentication={"pin_hash_memory_kib": 8, "pin_hash_passes": 1})
    office = await furnish(database, settings, clock)
    yield Acme(office, database, clock)
    await database.close()


class Acme:
    """An organisation of which Anna and Bert are subscribers, with a trace of each in every table."""

    def __init__(self, office, database, clock):
        self.office, self.database, self.clock = office, database, clock

    async def fill(self):
        at = self.office.provisioning
        self.tenant = await at.add_tenant("ACME", POLICY)
        await at.add_group("ACME", "Patrol")
        self.anna = await self.person("+4520304050", "Anna Andersen", "anna@acme.example", "Annas radio", "AnnaPhone")
        self.bert = await self.person("Bertram", "Bert", "bert@acme.example", "Berts radio", "BertPhone")
        await self.call()
        await self.write(self.anna, self.bert)
        await self.write(self.bert, self.anna)
        await self.call_for_help(self.anna)
        return self

    async def person(self, identifier, name, email, label, device_type):
        tenant = self.tenant.tenant_id
        added = (await self.office.provisioning.add_subscriber("ACME", identifier, display_name=name)).subscriber
        who = added.subscriber_id
        await self.office.rights.set_fields(tenant, who, {"email": email, "badge": f"badge of {name}"}, BY)
        await self.office.provisioning.set_member("ACME", "Patrol", who)
        await self.office.roles.allow("ACME", who, "alerts", True)
        ticket = await self.office.devices.add("ACME", who, label=label)
        await Enrolments(self.database).claim(
            code_digest(ticket.code), who.encode().ljust(32, b"k"), self.clock.ms, new_key(device_type=device_type)
        )
        gate = self.office.book.gate(tenant)
        await self.console(who)  # an activation ends the resume token
        await ResumeTokens(self.database).put_resume(who, ticket.device.device_id, b"t" * 32, self.clock.ms + DAY_MS)
        login = gate.release(Category.LAST_LOGIN, Purpose.SECURITY, who, self.clock.ms)
        await self.office.provisioning._subscribers.record_login(who, login)

        def release(value):
            return gate.release(Category.ACTIVITY_LOG, Purpose.SECURITY, who, value)

        takeover = Takeover(tenant, who, release(who), release("dev_from"), release("dev_to"), release(self.clock.ms))
        await CallHistory(self.database).record_takeover(takeover)
        await self.position(who)
        return who

    async def console(self, who):
        """A console account, active, with both factors, and invited anew."""
        tenant, now, gate = self.tenant.tenant_id, self.clock.ms, self.office.book.gate(self.tenant.tenant_id)

        def release(value):
            return gate.release(Category.CREDENTIAL, Purpose.SECURITY, who, value)

        accounts, code = ConsoleCredentials(self.database), who.encode().ljust(32, b"c")
        note = AuditNote(gate, "console.invite", tenant, Personal("Dana"), now)
        passkey = NewPasskey(f"key_{who[4:]}", "ptt.example", release(b"i" * 32), release(b"p" * 77), release(3))
        new = NewCredentials(who, release("hash of a password"), release(b"s" * 20), release(5), passkey)
        await accounts.invite(tenant, who, code, now, now + DAY_MS, note)
        assert await accounts.activate(code, now, new, note)
        invitation = {"code_hash": code, "subscriber_id": who, "issued_ms": now, "expires_ms": now + DAY_MS}
        await self.database.write(lambda sql: sql.execute(insert(console_invitations), invitation))

    async def write(self, sender, recipient):
        """A message with an attachment, read; and each is the other's contact."""
        tenant, now, gate = self.tenant.tenant_id, self.clock.ms, self.office.book.gate(self.tenant.tenant_id)
        (device,) = await Devices(self.database).of_tenant(tenant, sender)
        key = gate.release(Category.CREDENTIAL, Purpose.SERVICE, sender, b"k" * 32)
        await MessageDirectory(self.database).publish(sender, device.device_id, key, key, now)
        rights = {"device_type": Personal("radio"), "display_name": Personal(""), "rights": Rights()}
        who = Identity(tenant_id=tenant, subscriber_id=sender, device_id=device.device_id, **rights)
        info = signalling.AttachmentInfo(size=28, digest=bytes(32))
        sealed = signalling.SealedMessage(
            message=sender.encode()[:16], device=device.device_id, recipients=[recipient], sequence=1,
            previous=bytes(32), sent_ms=now, content=b"c" * 28, attachment=info, signature=bytes(64),
        )  # fmt: skip
        wrapped = signalling.WrappedKey(device=device.device_id, octets=bytes(80))
        keys = {sender: [wrapped], recipient: [wrapped]}
        name = f"msg_{sender[4:]}"
        new, queue = MessageRelease(gate, who, name, now).message(sealed, keys, b"a" * 28), MessageQueue(self.database)
        await queue.put(new, 10)
        at_ms = gate.release(Category.MESSAGE_METADATA, Purpose.SERVICE, recipient, now)
        assert await queue.confirm(recipient, [name], "read", at_ms)
        alias = gate.release(Category.CONTACT_DATA, Purpose.SERVICE, sender, f"what {sender} says")
        await Contacts(self.database).put(Reader(gate.policy, tenant, sender, now), recipient, alias)

    async def call_for_help(self, who):
        """An alert with a position, closed by the other; the steps are hers."""
        tenant, gate = self.tenant.tenant_id, self.office.book.gate(self.tenant.tenant_id)

        def release(value, category=Category.ALERT):
            return gate.release(category, Purpose.SAFETY, who, value)

        place, alert = release("55.676,12.568", Category.LOCATION), AlertId("alr_00000000000000a1")
        now = release(self.clock.ms)
        new = NewAlert(alert, tenant, who, release(who), False, now)
        steps = [
            NewStep(alert, tenant, who, release(who), 1, "raised", release(who), now),
            NewStep(alert, tenant, who, release(who), 2, "resolved", release(who), now, now),
        ]
        by = LocatedBy(self.office.book.number(tenant), optional=True, excepted=False)
        first = AlertPosition(alert, tenant, who, place, by)
        point = NewTrackPoint(alert, tenant, who, release(who, Category.LOCATION), place, self.located(who), by)
        text, at_ms = release(Personal("cannot feel her legs")), release(self.clock.ms)
        noted = NewNote(alert, tenant, who, release(who), 2, text, at_ms)
        await Alerts(self.database).write([new, *steps, first, point, noted])

    def located(self, who):
        gate = self.office.book.gate(self.tenant.tenant_id)
        return gate.release(Category.LOCATION, Purpose.SAFETY, who, self.clock.ms)

    async def position(self, who):
        gate, tenant = self.office.book.gate(self.tenant.tenant_id), self.tenant.tenant_id

        def release(value):
            return gate.release(Category.LOCATION, Purpose.OPERATIONS, who, value)

        place, motion = release("55.6761000,12.5683000"), release('{"accuracy_m":8.0}')
        number = self.office.book.number(tenant)
        new = NewPosition(tenant, who, number, True, release(who), place, motion, release(self.clock.ms))
        assert await Positions(self.database).write([new]) == []

    async def call(self, call_id="cal_1", initiator=None, address="192.0.2.55"):
        tenant, who, now = self.tenant.tenant_id, initiator or self.anna, self.clock.ms
        gate = self.office.book.gate(tenant)
        group = (await self.office.provisioning.group("ACME", "Patrol")).group_id

        def person(subject):
            return gate.release(Category.PARTICIPANTS, Purpose.OPERATIONS, subject, subject)

        def time(ms):
            return gate.release(Category.CALL_RECORD, Purpose.OPERATIONS, who, ms)

        def seen(subject):
            return gate.release(Category.PARTICIPANTS, Purpose.OPERATIONS, subject, now)

        ip = gate.release(Category.IP_ADDRESS, Purpose.SECURITY, who, address)
        call = Call(CallId(call_id), tenant, GroupId(group), who, person(who), ip, time(now), time(now + 9000))
        present = [CallParticipant(CallId(call_id), tenant, person(s), seen(s)) for s in (self.anna, self.bert)]
        times = time(now), time(1234)
        burst = Burst(f"bur_{call_id}", CallId(call_id), tenant, GroupId(group), who, person(who), *times, 40, "end")
        await CallHistory(self.database).write_calls([call], present, [burst])

    async def life(self, who):
        """What operators did to the person's account, device and message; now the use of the data is restricted."""
        at, tenant, now = self.office, self.tenant.tenant_id, self.clock.ms
        gate = at.book.gate(tenant)
        note = AuditNote(gate, "device.stun", tenant, Personal("Dana"), now, who)
        (device,) = await Devices(self.database).of_tenant(tenant, who)
        hold = Hold("hld_1", tenant, who, Category.CALL_RECORD, now, now + DAY_MS)
        why = gate.release(Category.AUDIT_LOG, Purpose.LEGAL_DUTY, who, "a court in Aarhus")
        await Holds(self.database).add(hold, gate.release(Category.AUDIT_LOG, Purpose.LEGAL_DUTY, tenant, "Dora"), why)
        event = {"tenant_id": tenant, "subject_id": who, "kind": "deletion_withdrawn", "at_ms": now, "recorded_ms": now}
        await RemoteDevices(self.database).stun([device.device_id], now, note)

        def work(sql):
            sql.execute(insert(retention_events).values(event))
            sql.execute(update(messages).values(deleted_ms=now))
            sql.execute(update(device_controls).values(wiped_ms=now + 1000))
            sql.execute(update(devices).where(devices.c.id == device.device_id).values(revoked_ms=now + 1000))
            sql.execute(update(console_accounts).where(console_accounts.c.subscriber_id == who).values(locked_ms=now))

        await self.database.write(work)
        await at.rights.restrict(tenant, who, Restriction.OBJECTION, BY)

    async def look(self, who):
        """A dispatcher looks at a position."""
        gate = self.office.book.gate(self.tenant.tenant_id)
        note = AuditNote(gate, "location.look.last", self.tenant.tenant_id, Personal(self.bert), self.clock.ms, who)
        await self.database.write(lambda _: True, note=note)

    async def looked(self, who):
        """What its own radio is told of it."""
        at = LocationLooks(Looks(self.database), Subscribers(self.database), self.office.book, self.clock)
        shown = {"device_type": Personal("radio"), "display_name": Personal(""), "rights": Rights()}
        me = Identity(tenant_id=self.tenant.tenant_id, subscriber_id=who, device_id="dev_1", **shown)
        return (await at.looked(SimpleNamespace(identity=me), signalling.LocationLooks(id=1))).looks

    async def export(self, subject=None, tenant=None):
        return await self.office.exports.export(tenant or self.tenant, subject or self.anna, BY)


async def test_t103_every_personal_column_is_in_it(acme) -> None:
    await acme.fill()
    await acme.life(acme.anna)
    export = await acme.export()
    told = {(row.table, value.column) for row in export.rows for value in row.values}
    tables = {row.table for row in export.rows}
    for table in inventory.tables():
        names = {inventory.owner(table)} | set(inventory.references(table))
        for column in table.columns:
            if column.info["category"] is None or inventory.by_operators(column) or column is subscribers.c.removed_ms:
                continue  # whoever is removed under this policy gets no copy any more
            if any(column is name for name in names):
                assert table.name in tables, f"no row of {table.name}"
            else:
                assert (table.name, column.name) in told, f"{table.name}.{column.name}"


async def test_t103_the_values_are_hers_and_nobody_elses(acme) -> None:
    await acme.fill()
    await acme.call("cal_2", initiator=acme.bert, address="192.0.2.66")
    export = await acme.export()
    text, page = export.model_dump_json(), as_html(subject_page(export))
    hers = ("+4520304050", "Anna Andersen", "anna@acme.example", "badge of Anna", "Annas radio", "192.0.2.55",
            "dev_from", "dev_to", "Patrol", "1234", "cannot feel her legs")  # fmt: skip
    for marker in hers:
        assert marker in text, marker
        assert marker in page, marker
    assert [marker for marker in NOT_HERS if marker in text or marker in page] == []
    assert acme.bert not in text
    theirs = (await acme.export(acme.bert)).model_dump_json()  # the same search finds the other one where he is
    assert [marker for marker in NOT_HERS[:6] if marker not in theirs] == []


async def test_calls_name_others_by_number_only(acme) -> None:
    await acme.fill()
    await acme.call("cal_2", initiator=acme.bert, address="192.0.2.66")
    mine, other = sorted((await acme.export()).calls, key=lambda call: call.started_by or "", reverse=True)
    assert (mine.started_by, mine.bursts, mine.others) == ("you", 1, ["other participant 1"])
    assert (other.started_by, other.bursts, other.group) == ("somebody else", 0, "Patrol")


async def test_secrets_are_named_and_not_given_out(acme) -> None:
    await acme.fill()
    export = await acme.export()
    withheld = {value.column for row in export.rows for value in row.values if value.withheld}
    sealed_for_devices = {"envelope", "content", "wrapped", "octets", "signature", "conversation"}
    of_others = {"recipients", "sender", "contact_id"}
    of_accounts = {"password_hash", "totp_secret", "totp_step", "credential_id", "sign_count"}
    secrets = {"pin_hash", "public_key", "token_hash", "code_hash", "identifier_index"} | of_accounts
    assert withheld == secrets | sealed_for_devices | of_others
    assert "$argon2" not in export.model_dump_json()


async def test_each_value_that_is_withheld_has_a_reason_of_its_own(acme) -> None:
    carl = (await acme.fill()) and await acme.person("Carl", "Carl C.", "carl@acme.example", "Carls radio", "CarlPhone")
    await acme.write(carl, acme.anna)
    export = await acme.export()
    why = {(row.table, v.column): v.withheld for row in export.rows for v in row.values if v.withheld}
    log_in = {place for place, reason in why.items() if "log in" in reason}
    assert {table for table, _ in log_in} == {
        "subscribers",
        "devices",
        "resume_tokens",
        "enrolment_codes",
        "console_invitations",
        "console_accounts",
        "console_passkeys",
    }
    encrypted = {place for place, reason in why.items() if "end to end" in reason}
    assert encrypted == {
        ("messages", "content"),
        ("messages", "wrapped"),
        ("deliveries", "wrapped"),
        ("attachments", "octets"),
    }
    assert "device" in why["message_keys", "public_key"]
    assert "digest" in why["messages", "conversation"]
    named = [
        v.withheld for row in export.rows for v in row.values if v.column in ("sender", "recipients", "contact_id")
    ]
    bert, other = "names other person 1: the rights of others", "names other person 2: the rights of others"
    assert sorted(named) == [bert, bert, bert, other]  # Bert: a contact, written to, and a sender; Carl: a sender
    assert "other person 2" in as_html(subject_page(export))


async def test_what_has_expired_is_not_in_it(acme) -> None:
    await acme.fill()
    acme.clock.ms += 8 * DAY_MS  # the default keeps addresses 7 days, call records 90
    assert "192.0.2.55" not in (await acme.export()).model_dump_json()
    assert len((await acme.export()).calls) == 1
    acme.clock.ms += 83 * DAY_MS
    export = await acme.export()
    assert export.calls == []
    assert {"calls", "bursts", "call_participants", "takeovers"} & {row.table for row in export.rows} == set()
    assert "Anna Andersen" in export.model_dump_json()


async def test_what_was_asked_to_be_erased_is_hidden_at_once(acme) -> None:
    policy = POLICY + '[categories.participants]\nkeep = ["90 days", "60 days + 60 days after deletion_requested"]\n'
    await acme.fill()
    await acme.office.instructions.apply(acme.tenant.tenant_id, policy, BY)
    await acme.office.book.load()
    assert len((await acme.export()).calls) == 1
    event = {"tenant_id": acme.tenant.tenant_id, "subject_id": acme.anna, "kind": "deletion_requested"}
    event["at_ms"] = event["recorded_ms"] = acme.clock.ms
    await acme.database.write(lambda sql: sql.execute(insert(retention_events).values(event)))
    assert (await acme.export()).calls == []
    assert len((await acme.export(acme.bert)).calls) == 1


async def test_looks_that_an_event_of_the_organisation_ended_are_not_in_it(acme) -> None:
    policy = POLICY + '[categories.audit_log]\nkeep = ["2 years", "1 day after contract_ended"]\n'
    await acme.fill()
    await acme.office.instructions.apply(acme.tenant.tenant_id, policy, BY)
    await acme.office.book.load()
    await acme.office.views.find("ACME", "anna", BY)
    await acme.look(acme.anna)
    ended = {"tenant_id": acme.tenant.tenant_id, "kind": "contract_ended"}
    ended["at_ms"] = ended["recorded_ms"] = acme.clock.ms
    await acme.database.write(lambda sql: sql.execute(insert(retention_events).values(ended)))
    assert "subject.find" in {look.what for look in (await acme.export()).looks}
    assert len(await acme.looked(acme.anna)) == 1
    acme.clock.ms += DAY_MS
    assert [look.what for look in (await acme.export()).looks] == ["subject.export"]
    assert await acme.looked(acme.anna) == []


async def test_a_removed_subscriber_is_as_good_as_gone(acme) -> None:
    await acme.fill()
    await acme.office.provisioning.remove_subscriber("ACME", acme.anna)
    with pytest.raises(NotFound):
        await acme.export()


async def test_a_restricted_person_still_gets_a_copy(acme) -> None:
    await acme.fill()
    await acme.office.rights.restrict(acme.tenant.tenant_id, acme.anna, Restriction.OBJECTION, BY)
    export = await acme.export()
    assert (export.restricted, export.profile.display_name) == ("objection", "Anna Andersen")


async def test_the_life_of_the_account_is_told_in_words_and_not_why_the_organisation_holds(acme) -> None:
    await acme.fill()
    await acme.life(acme.anna)
    export = await acme.export()
    page, at, later = as_html(subject_page(export)), "15 January 2027, 08:00:00 UTC", "15 January 2027, 08:00:01 UTC"
    assert (export.restricted, export.restricted_since_ms) == ("objection", acme.clock.ms)
    for told in (
        f"Use of your data is restricted since {at} (objection)",
        f"use restricted since: {at}; ground of the restriction: objection",
        f"what happened: deletion withdrawn; when: {at}; written down: {at}",
        f"covers: call record; from: {at}; until: 16 January 2027",
        f"enrolled: {at}; revoked: {later}",
        f"disabled since: {at}; wiped: {later}",
        f"used: {at}",
        f"password set: {at}; locked since: {at}",
        "priority: 100; listen only: no",
        "what was done to a device from afar",
    ):
        assert told in page, told
    assert not {word for word in ("Aarhus", "Dora") if word in page + export.model_dump_json()}
    theirs = await acme.export(acme.bert)
    assert {"holds", "retention_events", "device_controls"} & {row.table for row in theirs.rows} == set()
    assert theirs.restricted_since_ms is None


async def test_somebody_who_waits_to_be_erased_learns_when_the_account_was_removed(acme) -> None:
    await acme.fill()
    policy = POLICY + '[categories.identifier]\nkeep = "30 days after unsubscribed"\n'
    await acme.office.instructions.apply(acme.tenant.tenant_id, policy, BY)
    await acme.office.book.load()
    acme.clock.ms += DAY_MS
    await acme.office.provisioning.remove_subscriber("ACME", acme.anna)
    (row,) = [row for row in (await acme.export()).rows if row.table == "subscribers"]
    (removed,) = [value for value in row.values if value.column == "removed_ms"]
    assert (removed.category, removed.value) == ("identifier", acme.clock.ms)
    assert removed.goes_ms == acme.clock.ms + 30 * DAY_MS


@pytest.mark.parametrize("text", ["collect = false", 'store = "none"'])
async def test_without_identifiers_the_life_of_the_account_is_told_as_long_as_it_can_log_in(acme, text) -> None:
    await acme.fill()
    policy = f"{POLICY}[categories.identifier]\n{text}\n"
    by = replace(BY, acknowledged=("no_identifiers",))
    await acme.office.instructions.apply(acme.tenant.tenant_id, policy, by)
    await acme.office.book.load()
    rows = {row.table: row for row in (await acme.export()).rows}
    told = {value.column: value for table in ("subjects", "subscribers") for value in rows[table].values}
    assert {"kind", "created_ms", "identifier_kind"} <= told.keys()
    assert {told[name].category for name in ("kind", "created_ms", "identifier_kind")} == {"credential"}
    assert "identifier" not in told


async def test_managers_may_see_the_life_of_devices_and_not_their_secrets(acme) -> None:
    """What whoever administers sees in any case keeps no manager from making a copy; memberships have tiers."""
    await acme.fill()
    kinds = {category for category, _ in await acme.office.exports.kinds(acme.tenant.tenant_id, acme.bert)}
    assert Category.CREDENTIAL not in kinds
    assert {Category.IDENTIFIER, Category.MEMBERSHIP} < kinds


async def test_it_is_recorded_and_needs_a_policy(acme) -> None:
    await acme.fill()
    await acme.export()
    entry = (await acme.office.audit.entries(acme.tenant.tenant_id))[-1]
    assert (entry.operation, entry.subject, entry.details) == ("subject.export", acme.anna, {"reason": "request 7"})
    assert entry.actor.reveal() == "Dana"
    with pytest.raises(NotFound):
        await acme.export("nobody at all")
    acme.office.book.refuse(acme.tenant.tenant_id, "it is gone")
    with pytest.raises(PolicyMissing):
        await acme.export()


async def test_it_keeps_to_its_schema(acme) -> None:
    await acme.fill()
    export = json.loads((await acme.export()).model_dump_json(exclude_none=True))
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator(schema).validate(export)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft202012Validator(schema).validate(export | {"shoe_size": 44})


async def test_the_page_shows_what_strangers_wrote_as_text(acme) -> None:
    await acme.fill()
    values = {"display_name": "<script>alert(1)</script>", "email": '"><img src=x>'}
    await acme.office.rights.rectify(acme.tenant.tenant_id, acme.anna, values, BY)
    page = as_html(subject_page(await acme.export()))
    assert "<script" not in page
    assert "<img" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page


async def test_t107_an_export_taken_over_elsewhere_is_equal(acme) -> None:
    await acme.fill()
    other = await acme.office.provisioning.add_tenant("Beta", POLICY)
    await acme.office.provisioning.add_group("Beta", "Patrol")
    export = await acme.export()
    taken = await acme.office.imports.take_over(other, export.model_dump_json(exclude_none=True), BY)
    assert taken.left_out == ()
    again = await acme.export(taken.subscriber_id, other)
    assert again.profile == export.profile
    assert again.profile.extra == {"badge": "badge of Anna Andersen"}
    assert (again.calls, again.subject == export.subject) == ([], False)
    with pytest.raises(AlreadyExists):
        await acme.office.imports.take_over(other, export.model_dump_json(exclude_none=True), BY)


async def test_t107_what_the_other_policy_does_not_keep_is_left_out_and_told(acme) -> None:
    await acme.fill()
    strict = '[policy]\ntitle = "x"\nversion = "1"\nacknowledged = ["no_contact_lists"]\n'
    strict += "[categories.contact_data]\ncollect = false\n"
    other = await acme.office.provisioning.add_tenant("Beta", strict)
    export = await acme.export()
    taken = await acme.office.imports.take_over(other, export.model_dump_json(exclude_none=True), BY)
    assert set(taken.left_out) == {"email", "badge", "group Patrol"}
    profile = (await acme.export(taken.subscriber_id, other)).profile
    assert (profile.contact, profile.extra, profile.memberships) == ({}, {}, [])
    assert profile.display_name == "Anna Andersen"


@pytest.mark.parametrize("text", ["", "{}", "[1]", "null", '{"version": 2}', "\x00"])
async def test_what_is_no_export_is_refused(acme, text) -> None:
    await acme.fill()
    with pytest.raises(InvalidValue, match="no export"):
        await acme.office.imports.take_over(acme.tenant, text, BY)


async def test_an_export_with_a_wrong_value_is_refused_as_a_whole(acme) -> None:
    await acme.fill()
    export = json.loads((await acme.export()).model_dump_json(exclude_none=True))
    export["profile"] |= {"identifier": "Carla", "display_name": "a\u202eb"}
    with pytest.raises(InvalidValue, match="cannot be seen"):
        await acme.office.imports.take_over(acme.tenant, json.dumps(export), BY)
    assert len(await acme.office.provisioning.subscribers("ACME")) == 2


async def test_people_are_found_by_all_that_they_are_known_by(acme) -> None:
    await acme.fill()

    async def find(text):
        return [hit.subject_id for hit in await acme.office.views.find("ACME", text, BY)]

    for text in ("anna ander", "+45 (20) 30-40-50", "20304050", "ANNA@ACME", "badge of anna", "annas radio", acme.anna):
        assert await find(text) == [acme.anna], text
    assert sorted(await find("acme.example")) == sorted([acme.anna, acme.bert])
    assert await find("nobody") == []
    await acme.office.provisioning.remove_subscriber("ACME", acme.anna)
    assert await find("anna") == []


async def test_somebody_without_an_account_is_found_and_exported(acme) -> None:
    await acme.fill()
    vault, tenant = acme.database.vault, acme.tenant.tenant_id
    await acme.database.write(lambda sql: vault.make_subject(sql, tenant, "oth_1", "other", acme.clock.ms))
    (hit,) = await acme.office.views.find("ACME", "oth_1", BY)
    assert (hit.kind, hit.identifier) == ("other", None)
    assert (await acme.export("oth_1")).kind == "other"


async def test_somebody_without_an_account_is_restricted_and_erased(acme) -> None:
    await acme.fill()
    vault, tenant = acme.database.vault, acme.tenant.tenant_id
    await acme.database.write(lambda sql: vault.make_subject(sql, tenant, "oth_1", "other", acme.clock.ms))
    rights, erasure = acme.office.rights, acme.office.erasure
    assert (await rights.restrict(tenant, "oth_1", Restriction.OBJECTION, BY)).subject_id == "oth_1"
    (hit,) = await acme.office.views.find("ACME", "oth_1", BY)
    assert hit.restriction == Restriction.OBJECTION
    await rights.lift(tenant, "oth_1", BY)
    assert (await erasure.erase(tenant, "oth_1", BY)).certificate
    assert await acme.office.views.find("ACME", "oth_1", BY) == []

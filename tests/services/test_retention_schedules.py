"""Schedules of policies, writes, events, holds, erasures and sweeps against a model: nothing kept or served too long,
nothing erased too early.

The model knows each call by itself and asks where it stands (`Retention.phase`); the engine works by cut-offs over
whole tables. What is served (the list of calls, log-ins, lists of subscribers, exports) is compared before a sweep too.
 A few hundred schedules run with the suite; for 100,000 (an hour and a half):

    PTT_SCHEDULES=100000 pytest tests/services/test_retention_schedules.py --timeout 0
"""

import asyncio
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, update

from pttserver.config import PrivacySettings
from pttserver.crypto.sealing import MasterKey
from pttserver.errors import NotFound, OnHold
from pttserver.ids import CallId, DeviceId, Personal, SubscriberId, TenantId
from pttserver.privacy.categories import Category
from pttserver.privacy.cutoffs import Cutoffs
from pttserver.privacy.forms import PSEUDONYM
from pttserver.privacy.gate import Gate
from pttserver.privacy.policy import Policy, Storage, parse_policy
from pttserver.privacy.purposes import Purpose
from pttserver.privacy.retention import HIDES_AT_ONCE, Event, EventKind, Phase
from pttserver.privacy.retention import Retention as Rules
from pttserver.services.policy_book import PolicyBook
from pttserver.services.retention import Retention
from pttserver.services.serving import Serving, as_served
from pttserver.services.subject_export import document_of
from pttserver.store.audit_chain import AuditNote
from pttserver.store.call_records import CallRecords, Wanted
from pttserver.store.calls import CallHistory
from pttserver.store.columns import Sealed
from pttserver.store.database import Database
from pttserver.store.devices import Devices
from pttserver.store.enrolment import Enrolments, NewKey
from pttserver.store.erasure_ledger import ErasureLedger
from pttserver.store.erasures import Erasures
from pttserver.store.events import record_event
from pttserver.store.governance_schema import subjects
from pttserver.store.holdings import Holdings
from pttserver.store.holds import Hold, Holds, new_hold_id
from pttserver.store.policies import Policies, PolicyVersion
from pttserver.store.records import Call, CallParticipant, IdentifierKind, NewDevice, NewSubscriber, Tenant
from pttserver.store.schema import call_participants, calls
from pttserver.store.subjects import Subjects
from pttserver.store.subscribers import Subscribers
from pttserver.store.tenants import Tenants
from pttserver.store.vault import FOLLOWED, Vault

SCHEDULES = int(os.environ.get("PTT_SCHEDULES", "150"))
DAY = 86_400_000
TENANT, ANNA, BERT = TenantId("ten_1"), SubscriberId("sub_anna"), SubscriberId("sub_bert")
PEOPLE = (ANNA, BERT)
MASTER = MasterKey.draw()
ROW = {Category.CALL_RECORD, Category.PARTICIPANTS, Category.IP_ADDRESS}
WHOLE, CUT = "203.0.113.1", "203.0.113.0"
HEAD = '[policy]\ntitle = "T"\nversion = "1"\n'


def rules(record: str, participants: str, address: str) -> str:
    named = (("call_record", record), ("participants", participants), ("ip_address", address))
    return HEAD + "".join(f"[categories.{name}]\n{rule}\n" for name, rule in named)


POLICIES = [
    HEAD,
    rules('keep = "10 days"', 'keep = "5 days"', 'keep = "1 day"'),
    rules('keep = "5 days"', 'keep = "20 days"', 'keep = "20 days"'),
    rules('keep = "1 year"', 'store = "none"', 'keep = "3 days"'),
    rules('store = "none"', 'keep = "9 days"', 'keep = "9 days"'),
    rules(
        'keep = ["4 days + 4 days after deletion_requested", "30 days", "6 days after account_closed"]',
        'keep = ["2 days after deletion_requested", "40 days", "until contract_ended"]',
        'keep = ["until consent_withdrawn", "15 days"]',
    ),
    HEAD
    + '[categories.identifier]\nkeep = ["5 days after unsubscribed", "3 days + 3 days after deletion_requested"]\n',
    HEAD + "[logging]\nrecords = false\n",
    rules(
        'keep = "10 days"',
        'store = "pseudonymised"',
        'store = "truncated"\ntruncate = {ipv4_bits = 24, ipv6_bits = 48}',
    ),
    HEAD
    + '[categories.subscriber_name]\nkeep = ["2 days + 2 days after deletion_requested", "until account_closed"]\n',
]
LEDGER = "erasures.ledger"
PARSED = [parse_policy(text) for text in POLICIES]

ACTIONS = st.one_of(
    st.tuples(st.just("pass"), st.integers(1, 12)),
    st.tuples(st.just("call"), st.sampled_from(PEOPLE)),
    st.tuples(st.just("policy"), st.integers(0, len(POLICIES) - 1)),
    st.tuples(st.just("event"), st.sampled_from(list(EventKind)), st.sampled_from([None, *PEOPLE])),
    st.tuples(st.just("hold"), st.sampled_from([None, *PEOPLE]), st.sampled_from([None, *sorted(ROW)])),
    st.tuples(st.just("release"), st.integers(0, 3)),
    st.tuples(st.just("restrict"), st.sampled_from(PEOPLE), st.booleans()),
    st.tuples(st.just("erase"), st.sampled_from(PEOPLE)),
    st.tuples(st.just("look")),
    st.tuples(st.just("sweep")),
)


@dataclass
class KnownCall:
    """`address`: as it stands there. `followed`: whether look-ups follow the reference to the initiator, the other."""

    at_ms: int
    initiator: SubscriberId | None
    address: str | None
    present: bool  # whether its row of call_participants is there
    participant: SubscriberId
    initiator_followed: bool
    participant_followed: bool
    row: bool = True


@dataclass
class Model:
    """What the rules say of each call, one at a time."""

    policy: Policy = PARSED[0]
    now_ms: int = 2_000 * DAY
    of_all: list[Event] = field(default_factory=list)
    own: dict[str, list[Event]] = field(default_factory=lambda: {who: [] for who in PEOPLE})
    holds: list[Hold] = field(default_factory=list)
    calls: dict[str, KnownCall] = field(default_factory=dict)
    alive: set[str] = field(default_factory=lambda: set(PEOPLE))
    restricted: set[str] = field(default_factory=set)

    def about(self, who: str | None) -> list[Event]:
        return [*self.of_all, *(self.own[who] if who in self.alive else [])] if who else self.of_all

    def hidden(self, category: Category, recorded_ms: int, who: str | None) -> bool:
        """Not to be served any more: gone, final, or by an event that hides at once."""
        retention, events = self.policy.rule(category).retention, self.about(who)
        at_once = [Rules((clause,)) for clause in retention.clauses if clause.event in HIDES_AT_ONCE]
        return (
            self.gone(category, recorded_ms, who)
            or retention.phase(recorded_ms, self.now_ms, events) is Phase.FINAL
            or any(one.phase(recorded_ms, self.now_ms, events) is not Phase.IN_USE for one in at_once)
        )

    def known(self, who: str | None) -> str | None:
        """Whom a reference that is followed leads to."""
        return who if who in self.alive and who not in self.restricted else None

    def gone(self, category: Category, recorded_ms: int, who: str | None) -> bool:
        events = self.about(who)
        retention = self.policy.rule(category).retention
        if not self.policy.keeps(category):
            return recorded_ms <= self.now_ms
        return retention.phase(recorded_ms, self.now_ms, events) is Phase.GONE

    def held(self, categories: set[Category], who: str | None) -> bool:
        return who in self.restricted or any(
            (hold.category is None or hold.category in categories) and hold.subject_id in (None, who)
            for hold in self.holds
        )

    def sweep(self) -> None:
        for who in sorted(self.alive):
            if self.gone(Category.IDENTIFIER, 0, who) and not self.held(set(Category), who):
                self.shred(who)
        while sum(self._swept(call) for call in self.calls.values()):
            pass  # of all, not up to the first that changes
        for call in self.calls.values():
            self._rewritten(call)

    def _rewritten(self, call: KnownCall) -> None:
        hides = self.policy.rule(Category.PARTICIPANTS).storage is Storage.PSEUDONYMISED
        if hides and not self.held({Category.PARTICIPANTS}, call.initiator):
            call.initiator_followed = False
        if hides and not self.held({Category.PARTICIPANTS}, call.participant):
            call.participant_followed = False
        cuts = self.policy.rule(Category.IP_ADDRESS).storage is Storage.TRUNCATED
        if cuts and call.address and not self.held({Category.IP_ADDRESS}, call.initiator):
            call.address = CUT

    def shred(self, who: str) -> None:
        self.alive.discard(who)
        for call in self.calls.values():
            if call.initiator == who:
                call.initiator, call.address = None, None
            if call.participant == who:
                call.present = False

    def _swept(self, call: KnownCall) -> bool:
        before = (call.row, call.initiator, call.address, call.present)
        who, at_ms = call.initiator, call.at_ms
        if call.row and self.gone(Category.CALL_RECORD, at_ms, who) and not self.held(ROW, who):
            call.row = False
        if who and self.gone(Category.PARTICIPANTS, at_ms, who) and not self.held(ROW, who):
            call.initiator, call.address = None, None
        if self.gone(Category.IP_ADDRESS, at_ms, who) and not self.held({Category.IP_ADDRESS}, who):
            call.address = None
        there = call.participant
        if self.gone(Category.PARTICIPANTS, at_ms, there) and not self.held({Category.PARTICIPANTS}, there):
            call.present = False
        return before != (call.row, call.initiator, call.address, call.present)


class StandingClock:
    def __init__(self, model: Model) -> None:
        self._model = model

    def now(self) -> float:
        return self._model.now_ms / 1000

    def utc_ms(self) -> int:
        return self._model.now_ms


def _plain(value: Any) -> str:
    return value.reveal() if isinstance(value, Personal) else value


class Schedule:
    """Does the same to the database and to the model."""

    def __init__(self, database: Database, file: Path) -> None:
        self.database, self.model = database, Model()
        erasures = Erasures(database, file, ErasureLedger(file.with_name(LEDGER)))
        clock, small = StandingClock(self.model), PrivacySettings(sweep_batch_rows=2)
        self.erasures, self.clock = erasures, clock
        self.retention = Retention(database, clock, small, erasures)  # type: ignore[arg-type]

    async def run(self, actions: list[Any]) -> None:
        await self.begin()
        for name, *arguments in [*actions, ("sweep",)]:
            await getattr(self, f"do_{name}")(*arguments)

    async def begin(self) -> None:
        version = PolicyVersion(TENANT, HEAD, PARSED[0].digest, (), None, None, 1, published=True)
        await Tenants(self.database).add(Tenant(TENANT, "ACME", 0), version)
        gate = Gate(PARSED[0])
        for who in PEOPLE:
            identifier = gate.release(Category.IDENTIFIER, Purpose.SERVICE, who, Personal(who))
            pin = gate.release(Category.CREDENTIAL, Purpose.SECURITY, who, "hash")
            name = gate.release(Category.SUBSCRIBER_NAME, Purpose.SERVICE, who, Personal(f"Name of {who}"))
            new = NewSubscriber(who, TENANT, identifier, IdentifierKind.CUSTOM, name, pin, 0)
            await Subscribers(self.database).add(new)
            radio, code = DeviceId(f"dev_{who}"), who.encode()
            await Devices(self.database).add(NewDevice(radio, TENANT, who, None, 0), code, 9)

            def keys(_tenant: str, who: str) -> NewKey:
                key = gate.release(Category.CREDENTIAL, Purpose.SECURITY, who, bytes(32))
                return NewKey(key, None)

            assert await Enrolments(self.database).claim(code, bytes(32), 1, keys)

    async def do_pass(self, days: int) -> None:
        self.model.now_ms += days * DAY

    async def do_call(self, who: SubscriberId) -> None:
        """Who starts it is its initiator; the other is there too."""
        model, gate = self.model, Gate(self.model.policy)
        other = BERT if who == ANNA else ANNA
        at = gate.release(Category.CALL_RECORD, Purpose.OPERATIONS, who, model.now_ms)
        person = gate.release(Category.PARTICIPANTS, Purpose.OPERATIONS, who, who)
        there = gate.release(Category.PARTICIPANTS, Purpose.OPERATIONS, other, other)
        since = gate.release(Category.PARTICIPANTS, Purpose.OPERATIONS, other, model.now_ms)
        address = gate.release(Category.IP_ADDRESS, Purpose.SECURITY, who, Personal(WHOLE))
        if at is None:
            return
        call_id = CallId(f"cal_{len(model.calls)}")
        present = [CallParticipant(call_id, TENANT, there, since)] if there and since else []
        record = Call(call_id, TENANT, "grp_1", who, person, address, at, at)  # type: ignore[arg-type]
        await CallHistory(self.database).write_calls([record], present, [])
        named = who if model.known(who) and person else None
        model.calls[call_id] = KnownCall(
            at_ms=model.now_ms,
            initiator=named,
            address=_plain(address.value) if named and address else None,
            present=bool(present) and model.known(other) is not None,
            participant=other,
            initiator_followed=person is not None and person.form != PSEUDONYM,
            participant_followed=there is not None and there.form != PSEUDONYM,
        )

    async def do_policy(self, number: int) -> None:
        self.model.policy = PARSED[number]
        text, digest = POLICIES[number], PARSED[number].digest
        await Policies(self.database).put(PolicyVersion(TENANT, text, digest, (), None, None, 1, published=True))

    async def do_event(self, kind: EventKind, who: SubscriberId | None) -> None:
        model = self.model
        if who is not None and who not in model.alive:
            return
        await self.database.write(lambda sql: record_event(sql, TENANT, who, kind, model.now_ms))
        (model.own[who] if who else model.of_all).append(Event(kind, model.now_ms))

    async def do_hold(self, who: SubscriberId | None, category: Category | None) -> None:
        if who is not None and who not in self.model.alive:
            return
        hold = Hold(new_hold_id(), TENANT, who, category, self.model.now_ms, None)
        await Holds(self.database).add(hold, None, None)
        self.model.holds.append(hold)

    async def do_release(self, number: int) -> None:
        if number < len(self.model.holds):
            hold = self.model.holds.pop(number)
            assert await Holds(self.database).end(TENANT, hold.hold_id, self.model.now_ms)

    async def do_restrict(self, who: SubscriberId, begins: bool) -> None:
        if who in self.model.alive:
            since_ms = self.model.now_ms if begins else None
            row = update(subjects).where(subjects.c.id == who).values(restricted_ms=since_ms)
            await self.database.write(lambda sql: sql.execute(row))
            (self.model.restricted.add if begins else self.model.restricted.discard)(who)

    async def do_erase(self, who: SubscriberId) -> None:
        model, note = self.model, self._note("subject.erase")
        if any(hold.subject_id in (None, who) for hold in model.holds):
            with pytest.raises(OnHold):
                await self.erasures.erase_subject(who, note)
        elif who not in model.alive:
            with pytest.raises(NotFound):
                await self.erasures.erase_subject(who, note)
        else:
            await self.erasures.erase_subject(who, note)
            model.shred(who)

    def _note(self, operation: str) -> AuditNote:
        return AuditNote(Gate(self.model.policy), operation, TENANT, Personal("Olga"), self.model.now_ms)

    async def do_look(self) -> None:
        """What is served, whether or not anything was swept."""
        book = PolicyBook(Policies(self.database))
        await book.load()
        serving = Serving(self.database, book, self.clock)  # type: ignore[arg-type]
        await self._look_at_calls(await serving.cutoffs(TENANT))
        listed = await serving.subscribers(TENANT, await Subscribers(self.database).of_tenant(TENANT))
        self._look_at_people({each.subscriber_id: each.display_name for each in listed})
        for who in PEOPLE:
            await self._look_at_log_in(who)
            if who in self.model.alive:
                await self._look_at_export(who)

    async def _look_at_calls(self, cutoffs: Cutoffs) -> None:
        model, found = self.model, await CallRecords(self.database).calls(TENANT, cutoffs, Wanted(limit=1000))
        served = {call.call_id: call for call in found}
        for call_id, call in model.calls.items():
            who = model.known(call.initiator) if call.initiator_followed else None
            shown = call.row and not model.hidden(Category.CALL_RECORD, call.at_ms, who)
            assert (call_id in served) == shown, call_id
            if shown:
                named = who if who and not model.hidden(Category.PARTICIPANTS, call.at_ms, who) else None
                address = call.address if who and not model.hidden(Category.IP_ADDRESS, call.at_ms, who) else None
                assert (served[call_id].initiator, served[call_id].initiator_address) == (named, address)
                assert served[call_id].participants == tuple(self._participants(call))

    def _participants(self, call: KnownCall) -> Iterator[str]:
        there = self.model.known(call.participant)
        followed = call.present and call.participant_followed and there is not None
        if followed and not self.model.hidden(Category.PARTICIPANTS, call.at_ms, there):
            yield call.participant

    def _look_at_people(self, listed: dict[SubscriberId, Personal | None]) -> None:
        model = self.model
        assert set(listed) == {who for who in model.alive if not model.gone(Category.IDENTIFIER, 0, who)}
        for who, name in listed.items():
            assert name is None or not model.hidden(Category.SUBSCRIBER_NAME, 0, who)

    async def _look_at_log_in(self, who: SubscriberId) -> None:
        model, known = self.model, await Devices(self.database).login_candidate(DeviceId(f"dev_{who}"))
        candidate = known and as_served(known, model.policy, model.now_ms)
        if known is not None:
            assert (candidate is None) == model.gone(Category.IDENTIFIER, 0, who)
        if candidate is not None and candidate.display_name is not None:
            assert not model.hidden(Category.SUBSCRIBER_NAME, 0, who)
            assert who not in model.restricted

    async def _look_at_export(self, who: SubscriberId) -> None:
        model = self.model
        subject = await Subjects(self.database).find(TENANT, who)
        assert subject is not None
        held = await Holdings(self.database).of(subject, self._note("subject.export"))
        document = document_of(Tenant(TENANT, "ACME", 0), model.policy, held, model.now_ms)
        wanted = [
            call.at_ms
            for call in model.calls.values()
            if call.present and call.participant == who and call.participant_followed
            if not model.hidden(Category.PARTICIPANTS, call.at_ms, who)
        ]
        assert sorted(call.started_ms for call in document.calls) == sorted(wanted)
        if model.hidden(Category.SUBSCRIBER_NAME, 0, who):
            assert document.profile.display_name is None

    async def do_sweep(self) -> None:
        await self.do_look()
        await self.retention.round()
        self.model.sweep()
        await self.do_look()
        alive = await self.database.read(lambda sql: set(sql.scalars(select(subjects.c.id))))
        assert alive - {TENANT} == self.model.alive
        rows = await self.database.read(lambda sql: {row.id: row for row in sql.execute(select(calls))})
        known = self.model.calls
        assert set(rows) == {call_id for call_id, call in known.items() if call.row}
        for call_id, row in rows.items():
            call = known[call_id]
            assert (row.initiator is not None) == (call.initiator is not None), call_id
            assert (row.initiator_address is not None) == (call.address is not None), call_id
            assert row.initiator is None or row.initiator.text.startswith(FOLLOWED) == call.initiator_followed
            if call.address and call.initiator:
                assert await self._opened(call.initiator, row.initiator_address) == call.address
        there = await self.database.read(lambda sql: set(sql.scalars(select(call_participants.c.call_id))))
        assert there == {call_id for call_id, call in known.items() if call.present}

    async def _opened(self, who: str, sealed: Sealed) -> str:
        vault = self.database.vault
        return await self.database.read(lambda sql: vault.existing(sql, who).required_text(sealed))


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty database, migrated once."""
    file = tmp_path_factory.mktemp("template") / "data" / "empty.sqlite3"

    async def make() -> None:
        await (await Database.open(file, Vault(lambda: [MASTER]))).close()

    asyncio.run(make())
    return file


@settings(max_examples=SCHEDULES, deadline=None, suppress_health_check=list(HealthCheck))
@given(actions=st.lists(ACTIONS, max_size=25))
@pytest.mark.timeout(0)
def test_nothing_is_kept_too_long_and_nothing_erased_too_early(template: Path, actions: list[Any]) -> None:
    async def run() -> None:
        file = template.with_name("schedule.sqlite3")
        shutil.copyfile(template, file)
        file.chmod(0o600)
        file.with_name(LEDGER).unlink(missing_ok=True)  # of the schedule before: it names the same people
        database = await Database.open(file, Vault(lambda: [MASTER]))
        try:
            await Schedule(database, file).run(actions)
        finally:
            await database.close()

    asyncio.run(run())

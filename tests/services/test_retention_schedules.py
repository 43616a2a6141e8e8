"""Schedules of policies, writes, events, holds and sweeps against a model: nothing kept too long, nothing too short.

The model knows each call by itself and asks where it stands (`Retention.phase`); the engine works by cut-offs over
whole tables. A few hundred schedules run with the suite; for 100,000 (an hour and a half):

    PTT_SCHEDULES=100000 pytest tests/services/test_retention_schedules.py --timeout 0
"""

import asyncio
import os
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from pttserver.config import PrivacySettings
from pttserver.crypto.sealing import MasterKey
from pttserver.ids import CallId, Personal, SubscriberId, TenantId
from pttserver.privacy.categories import Category
from pttserver.privacy.gate import Gate
from pttserver.privacy.policy import Policy, parse_policy
from pttserver.privacy.purposes import Purpose
from pttserver.privacy.retention import Event, EventKind, Phase
from pttserver.services.retention import Retention
from pttserver.store.calls import CallHistory
from pttserver.store.database import Database
from pttserver.store.erasure_ledger import ErasureLedger
from pttserver.store.erasures import Erasures
from pttserver.store.events import record_event
from pttserver.store.governance_schema import subjects
from pttserver.store.holds import Hold, Holds, new_hold_id
from pttserver.store.policies import Policies, PolicyVersion
from pttserver.store.records import Call, CallParticipant, IdentifierKind, NewSubscriber, Tenant
from pttserver.store.schema import call_participants, calls
from pttserver.store.subscribers import Subscribers
from pttserver.store.tenants import Tenants
from pttserver.store.vault import Vault

SCHEDULES = int(os.environ.get("PTT_SCHEDULES", "150"))
DAY = 86_400_000
TENANT, ANNA, BERT = TenantId("ten_1"), SubscriberId("sub_anna"), SubscriberId("sub_bert")
PEOPLE = (ANNA, BERT)
MASTER = MasterKey.draw()
ROW = {Category.CALL_RECORD, Category.PARTICIPANTS, Category.IP_ADDRESS}
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
    st.tuples(st.just("sweep")),
)


@dataclass
class KnownCall:
    at_ms: int
    initiator: SubscriberId | None
    address: bool
    present: bool  # whether its row of call_participants is there
    row: bool = True
    participant: SubscriberId | None = None


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

    def gone(self, category: Category, recorded_ms: int, who: str | None) -> bool:
        events = [*self.of_all, *(self.own[who] if who in self.alive else [])] if who else self.of_all
        retention = self.policy.rule(category).retention
        if not self.policy.keeps(category):
            return recorded_ms <= self.now_ms
        return retention.phase(recorded_ms, self.now_ms, events) is Phase.GONE

    def held(self, categories: set[Category], who: str | None) -> bool:
        return any(
            (hold.category is None or hold.category in categories) and hold.subject_id in (None, who)
            for hold in self.holds
        )

    def sweep(self) -> None:
        for who in sorted(self.alive):
            if self.gone(Category.IDENTIFIER, 0, who) and not self.held(set(Category), who):
                self._shred(who)
        while sum(self._swept(call) for call in self.calls.values()):
            pass  # of all, not up to the first that changes

    def _shred(self, who: str) -> None:
        self.alive.discard(who)
        for call in self.calls.values():
            if call.initiator == who:
                call.initiator, call.address = None, False
            if call.participant == who:
                call.present = False

    def _swept(self, call: KnownCall) -> bool:
        before = (call.row, call.initiator, call.address, call.present)
        who, at_ms = call.initiator, call.at_ms
        if call.row and self.gone(Category.CALL_RECORD, at_ms, who) and not self.held(ROW, who):
            call.row = False
        if who and self.gone(Category.PARTICIPANTS, at_ms, who) and not self.held(ROW, who):
            call.initiator, call.address = None, False
        if self.gone(Category.IP_ADDRESS, at_ms, who) and not self.held({Category.IP_ADDRESS}, who):
            call.address = False
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


class Schedule:
    """Does the same to the database and to the model."""

    def __init__(self, database: Database, file: Path) -> None:
        self.database, self.model = database, Model()
        erasures = Erasures(database, file, ErasureLedger(file.with_name(LEDGER)))
        clock, small = StandingClock(self.model), PrivacySettings(sweep_batch_rows=2)
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
            new = NewSubscriber(who, TENANT, identifier, IdentifierKind.CUSTOM, None, pin, 0)
            await Subscribers(self.database).add(new)

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
        address = gate.release(Category.IP_ADDRESS, Purpose.SECURITY, who, Personal("203.0.113.1"))
        if at is None:
            return
        call_id = CallId(f"cal_{len(model.calls)}")
        present = [CallParticipant(call_id, TENANT, there, since)] if there and since else []
        record = Call(call_id, TENANT, "grp_1", who, person, address, at, at)  # type: ignore[arg-type]
        await CallHistory(self.database).write_calls([record], present, [])
        named = who if who in model.alive and person else None
        kept = bool(named and address)
        model.calls[call_id] = KnownCall(
            model.now_ms, named, kept, bool(present) and other in model.alive, participant=other
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

    async def do_sweep(self) -> None:
        await self.retention.round()
        self.model.sweep()
        alive = await self.database.read(lambda sql: set(sql.scalars(select(subjects.c.id))))
        assert alive - {TENANT} == self.model.alive
        rows = await self.database.read(lambda sql: {row.id: row for row in sql.execute(select(calls))})
        known = self.model.calls
        assert set(rows) == {call_id for call_id, call in known.items() if call.row}
        for call_id, row in rows.items():
            assert (row.initiator is not None) == (known[call_id].initiator is not None), call_id
            assert (row.initiator_address is not None) == known[call_id].address, call_id
        there = await self.database.read(lambda sql: set(sql.scalars(select(call_participants.c.call_id))))
        assert there == {call_id for call_id, call in known.items() if call.present}


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

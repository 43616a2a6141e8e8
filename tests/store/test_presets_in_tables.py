"""Every boundary of every preset, walked over the real tables: just before a row is there, just after it is gone.

And it is not served from the moment on, before any sweep. The calendar itself is held against another one in
tests/privacy/test_presets.py.
"""

import asyncio
import shutil
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from pttserver.ids import CallId, GroupId, Personal, TenantId
from pttserver.privacy.categories import Category
from pttserver.privacy.cutoffs import Cutoffs, Events
from pttserver.privacy.gate import Gate
from pttserver.privacy.policy import Policy, parse_policy
from pttserver.privacy.presets import PRESETS, preset_text
from pttserver.privacy.purposes import Purpose
from pttserver.privacy.released import Released
from pttserver.privacy.retention import CLOCK_STARTERS, Event, EventKind, Phase
from pttserver.store.call_records import CallRecords, Wanted
from pttserver.store.calls import CallHistory
from pttserver.store.database import Database
from pttserver.store.erasure_ledger import LEDGER_FILE, ErasureLedger
from pttserver.store.erasures import Erasures
from pttserver.store.events import record_event
from pttserver.store.expiry import erase_some, plan
from pttserver.store.policies import PolicyVersion
from pttserver.store.records import Call, CallParticipant, Takeover, Tenant
from pttserver.store.schema import call_participants, calls, subscribers, takeovers
from pttserver.store.subscribers import Subscribers
from pttserver.store.tenants import Tenants
from store.organisation import ANNA, TENANT, VAULT, subscriber

RECORDED_MS = 1_800_000_000_000
EVENT_MS = RECORDED_MS + 86_400_000
ITEMS = {
    "calls": Category.CALL_RECORD,
    "call_participants": Category.PARTICIPANTS,
    "calls.initiator_address": Category.IP_ADDRESS,
    "takeovers": Category.ACTIVITY_LOG,
    "subscribers.last_login_ms": Category.LAST_LOGIN,
    "subscribers.display_name": Category.SUBSCRIBER_NAME,
    "subscribers": Category.IDENTIFIER,
}
PURPOSES = {
    Category.IP_ADDRESS: Purpose.SECURITY,
    Category.ACTIVITY_LOG: Purpose.SECURITY,
    Category.LAST_LOGIN: Purpose.SECURITY,
}


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty database, migrated once."""
    file = tmp_path_factory.mktemp("template") / "data" / "empty.sqlite3"

    async def make() -> None:
        await (await Database.open(file, VAULT)).close()

    asyncio.run(make())
    return file


@dataclass
class Walk:
    """One preset, with one event or none."""

    database: Database
    policy: Policy
    event: Event | None
    erasures: Erasures

    @property
    def events(self) -> Events:
        return Events((self.event,) if self.event else ())

    def boundaries(self) -> list[int]:
        found = set()
        for category in ITEMS.values():
            for clause in self.policy.rule(category).retention.clauses:
                if clause.event is None:
                    found.add(clause.gone_ms(RECORDED_MS))
                elif self.event is not None and clause.event is self.event.kind:
                    found.add(clause.gone_ms(EVENT_MS))
        return sorted(moment for moment in found if moment > EVENT_MS)

    async def write(self) -> None:
        text = preset_text_of(self.policy)
        version = PolicyVersion(TENANT, text, self.policy.digest, (), None, None, 1, published=True)
        await Tenants(self.database).add(Tenant(TENANT, "ACME", 1), version)
        await Subscribers(self.database).add(subscriber(ANNA, "Anna", "Anna A."))
        person = self.released(Category.PARTICIPANTS, ANNA)
        at, since = (self.released(each, RECORDED_MS) for each in (Category.CALL_RECORD, Category.PARTICIPANTS))
        address = self.released(Category.IP_ADDRESS, Personal("203.0.113.9"))
        history, call_id = CallHistory(self.database), CallId("cal_1")
        if at is not None:
            call = Call(call_id, TENANT, GroupId("grp_1"), ANNA, person, address, at, at)
            there = [CallParticipant(call_id, TENANT, person, since)] if person and since else []
            await history.write_calls([call], there, [])
        log = [self.released(Category.ACTIVITY_LOG, value) for value in (ANNA, "dev_1", "dev_2", RECORDED_MS)]
        if all(log):
            await history.record_takeover(Takeover(TENANT, ANNA, *log))  # type: ignore[arg-type]
        await Subscribers(self.database).record_login(ANNA, self.released(Category.LAST_LOGIN, RECORDED_MS))
        if self.event is not None:
            kind = self.event.kind
            await self.database.write(lambda sql: record_event(sql, TENANT, None, kind, EVENT_MS))

    def released(self, category: Category, value: Any) -> Released | None:
        return Gate(self.policy).release(category, PURPOSES.get(category, Purpose.OPERATIONS), ANNA, value)

    async def there(self) -> set[str]:
        """What of `ITEMS` the database holds."""

        def work(sql: Any) -> set[str]:
            found = {t.name for t in (calls, call_participants, takeovers, subscribers) if sql.execute(select(t)).all()}
            for column in (calls.c.initiator_address, subscribers.c.last_login_ms, subscribers.c.display_name):
                if sql.execute(select(column).where(column.is_not(None))).all():
                    found.add(f"{column.table.name}.{column.name}")
            return found

        return await self.database.read(work)

    def expected(self, written: set[str], now_ms: int) -> set[str]:
        """What of the written must still be there: each by its own rule, and no longer than what it is part of."""
        living = {item for item in written if not self.is_gone(ITEMS[item], item, now_ms)}
        if "subscribers" not in living:  # shredded: what was its own goes with it
            living -= {"subscribers.last_login_ms", "subscribers.display_name", "takeovers", "call_participants"}
        address_lives = "calls" in living and "subscribers" in living
        if not address_lives or self.is_gone(Category.PARTICIPANTS, "calls", now_ms):
            living.discard("calls.initiator_address")
        return living

    def is_gone(self, category: Category, item: str, now_ms: int) -> bool:
        since_ms = (
            3 if item in ("subscribers", "subscribers.display_name") else RECORDED_MS
        )  # as organisation.py has it
        if not self.policy.keeps(category):
            return item != "subscribers" or self.is_gone(Category.CREDENTIAL, item, now_ms)
        return self.policy.rule(category).retention.phase(since_ms, now_ms, self.events.of_all) is Phase.GONE

    async def sweep(self, now_ms: int) -> None:
        while True:
            made = await self.database.read(lambda sql: plan(sql, VAULT, TenantId(TENANT), now_ms))
            assert made is not None
            if not made.steps:
                return
            for step in made.steps:
                await self.database.write(partial(erase_some, erasures=self.erasures, by=made, step=step, limit=100))

    async def served(self, now_ms: int) -> set[str]:
        """What a look-up gives, swept or not."""
        cutoffs = Cutoffs(self.policy, now_ms, self.events)
        found = await CallRecords(self.database).calls(TenantId(TENANT), cutoffs, Wanted())
        return {
            *("calls" for _ in found),
            *("call_participants" for call in found if call.participants),
            *("calls.initiator_address" for call in found if call.initiator_address),
        }


def preset_text_of(policy: Policy) -> str:
    return next(preset_text(name) for name in PRESETS if parse_policy(preset_text(name)).digest == policy.digest)


@pytest.mark.parametrize("kind", [None, *CLOCK_STARTERS])
@pytest.mark.parametrize("name", PRESETS)
async def test_just_before_it_is_there_and_just_after_it_is_gone(
    template: Path, tmp_path: Path, name: str, kind: EventKind | None
) -> None:
    file = tmp_path / "data" / "pttserver.sqlite3"
    file.parent.mkdir(mode=0o700)
    shutil.copyfile(template, file)
    file.chmod(0o600)
    database = await Database.open(file, VAULT)
    erasures = Erasures(database, file, ErasureLedger(file.with_name(LEDGER_FILE)))
    walk = Walk(database, parse_policy(preset_text(name)), Event(kind, EVENT_MS) if kind else None, erasures)
    await walk.write()
    written = await walk.there()
    assert "subscribers" in written
    for boundary in walk.boundaries():
        for now_ms in (boundary - 1, boundary):
            gone = {item for item in written if walk.is_gone(ITEMS[item], item, now_ms)}
            assert not await walk.served(now_ms) & gone, (now_ms, boundary)
            await walk.sweep(now_ms)
            assert await walk.there() == walk.expected(written, now_ms), (now_ms, boundary)
    await database.close()

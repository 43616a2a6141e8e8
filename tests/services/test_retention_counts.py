"""What is told beforehand is what a sweep then says that it took, and what is gone from the database.

An organisation with something of everybody in every table, under policies that take this or that. The pictures of the
database are taken with plain SQL: neither the plan nor its counting has a part in them.
"""

from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection

from pttserver.config import Settings
from pttserver.ids import Personal
from pttserver.privacy.categories import Category
from pttserver.privacy.limitations import limitations
from pttserver.privacy.policy import Policy, parse_policy
from pttserver.privacy.retention import EventKind
from pttserver.services.instructions import Instruction
from pttserver.services.office import furnish
from pttserver.store.database import Database
from pttserver.store.events import record_event
from pttserver.store.resume import ResumeTokens
from pttserver.store.sweeps import Outcome
from services.test_subject_export import BY, DAY_MS, POLICY, Acme, FakeClock
from store.organisation import VAULT

_ENGINE = {"sweeps", "standing_changes", "audit_checkpoints", "audit_prunings"}
"""What a sweep itself writes."""
_NAMED = ("calls", "bursts", "audit_entries")
"""Whose rows outlive those whom they name."""
_WITH = {("calls", "initiator_address"): "initiator"}
"""Values that go with a reference in their row, since nobody could find their key without it."""

LOCATED = POLICY
SILENT = '[policy]\ntitle = "Nothing"\nversion = "1"\n[logging]\nrecords = false\n'
NOT_LOCATED = '[policy]\ntitle = "Nowhere"\nversion = "1"\n[extra.badge]\nkeep = "while_subscribed"\n'
NOBODY = '[categories.participants]\nstore = "none"\n'
CUT_ADDRESSES = '[categories.ip_address]\nstore = "truncated"\ntruncate = { ipv4_bits = 24, ipv6_bits = 48 }\n'
HIDDEN = '[categories.participants]\nstore = "pseudonymised"\n[categories.subscriber_name]\nstore = "pseudonymised"\n'
SHORTER = (
    '[categories.call_record]\nkeep = "4 days"\n[categories.participants]\nkeep = "2 days"\n'
    '[categories.ip_address]\nkeep = "1 day"\nstore = "truncated"\ntruncate = { ipv4_bits = 24, ipv6_bits = 48 }\n'
    '[categories.message_metadata]\nkeep = "9 days"\n'
    '[categories.message_content]\nkeep = "2 days"\n[categories.alert]\nkeep = "4 days"\n'
)
ANONYMOUS = (
    '[categories.identifier]\nstore = "none"\n[categories.subscriber_name]\nstore = "none"\n'
    '[categories.contact_data]\nstore = "none"\n[categories.device_type]\nstore = "none"\n'
    '[categories.nickname]\nstore = "none"\n[categories.last_login]\nstore = "none"\n'
)
ENDING = (
    '[categories.identifier]\nkeep = "3 days after unsubscribed"\n'
    '[categories.call_record]\nkeep = ["30 days", "1 day after unsubscribed"]\n'
    '[categories.ip_address]\nkeep = ["20 days", "1 day after unsubscribed"]\n'
)
CLOSING = (
    '[categories.identifier]\nkeep = "5 days after unsubscribed"\n'
    '[categories.call_record]\nkeep = "10 days after account_closed"\n'
    '[categories.participants]\nkeep = "30 days"\n'
)
SHORT_AUDIT = '[categories.audit_log]\nkeep = "2 days"\n'


@dataclass(frozen=True)
class Picture:
    """Rows by number and table; whom the names in records stand for; which table is part of which, by which columns."""

    rows: dict[str, dict[int, dict[str, Any]]]
    named: dict[str, str]
    parents: dict[str, list[tuple[str, str, str]]]


def _taken(sql: Connection) -> Picture:
    tables = sql.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'table'").scalars().all()
    rows, parents = {}, {}
    for table in set(tables) - _ENGINE:
        found = sql.exec_driver_sql(f'SELECT rowid AS "row number", * FROM "{table}"').mappings()
        rows[table] = {row["row number"]: dict(row) for row in found}
        keys = sql.exec_driver_sql(f'PRAGMA foreign_key_list("{table}")').mappings()
        parents[table] = [(key["from"], key["table"], key["to"]) for key in keys]
    people = [row["id"] for row in rows["subjects"].values()]
    named = {name: who for who in people for name in VAULT.existing(sql, who).references()}
    return Picture(rows, named, parents)


class Difference:
    """Between two pictures: rows that went, but for what they took with them, and values of rows that stayed."""

    def __init__(self, before: Picture, after: Picture) -> None:
        self.before, self.after = before, after
        self.lost = {
            table: [rows[n] for n in rows.keys() - after.rows[table].keys()] for table, rows in before.rows.items()
        }
        self.gone_people = {row["id"] for row in self.lost["subjects"]}
        self.unreadable = {row["id"] for row in self.lost["messages"] if self._is_somebodys("messages", row)}

    def counted(self) -> Counter[str]:
        found: Counter[str] = Counter()
        for table, rows in self.lost.items():
            found[table] += sum(not self._went_along(table, row) for row in rows)
        for table, rows in self.before.rows.items():
            for number in rows.keys() & self.after.rows[table].keys():
                found.update(self._changed(table, rows[number], self.after.rows[table][number]))
        return +found

    def _went_along(self, table: str, row: dict[str, Any]) -> bool:
        for column, parent, key in self.before.parents[table]:
            if any(each[key] == row[column] for each in self.lost[parent]):
                return True
        return self._is_somebodys(table, row) or (table == "deliveries" and row["message_id"] in self.unreadable)

    def _is_somebodys(self, table: str, row: dict[str, Any]) -> bool:
        return table not in _NAMED and self.before.named.get(row.get("subject", "")) in self.gone_people

    def _changed(self, table: str, old: dict[str, Any], new: dict[str, Any]) -> list[str]:
        emptied = {column for column, value in old.items() if value is not None and new[column] is None}
        own = {column for column in emptied if _WITH.get((table, column)) not in emptied}
        own = {column for column in own if self.before.named.get(str(old[column])) not in self.gone_people}
        rewritten = {column for column, value in new.items() if value is not None and value != old[column]}
        rewritten -= {"identifier_index"}  # follows the identifier
        return [f"{table}.{each}" for each in own] + [f"{table}.{each} rewritten" for each in rewritten]


class Yard(Acme):
    """The organisation, a dispatcher who only watched, and what happens to them."""

    async def apply(self, text: str) -> Policy:
        policy = parse_policy(text)
        codes = tuple(each.code for each in limitations(policy))
        told = Instruction(Personal("Dana"), Personal("request 7"), codes)
        await self.office.instructions.apply(self.tenant.tenant_id, text, told)
        await self.office.book.load()
        return policy

    async def due(self, instead: Policy | None = None) -> Counter[str]:
        told = await self.office.retention.due(self.tenant.tenant_id, instead)
        assert len({(each.category, each.where) for each in told}) == len(told)
        assert all(each.rows > 0 for each in told)
        return Counter({(each.category.value, each.where): each.rows for each in told})

    async def sweep(self) -> Counter[str]:
        """Sweeps, and compares what was told before, what the sweep says, and what is there."""
        await ResumeTokens(self.database).delete_expired(self.clock.ms)  # they end by themselves, and count nowhere
        due, metrics = await self.due(), dict(self.office.retention.readings.erased)
        before = await self.database.read(_taken)
        (swept,) = await self.office.retention.round()
        after = await self.database.read(_taken)
        by_category = _summed(due, 0)
        assert swept.outcome is Outcome.DONE
        assert Counter(swept.erased) == by_category
        (last, *_) = await self.office.retention.sweeps.of_tenant(self.tenant.tenant_id)
        assert Counter(last.erased) == by_category
        counted = self.office.retention.readings.erased
        assert +Counter({each.value: counted[each] - metrics[each] for each in Category}) == by_category
        assert Difference(before, after).counted() == _summed(due, 1)
        assert await self.due() == {}
        return due

    async def happens(self, who: str, *kinds: EventKind) -> None:
        tenant_id, now_ms = self.tenant.tenant_id, self.clock.ms
        await self.database.write(
            lambda sql: [record_event(sql, tenant_id, who, kind, now_ms) for kind in kinds],
        )

    async def some_days(self) -> None:
        """A call of each on each of five days, the first of them today's."""
        for day in range(1, 6):
            self.clock.ms += DAY_MS
            await self.call(f"cal_a{day}", self.anna)
            await self.call(f"cal_b{day}", self.bert)


def _summed(due: Counter[Any], part: int) -> Counter[str]:
    found: Counter[str] = Counter()
    for names, number in due.items():
        found[names[part]] += number
    return found


@pytest.fixture
async def yard(tmp_path: Path) -> AsyncIterator[Yard]:
    clock = FakeClock()
    database = await Database.open(tmp_path / "data" / "pttserver.sqlite3", VAULT)
    quick = {"pin_hash_memory_kib": 8, "pin_hash_passes": 1}
    settings = Settings(data_dir=tmp_path / "data", authentication=quick, privacy={"sweep_batch_rows": 3})
    office = await furnish(database, settings, clock)
    yard = Yard(office, database, clock)
    await yard.fill()
    yield yard
    await database.close()


async def test_an_alert_counts_once_and_not_with_its_steps_and_notes(yard: Yard) -> None:
    await yard.apply(LOCATED + '[categories.alert]\nstore = "none"\n')
    told = await yard.sweep()
    assert {where: told["alert", where] for _, where in told if where.startswith("alert")} == {"alerts": 1}


async def test_values_of_rows_that_go_count_with_the_rows_alone(yard: Yard) -> None:
    await yard.apply(LOCATED + '[categories.call_record]\nstore = "none"\n')
    told = await yard.sweep()
    assert {names: number for names, number in told.items() if names[0] == "call_record"} == {
        ("call_record", "calls"): 1,
        ("call_record", "bursts"): 1,
    }
    assert not {where for _, where in told if where.startswith(("calls.", "bursts."))}


@pytest.mark.parametrize(
    "text",
    [
        SILENT,
        NOT_LOCATED,
        NOT_LOCATED + ANONYMOUS,
        LOCATED + NOBODY,
        LOCATED + NOBODY + CUT_ADDRESSES,
        LOCATED + HIDDEN + CUT_ADDRESSES,
        LOCATED + CUT_ADDRESSES + '[categories.participants]\nkeep = "3 days"\n',
        LOCATED + SHORTER,
        LOCATED + SHORTER + SHORT_AUDIT,
    ],
    ids=["silent", "unlocated", "anonymous", "nobody", "nobody, cut", "hidden", "cut", "shorter", "shorter, audited"],
)
@pytest.mark.parametrize("held", [False, True], ids=["", "held"])
async def test_a_policy_takes_what_it_was_told_to_take(yard: Yard, text: str, held: bool) -> None:
    await yard.some_days()
    if held:
        await yard.office.periods.hold("ACME", BY, subscriber=yard.bert, category=Category.CALL_RECORD)
    told = await yard.due(parse_policy(text))
    await yard.apply(text)
    swept = await yard.sweep()
    assert len(swept) >= 3
    assert {names: told[names] for names in told if names[0] != "audit_log"} == {
        names: swept[names] for names in swept if names[0] != "audit_log"
    }


async def test_who_has_left_counts_once_with_devices_memberships_and_fields(yard: Yard) -> None:
    await yard.apply(LOCATED + ENDING)
    await yard.some_days()
    await yard.office.provisioning.remove_subscriber("ACME", yard.anna)
    yard.clock.ms += 3 * DAY_MS
    told = await yard.sweep()
    assert told["identifier", "subjects"] == 1
    assert not {where for _, where in told} & {"devices", "members", "subscriber_fields", "subscribers"}


@pytest.mark.parametrize("category", [None, Category.ALERT])
async def test_a_closed_account_counts_its_people_and_what_outlives_them(yard: Yard, category: Category | None) -> None:
    await yard.some_days()
    if category is not None:
        await yard.office.periods.hold("ACME", BY, subscriber=yard.anna, category=category)
    await yard.office.periods.record("ACME", EventKind.ACCOUNT_CLOSED, BY)
    yard.clock.ms += 31 * DAY_MS
    told = await yard.sweep()
    assert told["identifier", "subjects"] == (2 if category is None else 1)


async def test_who_came_back_is_over_by_age_and_goes_with_what_is_nobodys(yard: Yard) -> None:
    """Her calls live on for her sake alone: with her key goes the reason to spare them."""
    await yard.apply(LOCATED + CLOSING)
    await yard.some_days()
    await yard.office.periods.record("ACME", EventKind.ACCOUNT_CLOSED, BY)
    await yard.happens(yard.anna, EventKind.REOPENED, EventKind.UNSUBSCRIBED)
    yard.clock.ms += 21 * DAY_MS
    told = await yard.sweep()
    assert told["identifier", "subjects"] == 1
    assert told["call_record", "calls"] == 11


async def test_who_came_back_and_is_not_named_any_more_goes_as_nobody(yard: Yard) -> None:
    """Her calls are spared for her sake, until they do not name her: they count as calls, not as names before."""
    await yard.apply(LOCATED + CLOSING.replace("30 days", "18 days"))
    await yard.some_days()
    await yard.office.periods.record("ACME", EventKind.ACCOUNT_CLOSED, BY)
    await yard.happens(yard.anna, EventKind.REOPENED)
    yard.clock.ms += 21 * DAY_MS
    told = await yard.sweep()
    assert told["call_record", "calls"] == 11
    assert told["participants", "calls.initiator"] == 0


async def test_the_same_number_stands_in_the_answer_for_machines_and_in_words(yard: Yard) -> None:
    await yard.apply(SILENT)
    told = await yard.office.retention.due(yard.tenant.tenant_id)
    words = {each.where: each.in_words for each in told}
    assert words["alerts"] == "1 row"
    assert words["call_participants"] == "2 rows"
    assert words["subscribers.last_login_ms"] == "2 values"

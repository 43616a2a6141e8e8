"""Calls, events and sweeps over the small organisation, as tests need them."""

from pathlib import Path

from sqlalchemy import select

from pttserver.ids import CallId, Personal
from pttserver.privacy.categories import Category
from pttserver.privacy.policy import parse_policy
from pttserver.privacy.purposes import Purpose
from pttserver.store.calls import CallHistory
from pttserver.store.erasure_ledger import LEDGER_FILE, ErasureLedger
from pttserver.store.erasures import Erasures
from pttserver.store.events import record_event
from pttserver.store.expiry import erase_some, plan
from pttserver.store.policies import Policies, PolicyVersion
from pttserver.store.records import Burst, Call, CallParticipant, Takeover
from store.organisation import ANNA, BERT, GATE, GROUP, RADIO, TENANT, VAULT

DAY = 86_400_000
HEAD = '[policy]\ntitle = "T"\nversion = "1"\nacknowledged = [{}]\n'
CODES = ", ".join(f'"{code}"' for code in ("no_records", "no_call_history", "no_participants", "no_names"))


def policy(text):
    return HEAD.format(CODES) + text


async def apply(database, text, at_ms=1):
    full = policy(text)
    version = PolicyVersion(TENANT, full, parse_policy(full).digest, (), None, None, at_ms, published=True)
    await Policies(database).put(version)


def released(category, who, value, purpose=Purpose.OPERATIONS):
    return GATE.release(category, purpose, who, value)


async def record_call(database, number, at_ms, who=ANNA, present=(ANNA, BERT)):
    """A call, who was there, a burst, and a takeover, all at one time."""
    person = released(Category.PARTICIPANTS, who, who)
    at = released(Category.CALL_RECORD, who, at_ms)
    address = released(Category.IP_ADDRESS, who, Personal(f"203.0.113.{number}"), Purpose.SECURITY)
    call = Call(CallId(f"cal_{number}"), TENANT, GROUP, who, person, address, at, at)
    there = [
        CallParticipant(
            call.call_id, TENANT, released(Category.PARTICIPANTS, p, p), released(Category.PARTICIPANTS, p, at_ms)
        )
        for p in present
    ]
    spoken = [Burst(f"bur_{number}", call.call_id, TENANT, GROUP, who, person, at, at, 1, "released")]
    history = CallHistory(database)
    await history.write_calls([call], there, spoken)
    log = [released(Category.ACTIVITY_LOG, who, value, Purpose.SECURITY) for value in (who, RADIO, RADIO, at_ms)]
    await history.record_takeover(Takeover(TENANT, who, *log))


async def erase(database, made, step, limit):
    def work(sql):
        file = Path(sql.exec_driver_sql("PRAGMA database_list").first()[2])
        ledger = ErasureLedger(file.with_name(LEDGER_FILE))
        return erase_some(sql, Erasures(database, file, ledger), made, step, limit)

    return await database.write(work)


async def sweep(database, now_ms, limit=3):
    """As the engine does, without its pauses; gives rows erased by step."""
    erased = {}
    while True:
        made = await database.read(lambda sql: plan(sql, VAULT, TENANT, now_ms))
        if not made.steps:
            return erased
        for step in made.steps:
            while rows := await erase(database, made, step, limit):
                erased[step.name] = erased.get(step.name, 0) + rows


async def numbers(database, column):
    return await database.read(lambda sql: sorted(sql.scalars(select(column).where(column.is_not(None)))))


async def count(database, table, where=None):
    query = select(table) if where is None else select(table).where(where)
    return await database.read(lambda sql: len(sql.execute(query).all()))


async def event(database, kind, at_ms, subject=None):
    await database.write(lambda sql: record_event(sql, TENANT, subject, kind, at_ms))

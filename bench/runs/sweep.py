"""Sweep: the same talk twice, first alone, then while the server erases a million records of old calls.

The records are written through the store while the server runs. A stricter policy starts the sweep, as it would in an
organisation. Rows a second are of the whole sweep, until it is proven; other commands and the talk go on beside it.
"""

import asyncio
import time
from typing import Any

from bench.groups import Formation
from bench.runs.relay import PttserverColumn, line
from bench.scenario import Scenario
from bench.stage import Stage
from bench.stand import Stand
from pttserver.ids import CallId, GroupId, Personal, SubscriberId, TenantId
from pttserver.privacy.categories import Category
from pttserver.privacy.gate import Gate
from pttserver.privacy.purposes import Purpose
from pttserver.services.keyring import open_database
from pttserver.services.office import furnish
from pttserver.services.provision import FIRST_INSTRUCTION
from pttserver.store.calls import CallHistory
from pttserver.store.records import Burst, Call, CallParticipant

CALLS_AT_ONCE = 1000
ROWS_OF_A_CALL = 4  # itself, two participants, a burst
AGE_MS = 100 * 86_400_000
PATIENCE_S = 900.0
CATEGORIES = ("call_record", "participants", "ip_address")


def run(scenario: Scenario, stage: Stage) -> dict[str, Any]:
    """Voice without the sweep, voice with it, and how fast rows went."""
    members, numbers = scenario["members"], range(scenario["groups"])
    formation = Formation(members, [list(range(n * members, (n + 1) * members)) for n in numbers])
    talk = (scenario["packets_per_s"], scenario["warm_s"], scenario["seconds"])
    with PttserverColumn(stage, [formation]) as column:
        stand = column.stand
        asyncio.run(_apply(stand, "10 years"))
        asyncio.run(_fill(stand, scenario["records"], stage))
        without = column.measure(formation, *talk)
        stage.note("without: " + line(without))
        before, begun = _erased(stand), time.monotonic()
        asyncio.run(_apply(stand, "90 days"))
        while _erased(stand) == before:  # it is under way when the voice is measured
            time.sleep(0.02)
        beside = column.measure(formation, *talk)
        meanwhile = _erased(stand) - before
        stage.note(f"with:    {line(beside)}, {meanwhile:,.0f} erased meanwhile")
        took_s = _until_proven(stand, stage, before + scenario["records"], begun)
    rate = scenario["records"] / took_s
    stage.note(f"{scenario['records']:,} rows erased, and proven, in {took_s:.1f} s: {rate:,.0f} rows/s")
    return {
        "steps": [{**without.plain(), "column": "without a sweep"}, {**beside.plain(), "column": "with a sweep"}],
        "records": scenario["records"],
        "erased_while_measured": meanwhile,
        "took_s": round(took_s, 2),
        "rows_per_s": round(rate),
    }


async def _apply(stand: Stand, keep: str) -> None:
    """All records of calls are kept for so long from now on."""
    rules = "".join(f'[categories.{name}]\nkeep = "{keep}"\n' for name in CATEGORIES)
    text = f'[policy]\ntitle = "Bench"\nversion = "{keep}"\n{rules}'
    database = await open_database(stand.server.settings)
    try:
        office = await furnish(database, stand.server.settings)
        (tenant,) = await office.provisioning.tenants()
        await office.instructions.apply(tenant.tenant_id, text, FIRST_INSTRUCTION)
    finally:
        await database.close()


async def _fill(stand: Stand, records: int, stage: Stage) -> None:
    database = await open_database(stand.server.settings)
    try:
        office = await furnish(database, stand.server.settings)
        (tenant,) = await office.provisioning.tenants()
        gate, history = office.book.gate(tenant.tenant_id), CallHistory(database)
        people = [SubscriberId(recruit.subscriber) for recruit in stand.muster.recruits]
        calls = records // ROWS_OF_A_CALL
        for first in range(0, calls, CALLS_AT_ONCE):
            some = range(first, min(calls, first + CALLS_AT_ONCE))
            made = [_call(gate, tenant.tenant_id, people, number) for number in some]
            spoken = [burst for _, _, burst in made]
            await history.write_calls([call for call, _, _ in made], [p for _, who, _ in made for p in who], spoken)
            stage.show(f"{ROWS_OF_A_CALL * some[-1]:,} of {records:,} records written")
    finally:
        await database.close()


def _call(
    gate: Gate, tenant_id: TenantId, people: list[SubscriberId], number: int
) -> tuple[Call, list[CallParticipant], Burst]:
    caller, other = people[number % len(people)], people[(number + 1) % len(people)]
    call_id, group = CallId(f"cal_{number:012x}"), GroupId("grp_past")
    at_ms = time.time_ns() // 1_000_000 - AGE_MS - number

    def of(category: Category, who: SubscriberId, value: str | int, purpose: Purpose = Purpose.OPERATIONS) -> Any:
        return gate.release(category, purpose, who, value)

    at, person = of(Category.CALL_RECORD, caller, at_ms), of(Category.PARTICIPANTS, caller, caller)
    address = of(Category.IP_ADDRESS, caller, Personal("203.0.113.9"), Purpose.SECURITY)
    present = [
        CallParticipant(call_id, tenant_id, of(Category.PARTICIPANTS, who, who), of(Category.PARTICIPANTS, who, at_ms))
        for who in (caller, other)
    ]
    burst = Burst(f"bur_{number:012x}", call_id, tenant_id, group, caller, person, at, at, 50, "released")
    return Call(call_id, tenant_id, group, caller, person, address, at, at), present, burst


def _erased(stand: Stand) -> float:
    metrics = stand.scrape()
    return sum(metrics.get(f"rows_erased/{category}", 0) for category in CATEGORIES)


def _until_proven(stand: Stand, stage: Stage, erased: float, begun: float) -> float:
    """Seconds from the new policy until all is erased, and no file holds it any more."""
    deadline = begun + PATIENCE_S
    while time.monotonic() < deadline:
        if (now := _erased(stand)) >= erased and stand.scrape()["erasures_unproven"] == 0:
            return time.monotonic() - begun
        stage.show(f"{erased - now:,.0f} rows to go")
        time.sleep(0.1)
    raise TimeoutError(f"{erased - _erased(stand):,.0f} rows were not erased within {PATIENCE_S:.0f} s")

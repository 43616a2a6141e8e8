"""Positions that were kept: written in batches, read as a track.

Between the moment that the server took a position and the one that it is written, a policy may have been applied or
the subscriber's switch turned, by this process or by another. So both are looked at in the writing transaction: what
was released by an earlier policy waits for the new one, what nobody wants located any more is let go.
"""

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Text, bindparam, func, insert, select, type_coerce

from pttserver.ids import SubscriberId, TenantId
from pttserver.privacy.released import Released
from pttserver.roles import Rights
from pttserver.store.database import Database
from pttserver.store.governance_schema import policy_versions
from pttserver.store.location_schema import positions
from pttserver.store.rights import RIGHTS_COLUMNS, rights_in_force, with_rights
from pttserver.store.schema import subscribers
from pttserver.store.vault import KEY_COLUMNS, SubjectVault, with_keys
from pttserver.wire.signalling import Position

IDS_PER_QUERY = 500


@dataclass(frozen=True, slots=True)
class NewPosition:
    """On its way in. `policy_number`: of the policy that let it through. `optional`: the person may switch it off."""

    tenant_id: TenantId
    subscriber_id: SubscriberId
    policy_number: int
    optional: bool
    subject: Released
    place: Released
    motion: Released | None
    at_ms: Released


class Positions:
    """Every method raises StoreUnavailable if the database fails."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def write(self, taken: Sequence[NewPosition]) -> list[int]:
        """One transaction; gives the places in `taken` of those that another policy has to release anew."""
        vault = self._database.vault

        def work(sql: Connection) -> list[int]:
            numbers = policy_numbers(sql, {each.tenant_id for each in taken})
            now = [each for each in taken if numbers.get(each.tenant_id) == each.policy_number]
            people = sorted({each.subscriber_id for each in now})
            rows = list(_rows(now, vault.subjects(sql, people), rights_now(sql, people)))
            if rows:
                sql.execute(insert(positions), rows)
            return [n for n, each in enumerate(taken) if numbers.get(each.tenant_id, 0) > each.policy_number]

        return await self._database.write(work)

    async def rights(self, subscriber_ids: Collection[SubscriberId]) -> dict[SubscriberId, Rights]:
        """As they are in force now; who is not there is not in it."""
        wanted = sorted(subscriber_ids)

        def work(sql: Connection) -> dict[SubscriberId, Rights]:
            found: dict[SubscriberId, Rights] = {}
            for first in range(0, len(wanted), IDS_PER_QUERY):
                found |= rights_now(sql, wanted[first : first + IDS_PER_QUERY])
            return found

        return await self._database.read(work)

    async def track(
        self, subscriber_id: SubscriberId, from_ms: int, until_ms: int, hidden_ms: int | None, limit: int
    ) -> list[Position]:
        """The newest `limit` between both moments, oldest first, without those at or before `hidden_ms`.

        Empty if the subject's processing is restricted (GDPR Art. 18), or its key is gone.
        """
        vault = self._database.vault

        def work(sql: Connection) -> list[Position]:
            keys = vault.subject(sql, subscriber_id)
            if keys is None or keys.restricted:
                return []
            mine = type_coerce(positions.c.subject, Text).in_(keys.references())
            query = select(positions).where(mine, positions.c.at_ms >= from_ms, positions.c.at_ms <= until_ms)
            if hidden_ms is not None:
                query = query.where(positions.c.at_ms > hidden_ms)
            found = sql.execute(query.order_by(positions.c.at_ms.desc()).limit(limit)).all()
            return [_position(keys, row) for row in reversed(found) if row.place is not None]

        return await self._database.read(work)


def place_of(position: Position) -> str:
    """What stands in `place`; truncation (privacy/truncation.py) reads it. Seven decimals are a centimetre."""
    return f"{position.latitude:.7f},{position.longitude:.7f}"


def motion_of(position: Position) -> str:
    """What stands in `motion`."""
    return position.model_dump_json(include=_MOTION, exclude_none=True)


_MOTION = {"accuracy_m", "altitude_m", "speed_mps", "heading_deg"}
_UNKNOWN = {"accuracy_m": 100_000.0}  # under a policy that truncates


def _position(keys: SubjectVault, row: Any) -> Position:
    latitude, longitude = map(float, keys.required_text(row.place).split(","))
    motion = _UNKNOWN if row.motion is None else json.loads(keys.required_text(row.motion))
    return Position(latitude=latitude, longitude=longitude, at_ms=row.at_ms, **motion)


def policy_numbers(sql: Connection, tenant_ids: Collection[TenantId]) -> Mapping[str, int]:
    """Of the policies in force, by tenant."""
    version = policy_versions.c
    newest = select(version.tenant_id, func.max(version.id)).where(version.tenant_id.in_(tenant_ids))
    return {row[0]: row[1] for row in sql.execute(newest.group_by(version.tenant_id))}


_WHO = subscribers.c
_RIGHTS = (
    select(_WHO.id, *RIGHTS_COLUMNS, *KEY_COLUMNS)
    .select_from(with_rights(with_keys(subscribers, _WHO.id), _WHO.id))
    .where(_WHO.id.in_(bindparam("some", expanding=True)), _WHO.removed_ms.is_(None))
)


def rights_now(sql: Connection, subscriber_ids: Sequence[SubscriberId]) -> dict[SubscriberId, Rights]:
    """As they are in force; who is not there is not in it. At most IDS_PER_QUERY."""
    found = sql.execute(_RIGHTS, {"some": subscriber_ids})
    return {SubscriberId(row.id): rights_in_force(row) for row in found}


def _rows(
    taken: Sequence[NewPosition],
    keys: Mapping[str, SubjectVault],
    rights: Mapping[SubscriberId, Rights],
) -> Iterator[Mapping[str, Any]]:
    for each in taken:
        who, own = keys.get(each.subscriber_id), rights.get(each.subscriber_id)
        if who is None or own is None or not own.location_allowed or (each.optional and not own.location_wanted):
            continue
        yield {
            "tenant_id": each.tenant_id,
            "subject": who.refer(each.subject),
            "place": who.seal(each.place),
            "motion": who.seal(each.motion),
            "at_ms": each.at_ms,
        }

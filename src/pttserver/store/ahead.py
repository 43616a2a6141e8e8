"""Records of the future: written while the clock was ahead, they would be kept for as much longer than all others.

A sweep, which trusts the clock, dates them to the present: their age counts from when it was noticed, so nothing of it
goes too early. While anything of a tenant is held or restricted, all of it stays as it was written.
"""

from functools import cache
from typing import Any

from sqlalchemy import BigInteger, BindParameter, Connection, Table, bindparam, exists, select, type_coerce, update

from pttserver.ids import TenantId
from pttserver.store.sparing import Sparing
from pttserver.store.sweeps import HAPPENINGS

_TENANT: BindParameter[Any] = bindparam("tenant")
_NEWEST: BindParameter[int] = bindparam("newest_ms", type_=BigInteger)


def any_ahead(sql: Connection, tenant_id: TenantId, now_ms: int, tolerance_ms: int) -> bool:
    """Whether a record is dated later than now, by more than a clock is put right by, and may be changed."""
    sparing = Sparing.at(sql, tenant_id, now_ms)
    if sparing.holds or sparing.restricted:
        return False
    return any(sql.execute(_where_any(), {"tenant": tenant_id, "newest_ms": now_ms + tolerance_ms}).one())


def date_back(sql: Connection, tenant_id: TenantId, now_ms: int, tolerance_ms: int) -> int:
    """Gives how many records: none if a hold came since `any_ahead` was asked."""
    if not any_ahead(sql, tenant_id, now_ms, tolerance_ms):
        return 0
    values = {"tenant": tenant_id, "newest_ms": now_ms + tolerance_ms, "now_ms": now_ms}
    return sum(sql.execute(_dating_back(table), values).rowcount for table in HAPPENINGS)


@cache
def _where_any() -> Any:
    return select(*(exists(select(1).select_from(table).where(*_ahead(table))) for table in HAPPENINGS))


@cache
def _dating_back(table: Table) -> Any:
    """The moment is the gate's no more: it says when the server noticed, and nothing of what somebody did."""
    now = type_coerce(bindparam("now_ms"), BigInteger)
    return update(table).where(*_ahead(table)).values({HAPPENINGS[table].since: now})


def _ahead(table: Table) -> tuple[Any, Any]:
    return table.c.tenant_id == _TENANT, type_coerce(table.c[HAPPENINGS[table].since], BigInteger) > _NEWEST

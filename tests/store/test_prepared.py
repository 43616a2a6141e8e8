"""Prepared statements find what SQLAlchemy finds, and fail as it fails."""

import pytest
from sqlalchemy import bindparam, select, text

from pttserver.errors import StoreUnavailable
from pttserver.store.prepared import Prepared
from pttserver.store.schema import members, subscribers

QUERY = (
    select(subscribers.c.id, subscribers.c.display_name, members.c.listen_only, members.c.priority.label("goes_first"))
    .select_from(subscribers.outerjoin(members))
    .where(subscribers.c.tenant_id == bindparam("tenant_id"))
    .order_by(subscribers.c.id)
)


async def test_rows_are_those_of_sqlalchemy(acme, database):
    await acme.groups.put_member(acme.group_id, acme.anna, 7, True)
    prepared = Prepared(QUERY)

    def both(sql):
        theirs = sql.execute(QUERY, {"tenant_id": acme.tenant_id}).all()
        return prepared.rows(sql, tenant_id=acme.tenant_id), theirs

    ours, theirs = await database.read(both)
    assert [tuple(row) for row in ours] == [tuple(row) for row in theirs]
    assert [type(value) for row in ours for value in row] == [type(value) for row in theirs for value in row]
    anna, bert = ours
    assert (anna.id, anna.listen_only, anna.goes_first) == (acme.anna, True, 7)
    assert (bert.display_name, bert.listen_only) == (None, None)


async def test_the_first_row_or_none(acme, database):
    prepared = Prepared(QUERY)
    assert (await database.read(lambda sql: prepared.row(sql, tenant_id=acme.tenant_id))).id == acme.anna
    assert await database.read(lambda sql: prepared.row(sql, tenant_id="ten_none")) is None


async def test_a_failure_of_the_database_is_told_as_such(acme, database):
    prepared = Prepared(QUERY)

    def without_its_table(sql):
        sql.execute(text("ALTER TABLE members RENAME TO others"))
        prepared.rows(sql, tenant_id=acme.tenant_id)

    with pytest.raises(StoreUnavailable, match="no such table"):
        await database.write(without_its_table)
    assert await database.read(lambda sql: prepared.rows(sql, tenant_id=acme.tenant_id))

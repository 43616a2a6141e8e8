"""Fences in the database: nobody reads them in its files, and they are found, changed and counted all the same."""

import pytest
from sqlalchemy import select, text, update
from sqlalchemy.exc import StatementError

from locating import LATITUDE, LONGITUDE, traces
from pttserver.errors import AlreadyExists, NotFound, SealBroken
from pttserver.ids import TenantId
from pttserver.store.fences import FenceStore, StoredFence
from pttserver.store.location_schema import FENCE_NAME, FENCE_SHAPE, fences
from pttserver.store.records import Tenant
from pttserver.store.shredding import shred_tenant
from store.organisation import ANNA, TENANT, VAULT, first_policy

HOME = "Home of Anna Zauber"
SHAPE = f'{{"kind":"circle","center":{{"latitude":{LATITUDE},"longitude":{LONGITUDE}}},"radius_m":50.0}}'
MARKS = (HOME.encode(), b"Anna Zauber", *traces())
OTHER = TenantId("ten_2")


def fence(number=1, name=HOME, tenant_id=TENANT, **more):
    given = {"shape": SHAPE, "dwell_s": 30, "changed_ms": number, **more}
    return StoredFence(f"fen_{number}", tenant_id, name, **given)


@pytest.fixture
async def store(acme, database):
    await acme.tenants.add(Tenant(OTHER, "Other", 1), first_policy(OTHER))
    return FenceStore(database)


def marked(folder):
    """Files in which a mark stands."""
    return [path.name for path in folder.rglob("*") if any(mark in path.read_bytes() for mark in MARKS)]


async def test_a_fence_is_found_by_name_and_by_identifier_within_its_organisation(store):
    await store.put([fence(1), fence(2, "Depot")])
    assert await store.find(TENANT, HOME) == await store.find(TENANT, "fen_1") == fence(1)
    for unknown in ("Home", HOME.lower(), "fen_3"):
        assert await store.find(TENANT, unknown) is None
    assert await store.find(OTHER, HOME) is None
    assert await store.find(TenantId("ten_none"), HOME) is None


async def test_a_fence_that_is_put_again_has_other_values(store):
    await store.put([fence(1)])
    changed = fence(1, "Depot", shape="{}", dwell_s=0, changed_ms=9)
    await store.put([changed])
    assert await store.of_tenant(TENANT) == [changed]
    assert (await store.find(TENANT, "Depot"), await store.find(TENANT, HOME)) == (changed, None)
    assert await store.changes() == {TENANT: (1, 9)}


async def test_two_of_one_name_are_refused_and_none_of_them_is_put(store):
    await store.put([fence(1)])
    await store.put([fence(2, tenant_id=OTHER)])  # another organisation's is another
    with pytest.raises(AlreadyExists, match="of this name"):
        await store.put([fence(3, "Depot"), fence(4)])
    assert [each.fence_id for each in await store.of_tenant(TENANT)] == ["fen_1"]


async def test_pages_are_by_identifier(store):
    await store.put([fence(number, f"Gate {number}") for number in (3, 1, 2)])
    assert [each.name for each in await store.of_tenant(TENANT, "fen_1", 1)] == ["Gate 2"]


async def test_no_file_of_the_database_shows_name_or_place(store, file):
    """The same search finds them in a file where they stand."""
    await store.put([fence(1), fence(2, f"{HOME} II")])
    await store.put([fence(1, f"{HOME} III")])
    await store.remove(TENANT, "fen_2")
    assert {path.name for path in file.parent.iterdir()} >= {file.name, f"{file.name}-wal", f"{file.name}-shm"}
    assert marked(file.parent) == []
    (file.parent / "control").write_text(SHAPE)
    assert marked(file.parent) == ["control"]


async def test_a_fence_is_not_printed(store):
    assert "Zauber" not in repr(fence(1))
    assert str(LATITUDE) not in repr(fence(1))


async def test_the_columns_take_only_what_was_sealed_for_them(store, database):
    def work(sql):
        keys = VAULT.confidential(sql, TENANT)
        for value in (HOME, HOME.encode(), 7, keys.seal(FENCE_SHAPE, HOME)):
            with pytest.raises(StatementError, match="takes only what was sealed for it"):
                sql.execute(update(fences).values(name=value))

    await database.read(work)


async def test_a_value_opens_as_itself_and_for_its_organisation_only(store, database):
    await store.put([fence(1), fence(2, "Depot", tenant_id=OTHER)])

    def work(sql):
        (name,) = sql.scalars(select(fences.c.name).where(fences.c.tenant_id == TENANT))
        mine, theirs = VAULT.confidential(sql, TENANT), VAULT.confidential(sql, OTHER)
        assert mine.open(name) == HOME
        with pytest.raises(SealBroken):
            theirs.open(name)
        assert mine.index(FENCE_NAME, HOME) != theirs.index(FENCE_NAME, HOME)
        assert VAULT.confidential(sql, ANNA) is None  # a person is no organisation

    await database.read(work)
    await database.write(lambda sql: sql.execute(text("UPDATE fences SET name = shape")))
    with pytest.raises(SealBroken):
        await store.of_tenant(TENANT)


async def test_with_the_organisation_its_key_goes_and_no_later_one_opens_what_was_kept(store, database, acme):
    await store.put([fence(1)])
    kept = await database.read(lambda sql: sql.scalar(select(fences.c.name)))
    index = await database.read(lambda sql: VAULT.confidential(sql, TENANT).index(FENCE_NAME, HOME))
    assert await database.write(lambda sql: shred_tenant(sql, TENANT))
    assert await store.of_tenant(TENANT) == []
    assert await store.changes() == {}
    with pytest.raises(NotFound):
        await store.put([fence(1)])
    await acme.tenants.add(Tenant(TENANT, "ACME again", 2), first_policy(TENANT))
    again = await database.read(lambda sql: VAULT.confidential(sql, TENANT))
    assert again.index(FENCE_NAME, HOME) != index
    with pytest.raises(SealBroken):
        again.open(kept)

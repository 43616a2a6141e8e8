"""The vault: values in the database open for their subject and category only, and for nobody once the key is gone."""

import pytest
from sqlalchemy import select, text, update
from sqlalchemy.exc import StatementError

from pttserver.crypto.sealing import MasterKey
from pttserver.errors import MasterKeyMissing, NotFound, SealBroken
from pttserver.ids import Personal
from pttserver.privacy.categories import Category
from pttserver.privacy.purposes import Purpose
from pttserver.store.columns import Sealed
from pttserver.store.database import Database
from pttserver.store.schema import subscribers
from pttserver.store.shredding import shred
from pttserver.store.vault import Vault
from store.organisation import ANNA, BERT, GATE, MASTER, TENANT, VAULT


def name_of(subject_id, name="Cora"):
    return GATE.release(Category.SUBSCRIBER_NAME, Purpose.SERVICE, subject_id, Personal(name))


async def test_a_value_of_one_subject_opens_for_no_other(acme, database):
    def work(sql):
        anna, bert = VAULT.existing(sql, ANNA), VAULT.existing(sql, BERT)
        sealed = anna.seal(name_of(ANNA))
        assert anna.required_text(sealed) == "Cora"
        with pytest.raises(SealBroken):
            bert.open(sealed)
        with pytest.raises(ValueError, match="another subject"):
            bert.seal(name_of(ANNA))

    await database.read(work)


async def test_a_value_that_was_moved_to_another_row_or_column_does_not_open(acme, database):
    await database.write(
        lambda sql: sql.execute(
            text("UPDATE subscribers SET display_name = (SELECT identifier FROM subscribers WHERE id = 'sub_anna')")
        )
    )
    for who in (ANNA, BERT):
        with pytest.raises(SealBroken):
            await acme.subscribers.find(TENANT, who)


async def test_a_column_takes_its_own_category_only(acme, database):
    def work(sql):
        other = Sealed(Category.IDENTIFIER, b"x")
        sql.execute(update(subscribers).values(display_name=other))

    with pytest.raises(StatementError, match="takes only what the vault sealed"):
        await database.write(work)


async def test_a_subject_that_was_shredded_is_neither_read_nor_written(acme, database):
    sealed = await database.read(lambda sql: sql.scalar(select(subscribers.c.identifier)))
    assert sealed is not None
    assert await database.write(lambda sql: shred(sql, VAULT, ANNA))
    assert not await database.write(lambda sql: shred(sql, VAULT, ANNA))
    assert await database.read(lambda sql: VAULT.subject(sql, ANNA)) is None
    with pytest.raises(NotFound):
        await database.read(lambda sql: VAULT.existing(sql, ANNA))


async def test_a_new_key_for_the_same_id_opens_nothing_old(acme, database):
    old = await database.read(lambda sql: sql.scalar(select(subscribers.c.identifier).where(subscribers.c.id == ANNA)))
    reference = await database.read(lambda sql: VAULT.existing(sql, ANNA).reference())

    def work(sql):
        shred(sql, VAULT, ANNA)
        return VAULT.make_subject(sql, TENANT, ANNA, "other", 9)

    fresh = await database.write(work)
    with pytest.raises(SealBroken):
        fresh.open(old)
    assert fresh.reference() != reference


async def test_the_index_finds_the_exact_identifier(acme):
    assert (await acme.subscribers.find(TENANT, "+491511234567")).subscriber_id == ANNA
    assert await acme.subscribers.find(TENANT, "+49151123456") is None


async def test_rewrapping_touches_no_value(acme, database):
    new = MasterKey.draw()
    before = await database.read(lambda sql: sql.execute(text("SELECT * FROM subjects ORDER BY id")).all())
    vault = Vault(lambda: [new, MASTER])
    assert await database.write(vault.rewrap) == 1
    assert await database.write(vault.rewrap) == 0
    assert await database.read(lambda sql: sql.execute(text("SELECT * FROM subjects ORDER BY id")).all()) == before
    with pytest.raises(MasterKeyMissing):
        await database.read(Vault(lambda: [MASTER]).check)
    assert await database.read(lambda sql: Vault(lambda: [new]).existing(sql, ANNA).reference())


async def test_a_database_of_another_master_key_is_not_opened(acme, file):
    with pytest.raises(MasterKeyMissing):
        await Database.open(file, Vault(lambda: [MasterKey.draw()]))

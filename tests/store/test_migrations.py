"""A migrated database has the shape that the schema says; a newer one is refused."""

import asyncio

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, inspect, text

from new_databases import NewDatabases
from pttserver.errors import StoreUnavailable
from pttserver.store.database import Database
from pttserver.store.migrate import MIGRATIONS, migrate
from pttserver.store.schema import REVISION, metadata
from store.organisation import VAULT

pytestmark = pytest.mark.usefixtures("every_migration")
OBJECTS = text(
    "SELECT name, sql FROM sqlite_master WHERE name NOT LIKE '%alembic%' AND sql IS NOT NULL AND type != 'trigger'"
)


async def test_migrated_is_the_schema(database):
    def difference(sql):
        context = MigrationContext.configure(sql, opts={"compare_type": True, "compare_server_default": True})
        return compare_metadata(context, metadata)

    assert await database.read(difference) == []


async def test_migrated_is_the_schema_to_the_letter(database):
    """Checks and ON DELETE too, which alembic's comparison passes over."""
    migrated = await database.read(lambda sql: dict(map(tuple, sql.execute(OBJECTS))))

    def made_anew(sql):
        for table in inspect(sql).get_table_names():
            sql.exec_driver_sql(f"DROP TABLE {table}")
        metadata.create_all(sql)
        return dict(map(tuple, sql.execute(OBJECTS)))

    await database.write(lambda sql: sql.exec_driver_sql("PRAGMA defer_foreign_keys = ON"))
    assert migrated == await database.write(made_anew)


async def test_the_new_databases_of_the_tests_are_migrated_ones(tmp_path):
    stand_in, found = NewDatabases(migrate), []
    for make in (migrate, stand_in, stand_in):
        engine = create_engine(f"sqlite:///{tmp_path / str(len(found))}")
        with engine.begin() as sql:
            make(sql, VAULT)
            tables = sorted(inspect(sql).get_table_names())
            rows = {table: sql.execute(text(f"SELECT * FROM {table}")).fetchall() for table in tables}
            found.append((sorted(map(tuple, sql.execute(text("SELECT name, sql FROM sqlite_master")))), rows))
    assert found[0] == found[1] == found[2]


def test_revision_is_the_newest_migration():
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    assert ScriptDirectory.from_config(config).get_current_head() == REVISION


async def test_a_newer_database_is_refused(file):
    database = await Database.open(file, VAULT)
    await database.write(lambda sql: sql.execute(text("UPDATE alembic_version SET version_num = '9999'")))
    await database.close()
    with pytest.raises(StoreUnavailable, match=r"newer pttserver.*9999"):
        await Database.open(file, VAULT)


async def test_two_that_open_at_once_migrate_once(file):
    databases = await asyncio.gather(*(Database.open(file, VAULT) for _ in range(4)))
    for database in databases:
        assert await database.read(lambda sql: sql.scalar(text("SELECT version_num FROM alembic_version"))) == REVISION
    await asyncio.gather(*(database.close() for database in databases))


async def test_a_migration_that_fails_half_way_leaves_nothing(file, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr("alembic.op.create_index", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            await Database.open(file, VAULT)
    database = await Database.open(file, VAULT)
    assert await database.read(lambda sql: sql.scalar(text("SELECT count(*) FROM tenants"))) == 0
    await database.close()

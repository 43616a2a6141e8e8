"""New databases of the tests, made as the first of the process was: migrations cost a third of a second each time."""

from collections.abc import Callable

from sqlalchemy import Connection, text

from pttserver.store.migrate import revision_of
from pttserver.store.vault import Vault

_OBJECTS = text(
    "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%'"
    " ORDER BY type = 'table' DESC, rowid"
)


class NewDatabases:
    """Stands in for `store.migrate.migrate`; the first new database is migrated, and those that are not new."""

    def __init__(self, migrate: Callable[[Connection, Vault], bool]) -> None:
        self._migrate = migrate
        self._statements: list[str] = []

    def __call__(self, sql: Connection, vault: Vault) -> bool:
        if revision_of(sql) is not None:
            return self._migrate(sql, vault)
        if not self._statements:
            self._migrate(sql, vault)
            self._statements = [*sql.scalars(_OBJECTS), *_rows(sql)]
        else:
            for statement in self._statements:
                sql.exec_driver_sql(statement)
        return False


def _rows(sql: Connection) -> list[str]:
    """What the migrations wrote into the tables."""
    number, revision = sql.scalar(text("SELECT number FROM standing_changes")), revision_of(sql)
    return [
        f"INSERT INTO standing_changes (number) VALUES ({number})",
        f"INSERT INTO alembic_version (version_num) VALUES ('{revision}')",
    ]

"""Statements that a herd of log-ins asks: compiled once, and handed to the driver without a stop in between.

SQLAlchemy looks its compiled form up, makes a context, a cursor and a result of its own for each execution, which costs
several times what SQLite takes to find one row by its key. Here that is paid once; what the columns' types make of a
value (a Sealed, a bool) is the same.
"""

import collections
from typing import Any

from sqlalchemy import Connection, Select
from sqlalchemy.dialects.sqlite import dialect
from sqlcipher3 import dbapi2

from pttserver.errors import StoreUnavailable
from pttserver.store.failures import advice

_DIALECT = dialect(paramstyle="named")
_named_tuple: Any = collections.namedtuple


class Prepared:
    """A `select` whose parameters are all named (`bindparam`), and need nothing but to be handed over."""

    def __init__(self, statement: Select[Any]) -> None:
        compiled = statement.compile(dialect=_DIALECT)
        columns = statement.selected_columns
        self._text = str(compiled)
        self._row = _named_tuple("Row", columns.keys())
        made = ((place, column.type.dialect_impl(_DIALECT).result_processor(_DIALECT, None))
                for place, column in enumerate(columns))  # fmt: skip
        self._processors = [(place, processor) for place, processor in made if processor is not None]

    def rows(self, sql: Connection, **parameters: str) -> list[Any]:
        """Within the caller's transaction; each has the columns' names. Raises StoreUnavailable."""
        connection: Any = sql.connection.dbapi_connection
        try:
            found = connection.execute(self._text, parameters).fetchall()
        except dbapi2.DatabaseError as error:
            raise StoreUnavailable(advice(error)) from error
        return [self._made(values) for values in found]

    def row(self, sql: Connection, **parameters: str) -> Any:
        """The first; None: there is none."""
        found = self.rows(sql, **parameters)
        return found[0] if found else None

    def _made(self, values: tuple[Any, ...]) -> Any:
        made = list(values)
        for place, processor in self._processors:
            made[place] = processor(made[place])
        return self._row._make(made)

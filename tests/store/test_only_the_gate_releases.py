"""Nothing personal is written but what the gate released: no other code makes such values, no other room writes rows.

The first tests read the source; the last ones try the columns of a real database.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import insert, update
from sqlalchemy.exc import StatementError

from pttserver.privacy.categories import Category
from pttserver.privacy.purposes import Purpose
from pttserver.privacy.released import Released
from pttserver.store import inventory
from pttserver.store.columns import DatedType, Reference, ReferenceType, SealedType
from pttserver.store.schema import subscribers, takeovers
from repository import ROOT
from store.organisation import ANNA, BERT, GATE

SOURCE = ROOT / "src" / "pttserver"
GATE_FILE = SOURCE / "privacy" / "gate.py"
RELEASED_FILE = SOURCE / "privacy" / "released.py"
VAULT_FILE = SOURCE / "store" / "vault.py"
COLUMNS_FILE = SOURCE / "store" / "columns.py"
CONFIDENTIAL_FILE = SOURCE / "store" / "confidential.py"
MIGRATIONS = SOURCE / "store" / "migrations"
WRITES = re.compile(r"\b(INSERT\s+INTO|REPLACE\s+INTO|UPDATE\s+\w+\s+SET)\b", re.IGNORECASE)
WRITERS = {"insert", "update"}


def trees() -> Iterator[tuple[Path, ast.AST]]:
    for file in sorted(SOURCE.rglob("*.py")):
        yield file, ast.parse(file.read_text(encoding="utf-8"))


def users(name: str, *, called: bool = False) -> set[Path]:
    """Files that name (or call) something of this name, under whatever module."""

    def names(node: ast.AST) -> bool:
        target = node.func if called and isinstance(node, ast.Call) else None if called else node
        return (
            (isinstance(target, ast.Name) and target.id == name)
            or (isinstance(target, ast.Attribute) and target.attr == name)
            or (not called and isinstance(node, ast.alias) and name in (node.name, node.asname))
        )

    return {file for file, tree in trees() if any(map(names, ast.walk(tree)))}


def test_the_permit_is_the_gates() -> None:
    assert users("PERMIT") == {GATE_FILE, RELEASED_FILE}


def test_only_the_gate_makes_released_values() -> None:
    assert users("Released", called=True) == {GATE_FILE}


def test_only_the_vault_makes_sealed_values_and_references() -> None:
    """The columns make them too, of what they read."""
    assert users("Sealed", called=True) == {VAULT_FILE, COLUMNS_FILE}
    assert users("Reference", called=True) == {VAULT_FILE, COLUMNS_FILE}
    assert users("Confidential", called=True) == {CONFIDENTIAL_FILE, COLUMNS_FILE}
    assert users("ConfidentialVault", called=True) == {VAULT_FILE}


def test_only_the_store_writes_rows() -> None:
    for file, tree in trees():
        imported = {
            alias.name
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("sqlalchemy")
            for alias in node.names
        }
        assert not imported & WRITERS or file.is_relative_to(SOURCE / "store"), file


def test_raw_statements_write_in_migrations_only() -> None:
    found = {
        file
        for file, tree in trees()
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and WRITES.search(node.value)
    }
    assert found
    copying = {SOURCE / "store" / "snapshot.py"}  # blinds a backup, and gives it its keys back: no value is written
    assert {file for file in found if not file.is_relative_to(MIGRATIONS)} == copying


def test_a_value_is_not_released_without_the_permit() -> None:
    with pytest.raises(TypeError, match="only the gate"):
        Released(object(), Category.IDENTIFIER, ANNA, "x", b"")


async def test_every_personal_column_refuses_plain_values(database) -> None:
    """The type refuses them before anything reaches the database."""
    guarded = (SealedType, ReferenceType, DatedType)
    columns = [c for table in inventory.tables() for c in table.columns if isinstance(c.type, guarded)]
    assert len(columns) > 20

    def work(sql):
        for column in columns:
            for value in ("Anna", b"Anna", 7):
                with pytest.raises(StatementError, match=r"column takes only what|is made by the vault only"):
                    sql.execute(update(column.table).values({column: value}))

    await database.read(work)


async def test_a_value_of_another_category_is_refused(database, acme) -> None:
    def work(sql):
        keys = database.vault.existing(sql, ANNA)
        name = keys.seal(GATE.release(Category.SUBSCRIBER_NAME, Purpose.SERVICE, ANNA, "Anna"))
        with pytest.raises(StatementError, match="takes only what the vault sealed for it"):
            sql.execute(update(subscribers).values(identifier=name))
        with pytest.raises(StatementError, match="made by the vault only"):
            sql.execute(insert(takeovers).values(subject=Reference(Category.PARTICIPANTS, "ref_1")))
        with pytest.raises(StatementError, match="takes only what the gate released"):
            sql.execute(insert(takeovers).values(at_ms=GATE.release(Category.CALL_RECORD, Purpose.OPERATIONS, ANNA, 5)))

    await database.read(work)


async def test_a_value_of_somebody_else_is_not_sealed(database, acme) -> None:
    theirs = GATE.release(Category.SUBSCRIBER_NAME, Purpose.SERVICE, BERT, "Bert")

    def work(sql):
        with pytest.raises(ValueError, match="released for another subject"):
            database.vault.existing(sql, ANNA).seal(theirs)

    await database.read(work)

"""Whether a database file holds anything that a master key is needed for; asked before a new key is made."""

from pathlib import Path

from sqlcipher3 import dbapi2


def holds_sealed_data(file: Path) -> bool:
    """False also for no file, and for one of a version that sealed nothing."""
    if not file.exists():
        return False
    connection = dbapi2.connect(f"file:{file}?mode=ro", uri=True)
    try:
        return connection.execute("SELECT 1 FROM tenant_keys LIMIT 1").fetchone() is not None
    except dbapi2.DatabaseError:
        return False  # no such table, or no database: opening it says more
    finally:
        connection.close()

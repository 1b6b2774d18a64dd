"""Statements that are asked for so often that they go to the driver as they are: a fraction of the time of a built one.

SQLAlchemy would wrap the driver's cursor, context and rows anew for each; on SQLite that takes several times as long as
executing them, and all of it while other writers wait.
"""

from __future__ import annotations

import re
from collections import namedtuple
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection

SQLITE = "sqlite"


class Raw:
    """A statement in the SQL that both databases know, with parameters written ``:name``."""

    def __init__(self, text: str) -> None:
        self._sqlite = text
        self._postgresql = re.sub(r":(\w+)", r"%(\1)s", text)
        self._row: Callable[..., Any] | None = None

    def __call__(self, connection: Connection, given: Mapping[str, Any] | Sequence[Mapping[str, Any]]) -> int:
        """Execute it, once or for each of several sets of parameters; return how many rows it changed."""
        changed: int = self._executed(connection, given).rowcount
        return changed

    def rows(self, connection: Connection, given: Mapping[str, Any]) -> list[Any]:
        """Return what it finds, each row with its columns as attributes."""
        cursor = self._executed(connection, given)
        if self._row is None:
            names = [each[0] for each in cursor.description] if is_sqlite(connection) else list(cursor.keys())
            self._row = namedtuple("Row", names)  # type: ignore[misc]  # its names are known from here on
        return [self._row(*row) for row in cursor.fetchall()]

    def value(self, connection: Connection, given: Mapping[str, Any]) -> Any:
        """Return the first column of the first row that it finds, or None."""
        row = self._executed(connection, given).fetchone()
        return None if row is None else row[0]

    def _executed(self, connection: Connection, given: Mapping[str, Any] | Sequence[Mapping[str, Any]]) -> Any:
        is_one = isinstance(given, Mapping)
        if is_sqlite(connection):
            driver = driver_of(connection)
            return driver.execute(self._sqlite, given) if is_one else driver.executemany(self._sqlite, given)
        shown = _letters(given) if isinstance(given, Mapping) else [_letters(each) for each in given]
        return connection.exec_driver_sql(self._postgresql, shown)


def is_sqlite(connection: Connection) -> bool:
    """Say which of the two databases it is."""
    return connection.dialect.name == SQLITE


def driver_of(connection: Connection) -> Any:
    """Return the driver's own connection; what it raises, `database_errors` says in our words."""
    return connection.connection.dbapi_connection


def _letters(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters without NUL, which PostgreSQL does not know: there it is the sign for what has none."""
    return {
        name: value.replace("\0", "\N{REPLACEMENT CHARACTER}") if isinstance(value, str) else value
        for name, value in given.items()
    }

"""Statements that are asked for so often that they go to the driver as they are: half the time of a built one."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ClauseElement, Connection, CursorResult
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite

_NAMED = SQLiteDialect_pysqlite(paramstyle="named")


class Raw:
    """A statement in the SQL that both databases know, with parameters written ``:name``."""

    def __init__(self, text: str) -> None:
        self._sqlite = text
        self._postgresql = re.sub(r":(\w+)", r"%(\1)s", text)

    def __call__(
        self, connection: Connection, given: Mapping[str, Any] | Sequence[Mapping[str, Any]]
    ) -> CursorResult[Any]:
        """Execute it, once or for each of several sets of parameters."""
        if connection.dialect.name == "sqlite":
            return connection.exec_driver_sql(self._sqlite, given)
        shown = _letters(given) if isinstance(given, Mapping) else [_letters(each) for each in given]
        return connection.exec_driver_sql(self._postgresql, shown)


def raw(statement: ClauseElement) -> Raw:
    """Return a built statement as it goes to the driver; its types must be those that drivers take as they are."""
    return Raw(str(statement.compile(dialect=_NAMED)))


def _letters(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters without NUL, which PostgreSQL does not know: there it is the sign for what has none."""
    return {
        name: value.replace("\0", "\N{REPLACEMENT CHARACTER}") if isinstance(value, str) else value
        for name, value in given.items()
    }

"""Rows of a database of MLflow's, whatever version made it: columns that are not there are None."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import Engine, column, create_engine, func, inspect, select, table
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError

from kaizenml.errors import SourceError

Row = Mapping[str, Any]
#: So many keys in one statement.
_AT_ONCE = 500


class Rows:
    """The tables of a database, read only."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        with errors("The database"):
            found = inspect(engine)
            self._columns = {
                name: [str(each["name"]) for each in found.get_columns(name)] for name in found.get_table_names()
            }

    @property
    def tables(self) -> Sequence[str]:
        """The names of the tables."""
        return list(self._columns)

    def all(self, name: str, names: Sequence[str], order: str | None = None) -> list[Row]:
        """Return every row of a table with these columns; none when there is no such table."""
        return list(self._read(name, names, None, (), order))

    def count(self, name: str) -> int:
        """Return how many rows a table has; none when there is no such table."""
        if name not in self._columns:
            return 0
        with errors(f"The table {name}"), self._engine.connect() as connection:
            return int(connection.execute(select(func.count()).select_from(table(name))).scalar() or 0)

    def where(self, name: str, names: Sequence[str], key: str, values: Sequence[object]) -> Iterator[Row]:
        """Return the rows in which a column has one of these values."""
        for start in range(0, len(values), _AT_ONCE):
            yield from self._read(name, names, key, values[start : start + _AT_ONCE], None)

    def close(self) -> None:
        """Close every connection."""
        self._engine.dispose()

    def _read(
        self, name: str, names: Sequence[str], key: str | None, values: Sequence[object], order: str | None
    ) -> list[Row]:
        there = self._columns.get(name, [])
        wanted = [each for each in names if each in there]
        if not wanted or (key is not None and key not in there):
            return []
        query: Any = select(*(column(each) for each in wanted)).select_from(table(name))
        query = query.where(column(key).in_(values)) if key is not None else query
        query = query.order_by(column(order)) if order in there else query
        nothing = dict.fromkeys(names)
        with errors(f"The table {name}"), self._engine.connect() as connection:
            found = connection.execute(query).all()
        if len(wanted) == len(names):
            return [dict(zip(names, row, strict=True)) for row in found]
        return [{**nothing, **dict(zip(wanted, row, strict=True))} for row in found]


def opened(place: str | Path) -> Rows:
    """Open a database file, or a URL of SQLAlchemy's, to be read.

    Raises
    ------
    SourceError
        When it is no database of MLflow's, or cannot be reached.
    """
    url = _file_url(place) if isinstance(place, Path) else _url(place)
    rows = Rows(create_engine(url))
    if not {"experiments", "runs"} <= set(rows.tables):
        rows.close()
        raise SourceError(
            f"{shown(place)} is no database of MLflow's: it has no table `experiments` or no table `runs`.",
            "Name the file or URL that `mlflow server --backend-store-uri` was given.",
        )
    return rows


def shown(place: str | Path) -> str:
    """Return a place without its password."""
    return str(place) if isinstance(place, Path) else make_url(place).render_as_string(hide_password=True)


@contextmanager
def errors(what: str) -> Iterator[None]:
    """Translate what a database says."""
    try:
        yield
    except DBAPIError as error:
        raise SourceError(f"{what} cannot be read: {' '.join(str(error.orig).split())[:200]}.") from error
    except (SQLAlchemyError, UnicodeError) as error:
        raise SourceError(f"{what} cannot be read: {' '.join(str(error).split())[:200]}.") from error


def _file_url(path: Path) -> URL:
    """Return the URL of a file that is never written: not even its journal is touched."""
    return URL.create("sqlite", database=f"file:{quote(str(path))}", query={"mode": "ro", "uri": "true"})


def _url(text: str) -> URL:
    try:
        found = make_url(text)
    except ArgumentError as error:
        raise SourceError("This is no URL of a database.") from error
    if found.get_backend_name() == "sqlite":
        return _file_url(Path(found.database or ""))
    if found.get_backend_name() != "postgresql":
        raise SourceError(
            f"A {found.get_backend_name()} database is not read directly.",
            "Start `mlflow server` on it, and import from the server's address.",
        )
    return found.set(drivername="postgresql+psycopg")

"""Rows of a database: SQLite through the standard library, PostgreSQL and DuckDB through ADBC."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import polars as pl

from kaizenml.core.digest import Digest
from kaizenml.core.source import Increment, SqlSource
from kaizenml.data.incremental import (
    Batch,
    Before,
    Cursor,
    Told,
    as_json,
    at_once,
    begin,
    fresh,
    highest,
    key_of,
    newest,
    retyped,
    stored,
)
from kaizenml.data.ingest import check_names
from kaizenml.data.redaction import Expanded, expanded, shown
from kaizenml.data.version import frame_digest
from kaizenml.errors import SourceError

_ROWS_AT_ONCE = 50_000


@dataclass(frozen=True, slots=True)
class SqlReader:
    """The rows of a query: all of them as one batch, or with an increment only those that are new."""

    source: SqlSource
    root: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    told: Told = lambda _rows, _bytes: None

    @property
    def stream(self) -> str:
        """The identity of the rows, where each load adds to those before."""
        return self.source.stream if self.source.increment else ""

    @property
    def name(self) -> str:
        """What people call it."""
        return self.source.table or f"query of {shown(self.source.url)}"

    def batches(self, before: Before) -> Iterator[Batch]:
        """Ask the database; return one batch, or none when nothing is new."""
        if self.source.increment is None:
            yield whole(self.rows(None), self.source.stream, self.name)
            return
        high = highest(list(before.keys), self.stream)
        found = self.rows(begin(high, self.source.increment.overlap))
        yield from added(found, before, self.source.increment, self.stream, self.name)

    def settled(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Return the newest version of each key."""
        rule = self.source.increment
        return newest(rows, rule.key, rule.cursor) if rule else rows

    def rows(self, low: Cursor) -> pl.DataFrame:
        """Return the rows from a cursor on (None: all), and those without one.

        Raises
        ------
        SourceError
            Without any secret: a database that cannot be reached, refuses the login or the query.
        """
        url = expanded(self.source.url, self.environment)
        found = _asked(url, statement(self.source, low), self.root, self.name, self.told)
        check_names(Path(self.name), found.columns)
        return stored(found, self.name)


def whole(found: pl.DataFrame, stream: str, name: str) -> Batch:
    """Return all rows as one batch; rows in another order are the same batch, because a database keeps no order."""
    if found.is_empty():
        raise SourceError(f"{name} has no rows.", "Check the query, or put rows there.", {"file": name})
    digest = frame_digest(found.sort(found.columns))
    return Batch(key_of(stream, None, digest), name, int(found.estimated_size()), digest, at_once(found))


def added(found: pl.DataFrame, before: Before, rule: Increment, stream: str, name: str) -> Iterator[Batch]:
    """Return what is new in a window as one batch; nothing when nothing is."""
    known = before.rows()
    if known is not None:
        found = retyped(found, known.schema, name)
    high = highest(list(before.keys), stream)
    new = fresh(found, known, rule, high)
    if new.rows.is_empty():
        return
    digest = Digest(frame_digest(new.rows))
    cursor = as_json(new.high)
    facts = {"cursor": cursor, "late": new.late, "seen": new.seen}
    size = int(new.rows.estimated_size())
    yield Batch(key_of(stream, cursor, digest), name, size, digest, at_once(new.rows), facts)


def statement(source: SqlSource, low: Cursor) -> str:
    """Return the query, bounded from below where there is a bound."""
    text = source.query.strip().rstrip(";") or f"SELECT * FROM {_quoted(source.table)}"
    if low is None or source.increment is None:
        return text
    column = _quoted(source.increment.cursor, is_path=False)
    inner = f"({text}) AS kaizen_rows" if source.query else _quoted(source.table)
    return f"SELECT * FROM {inner} WHERE {column} >= {_literal(low)} OR {column} IS NULL"


def _quoted(name: str, *, is_path: bool = True) -> str:
    parts = name.split(".") if is_path else [name]
    return ".".join('"' + part.replace('"', '""') + '"' for part in parts)


def _literal(value: Cursor) -> str:
    if isinstance(value, (int, float)):
        return repr(value)
    text = value.isoformat(" ") if isinstance(value, datetime) else str(value)
    text = value.isoformat() if isinstance(value, date) and not isinstance(value, datetime) else text
    return "'" + text.replace("'", "''") + "'"


def _asked(url: Expanded, text: str, root: Path, name: str, told: Told) -> pl.DataFrame:
    scheme = urlsplit(url.text).scheme.partition("+")[0]
    if scheme == "sqlite":
        return _from_sqlite(_file(url, root), text, name, told)
    if scheme in ("postgresql", "postgres"):
        return _from_adbc("adbc_driver_postgresql", url.text, text, name, url)
    if scheme == "duckdb":
        return _from_adbc("adbc_driver_duckdb", str(_file(url, root)), text, name, url)
    raise SourceError(
        f"No database is known by {scheme or 'no scheme'!r}.",
        "Write sqlite:///file.db, postgresql://user:${PASSWORD}@host/db or duckdb:///file.duckdb.",
    )


def _file(url: Expanded, root: Path) -> Path:
    """Return the database's file: three slashes mean seen from the project's folder, four an absolute path."""
    path = root / url.text.partition("://")[2].removeprefix("/").partition("?")[0]
    if not path.is_file():
        raise SourceError(f"There is no database {url.hide(path)}.", "Check the path in the source's URL.")
    return path


def _from_sqlite(path: Path, text: str, name: str, told: Told) -> pl.DataFrame:
    try:
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=30)) as connection:
            answer = connection.execute(text)
            columns = [each[0] for each in answer.description]
            check_names(Path(name), columns)
            values: list[list[Any]] = [[] for _ in columns]
            while rows := answer.fetchmany(_ROWS_AT_ONCE):
                for column, cells in zip(values, zip(*rows, strict=True), strict=True):
                    column.extend(cells)
                told(len(values[0]), 0)
    except sqlite3.Error as error:
        hint = "Check the query; it must only read." if path.stat().st_size else "The database is empty."
        raise SourceError(f"{name}: SQLite says: {error}.", hint, {"file": name}) from None
    return pl.DataFrame([_column(each, cells, name) for each, cells in zip(columns, values, strict=True)])


def _column(column: str, values: list[Any], name: str) -> pl.Series:
    """Return a column in the type that all its values have; SQLite lets each row choose."""
    kinds = {type(value) for value in values} - {type(None)}
    if bytes in kinds:
        row = next(at for at, value in enumerate(values, start=1) if isinstance(value, bytes))
        raise SourceError(
            f"{name}, row {row}: column {column} holds bytes.",
            "Turn them into text in the query: hex(column).",
            {"file": name, "row": row, "column": column},
        )
    if kinds == {int}:
        return pl.Series(column, values, dtype=pl.Int64)
    if kinds and kinds <= {int, float}:
        return pl.Series(column, values, dtype=pl.Float64, strict=False)
    return pl.Series(column, [value if value is None else str(value) for value in values], dtype=pl.String)


def _from_adbc(driver: str, address: str, text: str, name: str, url: Expanded) -> pl.DataFrame:
    import importlib

    try:
        dbapi = importlib.import_module(f"{driver}.dbapi")
    except ImportError:
        raise SourceError(
            f"Reading {shown(url.hide(url.text))} needs {driver.replace('_', '-')}, which is not installed.",
            "Install it: pip install 'kaizenml[sql]'",
        ) from None
    try:
        with closing(dbapi.connect(address)) as connection, closing(connection.cursor()) as cursor:
            cursor.execute(text)
            return pl.DataFrame(cursor.fetch_arrow())
    except dbapi.Error as error:
        said = url.hide(error).partition(" Query was:")[0]
        raise SourceError(f"{name}: the database says: {said}.", _hint(said), {"file": name}) from None


def _hint(said: str) -> str:
    if "authentication" in said or "password" in said or "role" in said:
        return "Check the user, and the environment variable that holds the password."
    if "connect" in said:
        return "Check host, port and database name in the URL, and that the server runs."
    return "Check the query, and the names of its tables and columns."

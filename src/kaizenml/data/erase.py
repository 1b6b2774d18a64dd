"""Which rows are those of one person, in tables as they were brought and in rows kept as JSON."""

from __future__ import annotations

import json

import polars as pl

from kaizenml.errors import UsageError

#: Columns in which a table keeps a whole row as JSON.
_JSON = ("row", "payload")


def is_persons(rows: pl.DataFrame, column: str, value: str) -> pl.Series:
    """Return for each row whether its cell says the value.

    Spaces around a text do not count, and a number is equal however it is written: ``7`` is ``7.0``.

    Raises
    ------
    UsageError
        For a value that is empty.
    """
    _check(value)
    return _says(rows[column], value) if column in rows.columns else _none(rows)


def is_persons_within(rows: pl.DataFrame, column: str, value: str) -> pl.Series:
    """Return for each row whether the row that it keeps as JSON says the value in this column."""
    _check(value)
    found = _none(rows)
    for name in _JSON:
        if rows.schema.get(name) == pl.String:
            found = found | _says_within(rows[name], column, value)
    return found


def is_about(rows: pl.DataFrame, ids: pl.Series) -> pl.Series:
    """Return for each row whether its ``id``, or the ``task`` that a label is of, is among the ids of rows that go."""
    name = next((name for name in ("id", "task") if name in rows.columns), None)
    if name is None:
        return _none(rows)
    found: pl.Series = rows[name].is_in(ids.cast(rows.schema[name]).implode())
    return found.fill_null(value=False)


def _check(value: str) -> None:
    if not value.strip():
        raise UsageError("The value is empty; every row without one would go.", "Name the person: --id VALUE.")


def _says(column: pl.Series, value: str) -> pl.Series:
    if column.dtype.is_numeric():
        number = _number(value)
        return (
            (column == number).fill_null(value=False)
            if number is not None
            else pl.repeat(False, len(column), eager=True)
        )
    texts = column.cast(pl.String).str.strip_chars()
    return (texts == value.strip()).fill_null(value=False)


def _says_within(texts: pl.Series, column: str, value: str) -> pl.Series:
    """Look into the rows whose text has the value somewhere; the others need not be read."""
    core = json.dumps(_short_form(value), ensure_ascii=False)[1:-1]
    may = texts.str.contains(core, literal=True).fill_null(value=False)
    says = [bool(maybe) and _says_this(text, column, value) for text, maybe in zip(texts, may, strict=True)]
    return pl.Series(says, dtype=pl.Boolean)


def _says_this(text: str, column: str, value: str) -> bool:
    row = json.loads(text)
    found = row.get(column) if isinstance(row, dict) else None
    if found is None:
        return False
    if isinstance(found, (int, float)) and not isinstance(found, bool):
        return float(found) == _number(value)
    return str(found).strip() == value.strip()


def _short_form(value: str) -> str:
    """Return the value without what a number may be written with or without."""
    number = _number(value)
    return str(int(number)) if number is not None and number.is_integer() else value.strip()


def _number(value: str) -> float | None:
    try:
        return float(value)
    except ValueError:
        return None


def _none(rows: pl.DataFrame) -> pl.Series:
    return pl.repeat(False, rows.height, dtype=pl.Boolean, eager=True)

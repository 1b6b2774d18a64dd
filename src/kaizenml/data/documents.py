"""JSON: one object a row, in an array or one a line; a value keeps its type where its whole column has that type."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec
import polars as pl

from kaizenml.data.textfile import blank
from kaizenml.errors import SourceError

_NUMBERS = frozenset({int, float})


def read_ndjson(name: str, lines: Iterable[bytes]) -> pl.DataFrame:
    """Return the rows of lines that are a JSON object each; blank lines are skipped.

    Raises
    ------
    SourceError
        Naming the line that is no object, or the column that holds lists or objects.
    """
    decode = msgspec.json.Decoder().decode
    rows: list[tuple[int, object]] = []
    for number, line in enumerate(lines, start=1):
        if line.strip():
            try:
                rows.append((number, decode(line)))
            except msgspec.DecodeError as error:
                raise _broken(name, f"line {number}: {error}") from error
    if not rows:
        raise blank(name)
    return _frame(name, rows, "line")


def read_json(name: str, content: bytes) -> pl.DataFrame:
    """Return the rows of a JSON array of objects."""
    try:
        rows = msgspec.json.decode(content)
    except msgspec.DecodeError as error:
        raise _broken(name, str(error)) from error
    if not isinstance(rows, list):
        raise _broken(name, f"it holds a {type(rows).__name__}, not an array of rows")
    return _frame(name, list(enumerate(rows, start=1)), "row")


def _broken(name: str, reason: str) -> SourceError:
    hint = 'Rows are objects: {"column": value, ...}, one a line (.jsonl) or in one array (.json).'
    return SourceError(f"{name}, {reason}.", hint, {"file": name})


def _frame(name: str, rows: Sequence[tuple[int, object]], unit: str) -> pl.DataFrame:
    columns: dict[str, None] = {}
    objects: list[dict[str, object]] = []
    for number, row in rows:
        if not isinstance(row, dict):
            raise _broken(name, f"{unit} {number}: a {type(row).__name__}, not an object")
        columns.update(dict.fromkeys(row))
        objects.append(row)
    return pl.DataFrame([_column(name, column, [row.get(column) for row in objects]) for column in columns])


def _column(name: str, column: str, values: list[object]) -> pl.Series:
    kinds = {type(value) for value in values} - {type(None)}
    if kinds & {list, dict}:
        raise SourceError(
            f"{name}: column {column} holds lists or objects, no single values.",
            "Unpack them into columns of their own first, or leave the column out.",
            {"file": name, "column": column},
        )
    if kinds == {bool}:
        return pl.Series(column, values, dtype=pl.Boolean)
    if kinds == {int} and all(value is None or abs(value) < 2**63 for value in values):  # type: ignore[arg-type]
        return pl.Series(column, values, dtype=pl.Int64)
    if kinds and kinds <= _NUMBERS:
        return pl.Series(column, values, dtype=pl.Float64, strict=False)
    return pl.Series(column, [_text(value) for value in values], dtype=pl.String)


def _text(value: object) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    return None if value is None else str(value)

"""Which columns a table can hold, and how rows are made to fit them."""

from __future__ import annotations

import polars as pl
from polars.exceptions import PolarsError

from kaizenml.errors import UsageError

TIME = pl.Datetime("us", "UTC")
_KEPT = (pl.Float64, pl.Int64, pl.Boolean, pl.String, pl.Date, pl.Binary)
_TEXT = (pl.Null, pl.Categorical, pl.Enum)


def storable(rows: pl.DataFrame) -> pl.DataFrame:
    """Return the rows with every column in the type that tables hold.

    Whole numbers become Int64, other numbers Float64, times microseconds in UTC (a time without zone stays without),
    categories text, and columns of nothing but nulls text.

    Raises
    ------
    UsageError
        For a column that no table can hold.
    """
    return _cast(rows, {name: _stored(name, kind) for name, kind in rows.schema.items()})


def fitted(rows: pl.DataFrame, schema: pl.Schema) -> pl.DataFrame:
    """Return storable rows with the types that the table's columns have already.

    Whole numbers fit a column of numbers, and everything but lists fits a column of text.

    Raises
    ------
    UsageError
        For a column that does not fit.
    """
    wanted = {name: _fit(name, rows[name], schema.get(name, kind)) for name, kind in rows.schema.items()}
    return _cast(rows, wanted)


def grown(schema: pl.Schema, rows: pl.DataFrame) -> dict[str, pl.DataType]:
    """Return the columns of the rows that the table does not have yet."""
    return {name: kind for name, kind in rows.schema.items() if name not in schema}


def _stored(name: str, kind: pl.DataType) -> pl.DataType:
    if isinstance(kind, pl.List):
        return pl.List(_stored(name, kind.inner if isinstance(kind.inner, pl.DataType) else kind.inner()))
    if isinstance(kind, pl.Array):
        return pl.List(_stored(name, kind.inner if isinstance(kind.inner, pl.DataType) else kind.inner()))
    if isinstance(kind, pl.Datetime):
        return TIME if kind.time_zone else pl.Datetime("us")
    if isinstance(kind, _KEPT):
        return kind
    if isinstance(kind, _TEXT):
        return pl.String()
    if kind.is_integer():
        return pl.Int64()
    if kind.is_numeric():
        return pl.Float64()
    raise UsageError(
        f"Column {name!r} has values of type {kind}, which no table can hold.",
        "Turn it into numbers, text, times or lists of numbers first.",
        {"column": name},
    )


def _fit(name: str, column: pl.Series, wanted: pl.DataType) -> pl.DataType:
    found = column.dtype
    is_wider = found == pl.Int64 and wanted == pl.Float64
    is_text = wanted == pl.String and not isinstance(found, pl.List)
    if found == wanted or is_wider or is_text or column.null_count() == len(column):
        return wanted
    raise UsageError(
        f"Column {name!r} holds {found}, but the table has {wanted} there.",
        f"Cast it to {wanted} before it is appended.",
        {"column": name, "found": str(found), "wanted": str(wanted)},
    )


def _cast(rows: pl.DataFrame, wanted: dict[str, pl.DataType]) -> pl.DataFrame:
    changed = {name: kind for name, kind in wanted.items() if rows.schema[name] != kind}
    if not changed:
        return rows
    try:
        return rows.with_columns(_recast(rows[name], kind) for name, kind in changed.items())
    except PolarsError as error:
        raise UsageError(f"Rows do not fit the table: {error}", "Look at the column that is named.") from error


def _recast(column: pl.Series, kind: pl.DataType) -> pl.Series:
    if column.null_count() == len(column):
        return pl.Series(column.name, [None] * len(column), dtype=kind)
    return column.cast(kind)

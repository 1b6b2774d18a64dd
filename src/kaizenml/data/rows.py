"""Rows of a request as a raw frame: values come native or as text, and mean what the CSV text would mean."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from math import isfinite

import polars as pl

from kaizenml.core.plan import CleaningPlan, ColumnPlan
from kaizenml.core.schema import ColumnKind
from kaizenml.data.numbers import in_style
from kaizenml.errors import RowError

_INT64 = range(-(2**63), 2**63)


def rows_to_raw(rows: Sequence[Mapping[str, object]], plan: CleaningPlan) -> pl.DataFrame:
    """Return the rows as a frame that `replay` takes: the plan's columns in its order.

    A key that a row lacks is a null; keys that the plan does not know are dropped. A column whose values all come as
    numbers or booleans of its kind keeps them; any other becomes text, written as the column's own style writes it.

    Raises
    ------
    RowError
        For a list or an object where a single value belongs; names row and column.
    """
    columns = [_column(column, [row.get(column.name) for row in rows]) for column in plan.columns]
    schema = {column.name: dtype for column, (_, dtype) in zip(plan.columns, columns, strict=True)}
    cells = list(zip(*(values for values, _ in columns), strict=True))
    return pl.DataFrame(cells, schema=schema, orient="row")


def _column(plan: ColumnPlan, values: list[object]) -> tuple[list[object], pl.DataType]:
    kinds = set(map(type, values))
    kinds.discard(type(None))
    if kinds <= {str}:
        return values, _STRING
    if plan.kind is ColumnKind.NUMBER and kinds <= {float, int}:
        return _numbers(values, plan)
    if plan.kind is ColumnKind.INTEGER and kinds == {int} and all(value is None or value in _INT64 for value in values):
        return values, _INTEGER
    if plan.kind is ColumnKind.BOOLEAN and kinds == {bool}:
        return values, _BOOLEAN
    return [cell_text(value, plan, row) for row, value in enumerate(values)], _STRING


_STRING, _INTEGER, _FLOAT, _BOOLEAN = pl.String(), pl.Int64(), pl.Float64(), pl.Boolean()


def _numbers(values: list[object], plan: ColumnPlan) -> tuple[list[object], pl.DataType]:
    try:
        return [None if value is None else float(value) for value in values], _FLOAT  # type: ignore[arg-type]
    except OverflowError:
        return [cell_text(value, plan, row) for row, value in enumerate(values)], _STRING


def cell_text(value: object, plan: ColumnPlan, row: int) -> str | None:
    """Return one cell as the text that the column's own style writes for it.

    Raises
    ------
    RowError
        For a list or an object; names row and column.
    """
    if value is None or isinstance(value, str):
        return value
    write = _WRITERS.get(type(value))
    if write is None:
        raise RowError(
            f"Row {row}: {plan.name} is a {type(value).__name__}, not a single value.",
            "Send a text, a number, a boolean or null.",
            {"row": row, "column": plan.name},
        )
    return write(value, plan)


def _float_text(value: float, plan: ColumnPlan) -> str | None:
    if value != value:
        return None
    if not isfinite(value) or plan.kind is ColumnKind.NUMBER:
        return in_style(value, plan.number)
    return str(int(value)) if value.is_integer() and abs(value) <= 2**53 else in_style(value, plan.number)


_WRITERS: dict[type, Callable[..., str | None]] = {
    bool: lambda value, _: "true" if value else "false",
    int: lambda value, _: str(value),
    float: _float_text,
    datetime: lambda value, _: value.isoformat(),
    date: lambda value, _: value.isoformat(),
}

"""From a raw cell to a value: the two expressions of a column, one for its text and one for its value."""

from __future__ import annotations

from functools import lru_cache
from math import ceil, floor

import polars as pl

from kaizenml.core.plan import ColumnPlan
from kaizenml.core.schema import ColumnKind
from kaizenml.data.numbers import parsed_integer, parsed_number, whole_numbers
from kaizenml.data.texts import folded, without_nulls
from kaizenml.data.times import UTC, first_parsed_time, in_utc, parsed_time
from kaizenml.errors import SourceError

#: Which Polars type holds the values of a kind.
DTYPES: dict[ColumnKind, pl.DataType] = {
    ColumnKind.NUMBER: pl.Float64(),
    ColumnKind.INTEGER: pl.Int64(),
    ColumnKind.BOOLEAN: pl.Boolean(),
    ColumnKind.CATEGORY: pl.String(),
    ColumnKind.TEXT: pl.String(),
    ColumnKind.TIME: UTC,
}

WORDS = frozenset({ColumnKind.CATEGORY, ColumnKind.TEXT})


def is_native(kind: ColumnKind, dtype: pl.DataType) -> bool:
    """Say whether values of this Polars type become this kind without being read as text."""
    if kind in (ColumnKind.NUMBER, ColumnKind.INTEGER):
        return dtype.is_numeric()
    if kind is ColumnKind.TIME:
        return dtype in (pl.Date, pl.Datetime)
    return kind is ColumnKind.BOOLEAN and dtype == pl.Boolean


@lru_cache(maxsize=8_192)
def present(plan: ColumnPlan, dtype: pl.DataType) -> pl.Expr:
    """Return the cells that say something, as folded text or in their own type; null where they say nothing."""
    column = pl.col(plan.name)
    if is_native(plan.kind, dtype):
        return column.fill_nan(None) if dtype.is_float() else column
    text = as_text(plan.name, dtype)
    return without_nulls(folded(text) if plan.folds_blanks else text, plan.null_tokens).alias(plan.name)


@lru_cache(maxsize=8_192)
def read_at_first(plan: ColumnPlan, dtype: pl.DataType) -> pl.Expr:
    """Return what `repaired` would, by its first way of reading alone; null where another way may be needed."""
    column = pl.col(plan.name)
    if not is_native(plan.kind, dtype):
        if plan.kind is ColumnKind.INTEGER and plan.number.is_plain:
            return clipped(column.cast(pl.Int64, strict=False), plan)
        if plan.kind is ColumnKind.TIME:
            return first_parsed_time(column, plan.time)
    return repaired(plan, dtype)


@lru_cache(maxsize=8_192)
def repaired(plan: ColumnPlan, dtype: pl.DataType) -> pl.Expr:
    """Return the values of cells that `present` let through; null where they cannot be repaired."""
    column = pl.col(plan.name)
    value = _from_native(column, plan, dtype) if is_native(plan.kind, dtype) else _from_text(column, plan)
    return clipped(value, plan).alias(plan.name)


def clipped(value: pl.Expr, plan: ColumnPlan) -> pl.Expr:
    """Return the values of a column within its bounds."""
    low, high = bounds(plan)
    return value if low is None and high is None else value.clip(low, high)


def bounds(plan: ColumnPlan) -> tuple[float | int | None, float | int | None]:
    """Return the bounds of a column's values in its own type: of whole numbers the whole ones within."""
    if plan.clip is None:
        return None, None
    low, high = plan.clip.low, plan.clip.high
    if plan.kind is not ColumnKind.INTEGER:
        return low, high
    return None if low is None else ceil(low), None if high is None else floor(high)


def as_text(name: str, dtype: pl.DataType) -> pl.Expr:
    """Return a column as the text that a CSV file would hold.

    Raises
    ------
    SourceError
        For lists, structs, bytes, durations: values that no kind can hold.
    """
    column = pl.col(name)
    if dtype.is_nested() or dtype in (pl.Object, pl.Binary, pl.Duration):
        raise SourceError(
            f"Column {name} holds {dtype}, which no kind of value can hold.",
            "Make numbers or texts of it first, or leave it out.",
        )
    if dtype.is_float():
        return pl.coalesce(whole_numbers(column).cast(pl.String), column.fill_nan(None).cast(pl.String))
    return column if dtype == pl.String else column.cast(pl.String)


def _from_native(column: pl.Expr, plan: ColumnPlan, dtype: pl.DataType) -> pl.Expr:
    if plan.kind is ColumnKind.NUMBER:
        number = column.cast(pl.Float64, strict=False)
        return pl.when(number.is_finite()).then(number) if dtype.is_float() else number
    if plan.kind is ColumnKind.INTEGER:
        is_integer = dtype.is_integer()
        return (
            column.cast(pl.Int64, strict=False) if is_integer else whole_numbers(column.cast(pl.Float64, strict=False))
        )
    if isinstance(dtype, pl.Datetime) and dtype.time_zone is not None:
        return column.cast(pl.Datetime("us", dtype.time_zone)).dt.convert_time_zone("UTC")
    return in_utc(column, plan.time.zone) if plan.kind is ColumnKind.TIME else column


def _from_text(text: pl.Expr, plan: ColumnPlan) -> pl.Expr:
    if plan.kind is ColumnKind.NUMBER:
        return parsed_number(text, plan.number)
    if plan.kind is ColumnKind.INTEGER:
        return parsed_integer(text, plan.number)
    if plan.kind is ColumnKind.BOOLEAN:
        return _parsed_boolean(text, plan)
    if plan.kind is ColumnKind.TIME:
        return parsed_time(text, plan.time)
    corrections = {correction.wrong: correction.right for correction in plan.spelling}
    return text.replace(corrections) if corrections else text


def _parsed_boolean(text: pl.Expr, plan: ColumnPlan) -> pl.Expr:
    lower = text.str.to_lowercase()
    is_true, is_false = lower.is_in(list(plan.true_tokens)), lower.is_in(list(plan.false_tokens))
    return pl.when(is_true).then(pl.lit(True)).when(is_false).then(pl.lit(False))

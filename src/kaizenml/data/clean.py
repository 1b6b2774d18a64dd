"""Replay a cleaning plan: raw rows become typed rows; cells that cannot be repaired, and flaws, are named."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import polars as pl

from kaizenml.core.plan import CleaningPlan, ColumnPlan
from kaizenml.data.learn import learn_plan
from kaizenml.data.repair import WORDS, present, read_at_first, repaired
from kaizenml.data.rows import rows_to_raw
from kaizenml.errors import NotFoundError

__all__ = ["Cleaned", "learn_plan", "replay", "rows_to_raw"]

#: A cell that could not be repaired: the row's position in what was replayed, the column, the cell as text.
FAILURES = {"row": pl.Int64, "column": pl.String, "value": pl.String}

#: Of so many rows, a column is read once for each different text where these are at most this share of the rows; the
#: first rows tell whether that is worth a look.
MANY_ROWS, FEW_SHARE, PEEKED_ROWS = 20_000, 0.25, 4_000


class FlawKind(StrEnum):
    """What can be wrong with data that can be read."""

    PERSONAL = "personal"
    EMPTY = "empty"
    CONSTANT = "constant"
    DUPLICATE = "duplicate"
    CONTRADICTION = "contradiction"
    OUTLIER = "outlier"


@dataclass(frozen=True, slots=True)
class Flaw:
    """Something a person should look at before a model sees the data.

    Parameters
    ----------
    column
        Empty for what is told of whole rows.
    sentence, advice
        What was found, with numbers; what to do.
    count, share
        How many rows, and which share in [0, 1] of those that say something.
    """

    kind: FlawKind
    column: str
    sentence: str
    advice: str
    count: int
    share: float


@dataclass(frozen=True, slots=True)
class Cleaned:
    """Typed rows, as many and in the order they came, and the cells that became null because nothing could read them.

    Parameters
    ----------
    frame
        One column for each of the plan, in its order, in the Polars type of its kind.
    failures
        Columns ``row`` (position), ``column``, ``value`` (as text, blanks folded).
    """

    frame: pl.DataFrame
    failures: pl.DataFrame


def replay(plan: CleaningPlan, raw: pl.DataFrame) -> Cleaned:
    """Return the raw rows as the plan cleans them; one row alone gives what it gives in a batch.

    Columns that the plan does not know are dropped.

    Raises
    ------
    NotFoundError
        When the raw rows lack a column of the plan.
    """
    schema = raw.schema
    for name in plan.names:
        if name not in schema:
            raise NotFoundError("column", name, schema.names(), "The cleaning plan was learned from rows that had it.")
    said, frame = _read(plan.columns, raw) if raw.height < MANY_ROWS else _read_by_value(plan.columns, raw)
    return Cleaned(frame, _failures(_unread(plan.columns, said, frame), said, frame))


def _read(columns: Sequence[ColumnPlan], raw: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the cells that say something, and their values."""
    schema = raw.schema
    said = raw.select([present(column, schema[column.name]) for column in columns])
    frame = said.select([read_at_first(column, schema[column.name]) for column in columns])
    unread = _unread(columns, said, frame)
    if unread:
        frame = frame.with_columns(said.select([repaired(column, schema[column.name]) for column in unread]))
    return said, frame


def _read_by_value(columns: Sequence[ColumnPlan], raw: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return what `_read` does; a column of few different texts is read once for each of these."""
    found = [_distinct(raw[column.name]) for column in columns]
    others = [column for column, places in zip(columns, found, strict=True) if places is None]
    said, frame = _read(others, raw)
    saids, values = [], []
    for column, places in zip(columns, found, strict=True):
        if places is None:
            saids.append(said[column.name])
            values.append(frame[column.name])
            continue
        texts, at = places
        one, value = _read((column,), texts.to_frame())
        saids.append(one[column.name].gather(at))
        values.append(value[column.name].gather(at))
    return pl.DataFrame(saids), pl.DataFrame(values)


def _distinct(cells: pl.Series) -> tuple[pl.Series, pl.Series] | None:
    """Return the different texts of a column and for each row which is its own; None where they are many."""
    if cells.dtype != pl.String or cells.head(PEEKED_ROWS).n_unique() > PEEKED_ROWS * FEW_SHARE:
        return None
    texts = cells.unique()
    if len(texts) > len(cells) * FEW_SHARE:
        return None
    return texts, cells.replace_strict(texts, pl.int_range(len(texts), dtype=pl.UInt32, eager=True))


def _unread(columns: Sequence[ColumnPlan], said: pl.DataFrame, frame: pl.DataFrame) -> list[ColumnPlan]:
    """Return the columns in which cells that said something are null."""
    names = [column for column in columns if column.kind not in WORDS]
    return [column for column in names if frame[column.name].null_count() > said[column.name].null_count()]


def _failures(columns: Sequence[ColumnPlan], said: pl.DataFrame, frame: pl.DataFrame) -> pl.DataFrame:
    found = [_column_failures(column, said, frame) for column in columns]
    return pl.concat(found).sort("row", maintain_order=True) if found else pl.DataFrame(schema=FAILURES)


def _column_failures(column: ColumnPlan, said: pl.DataFrame, frame: pl.DataFrame) -> pl.DataFrame:
    is_failure = frame[column.name].is_null() & said[column.name].is_not_null()
    return pl.select(
        row=is_failure.arg_true().cast(pl.Int64),
        column=pl.lit(column.name),
        value=said[column.name].filter(is_failure).cast(pl.String),
    )

"""What is to be learned: the task, the target, the columns to learn from."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from kaizenml.core.metric import Task
from kaizenml.core.schema import Column, ColumnKind
from kaizenml.training.design import classes_of, codes_of
from kaizenml.training.words import prose

#: The column of a table that numbers its rows: it is no feature.
ROW = "_row"


@dataclass(frozen=True, slots=True)
class Problem:
    """What is to be learned from the selected rows.

    ``inputs`` are the columns that a request brings, ``id`` and ``time`` the columns that tell rows apart and order
    them, ``group`` the one that says which rows belong together: no group is both learned from and judged by.
    """

    task: Task
    target: str
    inputs: tuple[Column, ...]
    classes: tuple[str, ...]
    id: str | None
    time: str | None
    seed: int
    holdout: float | str
    group: str | None = None


def target_of(problem: Problem, rows: pl.DataFrame) -> NDArray[np.float64]:
    """Return the target of the rows as class codes or as values, shape (n,)."""
    target = rows[problem.target]
    if problem.task is Task.REGRESSION:
        return target.cast(pl.Float64).to_numpy()
    return codes_of(target, problem.classes)


def classes_for(task: Task, target: pl.Series) -> tuple[str, ...]:
    """Return the classes of a target; none for regression."""
    return () if task is Task.REGRESSION else classes_of(target)


def blocks_of(problem: Problem, rows: pl.DataFrame) -> NDArray[np.int64] | None:
    """Return which rows go together when uncertainty is told, shape (n,); None where rows stand alone.

    That is the day of each row, counted from 1970, where the project has a time; else the number of its group.
    """
    if problem.time is None or problem.time not in rows.columns:
        return None if problem.group is None else rows[problem.group].rank("dense").cast(pl.Int64).to_numpy()
    return rows[problem.time].dt.epoch("d").fill_null(-1).cast(pl.Int64).to_numpy()


def kind_of(values: pl.Series) -> ColumnKind:
    """Return what a column that a `features` step made holds."""
    if values.dtype == pl.Boolean:
        return ColumnKind.BOOLEAN
    if values.dtype.is_integer():
        return ColumnKind.INTEGER
    if values.dtype.is_numeric():
        return ColumnKind.NUMBER
    if values.dtype.is_temporal():
        return ColumnKind.TIME
    return ColumnKind.TEXT if values.dtype == pl.String and prose(values) else ColumnKind.CATEGORY


def time_parts(rows: pl.DataFrame) -> pl.DataFrame:
    """Return the rows with the hour, the weekday and the month of every time column: the built-in `features`."""
    times = [name for name, kind in rows.schema.items() if isinstance(kind, pl.Datetime)]
    parts = [
        part
        for name in times
        for part in (
            pl.col(name).dt.hour().alias(f"{name}_hour"),
            pl.col(name).dt.weekday().alias(f"{name}_weekday"),
            pl.col(name).dt.month().alias(f"{name}_month"),
        )
    ]
    return rows.with_columns(parts)


def model_inputs(
    featured: pl.DataFrame, problem: Problem, *, keeps_all: bool = False, read: Collection[str] = ()
) -> tuple[Column, ...]:
    """Return the columns of featured rows that a model learns from.

    Left out are the target, the id, the group, times (their parts stand for them), columns with a single value, and
    names of which nearly every row has its own: nothing general can be learned from those. Prose stays, for its words.

    Parameters
    ----------
    keeps_all
        The model's shape was made for these columns: also those with a single value stay.
    read
        Columns of text that the project wants read for their words, prose or not.
    """
    others = (problem.target, problem.id, problem.time, problem.group, ROW)
    names = [name for name in featured.columns if name not in others]
    found = (
        Column(
            name, ColumnKind.TEXT if name in read and featured.schema[name] == pl.String else kind_of(featured[name])
        )
        for name in names
    )
    kept = (column for column in found if column.kind is not ColumnKind.TIME)
    return tuple(column for column in kept if keeps_all or _teaches(featured[column.name], column.kind))


def _teaches(values: pl.Series, kind: ColumnKind) -> bool:
    distinct = values.n_unique()
    if distinct <= 1:
        return False
    return kind is ColumnKind.TEXT or values.dtype != pl.String or distinct <= 0.5 * len(values)

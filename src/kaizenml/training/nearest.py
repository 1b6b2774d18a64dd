"""The training rows that are nearest to a row, by all columns that a model takes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from kaizenml.core.schema import Column, ColumnKind
from kaizenml.training.design import MISSING
from kaizenml.training.preparation import NUMBERS

#: What is meant by near, in words.
DISTANCE = (
    "Gower (1971): the mean over columns of |a - b| / range of the training rows for numbers, and of 0 or 1 for "
    "categories that are equal or not; a column in which either row has nothing does not count, nor does prose"
)


def distances(row: pl.DataFrame, rows: pl.DataFrame, columns: Sequence[Column]) -> NDArray[np.float64]:
    """Return how far each row is from one row, shape (n,), 0 to 1; infinite where no column can be compared.

    Parameters
    ----------
    row, rows
        As `design.matrix` makes them.

    Notes
    -----
    Gower's general coefficient of dissimilarity: J. C. Gower, "A general coefficient of similarity and some of its
    properties", Biometrics 27 (1971), equation 5 with weights of 1. A number outside the range of the rows counts as 1.
    """
    total, counted = np.zeros(len(rows)), np.zeros(len(rows))
    for column in columns:
        if column.kind is ColumnKind.TEXT:
            continue
        apart = _apart(row[column.name], rows[column.name], is_number=column.kind in NUMBERS)
        is_known = ~np.isnan(apart)
        total[is_known] += apart[is_known]
        counted += is_known
    return np.where(counted > 0, total / np.maximum(counted, 1), np.inf)


def nearest(row: pl.DataFrame, rows: pl.DataFrame, columns: Sequence[Column], count: int) -> list[tuple[int, float]]:
    """Return the positions of the nearest rows and their distances, nearest first; of equal ones the first."""
    apart = distances(row, rows, columns)
    order = np.argsort(apart, kind="stable")[:count]
    return [(int(at), float(apart[at])) for at in order if np.isfinite(apart[at])]


def _apart(one: pl.Series, others: pl.Series, *, is_number: bool) -> NDArray[np.float64]:
    if not is_number:
        value = one[0]
        differs = (others != value).cast(pl.Float64).to_numpy()
        is_known = (others != MISSING).to_numpy() & (value != MISSING)
        return np.where(is_known, differs, np.nan)
    values = others.to_numpy()
    known = values[np.isfinite(values)]
    if len(known) == 0:
        return np.full(len(values), np.nan)
    span = float(known.max() - known.min())
    away = np.abs(values - float(one[0]))
    return np.minimum(away / span, 1.0) if span > 0 else np.where(np.isnan(away), np.nan, np.sign(away))

"""Learn the cells of the training data, and count later windows on them.

No column vanishes: what cannot be measured as its kind is counted as invalid, what is not there as null.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from kaizenml.core.profile import BY_VALUE, ColumnProfile, Profile, Reference, ReferenceColumn
from kaizenml.core.schema import ColumnKind

#: Rows from which cut points are learned; quantiles of more rows differ by less than a cell.
SAMPLE = 50_000
#: Categories that get a cell of their own.
CATEGORIES = 1_000
#: Larger numbers, infinities among them, count as invalid, so that sums of squares stay finite.
LARGEST = 1e140
#: Buckets of the even grid that speeds up finding cells, and the rows from which it pays.
BUCKETS = 4_096
WORTH_A_GRID = 20_000

Numbers = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class _Measured:
    """A column as numbers or as words, without its nulls and invalid values."""

    values: pl.Series
    nulls: int
    invalid: int


def learn_reference(frame: pl.DataFrame, columns: Mapping[str, ColumnKind], cells: int = 64) -> Reference:
    """Return the training rows as later windows will be compared with them.

    Parameters
    ----------
    frame
        Training rows, shape (n, any): raw features, and the predictions if these are to be watched too.
    columns
        Which columns, and what their values are; one that the frame lacks counts as all null.
    cells
        Cells per number column, ≥ 2: equal shares of the rows (the outer two divided in three), or one per value if
        there are fewer values. An empty cell below the smallest value and one above the largest come on top.
    """
    learned = tuple(_learned(frame, name, kind, cells) for name, kind in columns.items())
    return Reference(learned, frame.height)


def profile(reference: Reference, frame: pl.DataFrame) -> Profile:
    """Return a window of rows, shape (n, any), counted on the reference's cells.

    Columns that the window lacks count as null; columns that the reference lacks are named as strangers.
    """
    counted = tuple(_profiled(column, frame) for column in reference.columns)
    return Profile(counted, frame.height, tuple(sorted(set(frame.columns) - set(reference.names))))


def _learned(frame: pl.DataFrame, name: str, kind: ColumnKind, cells: int) -> ReferenceColumn:
    measured = _measured(frame, name, kind)
    values = measured.values
    if kind in BY_VALUE:
        words = _frequent(values)
        empty = _empty_reference(name, kind, (), words)
        counts, other = _word_counts(values, words)
        return _filled(empty, counts, (), other, measured, frame.height, np.empty(0))
    numbers = values.to_numpy()
    cuts = _cuts(numbers, cells)
    counts, sums = _cell_counts(numbers, np.asarray(cuts))
    return _filled(_empty_reference(name, kind, cuts, ()), counts, sums, 0, measured, frame.height, numbers)


def _empty_reference(name: str, kind: ColumnKind, cuts: tuple[float, ...], words: tuple[str, ...]) -> ReferenceColumn:
    return ReferenceColumn(name, kind, cuts, words, (), (), 0, 0, 0, 0, 0.0, 0.0, 0.0, 0.0)


def _filled(
    column: ReferenceColumn,
    counts: tuple[int, ...],
    sums: tuple[float, ...],
    other: int,
    measured: _Measured,
    n: int,
    numbers: Numbers,
) -> ReferenceColumn:
    mean = float(numbers.mean()) if numbers.size else 0.0
    return ReferenceColumn(
        name=column.name,
        kind=column.kind,
        cuts=column.cuts,
        categories=column.categories,
        counts=counts,
        sums=sums,
        other=other,
        nulls=measured.nulls,
        invalid=measured.invalid,
        n=n,
        low=float(numbers.min()) if numbers.size else 0.0,
        high=float(numbers.max()) if numbers.size else 0.0,
        mean=mean,
        m2=float(np.square(numbers - mean).sum()),
    )


def _profiled(column: ReferenceColumn, frame: pl.DataFrame) -> ColumnProfile:
    measured = _measured(frame, column.name, column.kind)
    if not column.is_number:
        counts, other = _word_counts(measured.values, column.categories)
        return ColumnProfile(column.name, counts, (), other, measured.nulls, measured.invalid, frame.height, None, None)
    numbers = measured.values.to_numpy()
    counts, sums = _cell_counts(numbers, np.asarray(column.cuts))
    low, high = (float(numbers.min()), float(numbers.max())) if numbers.size else (None, None)
    return ColumnProfile(column.name, counts, sums, 0, measured.nulls, measured.invalid, frame.height, low, high)


def _measured(frame: pl.DataFrame, name: str, kind: ColumnKind) -> _Measured:
    if name not in frame.columns:
        return _Measured(pl.Series(name, [], pl.String if kind in BY_VALUE else pl.Float64), frame.height, 0)
    raw = frame[name]
    if raw.dtype.is_float():
        raw = raw.fill_nan(None)
    values = _as_words(raw) if kind in BY_VALUE else _as_numbers(raw, kind)
    if values.dtype.is_float():
        values = values.set((values.abs() > LARGEST).fill_null(value=False), None)
    nulls = raw.null_count()
    return _Measured(values.drop_nulls(), nulls, values.null_count() - nulls)


def _as_words(raw: pl.Series) -> pl.Series:
    if raw.dtype.is_nested() or raw.dtype in (pl.Object, pl.Binary):
        return pl.Series(raw.name, [None] * len(raw), pl.String)
    return raw.cast(pl.String, strict=False)


def _as_numbers(raw: pl.Series, kind: ColumnKind) -> pl.Series:
    dtype = raw.dtype
    if dtype == pl.Duration:
        return raw.dt.total_microseconds().cast(pl.Float64) / 1e6
    if dtype in (pl.Datetime, pl.Date):
        return raw.cast(pl.Datetime("us")).dt.epoch("us").cast(pl.Float64) / 1e6
    if dtype == pl.Time:
        return raw.to_physical().cast(pl.Float64) / 1e9
    if kind is ColumnKind.TEXT:
        return _as_words(raw).str.len_chars().cast(pl.Float64)
    if kind is ColumnKind.TIME and dtype == pl.String:
        return _as_numbers(raw.str.to_datetime(strict=False, time_unit="us"), kind)
    if dtype in (pl.Categorical, pl.Enum):
        return raw.cast(pl.String).cast(pl.Float64, strict=False)
    if dtype.is_numeric() or dtype in (pl.String, pl.Boolean, pl.Null):
        return raw.cast(pl.Float64, strict=False)
    return pl.Series(raw.name, [None] * len(raw), pl.Float64)


def _frequent(values: pl.Series) -> tuple[str, ...]:
    counted = values.alias("value").value_counts().sort(["count", "value"], descending=[True, False])
    return tuple(counted["value"].head(CATEGORIES))


def _cuts(numbers: Numbers, cells: int) -> tuple[float, ...]:
    """Return rising cut points, with an empty cell below the smallest value and one above the largest."""
    if not numbers.size:
        return ()
    sample = numbers[:: -(-numbers.size // SAMPLE)]
    ends = np.unique(sample)
    if ends.size > cells:
        tail = np.array([1 / 8, 1 / 2])  # of an outer cell: most of a heavy tail's distance lies there
        shares = np.concatenate([tail, np.arange(1, cells), cells - tail]) / cells
        ends = np.unique(np.quantile(sample, shares, method="inverted_cdf"))
    low, high = float(numbers.min()), float(numbers.max())
    inner = ends[(ends >= low) & (ends < high)]
    return (float(np.nextafter(low, -np.inf)), *(float(x) for x in inner), high)


def _cell_counts(numbers: Numbers, cuts: Numbers) -> tuple[tuple[int, ...], tuple[float, ...]]:
    cells = _cells(numbers, cuts)
    counts = np.bincount(cells, minlength=cuts.size + 1)
    sums = np.bincount(cells, weights=numbers, minlength=cuts.size + 1)
    return tuple(counts.tolist()), tuple(sums.astype(np.float64).tolist())


def _cells(numbers: Numbers, cuts: Numbers) -> NDArray[np.intp]:
    """Return each number's cell, shape (n,): how many cut points lie below it.

    Notes
    -----
    Binary search mispredicts its branches (37 ms a million). A bucket of an even grid that holds no cut point lies
    within one cell, and finding the bucket keeps the order of numbers, also after rounding; so only numbers that share
    a bucket with a cut point are searched for (a tenth of them, typically): the same cells in less than half the time.
    """
    low, scale = _grid(cuts)
    if numbers.size < WORTH_A_GRID or not scale:
        return np.searchsorted(cuts, numbers, side="left")
    buckets, of_cuts = _buckets(numbers, low, scale), _buckets(cuts, low, scale)
    cells = np.searchsorted(of_cuts, np.arange(BUCKETS), side="left")[buckets]
    shares_bucket = np.flatnonzero(np.isin(np.arange(BUCKETS), of_cuts)[buckets])
    cells[shares_bucket] = np.searchsorted(cuts, numbers[shares_bucket], side="left")
    return np.asarray(cells, dtype=np.intp)


def _grid(cuts: Numbers) -> tuple[float, float]:
    """Return where an even grid over the cut points (but the tails') starts, and its buckets per unit; 0: no grid."""
    if cuts.size < 16:
        return 0.0, 0.0
    low, high = float(cuts[3]), float(cuts[-4])
    with np.errstate(over="ignore"):
        scale = float(np.float64(BUCKETS) / (np.float64(high) - low))
    return low, scale if np.isfinite(scale) else 0.0


def _buckets(numbers: Numbers, low: float, scale: float) -> NDArray[np.int32]:
    with np.errstate(over="ignore"):
        return np.clip((numbers - low) * scale, 0, BUCKETS - 1).astype(np.int32)


def _word_counts(values: pl.Series, words: tuple[str, ...]) -> tuple[tuple[int, ...], int]:
    found: dict[str, int] = dict(values.alias("value").value_counts().iter_rows())
    counts = tuple(found.get(word, 0) for word in words)
    return counts, len(values) - sum(counts)

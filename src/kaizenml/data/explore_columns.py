"""What each column of a table holds."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import numpy as np
import polars as pl
from numpy.typing import NDArray

from kaizenml.core.schema import ColumnKind, Role
from kaizenml.data.explore import ColumnView, Histogram
from kaizenml.data.version import ColumnSummary, describe

Numbers = NDArray[np.float64]

#: Bars of a histogram; of whole numbers as many as there are, up to the second.
BARS, MOST_BARS = 24, 40
_MOST_WHOLE = 1e6
#: Where the middle 99 % of the values fill less than this share of the range, a histogram shows only those.
_SQUEEZED = 0.25
_MOST_TEXTS = 50


def column_views(
    frame: pl.DataFrame,
    kinds: Mapping[str, ColumnKind],
    roles: Mapping[str, Role],
    personal: Collection[str],
) -> tuple[ColumnView, ...]:
    """Return what each column holds; values of columns that look like personal data are not shown."""
    summaries = describe(frame)
    return tuple(
        _view(frame[each.name], each, kinds[each.name], roles[each.name], each.name in personal) for each in summaries
    )


def _view(values: pl.Series, summary: ColumnSummary, kind: ColumnKind, role: Role, is_personal: bool) -> ColumnView:
    numbers = as_numbers(values)
    is_measured = values.dtype.is_numeric()
    is_hidden = is_personal or role is Role.ID
    has_no_range = is_hidden or values.dtype == pl.Boolean
    return ColumnView(
        name=summary.name,
        kind=kind,
        role=role,
        rows=summary.rows,
        missing=summary.nulls,
        missing_share=summary.nulls / max(summary.rows, 1),
        distinct=summary.distinct,
        low=None if has_no_range else summary.low,
        high=None if has_no_range else summary.high,
        mean=summary.mean,
        deviation=float(numbers.std(ddof=1)) if is_measured and numbers.size > 1 else None,
        quartiles=_quartiles(numbers) if is_measured and numbers.size and not is_hidden else None,
        top=() if is_hidden or (kind is ColumnKind.TEXT and summary.distinct > _MOST_TEXTS) else summary.top,
        histogram=histogram(numbers) if numbers.size and not is_hidden and values.dtype != pl.Boolean else None,
        is_personal=is_personal,
    )


def as_numbers(values: pl.Series) -> Numbers:
    """Return the finite values as numbers, without missing ones; times in seconds since 1970; none for words."""
    if values.dtype in (pl.Datetime, pl.Date):
        values = values.cast(pl.Datetime("us")).dt.epoch("us").cast(pl.Float64) / 1e6
    if not (values.dtype.is_numeric() or values.dtype == pl.Boolean):
        return np.empty(0)
    numbers: Numbers = values.drop_nulls().cast(pl.Float64).to_numpy()
    return numbers[np.isfinite(numbers)]


def _quartiles(numbers: Numbers) -> tuple[float, float, float]:
    first, median, third = np.quantile(numbers, (0.25, 0.5, 0.75))
    return float(first), float(median), float(third)


def histogram(numbers: Numbers) -> Histogram:
    """Return the rows per interval of equal width, over the whole range or, where that would squeeze them, most of it.

    Raises
    ------
    ValueError
        Without any number.
    """
    low, high = float(numbers.min()), float(numbers.max())
    inner_low, inner_high = (float(x) for x in np.quantile(numbers, (0.005, 0.995)))
    if inner_low < inner_high and inner_high - inner_low < _SQUEEZED * (high - low):
        low, high = inner_low, inner_high
    edges = _edges(numbers, low, high)
    counts, _ = np.histogram(numbers, bins=edges)
    below, above = int((numbers < edges[0]).sum()), int((numbers > edges[-1]).sum())
    return Histogram(tuple(edges.tolist()), tuple(counts.tolist()), below, above)


def _edges(numbers: Numbers, low: float, high: float) -> Numbers:
    """Return the edges of the bars: of whole numbers between them, so that each bar holds equally many of them."""
    first = numbers[:1000]
    is_whole = high - low < _MOST_WHOLE and bool((first == np.floor(first)).all())
    if not is_whole:
        return np.linspace(low, high, BARS + 1) if high > low else np.array([low - 0.5, low + 0.5])
    low, high = float(np.floor(low)), float(np.ceil(high))
    values = int(high - low) + 1
    wide = 1 if values <= MOST_BARS else -(-values // BARS)
    return np.asarray(low - 0.5 + wide * np.arange(-(-values // wide) + 1), dtype=np.float64)

"""How the target differs between the values of each column."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from itertools import pairwise

import numpy as np
import polars as pl

from kaizenml.core.metric import Task
from kaizenml.core.schema import ColumnKind
from kaizenml.data.explore import Bin, TargetView, TargetViews
from kaizenml.data.explore_columns import as_numbers

#: Bins of numbers and times, of equal shares of the rows; and values of words that have a bin of their own.
BINS, WORDS = 10, 12
#: Classes whose shares are shown.
OUTCOMES = 4
MISSING = "missing"


def target_views(
    frame: pl.DataFrame, names: Sequence[str], kinds: Mapping[str, ColumnKind], target: str, task: Task
) -> TargetViews:
    """Return the mean of the target in bins of each column, the columns that tell most first.

    Rows without a target are left out; rows without a value of the column are a bin of their own.

    Notes
    -----
    Strength: of a number the correlation ratio η² (Fisher, 1925), variance between bins over variance; of classes
    Goodman and Kruskal's τ (1954), the same with the variances of all classes summed. In n rows without any relation
    it is about (bins - 1) / n.
    """
    rows = frame.filter(pl.col(target).is_not_null())
    labels, outcomes = _outcomes(rows[target], task)
    means, deviations = outcomes.mean().row(0), outcomes.std(ddof=0).row(0)
    views = [_view(rows[name], kinds[name], outcomes) for name in names]
    shown = [view for view in views if view is not None]
    return TargetViews(
        target,
        task,
        tuple(labels[:OUTCOMES]),
        tuple(float(each) for each in means[:OUTCOMES]),
        tuple(float(each) for each in deviations[:OUTCOMES]),
        tuple(sorted(shown, key=lambda view: -view.strength)),
    )


def _outcomes(target: pl.Series, task: Task) -> tuple[list[str], pl.DataFrame]:
    """Return what means are taken of: a column of numbers, or for each class one of zeros and ones."""
    if task is Task.REGRESSION:
        return [f"mean {target.name}"], pl.DataFrame({"y0": target.cast(pl.Float64)})
    classes = target.alias("value").value_counts(name="rows").sort("rows", "value", descending=[True, False])["value"]
    listed = [max(classes.to_list())] if task is Task.BINARY else classes.to_list()
    words = [f"{target.name} = {str(each).lower() if isinstance(each, bool) else str(each)[:40]}" for each in listed]
    return words, pl.DataFrame({f"y{i}": (target == each).cast(pl.Float64) for i, each in enumerate(listed)})


def _view(values: pl.Series, kind: ColumnKind, outcomes: pl.DataFrame) -> TargetView | None:
    name, binned = values.name, _binned(values, kind)
    if binned is None:
        return None
    keys, labels = binned
    sums = outcomes.with_columns(keys.alias("key")).group_by("key").agg(pl.len().alias("rows"), pl.exclude("key").sum())
    sums = sums.sort(pl.col("key").replace_strict({key: i for i, key in enumerate(labels)}, default=len(labels)))
    totals = [int(rows) for rows in sums["rows"]]
    parts = sums.drop("key", "rows").to_numpy()
    counts = np.array(totals, dtype=np.float64)
    means = parts / counts[:, None]
    bins = [
        Bin(labels.get(key, MISSING), n, tuple(float(x) for x in mean[:OUTCOMES]))
        for key, n, mean in zip(sums["key"], totals, means, strict=True)
    ]
    return TargetView(name, _strength(counts, means, outcomes), tuple(bins))


def _strength(counts: np.ndarray, means: np.ndarray, outcomes: pl.DataFrame) -> float:
    overall = counts @ means / counts.sum()
    between = float((counts[:, None] * np.square(means - overall)).sum())
    whole = float(sum(outcomes.var(ddof=0).row(0))) * outcomes.height
    return min(1.0, between / whole) if whole else 0.0


def _binned(values: pl.Series, kind: ColumnKind) -> tuple[pl.Series, dict[object, str]] | None:
    """Return for each row the key of its bin, null where the value is missing; and what each bin is called."""
    if not values.dtype.is_numeric() and values.dtype not in (pl.Datetime, pl.Date):
        return _words(values)
    numbers = as_numbers(values)
    if not numbers.size:
        return None
    ordered = pl.Series(numbers).sort().to_numpy()  # once, and on all cores: for the values and for their quantiles
    distinct = ordered[np.append(True, np.diff(ordered) > 0)]
    if distinct.size < 2:
        return None
    is_time = kind is ColumnKind.TIME
    if distinct.size <= BINS:
        cuts, labels = distinct[:-1], [_said(each, is_time) for each in distinct.tolist()]
    else:
        ends = np.unique([ordered[-(-at * ordered.size // BINS) - 1] for at in range(1, BINS)])
        cuts = ends[ends < distinct[-1]]
        labels = _spans(cuts.tolist(), is_time)
    whole = values.cast(pl.Datetime("us")).dt.epoch("us").cast(pl.Float64) / 1e6 if is_time else values
    dense = whole.cast(pl.Float64).fill_null(np.nan).to_numpy()
    keys = pl.Series(np.searchsorted(cuts, dense, side="left"), dtype=pl.Int64).set(
        pl.Series(~np.isfinite(dense)), None
    )
    return keys, dict(enumerate(labels))


def _words(values: pl.Series) -> tuple[pl.Series, dict[object, str]] | None:
    texts = values.cast(pl.String)
    counts = texts.drop_nulls().alias("value").value_counts(name="rows").sort("rows", "value", descending=[True, False])
    if not 2 <= counts.height <= max(WORDS, len(values) / 2):
        return None
    top = counts["value"].head(WORDS)
    labels: dict[object, str] = {word: word[:60] or "(empty)" for word in top.to_list()}
    rest = counts.height - len(top)
    if not rest:
        return texts, labels
    other = "\0other"
    keys = pl.select(pl.when(texts.is_null() | texts.is_in(top.implode())).then(texts).otherwise(pl.lit(other)))
    return keys.to_series(), labels | {other: f"{rest:,} other values"}


def _spans(cuts: list[float], is_time: bool) -> list[str]:
    said = [_said(cut, is_time) for cut in cuts]
    middle = [f"{low} to {high}" for low, high in pairwise(said)]
    return [f"up to {said[0]}", *middle, f"over {said[-1]}"]


def _said(number: float, is_time: bool) -> str:
    return f"{datetime.fromtimestamp(number, UTC):%Y-%m-%d %H:%M}" if is_time else f"{number:.6g}"

"""How good live predictions are, once their labels are known: metrics, bias, coverage."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy import stats

from kaizenml.core.finding import Finding, Severity
from kaizenml.core.metric import Estimate, gain, is_loss
from kaizenml.core.monitor import Bias, Performance

#: ``scores(y, predicted)`` returns each metric's value by name.
Scores = Callable[[NDArray[np.generic], NDArray[np.generic]], Mapping[str, float]]

#: Fewer blocks than this say too little about each other; then rows are drawn instead.
FEW_BLOCKS = 8
REPLICATES = 200


@dataclass(frozen=True, slots=True)
class LiveQuality:
    """Metrics of labelled predictions.

    Parameters
    ----------
    metrics
        Each metric with a 95 % interval, sorted by name. Metrics that cannot be had from these rows are left out.
    rows, blocks
        How many labelled rows, in how many blocks.
    unit
        What the intervals drew with replacement: ``"blocks"``, or ``"rows"`` where there are too few blocks, in which
        case they are too narrow as far as rows depend on each other.
    """

    metrics: tuple[tuple[str, Estimate], ...]
    rows: int
    blocks: int
    unit: str

    def __getitem__(self, metric: str) -> Estimate | None:
        return dict(self.metrics).get(metric)


@dataclass(frozen=True, slots=True)
class Coverage:
    """How many predictions of a window have their label by now.

    Parameters
    ----------
    predictions, labelled
        How many there are.
    share
        Labelled ÷ predictions, 0 to 1; 0 for an empty window.
    is_provisional
        Whether too few are labelled for a verdict: what comes first is often not typical.
    """

    predictions: int
    labelled: int
    share: float
    is_provisional: bool


def coverage(predictions: int, labelled: int, enough: float = 0.8) -> Coverage:
    """Return how complete the labels of a window are; below ``enough`` (a share, 0 to 1) it is provisional."""
    share = labelled / predictions if predictions else 0.0
    return Coverage(predictions, labelled, share, share < enough)


def live_quality(
    y: NDArray[np.generic],
    predicted: NDArray[np.generic],
    blocks: NDArray[np.generic],
    scores: Scores,
    rng: Generator,
) -> LiveQuality:
    """Return the metrics of labelled predictions, with intervals that respect that rows of a block resemble each other.

    Parameters
    ----------
    y, predicted
        Truth, shape (n,), and what the model said, shape (n,) or (n, classes), in the form that `scores` takes.
    blocks
        Which block (day, hour, batch of labels) each row belongs to, shape (n,).
    scores
        Computes the metrics; one that cannot be computed (a single class) may be NaN, missing or raise ValueError.
    rng
        Draws the replicates.

    Notes
    -----
    Percentile bootstrap, 200 replicates of whole blocks (Efron and Tibshirani, 1993, section 8.6); of rows below 8
    blocks.
    """
    if not len(y):
        return LiveQuality((), 0, 0, "rows")
    values = _scored(scores, y, predicted)
    groups = _groups(blocks)
    unit = "blocks" if len(groups) >= FEW_BLOCKS else "rows"
    drawn = _draws(groups if unit == "blocks" else None, len(y), rng)
    replicates = [_scored(scores, y[rows], predicted[rows]) for rows in drawn]
    metrics = tuple((name, _estimate(value, name, replicates)) for name, value in sorted(values.items()))
    return LiveQuality(metrics, len(y), len(groups), unit)


def prediction_bias(
    predicted: NDArray[np.floating], observed: NDArray[np.floating], blocks: NDArray[np.generic]
) -> Estimate | None:
    """Return mean predicted − mean observed with a 95 % interval by blocks; None without rows.

    Parameters
    ----------
    predicted, observed
        Probability and 0/1, or numbers; shape (n,), in the target's unit.
    blocks
        Which block each row belongs to, shape (n,). With one block only, rows are taken for independent.

    Notes
    -----
    Cluster-robust standard error ``√(B/(B−1) Σ_b (Σ_{i∈b} (d_i − d̄))²) / n`` with Student's t on B − 1 degrees of
    freedom. Source: Cameron and Miller (2015), *A practitioner's guide to cluster-robust inference*, J. Human Resources
    50.
    """
    n = len(predicted)
    if not n:
        return None
    difference = np.asarray(predicted, dtype=np.float64) - np.asarray(observed, dtype=np.float64)
    mean = float(difference.mean())
    _, index = np.unique(blocks, return_inverse=True)
    totals = np.bincount(index, difference - mean) if index.max() else difference - mean
    count = len(totals)
    if count < 2:
        return Estimate(mean, float("-inf"), float("inf"))
    error = float(np.sqrt(count / (count - 1) * np.square(totals).sum()) / n)
    reach = float(stats.t.ppf(0.975, count - 1)) * error
    return Estimate(mean, mean - reach, mean + reach)


def bias_finding(bias: Estimate | None, rules: Bias, *, rows: int, start: datetime, end: datetime) -> Finding:
    """Return whether predictions are too high or too low: by more than the limit, and beyond noise."""
    if bias is None:
        return _unlabelled("bias", "prediction_bias", start, end)
    is_breach = abs(bias.value) > rules.limit and (bias.low > 0 or bias.high < 0)
    side = "too high" if bias.value > 0 else "too low"
    sentence = (
        f"Predictions are on average {abs(bias.value):.3g} {side} ({bias.low:.3g} to {bias.high:.3g}) "
        f"over {rows:,} labelled rows; up to {rules.limit:g} is tolerated."
    )
    return Finding(
        monitor="bias",
        subject="",
        metric="prediction_bias",
        value=bias.value,
        low=bias.low,
        high=bias.high,
        limit=rules.limit,
        is_breach=is_breach,
        window_start=start,
        window_end=end,
        severity=Severity.CRITICAL if is_breach else Severity.INFO,
        sentence=sentence,
    )


def drop_finding(
    live: LiveQuality, promised: float, rules: Performance, *, covered: Coverage, start: datetime, end: datetime
) -> Finding:
    """Return whether a metric has surely dropped by more than is tolerated: the whole interval lies beyond the limit.

    Parameters
    ----------
    promised
        The metric on the test rows, before the release.
    covered
        A provisional window is reported, never a breach.
    """
    measured = live[rules.metric]
    if measured is None:
        return _unlabelled("performance", rules.metric, start, end)
    limit = promised + rules.drop if is_loss(rules.metric) else promised - rules.drop
    best = measured.low if is_loss(rules.metric) else measured.high
    is_breach = gain(rules.metric, best, limit) < 0 and not covered.is_provisional
    sentence = (
        f"Live {rules.metric} is {measured.value:.3f} ({measured.low:.3f} to {measured.high:.3f}) over {live.rows:,} "
        f"labelled rows, {covered.share:.0%} of the window; {promised:.3f} was promised, {limit:.3f} is the limit"
        f"{'; provisional until more labels arrive' if covered.is_provisional else ''}."
    )
    return Finding(
        monitor="performance",
        subject="",
        metric=rules.metric,
        value=measured.value,
        low=measured.low,
        high=measured.high,
        limit=limit,
        is_breach=is_breach,
        window_start=start,
        window_end=end,
        severity=Severity.CRITICAL if is_breach else Severity.INFO,
        sentence=sentence,
    )


def _unlabelled(monitor: str, metric: str, start: datetime, end: datetime) -> Finding:
    sentence = f"Too few predictions of this window have a label, so their {metric} is not known."
    return Finding(monitor, "", metric, None, None, None, None, False, start, end, Severity.INFO, sentence)


def _scored(scores: Scores, y: NDArray[np.generic], predicted: NDArray[np.generic]) -> dict[str, float]:
    try:
        found = scores(y, predicted)
    except ValueError:
        return {}
    return {name: float(value) for name, value in found.items() if np.isfinite(value)}


def _groups(blocks: NDArray[np.generic]) -> list[NDArray[np.intp]]:
    _, index = np.unique(blocks, return_inverse=True)
    order = np.argsort(index, kind="stable")
    return np.split(order, np.cumsum(np.bincount(index))[:-1])


def _draws(groups: list[NDArray[np.intp]] | None, n: int, rng: Generator) -> Iterator[NDArray[np.intp]]:
    for _ in range(REPLICATES):
        if groups is None:
            yield rng.integers(0, n, n)
        else:
            yield np.concatenate([groups[i] for i in rng.integers(0, len(groups), len(groups))])


def _estimate(value: float, name: str, replicates: list[dict[str, float]]) -> Estimate:
    drawn = [found[name] for found in replicates if name in found]
    if len(drawn) < REPLICATES // 2:
        return Estimate(value, float("-inf"), float("inf"))
    low, high = np.percentile(drawn, (2.5, 97.5))
    return Estimate(value, float(low), float(high))

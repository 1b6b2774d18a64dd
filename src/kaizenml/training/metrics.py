"""How good predictions are, with an interval that knows that rows of one block go together.

Every metric carries scikit-learn's name and value. Its interval is a percentile bootstrap over blocks: whole blocks
(days, hours) are drawn with replacement, because rows of one day share its weather and are not independent.

Source: Künsch (1989), *The jackknife and the bootstrap for general stationary observations*, Ann. Statist. 17.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kaizenml.core.metric import Estimate, Task

Array = NDArray[np.float64]
#: From the weight of each row, shape (draws, n), to the metric of each draw.
Metric = Callable[[Array], Array]

DRAWS = 200
#: With fewer blocks than this, blocks are too few to draw from, and rows are drawn instead.
FEWEST_BLOCKS = 8
_TINY = 1e-15


def scores(
    task: Task, y: Array, predicted: Array, *, blocks: NDArray[np.int64] | None = None, rng: np.random.Generator
) -> dict[str, Estimate]:
    """Return every metric of the task with its 95 % interval.

    Parameters
    ----------
    y
        Class codes 0 … k-1, or values; shape (n,).
    predicted
        Probabilities, shape (n, k); or values, shape (n,).
    blocks
        The block of each row, any integers; shape (n,). None: each row is its own block.
    rng
        Draws the blocks.
    """
    weights = _drawn(len(y), blocks, rng)
    once = np.ones((1, len(y)))
    return {name: _estimate(metric, once, weights) for name, metric in _metrics(task, y, predicted).items()}


def values(task: Task, y: Array, predicted: Array) -> dict[str, float]:
    """Return every metric of the task, without intervals."""
    once = np.ones((1, len(y)))
    return {name: float(metric(once)[0]) for name, metric in _metrics(task, y, predicted).items()}


def value_of(metric: str, task: Task, y: ArrayLike, predicted: ArrayLike) -> float:
    """Return one metric of the task, without an interval; NaN when the task has no such metric."""
    found = _metrics(task, np.asarray(y, np.float64), np.asarray(predicted, np.float64)).get(metric)
    return float("nan") if found is None else float(found(np.ones((1, len(np.asarray(y)))))[0])


def row_losses(task: Task, y: Array, predicted: Array) -> Array:
    """Return the loss of each row, shape (n,): Brier score (0 to 1) for classes, squared error for values."""
    if task is Task.REGRESSION:
        return np.asarray((y - predicted) ** 2)
    return np.asarray(((predicted - _one_hot(y, predicted.shape[1])) ** 2).sum(axis=1) / 2)


def log_losses(y: Array, predicted: Array) -> Array:
    """Return minus the log of the probability given to what happened, shape (n,), at most 34.5."""
    chosen = predicted[np.arange(len(y)), y.astype(np.int64)]
    return np.asarray(-np.log(np.clip(chosen, _TINY, 1.0)))


def _metrics(task: Task, y: Array, predicted: Array) -> Mapping[str, Metric]:
    if task is Task.REGRESSION:
        return _regression(y, predicted)
    right = (predicted.argmax(axis=1) == y).astype(np.float64)
    found: dict[str, Metric] = {
        "log_loss": partial(_mean, log_losses(y, predicted)),
        "brier_score_loss": partial(_mean, row_losses(task, y, predicted)),
        "accuracy": partial(_mean, right),
    }
    if task is Task.BINARY:
        return {
            "roc_auc": partial(_roc_auc, y, predicted[:, 1]),
            **found,
            "f1": partial(_f1, y, predicted.argmax(axis=1), 1),
        }
    return {**found, "f1_macro": partial(_f1_macro, y, predicted)}


def _regression(y: Array, predicted: Array) -> Mapping[str, Metric]:
    squared = (y - predicted) ** 2
    return {
        "r2": partial(_r2, y, squared),
        "root_mean_squared_error": lambda weights: np.sqrt(_mean(squared, weights)),
        "mean_absolute_error": partial(_mean, np.abs(y - predicted)),
    }


def _mean(each: Array, weights: Array) -> Array:
    return np.asarray(weights @ each / weights.sum(axis=1))


def _r2(y: Array, squared: Array, weights: Array) -> Array:
    total, centred = weights.sum(axis=1), y - y.mean()  # squares of large numbers would swallow a small spread
    spread = weights @ (centred * centred) / total - (weights @ centred / total) ** 2
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(1 - (weights @ squared / total) / np.where(spread > 0, spread, np.nan))


def _f1(y: Array, guessed: NDArray[np.int64], positive: int, weights: Array) -> Array:
    true = weights @ ((guessed == positive) & (y == positive)).astype(np.float64)
    said = weights @ (guessed == positive).astype(np.float64)
    are = weights @ (y == positive).astype(np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(said + are > 0, 2 * true / np.where(said + are > 0, said + are, 1.0), 0.0)


def _f1_macro(y: Array, predicted: Array, weights: Array) -> Array:
    guessed = predicted.argmax(axis=1)
    present = [code for code in range(predicted.shape[1]) if (y == code).any() or (guessed == code).any()]
    return np.asarray(np.mean([_f1(y, guessed, code, weights) for code in present], axis=0))


def _roc_auc(y: Array, score: Array, weights: Array) -> Array:
    """Return the share of (late, punctual) pairs in the right order; ties count half (Mann and Whitney, 1947)."""
    order = np.argsort(score, kind="stable")
    starts = np.flatnonzero(np.diff(score[order], prepend=-np.inf))
    found = [_roc_auc_of(y[order], starts, part[:, order]) for part in _in_parts(weights)]
    return np.concatenate(found)


def _roc_auc_of(y: Array, starts: NDArray[np.int64], weights: Array) -> Array:
    positive = np.add.reduceat(weights * y, starts, axis=1)
    negative = np.add.reduceat(weights * (1 - y), starts, axis=1)
    below = np.cumsum(negative, axis=1) - negative / 2
    pairs = positive.sum(axis=1) * negative.sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(pairs > 0, (positive * below).sum(axis=1) / np.where(pairs > 0, pairs, 1.0), np.nan)


def _in_parts(weights: Array, cells: int = 4_000_000) -> list[Array]:
    """Cut the draws into parts of bounded memory."""
    return np.array_split(weights, max(1, int(np.ceil(weights.size / cells))))


def _estimate(metric: Metric, once: Array, weights: Array) -> Estimate:
    value = float(metric(once)[0])
    drawn = metric(weights)
    drawn = drawn[np.isfinite(drawn)]
    if not len(drawn):
        return Estimate(value, value, value)
    low, high = np.quantile(drawn, (0.025, 0.975))
    return Estimate(value, float(min(low, value)), float(max(high, value)))


def _drawn(n: int, blocks: NDArray[np.int64] | None, rng: np.random.Generator) -> Array:
    """Return how often each row was drawn, shape (draws, n)."""
    codes = np.arange(n) if blocks is None else np.unique(blocks, return_inverse=True)[1]
    if codes.max(initial=0) + 1 < FEWEST_BLOCKS:
        codes = np.arange(n)
    count = int(codes.max(initial=0)) + 1
    drawn = rng.multinomial(count, np.full(count, 1 / count), size=DRAWS)
    return np.asarray(drawn[:, codes], dtype=np.float64)


def _one_hot(y: Array, count: int) -> Array:
    return np.asarray(np.eye(count)[y.astype(np.int64)])

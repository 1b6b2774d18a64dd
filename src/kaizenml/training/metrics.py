"""How good predictions are, with an interval that knows that rows of one block go together.

Every metric carries scikit-learn's name and value. Its interval is a percentile bootstrap over blocks: whole blocks
(days, hours) are drawn with replacement, because rows of one day share its weather and are not independent.

Source: Künsch (1989), *The jackknife and the bootstrap for general stationary observations*, Ann. Statist. 17.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kaizenml.core.metric import Estimate, Task
from kaizenml.training.measures import Array, Measure, log_losses, measures, row_losses

__all__ = ["drawn", "estimate", "log_losses", "row_losses", "scores", "value_of", "values"]

DRAWS = 200
#: With fewer blocks than this, blocks are too few to draw from, and rows are drawn instead.
FEWEST_BLOCKS = 8


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
    weights = drawn(len(y), blocks, rng)
    once = np.ones((1, len(y)))
    return {name: _estimate(metric, once, weights) for name, metric in measures(task, y, predicted).items()}


def values(task: Task, y: Array, predicted: Array) -> dict[str, float]:
    """Return every metric of the task, without intervals."""
    once = np.ones((1, len(y)))
    return {name: float(metric(once)[0]) for name, metric in measures(task, y, predicted).items()}


def value_of(metric: str, task: Task, y: ArrayLike, predicted: ArrayLike) -> float:
    """Return one metric of the task, without an interval; NaN when the task has no such metric."""
    found = measures(task, np.asarray(y, np.float64), np.asarray(predicted, np.float64)).get(metric)
    return float("nan") if found is None else float(found(np.ones((1, len(np.asarray(y)))))[0])


def names_of(task: Task) -> list[str]:
    """Return the names of the task's metrics."""
    y = np.array([0.0, 1.0])
    return list(measures(task, y, y if task is Task.REGRESSION else np.eye(2)))


def estimate(value: float, found: Array) -> Estimate:
    """Return a value with the percentile interval of what was found on the draws; NaN among these is left out."""
    found = found[np.isfinite(found)]
    if not len(found):
        return Estimate(value, value, value)
    low, high = np.quantile(found, (0.025, 0.975))
    return Estimate(value, float(min(low, value)), float(max(high, value)))


def _estimate(metric: Measure, once: Array, weights: Array) -> Estimate:
    return estimate(float(metric(once)[0]), metric(weights))


def drawn(n: int, blocks: NDArray[np.int64] | None, rng: np.random.Generator) -> Array:
    """Return how often each row was drawn, block by block, shape (draws, n)."""
    codes = np.arange(n) if blocks is None else np.unique(blocks, return_inverse=True)[1]
    if codes.max(initial=0) + 1 < FEWEST_BLOCKS:
        codes = np.arange(n)
    count = int(codes.max(initial=0)) + 1
    often = rng.multinomial(count, np.full(count, 1 / count), size=DRAWS)
    return np.asarray(often[:, codes], dtype=np.float64)

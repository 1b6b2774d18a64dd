"""Would more rows help? The model with a sixteenth, an eighth … of them, on the same test rows.

Source: Perlich, Provost and Simonoff (2003), *Tree induction vs. logistic regression: a learning-curve analysis*.
"""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from kaizenml.core.assessment import LearningCurve, Point
from kaizenml.core.metric import PRIMARY, Estimate
from kaizenml.errors import TargetError
from kaizenml.training.fit import Fitted
from kaizenml.training.measures import row_losses
from kaizenml.training.metrics import drawn, scores
from kaizenml.training.problem import Problem, blocks_of, target_of
from kaizenml.training.refit import refitted

#: Halvings of the rows.
HALVINGS = 5
FEWEST_ROWS = 30


def learning_curve(fitted: Fitted, train: pl.DataFrame, test: pl.DataFrame, problem: Problem) -> LearningCurve | None:
    """Return how good the model is with fewer rows, each set within the next, drawn with the project's seed.

    Returns
    -------
    None
        When there are too few rows to halve them.
    """
    y, blocks = target_of(problem, test), blocks_of(problem, test)
    metric, order = PRIMARY[problem.task], np.random.default_rng(problem.seed).permutation(len(train))
    points, losses = [], []
    for share in [2.0**-number for number in reversed(range(HALVINGS))]:
        size = round(len(train) * share)
        if size < FEWEST_ROWS:
            continue
        rows = train[np.sort(order[:size]).tolist()]
        try:
            predicted = refitted(fitted, rows, problem).predict(test)
        except TargetError:
            continue  # so few rows that they hold one class only
        rng = np.random.default_rng(problem.seed)
        found = scores(problem.task, y, predicted, blocks=blocks, rng=rng)[metric]
        points.append(Point(float(size), size, found))
        losses.append(row_losses(problem.task, y, predicted))
    if len(points) < 2:
        return None
    gain = mean_by_blocks(losses[-2] - losses[-1], blocks, np.random.default_rng(problem.seed))
    return LearningCurve(metric, tuple(points), gain, _sentence(points, gain, float(losses[-2].mean())))


def mean_by_blocks(each: NDArray[np.float64], blocks: NDArray[np.int64] | None, rng: np.random.Generator) -> Estimate:
    """Return the mean with a percentile interval over drawn blocks."""
    weights = drawn(len(each), blocks, rng)
    low, high = np.quantile(weights @ each / weights.sum(axis=1), (0.025, 0.975))
    return Estimate(float(each.mean()), float(low), float(high))


def _sentence(points: list[Point], gain: Estimate, before: float) -> str:
    said = (
        f"From {points[-2].rows:,} to {points[-1].rows:,} rows the loss falls by {gain.value:.3g}"
        f" ({gain.low:.3g} to {gain.high:.3g}) of {before:.3g}"
    )
    if gain.low > 0:
        return f"{said}: more rows would probably help."
    return f"{said}: no gain is sure, so more rows of this kind would hardly help."

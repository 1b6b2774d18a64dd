"""How fast a model ages: trained as of some days before the test rows begin, tested on the same rows.

Every model learns from a span of equal length, so that age alone differs. Skill is the share of the dummy's loss that a
model saves; its logarithm falls on a line of age when skill decays at a constant rate, and the half-life is where it
has halved.
"""

from __future__ import annotations

import math
from datetime import timedelta
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from kaizenml.core.assessment import Point, Staleness
from kaizenml.core.metric import Estimate
from kaizenml.errors import TargetError
from kaizenml.training.fit import Fitted
from kaizenml.training.measures import row_losses
from kaizenml.training.metrics import drawn, estimate
from kaizenml.training.problem import Problem, blocks_of, target_of
from kaizenml.training.refit import dummy, refitted

Array = NDArray[np.float64]

#: Models of so many ages, today's included.
AGES = 6
#: A span to learn from has so many rows at the least.
FEWEST_ROWS = 100


def staleness(fitted: Fitted, train: pl.DataFrame, test: pl.DataFrame, problem: Problem) -> Staleness | None:
    """Return how much worse an older model is, and after how many days half of its skill is gone.

    Returns
    -------
    None
        Without a time, or with too few rows for two ages.
    """
    if problem.time is None:
        return None
    start, oldest = _ends(test, train, problem.time)
    span = (start - oldest) / 2
    y, blocks = target_of(problem, test), blocks_of(problem, test)
    ages, losses, sizes = [], [], []
    for number in range(AGES):
        age = span * number / (AGES - 1)
        until = start - age
        rows = train.filter((pl.col(problem.time) >= until - span) & (pl.col(problem.time) < until))
        if len(rows) < FEWEST_ROWS:
            continue
        try:
            predicted = refitted(fitted, rows, problem).predict(test)
        except TargetError:
            continue
        ages.append(age / timedelta(days=1))
        losses.append(row_losses(problem.task, y, predicted))
        sizes.append(len(rows))
    if len(ages) < 3:
        return None
    idle = row_losses(problem.task, y, dummy(fitted, train, problem).predict(test))
    return decay(np.array(ages), np.array(losses), idle, sizes, blocks, np.random.default_rng(problem.seed))


def decay(
    ages: Array,
    losses: Array,
    idle: Array,
    sizes: list[int],
    blocks: NDArray[np.int64] | None,
    rng: np.random.Generator,
) -> Staleness:
    """Return the curve of skill over age, and its half-life.

    Parameters
    ----------
    ages
        In days, rising, shape (k,).
    losses
        Of the model of each age on each test row, shape (k, n).
    idle
        Of the dummy, shape (n,).
    """
    weights = drawn(len(idle), blocks, rng)
    skill = 1 - losses.mean(axis=1) / idle.mean()
    of_draws = 1 - (weights @ losses.T) / (weights @ idle)[:, None]
    points = tuple(
        Point(float(age), size, estimate(float(skill[at]), of_draws[:, at]))
        for at, (age, size) in enumerate(zip(ages, sizes, strict=True))
    )
    rate, rates = _rate(ages, skill), np.array([_rate(ages, each) for each in of_draws])
    rates = rates[np.isfinite(rates)]
    if not math.isfinite(rate) or len(rates) < len(of_draws) / 2:
        return Staleness(points, None, "The model is hardly better than the dummy, so its skill has no half-life.")
    low, high = np.quantile(rates, (0.025, 0.975))
    if low <= 0:
        longer = f"; a half-life is longer than {math.log(2) / high:,.0f} days" if high > 0 else ""
        return Staleness(points, None, f"No decay is sure over {ages[-1]:,.0f} days{longer}.")
    half = Estimate(*(math.log(2) / each for each in (rate, float(high), float(low))))
    sentence = (
        f"Half of the skill is gone after {half.value:,.0f} days ({half.low:,.0f} to {half.high:,.0f}); a model"
        f" {ages[-1]:,.0f} days older keeps {skill[-1]:.1%} of skill where today's has {skill[0]:.1%}."
    )
    return Staleness(points, half, sentence)


def _rate(ages: Array, skill: Array) -> float:
    """Return the rate of decay per day: less the slope of log skill over age, by least squares.

    Ages from which on there is no skill are left out; NaN where fewer than three are left.
    """
    until = int(np.argmax(skill <= 0)) if (skill <= 0).any() else len(skill)
    return -float(np.polyfit(ages[:until], np.log(skill[:until]), 1)[0]) if until >= 3 else float("nan")


def _ends(test: pl.DataFrame, train: pl.DataFrame, time: str) -> tuple[Any, Any]:
    return test[time].min(), train[time].min()

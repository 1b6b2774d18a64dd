"""What each column is worth to the model, held against a shadow of itself.

The model is trained again with a shuffled copy of every column beside it: a shadow that knows nothing. Then each column
is shuffled among the test rows: by how much does the loss rise? A column earns what it costs to lose it beyond what its
shadow costs, and nothing unless both differences are more than noise, with Holm's correction over the columns.

Sources: Breiman (2001), *Random forests*, for permutation importance; Kursa and Rudnicki (2010), *Feature selection
with the Boruta package*, for the shadows.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import stats

from kaizenml.core.assessment import Importance, Importances
from kaizenml.core.metric import Estimate
from kaizenml.core.schema import Column
from kaizenml.training.fit import Fitted
from kaizenml.training.measures import row_losses
from kaizenml.training.metrics import FEWEST_BLOCKS
from kaizenml.training.problem import Problem, blocks_of, target_of
from kaizenml.training.refit import refitted
from kaizenml.training.slices import holm

Array = NDArray[np.float64]

#: Within a budget the model learns from, and is tested on, at most so many rows.
FEW_ROWS, FEW_TESTED = 5_000, 1_000
#: How often a column is shuffled at the most.
MOST_REPEATS = 10
#: Rows that are predicted at once: one call costs milliseconds, whatever it is for.
MOST_AT_ONCE = 20_000
SHADOW = "shadow of "
ALPHA = 0.05


def importance(
    fitted: Fitted,
    train: pl.DataFrame,
    test: pl.DataFrame,
    problem: Problem,
    *,
    seconds: float | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Importances:
    """Return what every column of the model is worth.

    Parameters
    ----------
    train, test
        Rows with features, target and time.
    seconds
        Within this budget few rows are looked at, and columns are shuffled while time remains; None: all rows, ten
        times. The model is trained once, and every column shuffled once, in any case.
    clock
        Gives seconds.
    """
    rng, end = np.random.default_rng(problem.seed), None if seconds is None else clock() + seconds
    if seconds is not None:
        train, test = _some(train, FEW_ROWS, rng), _some(test, FEW_TESTED, rng)
    shadows = [Column(f"{SHADOW}{each.name}", each.kind) for each in fitted.columns]
    with_shadows = refitted(fitted, _shadowed(train, fitted, rng), problem, [*fitted.columns, *shadows])
    tested = _shadowed(test, fitted, rng)
    y = target_of(problem, tested)
    known = ~np.isnan(y)
    tested, y = tested.filter(known), y[known]
    before = row_losses(problem.task, y, with_shadows.predict(tested))
    names = [each.name for each in (*fitted.columns, *shadows)]
    rises, repeats = np.zeros((len(names), len(y))), 0
    while repeats < MOST_REPEATS and (not repeats or end is None or clock() < end):
        rises += _round(with_shadows, tested, names, problem, y, before, rng)
        repeats += 1
    blocks = blocks_of(problem, tested)
    listed = _held_against_shadows([each.name for each in fitted.columns], rises / repeats, blocks)
    return Importances(len(train), len(y), repeats, listed)


def _round(
    model: Fitted,
    tested: pl.DataFrame,
    names: list[str],
    problem: Problem,
    y: Array,
    before: Array,
    rng: np.random.Generator,
) -> Array:
    """Return by how much each row's loss rises when each column is shuffled, shape (columns, rows)."""
    found = np.empty((len(names), len(y)))
    step = max(1, MOST_AT_ONCE // len(y))
    for start in range(0, len(names), step):
        some = names[start : start + step]
        shuffled = pl.concat(
            [tested.with_columns(tested[name].gather(rng.permutation(len(y))).alias(name)) for name in some]
        )
        said, at = model.predict(shuffled), len(y)
        for number in range(len(some)):
            found[start + number] = row_losses(problem.task, y, said[number * at : (number + 1) * at]) - before
    return found


def _held_against_shadows(names: list[str], rises: Array, blocks: NDArray[np.int64] | None) -> tuple[Importance, ...]:
    count = len(names)
    above_zero = [_test(each, blocks) for each in rises[:count]]
    above_shadow = [_test(each - shadow, blocks) for each, shadow in zip(rises[:count], rises[count:], strict=True)]
    p = holm(np.array([max(zero[1], shadow[1]) for zero, shadow in zip(above_zero, above_shadow, strict=True)]))
    found = [
        Importance(
            name,
            above_zero[at][0],
            float(rises[count + at].mean()),
            float(p[at]),
            max(above_shadow[at][0].value, 0.0) if p[at] <= ALPHA else 0.0,
        )
        for at, name in enumerate(names)
    ]
    return tuple(sorted(found, key=lambda each: (-each.earned, -each.importance.value, each.column)))


def _test(each: Array, blocks: NDArray[np.int64] | None) -> tuple[Estimate, float]:
    """Return the mean with its 95 % interval by blocks, and the one-sided p of its being zero."""
    codes = np.arange(len(each)) if blocks is None else np.unique(blocks, return_inverse=True)[1]
    codes = codes if codes.max() + 1 >= FEWEST_BLOCKS else np.arange(len(each))
    mean, count = float(each.mean()), int(codes.max()) + 1
    error = float(np.sqrt(count / (count - 1) * (np.bincount(codes, each - mean) ** 2).sum())) / len(each)
    reach = float(stats.t.ppf(0.975, count - 1)) * error
    p = float(stats.t.sf(mean / error, count - 1)) if error > 0 else 1.0
    return Estimate(mean, mean - reach, mean + reach), p


def _shadowed(rows: pl.DataFrame, fitted: Fitted, rng: np.random.Generator) -> pl.DataFrame:
    return rows.with_columns(
        rows[each.name].gather(rng.permutation(len(rows))).alias(f"{SHADOW}{each.name}") for each in fitted.columns
    )


def _some(rows: pl.DataFrame, most: int, rng: np.random.Generator) -> pl.DataFrame:
    return rows if len(rows) <= most else rows[np.sort(rng.permutation(len(rows))[:most]).tolist()]

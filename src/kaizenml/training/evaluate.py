"""Evaluation: metrics with intervals, baselines, slices, and what live quality will be held against."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import polars as pl
from numpy.typing import NDArray

from kaizenml.core.metric import Estimate, Task
from kaizenml.training.fit import Fitted
from kaizenml.training.metrics import row_losses, scores, values
from kaizenml.training.problem import Problem, blocks_of, target_of


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What a fitted model is worth on rows that it has not seen.

    ``y`` and ``predicted`` belong to the test rows, ``blocks`` are their days (None without a time), ``simple`` is what
    each baseline predicts.
    """

    metrics: Mapping[str, Estimate]
    baselines: Mapping[str, Mapping[str, Estimate]]
    y: NDArray[np.float64]
    predicted: NDArray[np.float64]
    blocks: NDArray[np.int64] | None
    simple: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        """How many rows it was tested on."""
        return len(self.y)


def evaluation(fitted: Fitted, simple: Mapping[str, Fitted], rows: pl.DataFrame, problem: Problem) -> Evaluation:
    """Test a model, and the baselines beside it, on the same rows; whole days are drawn for the intervals."""
    y, blocks = target_of(problem, rows), blocks_of(problem, rows)
    predicted = fitted.predict(rows)
    rng = np.random.default_rng(problem.seed)
    found = scores(problem.task, y, predicted, blocks=blocks, rng=rng)
    said = {name: model.predict(rows) for name, model in simple.items()}
    beside = {
        name: scores(problem.task, y, each, blocks=blocks, rng=np.random.default_rng(problem.seed))
        for name, each in said.items()
    }
    return Evaluation(found, beside, y, predicted, blocks, said)


def by_slice(
    evaluated: Evaluation, values_of: pl.Series, task: Task, metric: str, *, min_rows: int
) -> dict[str, tuple[float, int]]:
    """Return the metric, and the number of rows, for each value of a column that has enough rows."""
    found: dict[str, tuple[float, int]] = {}
    for value in values_of.unique().sort().to_list():
        chosen = (
            (values_of == value).fill_null(value is None).to_numpy()
            if value is not None
            else values_of.is_null().to_numpy()
        )
        if chosen.sum() >= min_rows:
            each = values(task, evaluated.y[chosen], evaluated.predicted[chosen])
            found[str(value)] = (each[metric], int(chosen.sum()))
    return found


def losses(evaluated: Evaluation, task: Task) -> NDArray[np.float64]:
    """Return the loss of each test row, shape (n,)."""
    return row_losses(task, evaluated.y, evaluated.predicted)

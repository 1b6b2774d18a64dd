"""The same model, trained again on other rows: for what an evaluation can only learn by training."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from typing import Any

import polars as pl

from kaizenml.core.metric import Task
from kaizenml.core.schema import Column
from kaizenml.training.fit import Fitted, fit
from kaizenml.training.problem import Problem, target_of


def refitted(fitted: Fitted, rows: pl.DataFrame, problem: Problem, columns: Sequence[Column] | None = None) -> Fitted:
    """Return a model with the same parameters that has learned from these rows instead, and from these columns.

    Raises
    ------
    TargetError
        When the rows hold one class only.
    """
    return fit(
        fresh(fitted.pipeline.named_steps["model"]),
        rows,
        target_of(problem, rows),
        columns=fitted.columns if columns is None else columns,
        task=problem.task,
        classes=problem.classes,
        seed=problem.seed,
        said=fitted.said,
    )


def dummy(fitted: Fitted, rows: pl.DataFrame, problem: Problem) -> Fitted:
    """Return a model that knows how often each class, or what mean value, occurs in these rows, and nothing else."""
    from sklearn.dummy import DummyClassifier, DummyRegressor

    idle = DummyRegressor() if problem.task is Task.REGRESSION else DummyClassifier(strategy="prior")
    same = {"columns": fitted.columns, "task": problem.task, "classes": problem.classes, "seed": problem.seed}
    return fit(idle, rows, target_of(problem, rows), **same)  # type: ignore[arg-type]


def fresh(estimator: Any) -> Any:
    """Return an estimator with the same parameters that has learned nothing."""
    from sklearn.base import clone

    return clone(estimator) if hasattr(estimator, "get_params") else deepcopy(estimator)

"""The built-in steps of a run; a project replaces one by defining a step of the same name.

::

    raw ─→ select ─→ rows ─→ problem ─→ features ─→ table ─→ split ─→ train ─→ evaluate
                                                            estimator ──↗
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import polars as pl

from kaizenml.core.metric import Task
from kaizenml.core.monitor import every
from kaizenml.core.plan import CleaningPlan, ColumnPlan
from kaizenml.core.schema import Column, Role
from kaizenml.data.clean import FAILURES
from kaizenml.data.extract import Split, split
from kaizenml.data.target import task_of
from kaizenml.errors import NotFoundError, ProjectError
from kaizenml.loop.ingesting import Prepared
from kaizenml.loop.scoring import apply_features
from kaizenml.project import Project, Step, defaults_of
from kaizenml.training.evaluate import Evaluation, evaluation
from kaizenml.training.fit import Fitted, baselines, default_estimator, fit
from kaizenml.training.problem import ROW, Problem, classes_for, kind_of, model_inputs, target_of, time_parts


@dataclass(frozen=True, slots=True)
class Trained:
    """The model of a run, and the simple ones beside it."""

    fitted: Fitted
    baselines: Mapping[str, Fitted]


def steps_of(project: Project, prepared: Prepared) -> dict[str, Step]:
    """Return every step of a run by name: the built-in ones, with those of the project in their place."""
    built_in: dict[str, Step] = {
        "select": select,
        "rows": partial_step(rows, project=project, live=prepared.live),
        "problem": partial_step(problem, project=project, plan=prepared.plan),
        "table": table,
        "split": split_rows,
        "estimator": estimator,
        "train": train,
        "evaluate": evaluate,
    }
    features = project.steps.get("features", time_parts)
    return built_in | dict(project.steps) | {"features": _feature_step(features)}


def select(raw: pl.DataFrame) -> pl.DataFrame:
    """Keep all rows."""
    return raw


def rows(select: pl.DataFrame, *, project: Project, live: pl.DataFrame) -> pl.DataFrame:
    """Put the labelled rows that an endpoint answered behind the selected rows of the files."""
    if project.target not in select.columns:
        raise NotFoundError("target column", project.target, select.columns, "Or let the step `select` make it.")
    if live.is_empty():
        return select
    kind = select.schema[project.target]
    truth = pl.col("_label") == "true" if kind == pl.Boolean else pl.col("_label").cast(kind, strict=False)
    labelled = live.with_columns(truth.alias(project.target)).drop("_label")
    known = labelled.filter(pl.col(project.target).is_not_null())
    return pl.concat([select, known], how="diagonal")


def problem(rows: pl.DataFrame, *, project: Project, plan: CleaningPlan) -> Problem:
    """Say what is to be learned: task, classes, and the columns that a request must bring."""
    target = rows[project.target]
    task = task_of(target, ColumnPlan(project.target, kind_of(target)), pl.DataFrame(schema=FAILURES))
    left_out = {project.target, project.id, *project.ignore}
    names = [name for name in plan.names if name in rows.columns and name not in left_out]
    inputs = tuple(
        Column(
            name,
            plan[name].kind,
            Role.TIME if name == project.time else Role.FEATURE,
            is_nullable=rows[name].null_count() > 0,
            example=_example(rows[name]),
        )
        for name in names
    )
    if not inputs:
        raise ProjectError("No column is left to learn from.", "Ignore fewer columns.")
    classes = classes_for(task, target)
    return Problem(task, project.target, inputs, classes, project.id, project.time, project.seed, project.holdout)


def table(rows: pl.DataFrame, features: pl.DataFrame, problem: Problem) -> pl.DataFrame:
    """Put the target, the id, the time and the number of each row beside the features."""
    beside = [name for name in (problem.target, problem.id, problem.time) if name and name not in features.columns]
    return features.with_columns(*(rows[name] for name in beside), pl.int_range(len(rows)).alias(ROW))


def split_rows(table: pl.DataFrame, problem: Problem) -> Split:
    """Keep rows back for the test: the newest where there is a time, else drawn at random."""
    is_stratified = problem.task is not Task.REGRESSION and problem.time is None
    return split(
        table,
        time=problem.time,
        target=problem.target,
        holdout=_share(table, problem),
        seed=problem.seed,
        stratify=is_stratified,
    )


def estimator() -> None:
    """Leave the choice to `train`: gradient-boosted trees."""


def train(split: Split, estimator: Any, problem: Problem) -> Trained:
    """Fit the estimator, and the baselines, behind the preparation that suits each."""
    chosen = default_estimator(problem.task, problem.seed) if estimator is None else estimator
    _seed(chosen, problem.seed)
    y, columns = target_of(problem, split.train), model_inputs(split.train, problem)
    if not columns:
        raise ProjectError("No feature is left to learn from: each has one value only, or a new one in every row.")
    same = {"columns": columns, "task": problem.task, "classes": problem.classes, "seed": problem.seed}
    return Trained(fit(chosen, split.train, y, **same), baselines(split.train, y, **same))  # type: ignore[arg-type]


def evaluate(train: Trained, split: Split, problem: Problem) -> Evaluation:
    """Test the model and the baselines on the rows that were kept back."""
    return evaluation(train.fitted, train.baselines, split.holdout, problem)


def partial_step(function: Step, **fixed: Any) -> Step:
    """Return the step with some arguments filled in, so that what is left are its inputs."""
    bound = partial(function, **fixed)
    found = inspect.signature(function)
    left = [each for name, each in found.parameters.items() if name not in fixed]
    bound.__signature__ = found.replace(parameters=left)  # type: ignore[attr-defined]
    return bound


def _feature_step(function: Step) -> Step:
    """Return the `features` step as the graph runs it: only on columns that a request brings."""

    def features(rows: pl.DataFrame, problem: Problem, **parameters: Any) -> pl.DataFrame:
        known = rows.select(column.name for column in problem.inputs)
        return apply_features(partial(function, **parameters), known)

    named = [inspect.Parameter(name, inspect.Parameter.POSITIONAL_OR_KEYWORD) for name in ("rows", "problem")]
    defaults = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=value)
        for name, value in defaults_of(function).items()
    ]
    features.__signature__ = inspect.Signature([*named, *defaults])  # type: ignore[attr-defined]
    return features


def _share(table: pl.DataFrame, problem: Problem) -> float:
    """Return the share of rows to keep back, where the project says it in days."""
    if not isinstance(problem.holdout, str):
        return problem.holdout
    if problem.time is None:
        raise ProjectError(
            f"holdout={problem.holdout!r} is a span of time, and the project has no time column.",
            "Give a share such as 0.2, or declare `time`.",
        )
    times = table[problem.time].dt.epoch("s").to_numpy()
    share = float(np.mean(times > times.max() - every(problem.holdout).seconds))
    return min(share, 0.5)


def _example(values: pl.Series) -> Any:
    present = values.drop_nulls()
    if present.is_empty():
        return None
    value = present[0]
    return value.isoformat() if hasattr(value, "isoformat") else value


def _seed(estimator: Any, seed: int) -> None:
    """Give the estimator the project's seed, unless it has one of its own."""
    parameters = estimator.get_params(deep=False) if hasattr(estimator, "get_params") else {}
    if parameters.get("random_state", 0) is None:
        estimator.set_params(random_state=seed)

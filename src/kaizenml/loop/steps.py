"""The built-in steps of a run; a project replaces one by defining a step of the same name.

::

    raw ─→ select ─→ rows ─→ problem ─→ features ─→ table ─→ split ─→ train ─→ evaluate
                                                            estimator ──↗

Given from the start are ``raw`` (good rows of the source), ``live`` (answered rows with their labels), ``plan`` (the
cleaning plan) and ``declared`` (what the project says of its table).
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import polars as pl

from kaizenml.core.metric import Task
from kaizenml.core.monitor import every
from kaizenml.core.plan import CleaningPlan, ColumnPlan
from kaizenml.core.preparation import Encode, Preparation
from kaizenml.core.schema import Column, Role
from kaizenml.data.clean import FAILURES
from kaizenml.data.extract import Split, split
from kaizenml.data.groups import split_groups
from kaizenml.data.target import task_of
from kaizenml.errors import NotFoundError, ProjectError
from kaizenml.loop.label_joining import onto_selected
from kaizenml.loop.scoring import apply_features
from kaizenml.loop.snapshotting import Prepared
from kaizenml.project import Project, Step, defaults_of
from kaizenml.training.crossval import folds
from kaizenml.training.evaluate import Evaluation, evaluation
from kaizenml.training.fit import Fitted, baselines, default_estimator, fit
from kaizenml.training.metrics import value_of
from kaizenml.training.model import checked_model, keeps_columns
from kaizenml.training.problem import ROW, Problem, classes_for, kind_of, model_inputs, target_of, time_parts


@dataclass(frozen=True, slots=True)
class Trained:
    """The model of a run, and the simple ones beside it."""

    fitted: Fitted
    baselines: Mapping[str, Fitted]


@dataclass(frozen=True, slots=True)
class Declared:
    """What a project says of its table, as far as the steps need it."""

    target: str
    id: str | None
    time: str | None
    ignore: tuple[str, ...]
    seed: int
    holdout: float | str
    group: str | None = None
    said: tuple[Preparation, ...] = ()


def declared_by(project: Project) -> Declared:
    """Return what a project says of its table."""
    return Declared(
        project.target, project.id, project.time, project.ignore, project.seed, project.holdout, project.group,
        project.preparations,
    )  # fmt: skip


def given_by(project: Project, prepared: Prepared) -> dict[str, object]:
    """Return the values that are there before the first step."""
    return {
        "raw": prepared.good,
        "live": prepared.live,
        "human_labels": prepared.labels,
        "plan": prepared.plan,
        "declared": declared_by(project),
    }


#: The steps whose values gate and release look at.
JUDGED = ("rows", "problem", "split", "train", "evaluate")
#: The names of what is given.
GIVEN = ("raw", "live", "human_labels", "plan", "declared")


def steps_of(project: Project) -> dict[str, Step]:
    """Return every step of a run by name: the built-in ones, with those of the project in their place."""
    features = project.steps.get("features", time_parts)
    own = {name: step for name, step in project.steps.items() if name != "features"}
    return BUILT_IN | own | {"features": _feature_step(features)}


def built_in(function: Step) -> Step:
    """Mark a step as part of this package: its code is told by the package's version."""
    function.is_built_in = True  # type: ignore[attr-defined]
    return function


def select(raw: pl.DataFrame) -> pl.DataFrame:
    """Keep all rows."""
    return raw


def rows(select: pl.DataFrame, live: pl.DataFrame, human_labels: pl.DataFrame, declared: Declared) -> pl.DataFrame:
    """Put people's labels on the selected rows of the files, and the labelled rows that an endpoint answered behind."""
    if declared.target not in select.columns:
        raise NotFoundError("target column", declared.target, select.columns, "Or let the step `select` make it.")
    select = onto_selected(select, human_labels, id=declared.id, target=declared.target)
    if live.is_empty():
        return select
    kind = select.schema[declared.target]
    truth = pl.col("_label") == "true" if kind == pl.Boolean else pl.col("_label").cast(kind, strict=False)
    labelled = live.with_columns(truth.alias(declared.target)).drop("_label")
    known = labelled.filter(pl.col(declared.target).is_not_null())
    return pl.concat([select, known], how="diagonal")


def problem(rows: pl.DataFrame, plan: CleaningPlan, declared: Declared) -> Problem:
    """Say what is to be learned: task, classes, and the columns that a request must bring."""
    target = rows[declared.target]
    if declared.group is not None and declared.group not in rows.columns:
        raise NotFoundError("group column", declared.group, rows.columns)
    task = task_of(target, ColumnPlan(declared.target, kind_of(target)), pl.DataFrame(schema=FAILURES))
    left_out = {declared.target, declared.id, *declared.ignore}
    names = [name for name in plan.names if name in rows.columns and name not in left_out]
    inputs = tuple(
        Column(
            name,
            plan[name].kind,
            Role.TIME if name == declared.time else Role.GROUP if name == declared.group else Role.FEATURE,
            is_nullable=rows[name].null_count() > 0,
            example=_example(rows[name]),
        )
        for name in names
    )
    if not inputs:
        raise ProjectError("No column is left to learn from.", "Ignore fewer columns.")
    classes = classes_for(task, target)
    return Problem(
        task, declared.target, inputs, classes, declared.id, declared.time, declared.seed, declared.holdout,
        declared.group,
    )  # fmt: skip


def table(rows: pl.DataFrame, features: pl.DataFrame, problem: Problem) -> pl.DataFrame:
    """Put the target, the id, the time, the group and the number of each row beside the features."""
    named = (problem.target, problem.id, problem.time, problem.group)
    beside = [name for name in dict.fromkeys(named) if name and name not in features.columns]
    return features.with_columns(*(rows[name] for name in beside), pl.int_range(len(rows)).alias(ROW))


def split_rows(table: pl.DataFrame, problem: Problem) -> Split:
    """Keep rows back for the test: the newest where there is a time, else drawn at random; whole groups of them."""
    is_stratified = problem.task is not Task.REGRESSION and problem.time is None
    part = split if problem.group is None else partial(split_groups, group=problem.group)
    return part(
        table,
        time=problem.time,
        target=problem.target,
        holdout=_share(table, problem),
        seed=problem.seed,
        stratify=is_stratified,
    )


def estimator() -> None:
    """Leave the choice to `train`: gradient-boosted trees."""


def train(split: Split, estimator: Any, problem: Problem, declared: Declared) -> Trained:
    """Fit the estimator, and the baselines, behind the preparation that suits each."""
    fitted, same = _fitted(split, estimator, problem, declared)
    return Trained(fitted, baselines(split.train, target_of(problem, split.train), **same))


def _fitted(split: Split, estimator: Any, problem: Problem, declared: Declared) -> tuple[Fitted, dict[str, Any]]:
    chosen = default_estimator(problem.task, problem.seed) if estimator is None else estimator
    chosen = checked_model(chosen, problem.task)
    _seed(chosen, problem.seed)
    read = {each.column for each in declared.said if each.encode is Encode.TEXT}
    y = target_of(problem, split.train)
    columns = model_inputs(split.train, problem, keeps_all=keeps_columns(chosen), read=read)
    if not columns:
        raise ProjectError("No feature is left to learn from: each has one value only, or a new one in every row.")
    named = [name for name in split.train.columns if name not in (problem.target, ROW)]
    for each in declared.said:
        if each.column not in named:
            raise NotFoundError("feature", each.column, named, "`prepare` in project.py names it.")
    same = {
        "columns": columns, "task": problem.task, "classes": problem.classes, "seed": problem.seed,
        "said": declared.said,
    }  # fmt: skip
    return fit(chosen, split.train, y, **same), same  # type: ignore[arg-type]


def evaluate(train: Trained, split: Split, problem: Problem) -> Evaluation:
    """Test the model and the baselines on the rows that were kept back."""
    return evaluation(train.fitted, train.baselines, split.holdout, problem)


BUILT_IN: dict[str, Step] = {
    "select": built_in(select),
    "rows": built_in(rows),
    "problem": built_in(problem),
    "table": built_in(table),
    "split": built_in(split_rows),
    "estimator": built_in(estimator),
    "train": built_in(train),
    "evaluate": built_in(evaluate),
}


#: The step that only tuning runs.
FOLD = "fold_score"


def fold_score(
    split: Split,
    estimator: Any,
    problem: Problem,
    declared: Declared,
    number: int = 0,
    of: int = 3,
    gap: str = "",
    metric: str = "",
) -> float:
    """Return a metric of the estimator in one fold of the training rows; what is held out for the test is not seen."""
    fold = folds(problem, split.train, of, gap)[number]
    tested = split.train[fold.test]
    fitted, _ = _fitted(Split(split.train[fold.train], tested), estimator, problem, declared)
    return value_of(metric, problem.task, target_of(problem, tested), fitted.predict(tested))


def steps_beside() -> dict[str, Step]:
    """Return the steps that are no part of a run."""
    return {FOLD: built_in(fold_score)}


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
    told: Callable[..., Any] = features
    told.__signature__ = inspect.Signature([*named, *defaults])  # type: ignore[attr-defined]
    told.code = function  # type: ignore[attr-defined]
    told.is_built_in = function is time_parts  # type: ignore[attr-defined]
    return told


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

"""Everything that an evaluation looks at beyond metrics, and the artefacts that are kept of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

import numpy as np
import polars as pl

from kaizenml.core.assessment import ASSESSMENT, Assessment, Examination, Importances, Serving, Study
from kaizenml.core.chart import Bars, Chart, Grid, svg
from kaizenml.core.digest import Digest
from kaizenml.core.metric import Task
from kaizenml.core.ports import Blobs
from kaizenml.errors import KaizenError
from kaizenml.loop.evaluation_report import encoded
from kaizenml.loop.wiring import Say
from kaizenml.training import plots
from kaizenml.training.calibration import calibration
from kaizenml.training.evaluate import Evaluation
from kaizenml.training.fairness import fairness
from kaizenml.training.fit import Fitted
from kaizenml.training.importance import importance
from kaizenml.training.learning_curve import learning_curve
from kaizenml.training.problem import ROW, Problem
from kaizenml.training.slices import slices
from kaizenml.training.stale import staleness

T = TypeVar("T")


def examined(
    asked: Examination, values: Mapping[str, Any], rows: pl.DataFrame, serving: Serving | None, say: Say
) -> Assessment:
    """Return what the evaluation of a run found.

    Parameters
    ----------
    values
        What the steps ``problem``, ``split``, ``train`` and ``evaluate`` made.
    rows
        The test rows as selected, in the order of the evaluation.
    """
    problem, evaluated, split = values["problem"], values["evaluate"], values["split"]
    say("evaluate: calibration, slices")
    found = _looked_at(asked, problem, evaluated, _beside(rows, split.holdout), split.holdout.columns)
    studied = _studied(asked, problem, values["train"].fitted, split.train, split.holdout, say)
    found = replace(found, serving=serving, **studied)
    return replace(
        found,
        **_drawn(found, evaluated),
        notes=tuple(note for note in (*found.notes, *_missing(asked, found)) if note),
    )


def kept(found: Assessment, blobs: Blobs) -> dict[str, Digest]:
    """Write what was found, and every chart, among the blobs; return their digests by name."""
    made = {ASSESSMENT: blobs.put(encoded(found))}
    charts: dict[str, Chart | Bars | Grid] = {**found.charts, **found.bars, **found.grids}
    for name, drawn in charts.items():
        made[f"{name}.svg"] = blobs.put(svg(drawn).encode())
    return made


def _looked_at(
    asked: Examination, problem: Problem, evaluated: Evaluation, rows: pl.DataFrame, known: Sequence[str]
) -> Assessment:
    """Look at the test rows; slices are searched for among what is known when a request comes, and no other columns."""
    task = problem.task
    left_out = {problem.target, problem.id, problem.time, ROW}
    searched = [name for name in known if name not in left_out and _is_cut(rows[name])]
    rng = np.random.default_rng(problem.seed)
    return Assessment(
        task=task,
        target=problem.target,
        classes=problem.classes,
        rows=evaluated.rows,
        blocks=None if evaluated.blocks is None else len(np.unique(evaluated.blocks)),
        metrics=evaluated.metrics,
        baselines=evaluated.baselines,
        calibration=calibration(
            task, evaluated.y, evaluated.predicted, of=_looked_for(problem), blocks=evaluated.blocks, rng=rng
        ),
        slices=slices(evaluated, rows, task, declared=asked.slices, columns=searched),
        fairness=tuple(
            each
            for column in asked.groups
            for each in fairness(evaluated, rows, task, column, classes=problem.classes, rng=rng)
        ),
    )


def _looked_for(problem: Problem) -> str:
    """Return what a calibration table is about."""
    if problem.task is Task.REGRESSION:
        return problem.target
    return problem.classes[1] if problem.task is Task.BINARY else "the most probable class"


def _studied(
    asked: Examination, problem: Problem, fitted: Fitted, train: pl.DataFrame, test: pl.DataFrame, say: Say
) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if Study.IMPORTANCE in asked.also:
        say("evaluate: importance of every column")
        found["importance"] = importance(fitted, train, test, problem)
    elif asked.importance_seconds > 0:
        found["importance"], note = _tried(
            lambda: importance(fitted, train, test, problem, seconds=asked.importance_seconds)
        )
        found["notes"] = (note,)
    if Study.LEARNING_CURVE in asked.also:
        say("evaluate: learning curve")
        found["learning_curve"] = learning_curve(fitted, train, test, problem)
    if Study.STALENESS in asked.also:
        say("evaluate: staleness")
        found["staleness"] = staleness(fitted, train, test, problem)
    return found


def _tried(look: Callable[[], Importances | None]) -> tuple[Importances | None, str]:
    """Look at what nobody asked for: an estimator that cannot learn from shadows must not end the run."""
    try:
        return look(), ""
    except Exception as error:  # the estimator is the user's, and may raise anything
        said = error.message if isinstance(error, KaizenError) else f"{type(error).__name__}: {str(error)[:200]}"
        return None, f"Importance cannot be told, because the model does not learn from shadow columns: {said}"


def _missing(asked: Examination, found: Assessment) -> tuple[str, ...]:
    """Return what was asked for and could not be told, each with why."""
    few = "there are too few rows"
    told = {each.where[0][0] for each in (found.slices.declared if found.slices else ())}
    return (
        *(f"No slice of {name} is told of: {few} of each value." for name in asked.slices if name not in told),
        f"No learning curve: {few}." if Study.LEARNING_CURVE in asked.also and found.learning_curve is None else "",
        f"No staleness: the project has no time, or {few}."
        if Study.STALENESS in asked.also and found.staleness is None
        else "",
    )


def _drawn(found: Assessment, evaluated: Evaluation) -> dict[str, Any]:
    charts = plots.curves(evaluated, found.task, found.target)
    if found.calibration is not None:
        charts["calibration"] = plots.calibration_chart(found.calibration, found.task)
    if found.learning_curve is not None:
        charts["learning_curve"] = plots.learning_chart(found.learning_curve)
    if found.staleness is not None:
        charts["staleness"] = plots.staleness_chart(found.staleness)
    bars = {} if found.importance is None else {"importance": plots.importance_bars(found.importance)}
    grids = {} if found.task is Task.REGRESSION else {"confusion": plots.confusion(evaluated, found.classes)}
    return {"charts": charts, "bars": bars, "grids": grids}


def _beside(rows: pl.DataFrame, featured: pl.DataFrame) -> pl.DataFrame:
    """Return the test rows with what the features step made of them."""
    return rows.with_columns(featured[name] for name in featured.columns if name not in rows.columns)


def _is_cut(values: pl.Series) -> bool:
    return not values.dtype.is_temporal() and not values.dtype.is_nested()

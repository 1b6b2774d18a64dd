"""The charts of an evaluation, as values: ROC, precision and recall, calibration, residuals, and others."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from kaizenml.core.assessment import Calibration, Importances, LearningCurve, Point, Staleness
from kaizenml.core.chart import Bar, Bars, Chart, Grid, Series
from kaizenml.core.metric import Task
from kaizenml.training.evaluate import Evaluation

Array = NDArray[np.float64]

#: A curve has so many points at the most, a cloud so many dots.
MOST_POINTS, MOST_DOTS = 150, 800
MOST_CLASSES, MOST_BARS = 12, 20
_UNIT = (0.0, 1.0)


def curves(evaluated: Evaluation, task: Task, target: str) -> dict[str, Chart]:
    """Return ROC and precision-recall curves of two classes, or the residuals of values; nothing of more classes."""
    if task is Task.REGRESSION:
        return {"residuals": residuals(evaluated, target)}
    if task is Task.MULTICLASS or not 0 < evaluated.y.sum() < evaluated.rows:
        return {}
    said: Mapping[str, Array] = {
        "model": evaluated.predicted[:, 1],
        **{name: each[:, 1] for name, each in evaluated.simple.items() if name != "dummy"},
    }
    even = Series("", (0.0, 1.0), (0.0, 1.0), is_reference=True)
    rate = float(evaluated.y.mean())
    floor = Series("", (0.0, 1.0), (rate, rate), is_reference=True)
    return {
        "roc": Chart(
            "ROC",
            "false-positive rate",
            "true-positive rate",
            (*(Series(name, *roc(evaluated.y, each)) for name, each in said.items()), even),
            _UNIT,
            _UNIT,
        ),
        "precision_recall": Chart(
            "Precision and recall",
            "recall",
            "precision",
            (*(Series(name, *precision_recall(evaluated.y, each)) for name, each in said.items()), floor),
            _UNIT,
            _UNIT,
        ),
    }


def roc(y: Array, score: Array) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return false- and true-positive rates for every threshold from high to low, thinned."""
    true, false = _cumulated(y, score)
    return _thin(np.r_[0.0, false / max(false[-1], 1)], np.r_[0.0, true / max(true[-1], 1)])


def precision_recall(y: Array, score: Array) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return recall and precision for every threshold from high to low, thinned."""
    true, false = _cumulated(y, score)
    return _thin(true / max(true[-1], 1), true / (true + false))


def calibration_chart(found: Calibration, task: Task) -> Chart:
    """Return what happened over what was predicted, with intervals."""
    x = tuple(each.predicted for each in found.bins)
    happened = [each.happened for each in found.bins]
    points = Series(
        "model",
        x,
        tuple(each.value for each in happened),
        tuple(each.low for each in happened),
        tuple(each.high for each in happened),
        is_line=False,
    )
    ends = _UNIT if task is not Task.REGRESSION else (min(x), max(x))
    even = Series("", ends, ends, is_reference=True)
    span = _UNIT if task is not Task.REGRESSION else None
    return Chart(f"Calibration: {found.of}", "predicted", "happened", (points, even), span, span)


def residuals(evaluated: Evaluation, target: str) -> Chart:
    """Return what happened less what was predicted, of a seeded draw of rows."""
    order = np.random.default_rng(0).permutation(evaluated.rows)[:MOST_DOTS]
    said, left = evaluated.predicted[order], (evaluated.y - evaluated.predicted)[order]
    dots = Series("rows", _listed(said), _listed(left), is_line=False)
    none = Series("", (float(said.min()), float(said.max())), (0.0, 0.0), is_reference=True)
    return Chart("Residuals", f"predicted {target}", "happened less predicted", (dots, none))


def confusion(evaluated: Evaluation, classes: tuple[str, ...]) -> Grid:
    """Return how often each class was taken for each; the rarest of many classes are left out."""
    count = len(classes)
    y, said = evaluated.y.astype(np.int64), evaluated.predicted.argmax(axis=1)
    cells = np.bincount(y * count + said, minlength=count * count).reshape(count, count)
    kept = np.sort(np.argsort(-cells.sum(axis=1), kind="stable")[:MOST_CLASSES])
    names = tuple(classes[code] for code in kept)
    return Grid("Confusion", names, names, tuple(tuple(map(int, cells[code, kept])) for code in kept))


def importance_bars(found: Importances) -> Bars:
    """Return what each column is worth, its shadow marked; columns that earn nothing are faint."""
    bars = tuple(
        Bar(
            each.column,
            each.importance.value,
            each.importance.low,
            each.importance.high,
            each.shadow,
            is_faint=not each.earned,
        )
        for each in found.columns[:MOST_BARS]
    )
    return Bars("Importance", "rise of the loss when shuffled", bars, "orange: its shadow")


def learning_chart(found: LearningCurve) -> Chart:
    """Return the metric over the number of rows."""
    return Chart("Learning curve", "rows", found.metric, (_line(found.points),))


def staleness_chart(found: Staleness) -> Chart:
    """Return skill over age."""
    return Chart("Staleness", "days since the model last learned", "skill", (_line(found.points),))


def _line(points: tuple[Point, ...]) -> Series:
    each = [point.estimate for point in points]
    return Series(
        "model",
        tuple(point.at for point in points),
        tuple(estimate.value for estimate in each),
        tuple(estimate.low for estimate in each),
        tuple(estimate.high for estimate in each),
    )


def _cumulated(y: Array, score: Array) -> tuple[Array, Array]:
    """Return true and false positives at each threshold, from the highest on."""
    order = np.argsort(-score, kind="stable")
    ends = np.flatnonzero(np.diff(score[order], append=-np.inf))
    true = np.cumsum(y[order])[ends]
    return np.asarray(true), np.asarray(ends + 1 - true)


def _thin(x: Array, y: Array) -> tuple[tuple[float, ...], tuple[float, ...]]:
    at = np.unique(np.linspace(0, len(x) - 1, MOST_POINTS).astype(int))
    return _listed(x[at]), _listed(y[at])


def _listed(values: Array) -> tuple[float, ...]:
    return tuple(float(f"{value:.6g}") for value in values)

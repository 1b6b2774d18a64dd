"""What each feature of one row has to do with its score: exactly, by a model's own account, where it gives one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from kaizenml.core.metric import Task
from kaizenml.training.fit import predicted
from kaizenml.training.shapley import shapley

Array = NDArray[np.float64]
#: So many rows, one coalition after the other, are scored at once.
_AT_ONCE = 20_000
#: As near a model's own account must come to its score, on the scale of the score: XGBoost counts in single precision.
TOLERANCE = 1e-5

_LINEAR = "each weight times how far the value is from the background's mean"
_TREES = "path-dependent TreeSHAP, by the model's own library"


@dataclass(frozen=True, slots=True)
class Shared:
    """A score, shared out among the columns that a model takes: ``base`` and all ``values`` together are ``score``.

    Parameters
    ----------
    scale
        What the score is: ``value``, ``probability``, ``log-odds``, or ``margin`` (before the softmax).
    values, errors
        By column, shape (k,); the standard error is 0 where nothing was drawn at random.
    """

    method: str
    source: str
    scale: str
    base: float
    score: float
    values: Array
    errors: Array


def shared(
    pipeline: Any, row: pl.DataFrame, background: pl.DataFrame, task: Task, classes: int, of: int, seed: int
) -> Shared:
    """Return what each column of a row adds to its score.

    Parameters
    ----------
    pipeline
        Fitted: ``prepare``, then ``model``.
    row, background
        One row, and rows to hold it against, as `design.matrix` makes them.
    of
        The class whose score is shared out; without a meaning for a regression.

    Notes
    -----
    A linear model's weights times the distance from the background's mean are its Shapley values (E. Štrumbelj and
    I. Kononenko, "Explaining prediction models and individual predictions with feature contributions", KAIS 41, 2014),
    those of columns that were made of one added up. LightGBM and XGBoost count along their own trees (S. M. Lundberg et
    al., "From local explanations to global understanding with explainable AI for trees", Nature Machine Intelligence 2,
    2020); their base is their own mean and not the background's. An account that does not add up to the score the model
    gives is not believed. All other models are asked; see `shapley`.
    """
    found = _own(pipeline, row, background, task, classes, of)
    return found if found is not None else _asked(pipeline, row, background, task, classes, of, seed)


def _own(
    pipeline: Any, row: pl.DataFrame, background: pl.DataFrame, task: Task, classes: int, of: int
) -> Shared | None:
    """Return the model's own account; None where it gives none, or one that is not true."""
    preparation, model = pipeline.named_steps["prepare"], pipeline.named_steps["model"]
    made_of = origins(preparation)
    if made_of is None or (task is not Task.REGRESSION and len(getattr(model, "classes_", ())) != classes):
        return None
    encoded = preparation.transform(row)
    if hasattr(encoded, "toarray"):
        encoded = encoded.toarray()
    told = _linear(model, encoded, preparation, background) or _boosted(model, encoded)
    if told is None:
        return None
    method, source, base, parts = told
    margins = base + parts.sum(axis=1)
    if not np.allclose(
        _scores(margins, task), predicted(pipeline, row, task, classes)[0], rtol=TOLERANCE, atol=TOLERANCE
    ):
        return None
    at = of if len(margins) > 1 else 0
    sign = -1.0 if task is Task.BINARY and len(margins) == 1 and of == 0 else 1.0
    values = np.array([parts[at][[name == column for name in made_of]].sum() for column in row.columns])
    scale = "value" if task is Task.REGRESSION else "log-odds" if len(margins) == 1 else "margin"
    return Shared(
        method, source, scale, sign * float(base[at]), sign * float(margins[at]), sign * values, np.zeros(row.width)
    )


def _scores(margins: Array, task: Task) -> Array:
    """Return what a model says whose margins these are: a value, shape (), or probabilities, shape (k,)."""
    if task is Task.REGRESSION:
        return np.asarray(margins[0])
    if len(margins) == 1:
        return np.array([1 / (1 + np.exp(margins[0])), 1 / (1 + np.exp(-margins[0]))])
    weights = np.exp(margins - margins.max())
    return np.asarray(weights / weights.sum())


def _linear(
    model: Any, encoded: Array, preparation: Any, background: pl.DataFrame
) -> tuple[str, str, Array, Array] | None:
    if not type(model).__module__.startswith("sklearn.linear_model") or not hasattr(model, "coef_"):
        return None
    weights = np.atleast_2d(np.asarray(model.coef_, dtype=np.float64))
    means = np.asarray(preparation.transform(background).mean(axis=0), dtype=np.float64).ravel()
    base = np.atleast_1d(model.intercept_) + weights @ means
    return "linear", _LINEAR, base, weights * (np.asarray(encoded, dtype=np.float64)[0] - means)


def _boosted(model: Any, encoded: Array) -> tuple[str, str, Array, Array] | None:
    library = type(model).__module__.partition(".")[0]
    count = _lightgbm if library == "lightgbm" else _xgboost if library == "xgboost" else None
    told = None if count is None else count(model, encoded)
    if told is None:
        return None
    parts = np.asarray(told, dtype=np.float64).reshape(-1, encoded.shape[1] + 1)
    return "trees", _TREES, parts[:, -1], parts[:, :-1]


def _lightgbm(model: Any, encoded: Array) -> Any:
    from lightgbm.basic import LightGBMError

    try:
        return model.predict(encoded, pred_contrib=True)
    except LightGBMError:  # of trees with a linear model in each leaf it gives no account
        return None


def _xgboost(model: Any, encoded: Array) -> Any:
    from xgboost import DMatrix
    from xgboost.core import XGBoostError

    booster = model.get_booster()
    try:
        return booster.predict(DMatrix(encoded, feature_names=booster.feature_names), pred_contribs=True)
    except XGBoostError:
        return None


def _asked(
    pipeline: Any, row: pl.DataFrame, background: pl.DataFrame, task: Task, classes: int, of: int, seed: int
) -> Shared:
    def score(rows: pl.DataFrame) -> Array:
        found = predicted(pipeline, rows, task, classes)
        return found if task is Task.REGRESSION else found[:, of]

    def worth(coalitions: NDArray[np.bool_]) -> Array:
        step = max(1, _AT_ONCE // len(background))
        parts = [coalitions[start : start + step] for start in range(0, len(coalitions), step)]
        return np.concatenate(
            [score(mixed(row, background, part)).reshape(len(part), -1).mean(axis=1) for part in parts]
        )

    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):  # many small batches: threads would wait for each other longer than they count
        found = shapley(worth, row.width, np.random.default_rng(seed))
    method = "shapley" if found.is_exact else "shapley, sampled"
    source = "interventional Shapley values of every coalition of columns"
    if not found.is_exact:
        source = "interventional Shapley values, from orders of the columns drawn with their reverses"
    scale = "value" if task is Task.REGRESSION else "probability"
    return Shared(method, source, scale, found.base, float(score(row)[0]), found.values, found.errors)


def mixed(row: pl.DataFrame, background: pl.DataFrame, coalitions: NDArray[np.bool_]) -> pl.DataFrame:
    """Return the background once for each coalition (m, k), with the row's cells in the columns of the coalition."""
    count, among = len(background), len(coalitions)
    at = np.tile(np.arange(count), among)
    columns = []
    for number, name in enumerate(row.columns):
        taken = np.repeat(np.where(coalitions[:, number], count, -1), count)
        cells = pl.concat([background[name], row[name]])
        columns.append(cells.gather(np.where(taken < 0, at, taken)))
    return pl.DataFrame(columns)


def origins(preparation: Any) -> list[str] | None:
    """Return of which column each column of the estimator's matrix was made; None where this cannot be told."""
    found: list[str] = []
    for name, fitted, columns in preparation.transformers_:
        if name == "remainder" or fitted == "drop":
            continue
        part = _origins(name, fitted, [columns] if isinstance(columns, str) else list(columns))
        if part is None:
            return None
        found += part
    return found


def _origins(name: str, fitted: Any, columns: Sequence[str]) -> list[str] | None:
    names = list(columns) if fitted == "passthrough" else [str(each) for each in fitted.get_feature_names_out()]
    if name.startswith("words-"):
        return [columns[0]] * len(names)
    if name == "few":
        sizes = [len(each) for each in fitted.categories_]
        return [column for column, size in zip(columns, sizes, strict=True) for _ in range(size)]
    if name == "many":
        return [column for column in columns for _ in range(len(names) // len(columns))]
    made = [each.removeprefix("missingindicator_") for each in names]
    return made if set(made) <= set(columns) else None

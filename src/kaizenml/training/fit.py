"""Training: the project's estimator behind its preparation, and the simple models that it must beat."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from kaizenml.core.metric import Task
from kaizenml.core.preparation import Encode, Preparation
from kaizenml.core.schema import Column, ColumnKind
from kaizenml.errors import TargetError
from kaizenml.training.design import matrix, preprocessor, takes_missing, takes_sparse

#: The linear baseline learns from at most this many rows: more would cost time and hardly change a baseline.
MOST_BASELINE_ROWS = 20_000
#: The depth of the small tree: what a person could still read.
TREE_DEPTH = 4


@dataclass(frozen=True, slots=True)
class Fitted:
    """A fitted pipeline (`prepare`, then `model`), the columns it takes, and the classes it tells apart.

    ``said`` is what the project says of how columns are prepared.
    """

    pipeline: Any
    columns: tuple[Column, ...]
    task: Task
    classes: tuple[str, ...]
    said: tuple[Preparation, ...] = ()

    def predict(self, rows: pl.DataFrame) -> NDArray[np.float64]:
        """Return probabilities, shape (n, k) in the order of `classes`; or values, shape (n,)."""
        return predicted(self.pipeline, matrix(rows, self.columns), self.task, len(self.classes))


def fit(
    estimator: Any,
    rows: pl.DataFrame,
    y: NDArray[np.float64],
    *,
    columns: Sequence[Column],
    task: Task,
    classes: tuple[str, ...],
    seed: int,
    said: tuple[Preparation, ...] = (),
) -> Fitted:
    """Return the estimator fitted behind the preparation that suits it.

    Parameters
    ----------
    rows
        Prepared training rows, with every one of the columns.
    y
        Class codes 0 … k-1, or values; shape (n,).

    Raises
    ------
    TargetError
        When the rows hold one class only.
    """
    from sklearn.pipeline import Pipeline

    frame = matrix(rows, columns)
    is_tolerant = takes_missing(estimator)
    seen = len(np.unique(y))
    if task is not Task.REGRESSION and seen < 2:
        raise TargetError(
            f"All {len(y):,} training rows are of one class, {classes[int(y[0])]!r}.",
            "Choose other rows, or another split: there is nothing to tell apart.",
        )
    before = preprocessor(
        columns, frame, task, seen=seen, takes_missing=is_tolerant, scales=not is_tolerant, seed=seed, said=said,
        takes_sparse=takes_sparse(estimator),
    )  # fmt: skip
    pipeline = Pipeline([("prepare", before), ("model", estimator)])
    if task is Task.REGRESSION:
        pipeline.fit(frame, y)
        return Fitted(pipeline, tuple(columns), task, classes, said)
    known, codes = np.unique(y.astype(np.int64), return_inverse=True)
    pipeline.fit(frame, codes)
    if len(known) < len(classes):  # XGBoost takes the classes 0 … m-1 only: whom they stand for is kept beside
        estimator.known_codes_ = known
    return Fitted(pipeline, tuple(columns), task, classes, said)


def predicted(pipeline: Any, frame: Any, task: Task, count: int) -> NDArray[np.float64]:
    """Return what a fitted pipeline, or estimator, says of a matrix: probabilities (n, count), or values (n,)."""
    if task is Task.REGRESSION:
        return np.asarray(pipeline.predict(frame), dtype=np.float64)
    found = np.asarray(pipeline.predict_proba(frame), dtype=np.float64)
    if found.shape[1] == count:
        return found
    model = pipeline.named_steps["model"] if hasattr(pipeline, "named_steps") else pipeline
    known = np.asarray(getattr(model, "known_codes_", pipeline.classes_), dtype=np.int64)
    whole = np.zeros((len(found), count))
    whole[:, known] = found
    return whole


def baselines(
    rows: pl.DataFrame,
    y: NDArray[np.float64],
    *,
    columns: Sequence[Column],
    task: Task,
    classes: tuple[str, ...],
    seed: int,
    said: tuple[Preparation, ...] = (),
) -> dict[str, Fitted]:
    """Return the simple models that a real one must beat.

    ``dummy`` knows the target only, ``linear`` adds it all up, ``tree`` asks at most four questions in a row. Of what
    the project says of columns they obey what is dropped: the rest was said for another model.
    """
    found = {}
    dropped = tuple(each for each in said if each.encode is Encode.DROP)
    is_wide = any(column.kind is ColumnKind.TEXT for column in columns)
    few = np.sort(np.random.default_rng(seed).permutation(len(y))[:MOST_BASELINE_ROWS])
    for name, estimator in _simple(task, seed, is_wide=is_wide).items():
        found[name] = fit(
            estimator, rows[few], y[few], columns=columns, task=task, classes=classes, seed=seed, said=dropped
        )
    return found


def default_estimator(task: Task, seed: int) -> Any:
    """Return gradient-boosted trees: a strong model for tables of any kind that needs no tuning to be useful."""
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    kind = HistGradientBoostingRegressor if task is Task.REGRESSION else HistGradientBoostingClassifier
    return kind(random_state=seed)


def _simple(task: Task, seed: int, *, is_wide: bool) -> dict[str, Any]:
    from sklearn.dummy import DummyClassifier, DummyRegressor
    from sklearn.linear_model import LogisticRegression, Ridge
    from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

    kind = DecisionTreeRegressor if task is Task.REGRESSION else DecisionTreeClassifier
    tree = kind(max_depth=TREE_DEPTH, min_samples_leaf=20, random_state=seed)
    if task is Task.REGRESSION:
        return {"dummy": DummyRegressor(), "linear": Ridge(), "tree": tree}
    # The first is fast where rows are many and columns few, and has no end where words are columns.
    solver = "newton-cholesky" if task is Task.BINARY and not is_wide else "lbfgs"
    linear = LogisticRegression(solver=solver, max_iter=300)
    return {"dummy": DummyClassifier(strategy="prior"), "linear": linear, "tree": tree}

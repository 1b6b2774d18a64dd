"""From prepared rows to what a scikit-learn estimator learns from.

What is learned here (medians, scales, categories, target means) is fitted on training rows only and travels inside the
model, so that training and serving cannot differ.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from kaizenml.core.metric import Task
from kaizenml.core.schema import Column, ColumnKind
from kaizenml.errors import ProjectError

#: How a missing category is written for the encoders: it is a category of its own.
MISSING = "(missing)"
#: Up to this many categories get a column each; more are replaced by what they say about the target.
MOST_ONE_HOT = 10
_NUMBERS = (ColumnKind.NUMBER, ColumnKind.INTEGER, ColumnKind.BOOLEAN)


def model_columns(columns: Sequence[Column]) -> tuple[Column, ...]:
    """Return the columns that a model can take; times are used through the parts that `features` makes of them."""
    return tuple(column for column in columns if column.kind is not ColumnKind.TIME)


def matrix(rows: pl.DataFrame, columns: Sequence[Column]) -> pl.DataFrame:
    """Return the columns as estimators take them: numbers as Float64 with NaN for missing, the rest as text.

    Raises
    ------
    ProjectError
        When a column is missing, which a `features` step can cause.
    """
    missing = [column.name for column in columns if column.name not in rows.columns]
    if missing:
        raise ProjectError(
            f"The step `features` returned no column {missing[0]!r}, which the model was trained on.",
            "Return the same columns for every set of rows.",
        )
    return rows.select(_expression(column) for column in columns)


def preprocessor(
    columns: Sequence[Column],
    rows: pl.DataFrame,
    task: Task,
    *,
    seen: int,
    takes_missing: bool,
    scales: bool,
    seed: int,
) -> Any:
    """Return an unfitted ColumnTransformer for these columns.

    Parameters
    ----------
    seen
        How many classes the training rows hold: the newest class may be in none of them.
    takes_missing
        The estimator copes with NaN: missing numbers are left as they are, not imputed.
    scales
        The estimator cares about scale: numbers are standardised.
    """
    from sklearn.compose import ColumnTransformer
    from sklearn.preprocessing import OneHotEncoder, TargetEncoder

    numbers = [column.name for column in columns if column.kind in _NUMBERS]
    texts = [column.name for column in columns if column.kind not in _NUMBERS]
    few = [name for name in texts if rows[name].n_unique() <= MOST_ONE_HOT]
    many = [name for name in texts if name not in few]
    kind = "continuous" if task is Task.REGRESSION else "binary" if seen <= 2 else "multiclass"
    parts = [
        ("numbers", _numbers(takes_missing=takes_missing, scales=scales), numbers),
        ("few", OneHotEncoder(handle_unknown="ignore", sparse_output=False), few),
        ("many", TargetEncoder(target_type=kind, cv=_folds(task, seed)), many),
    ]
    return ColumnTransformer([part for part in parts if part[2]], verbose_feature_names_out=False)


def takes_missing(estimator: object) -> bool:
    """Say whether a scikit-learn estimator copes with NaN."""
    from sklearn.utils import get_tags

    return bool(get_tags(estimator).input_tags.allow_nan)


def classes_of(target: pl.Series) -> tuple[str, ...]:
    """Return the classes as text, in their natural order (False before True, 2 before 10)."""
    return tuple(_text(value) for value in target.drop_nulls().unique().sort().to_list())


def codes_of(target: pl.Series, classes: Sequence[str]) -> NDArray[np.float64]:
    """Return the target as class codes 0 … k-1; NaN for classes that are not among these."""
    codes: Mapping[str, float] = {name: float(code) for code, name in enumerate(classes)}
    return np.array([codes.get(_text(value), np.nan) for value in target.to_list()], dtype=np.float64)


def _text(value: object) -> str:
    return ("true" if value else "false") if isinstance(value, bool) else str(value)


def _folds(task: Task, seed: int) -> Any:
    from sklearn.model_selection import KFold, StratifiedKFold

    kind = KFold if task is Task.REGRESSION else StratifiedKFold
    return kind(n_splits=5, shuffle=True, random_state=seed)


def _numbers(*, takes_missing: bool, scales: bool) -> Any:
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import StandardScaler

    steps: list[tuple[str, Any]] = []
    if not takes_missing:
        steps.append(("impute", SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True)))
    if scales:
        steps.append(("scale", StandardScaler()))
    return Pipeline(steps) if steps else "passthrough"


def _expression(column: Column) -> pl.Expr:
    if column.kind in _NUMBERS:
        return pl.col(column.name).cast(pl.Float64).fill_null(float("nan"))
    return pl.col(column.name).cast(pl.String).fill_null(MISSING)

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
from kaizenml.core.preparation import Encode, Preparation
from kaizenml.core.schema import Column, ColumnKind
from kaizenml.errors import ProjectError
from kaizenml.training.preparation import NUMBERS, number_parts, text_parts
from kaizenml.training.words import prose_parts

#: How a missing category is written for the encoders: it is a category of its own.
MISSING = "(missing)"


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
    takes_sparse: bool = False,
    said: Sequence[Preparation] = (),
) -> Any:
    """Return an unfitted ColumnTransformer for these columns.

    Parameters
    ----------
    seen
        How many classes the training rows hold: the newest class may be in none of them.
    takes_missing
        The estimator copes with NaN: missing numbers are left as they are, not imputed.
    scales
        The estimator cares about scale: numbers are standardised, skewed ones on a logarithmic scale.
    takes_sparse
        The estimator takes thousands of columns with hardly a number in each: words of prose become one each.
    said
        What the project says of columns; the others are prepared by their kind.
    """
    from sklearn.compose import ColumnTransformer
    from sklearn.preprocessing import TargetEncoder

    asked = {each.column: each for each in said}
    seen_by = [column for column in columns if column.name not in asked or asked[column.name].encode is not Encode.DROP]
    if columns and not seen_by:
        raise ProjectError("Every feature is dropped.", 'Take back one of the `prepare(…, encode="drop")`.')
    numbers = [column for column in seen_by if column.kind in NUMBERS]
    read = [column for column in seen_by if _is_read(column, asked.get(column.name))]
    texts = [column for column in seen_by if column.kind not in NUMBERS and column not in read]
    kind = "continuous" if task is Task.REGRESSION else "binary" if seen <= 2 else "multiclass"
    parts = [
        *number_parts(numbers, rows, asked, takes_missing=takes_missing, scales=scales),
        *text_parts(texts, rows, asked, TargetEncoder(target_type=kind, cv=_folds(task, seed))),
        *prose_parts(read, rows, scales=scales, takes_sparse=takes_sparse, seed=seed),
    ]
    return ColumnTransformer([part for part in parts if part[2]], verbose_feature_names_out=False)


def _is_read(column: Column, said: Preparation | None) -> bool:
    """Say whether a column is read for its words: prose, unless the project says otherwise; any text, where it does."""
    if said is not None and said.encode is not None:
        return said.encode is Encode.TEXT and column.kind not in NUMBERS
    return column.kind is ColumnKind.TEXT


def takes_sparse(estimator: object) -> bool:
    """Say whether a scikit-learn estimator takes sparse matrices."""
    from sklearn.utils import get_tags

    return bool(get_tags(estimator).input_tags.sparse)


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


def _expression(column: Column) -> pl.Expr:
    if column.kind in NUMBERS:
        return pl.col(column.name).cast(pl.Float64).fill_null(float("nan"))
    return pl.col(column.name).cast(pl.String).fill_null("" if column.kind is ColumnKind.TEXT else MISSING)

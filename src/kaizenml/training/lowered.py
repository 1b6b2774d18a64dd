"""The preparation inside a fitted pipeline, without the cost of asking scikit-learn about a few rows.

A ColumnTransformer spends milliseconds on checks before it looks at a row. What it has learned is small: categories,
their codes, a few numbers. Laid out as dictionaries it gives the same matrix, bit for bit, in a fraction of the time;
a scorer that uses it replays its golden rows, whose answers came from the original.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

Array = NDArray[np.float64]
#: From a frame as `design.matrix` makes it to some columns of the estimator's matrix.
Part = Callable[[pl.DataFrame], Array]


def lowered(preparation: Any) -> Callable[[pl.DataFrame], Array] | None:
    """Return a function that prepares rows as a fitted ColumnTransformer does; None where it holds something unknown.

    Parameters
    ----------
    preparation
        A fitted ColumnTransformer, as `design.preprocessor` makes it.
    """
    parts = [_part(name, fitted, columns) for name, fitted, columns in preparation.transformers_ if name != "remainder"]
    known = [part for part in parts if part is not None]
    if len(known) != len(parts) or not known:
        return None
    return lambda frame: np.hstack([part(frame) for part in known])


def _part(name: str, fitted: Any, columns: Sequence[str]) -> Part | None:
    if name.partition("-")[0] == "numbers":
        return _numbers(fitted, columns)
    if name == "few":
        return _one_hot(fitted, columns)
    if name == "ordinal":
        return _ordinal(fitted, columns)
    return _target_means(fitted, columns) if name == "many" else None


def _numbers(fitted: Any, columns: Sequence[str]) -> Part:
    names = list(columns)
    is_passed_on = fitted == "passthrough" or not hasattr(fitted, "steps")

    def numbers(frame: pl.DataFrame) -> Array:
        values = frame.select(names)
        return np.asarray(values.to_numpy() if is_passed_on else fitted.transform(values), dtype=np.float64)

    return numbers


def _one_hot(fitted: Any, columns: Sequence[str]) -> Part | None:
    if fitted.drop_idx_ is not None or getattr(fitted, "infrequent_categories_", None):
        return None
    starts = np.cumsum([0, *(len(each) for each in fitted.categories_)])
    codes = [_codes(each, start) for each, start in zip(fitted.categories_, starts[:-1], strict=True)]

    def one_hot(frame: pl.DataFrame) -> Array:
        made = np.zeros((len(frame), int(starts[-1])))
        for name, known in zip(columns, codes, strict=True):
            at = [known.get(value, -1) for value in frame[name].to_list()]
            for row, column in enumerate(at):
                if column >= 0:
                    made[row, column] = 1.0
        return made

    return one_hot


def _ordinal(fitted: Any, columns: Sequence[str]) -> Part | None:
    if fitted.handle_unknown != "use_encoded_value" or getattr(fitted, "infrequent_categories_", None):
        return None
    codes = [_codes(each, 0) for each in fitted.categories_]
    unknown = float(fitted.unknown_value)

    def ordinal(frame: pl.DataFrame) -> Array:
        made = np.empty((len(frame), len(codes)))
        for index, (name, known) in enumerate(zip(columns, codes, strict=True)):
            made[:, index] = [known.get(value, unknown) for value in frame[name].to_list()]
        return made

    return ordinal


def _target_means(fitted: Any, columns: Sequence[str]) -> Part:
    count = len(fitted.classes_) if fitted.target_type_ == "multiclass" else 1
    unknown = np.atleast_1d(fitted.target_mean_)
    tables = [
        (columns[index // count], dict(zip(_plain(fitted.categories_[index // count]), means.tolist(), strict=True)),
         float(unknown[index % count]))
        for index, means in enumerate(fitted.encodings_)
    ]  # fmt: skip

    def target_means(frame: pl.DataFrame) -> Array:
        made = np.empty((len(frame), len(tables)))
        for index, (name, known, otherwise) in enumerate(tables):
            made[:, index] = [known.get(value, otherwise) for value in frame[name].to_list()]
        return made

    return target_means


def _codes(categories: Any, start: int) -> Mapping[object, int]:
    return {value: int(start) + code for code, value in enumerate(_plain(categories))}


def _plain(categories: Any) -> list[object]:
    """Return categories as Python values, which is what a frame's rows hold."""
    return [value.item() if isinstance(value, np.generic) else value for value in categories]

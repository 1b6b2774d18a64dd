"""Answered rows beside the truth that arrived later, as arrays that metrics take."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import polars as pl
from numpy.typing import NDArray

from kaizenml.core.metric import Task
from kaizenml.core.signature import Signature
from kaizenml.core.truth import read_truth
from kaizenml.training.metrics import row_losses

Array = NDArray[np.float64]


def joined(rows: pl.DataFrame, labels: pl.DataFrame, signature: Signature) -> pl.DataFrame:
    """Return answered rows, one for each id, with the truth in ``y``: a class code or a number, NaN where unknown."""
    once = rows.unique("id", keep="last", maintain_order=True)
    beside = once.join(labels.select("id", pl.col("value").alias("label")), on="id", how="left", maintain_order="left")
    return beside.with_columns(pl.Series("y", truth(beside["label"], signature)))


def truth(labels: pl.Series, signature: Signature) -> Array:
    """Return labels, written as JSON, as class codes or numbers, shape (n,); NaN where there is none that is known."""
    decode = msgspec.json.Decoder().decode
    codes = {name: float(code) for code, name in enumerate(signature.classes)}
    known = {text: _truth(decode(text), codes, signature) for text in labels.drop_nulls().unique().to_list()}
    return np.array([known.get(text, np.nan) for text in labels.to_list()], dtype=np.float64)


def scores_of(values: pl.Series, probabilities: pl.Series, signature: Signature) -> Array:
    """Return what a model said, as metrics take it: probabilities (n, k), or values (n,)."""
    if signature.task is Task.REGRESSION:
        return values.cast(pl.Float64, strict=False).fill_null(float("nan")).to_numpy()
    return np.array(probabilities.to_list(), dtype=np.float64).reshape(len(probabilities), len(signature.classes))


def losses_of(y: Array, predicted: Array, task: Task) -> Array:
    """Return the loss of each row, shape (n,): Brier score for classes, squared error for numbers."""
    return row_losses(task, y, predicted)


def _truth(value: Any, codes: dict[str, float], signature: Signature) -> float:
    if signature.task is Task.REGRESSION:
        return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else float("nan")
    said = read_truth(value, signature.target_type)
    text = ("true" if said else "false") if isinstance(said, bool) else str(said)
    return codes.get(text, float("nan"))

"""Whether groups are treated alike: how often each is given the good answer, and how often rightly.

Sources: Dwork et al. (2012) for demographic parity; Hardt, Price and Srebro (2016), *Equality of opportunity in
supervised learning*, for equal opportunity and equalised odds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from kaizenml.core.assessment import Fairness, Group
from kaizenml.core.metric import Estimate, Task
from kaizenml.errors import NotFoundError
from kaizenml.training.cells import Cells, cells_of
from kaizenml.training.evaluate import Evaluation
from kaizenml.training.metrics import drawn, estimate

Array = NDArray[np.float64]

#: Groups with fewer test rows are shown, but not held against the others.
FEWEST_ROWS = 30


def fairness(
    evaluated: Evaluation,
    rows: pl.DataFrame,
    task: Task,
    column: str,
    *,
    classes: Sequence[str],
    rng: np.random.Generator,
) -> list[Fairness]:
    """Return the table of a column's groups: one for two classes or values, one for each of more classes.

    Raises
    ------
    NotFoundError
        For a column that the test rows do not have.

    Notes
    -----
    Each difference is that of the group with the largest rate and that with the smallest: demographic parity of the
    share that is said to be of the class, equal opportunity of the true-positive rate, equalised odds the larger of
    those of true- and false-positive rate. The largest less the smallest is above zero even where groups do not differ:
    the intervals draw whole blocks, and say how much of it is noise.
    """
    if column not in rows.columns:
        raise NotFoundError("group column", column, rows.columns)
    cells = cells_of(rows[column])
    weights = drawn(evaluated.rows, evaluated.blocks, rng)
    if task is Task.REGRESSION:
        return [_table(column, "values", cells, _of_values(evaluated), weights, ("mean_prediction", "mean_error"))]
    said = evaluated.predicted.argmax(axis=1)
    looked_at = [1] if task is Task.BINARY else range(len(classes))
    differences = ("demographic_parity", "equal_opportunity", "equalised_odds")
    return [
        _table(column, classes[code], cells, _of_class(evaluated.y, said, code), weights, differences)
        for code in looked_at
    ]


#: Of each rate: what is counted, and among which rows; shape (n,) each, 0 or 1 (or a value).
Rates = Mapping[str, tuple[Array, Array]]


def _of_class(y: Array, said: NDArray[np.int64], code: int) -> Rates:
    is_said, is_so = (said == code).astype(np.float64), (y == code).astype(np.float64)
    return {
        "selection_rate": (is_said, np.ones(len(y))),
        "true_positive_rate": (is_said, is_so),
        "false_positive_rate": (is_said, 1 - is_so),
        "base_rate": (is_so, np.ones(len(y))),
    }


def _of_values(evaluated: Evaluation) -> Rates:
    everyone = np.ones(evaluated.rows)
    return {
        "mean_prediction": (evaluated.predicted, everyone),
        "mean_error": (evaluated.predicted - evaluated.y, everyone),
        "mean_absolute_error": (np.abs(evaluated.predicted - evaluated.y), everyone),
    }


_OF: Mapping[str, tuple[str, ...]] = {
    "demographic_parity": ("selection_rate",),
    "equal_opportunity": ("true_positive_rate",),
    "equalised_odds": ("true_positive_rate", "false_positive_rate"),
    "mean_prediction": ("mean_prediction",),
    "mean_error": ("mean_error",),
}


def _table(column: str, of: str, cells: Cells, rates: Rates, weights: Array, differences: Sequence[str]) -> Fairness:
    members = [cells.codes == code for code in range(len(cells.labels))]
    once = np.ones((1, len(cells.codes)))
    groups = tuple(
        Group(label, int(member.sum()), {name: _known(_rate(rate, member, once)[0]) for name, rate in rates.items()})
        for (label,), member in zip(cells.labels, members, strict=True)
        if member.any()
    )
    large = [member for member in members if member.sum() >= FEWEST_ROWS]
    return Fairness(column, of, groups, _differences(rates, large, weights, differences))


def _differences(
    rates: Rates, large: list[NDArray[np.bool_]], weights: Array, differences: Sequence[str]
) -> dict[str, Estimate]:
    if len(large) < 2:
        return {}
    once = np.ones((1, weights.shape[1]))
    return {
        name: estimate(
            float(_apart([rates[each] for each in _OF[name]], large, once)[0]),
            _apart([rates[each] for each in _OF[name]], large, weights),
        )
        for name in differences
    }


def _apart(rates: list[tuple[Array, Array]], members: list[NDArray[np.bool_]], weights: Array) -> Array:
    """Return the largest rate less the smallest, of each draw; of more rates the larger difference."""
    found = []
    for rate in rates:
        each = np.array([_rate(rate, member, weights) for member in members])
        with np.errstate(invalid="ignore"):
            found.append(np.fmax.reduce(each, axis=0) - np.fmin.reduce(each, axis=0))
    return np.asarray(np.fmax.reduce(np.array(found), axis=0))


def _rate(rate: tuple[Array, Array], member: NDArray[np.bool_], weights: Array) -> Array:
    counted, among = rate[0][member], rate[1][member]
    total = weights[:, member] @ among
    return np.where(total > 0, weights[:, member] @ (counted * among) / np.where(total > 0, total, 1.0), np.nan)


def _known(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None

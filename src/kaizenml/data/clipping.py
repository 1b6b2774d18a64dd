"""Where numbers are clipped: bounds that the project declares, or that are learned from the training rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import polars as pl

from kaizenml.core.plan import Bounds, CleaningPlan, ColumnPlan
from kaizenml.core.preparation import Cleaning, Outliers
from kaizenml.core.schema import ColumnKind
from kaizenml.data.clean import replay
from kaizenml.data.learn import counted_repairs
from kaizenml.data.outliers import fences
from kaizenml.errors import NotFoundError, ProjectError

_NUMBERS = (ColumnKind.NUMBER, ColumnKind.INTEGER)


def clipping(plan: CleaningPlan, cleanings: Sequence[Cleaning], raw: pl.DataFrame) -> CleaningPlan:
    """Return the plan with the bounds of the columns that are to be clipped.

    Parameters
    ----------
    raw
        The training rows, as they came.

    Raises
    ------
    NotFoundError
        For a column that is not there, with the close match.
    ProjectError
        For a column that holds no numbers, or whose bounds cannot be learned because it has no spread.
    """
    for each in cleanings:
        if each.column not in plan.names:
            raise NotFoundError("column", each.column, plan.names)
        if plan[each.column].kind not in _NUMBERS:
            raise ProjectError(
                f"{each.column} cannot have outliers: it holds {plan[each.column].kind} values, not numbers.",
                f"Take project.clean({each.column!r}, …) away, or say `kind: number` of it in contract.yaml.",
            )
    asked = {each.column: each for each in cleanings if each.outliers is Outliers.CLIP}
    return CleaningPlan(tuple(_clipping(each, asked.get(each.name), raw) for each in plan.columns))


def _clipping(column: ColumnPlan, asked: Cleaning | None, raw: pl.DataFrame) -> ColumnPlan:
    if asked is None:
        return column
    found = replace(column, clip=_bounds(column, asked, raw))
    return replace(found, repairs=counted_repairs(found, raw[column.name]))


def _bounds(column: ColumnPlan, asked: Cleaning, raw: pl.DataFrame) -> Bounds:
    if asked.low is not None or asked.high is not None:
        return Bounds(asked.low, asked.high)
    values = replay(CleaningPlan((replace(column, clip=None),)), raw.select(column.name)).frame[column.name]
    learned = fences(values)
    if learned is None:
        raise ProjectError(
            f"Where {column.name} is to be clipped cannot be learned: its values have too little spread.",
            f'Give the bounds: project.clean({column.name!r}, outliers="clip", low=…, high=…).',
        )
    return Bounds(*learned)

"""Learn what clean rows look like, with slack, so that the next rows can be held to it."""

from __future__ import annotations

from math import isfinite

import polars as pl

from kaizenml.core.contract import ColumnRule, Contract, Severity
from kaizenml.core.plan import CleaningPlan
from kaizenml.core.schema import ColumnKind
from kaizenml.data.contract_yaml import from_yaml, to_yaml
from kaizenml.data.enforce import Enforced, RuleFinding, enforce

__all__ = ["Enforced", "RuleFinding", "enforce", "from_yaml", "learn_contract", "to_yaml"]

#: A range is widened on both sides by this share of its width.
SLACK = 0.1

#: A column that was always the same tells nothing of its width: then this share of its value counts, of integers 1.
CONSTANT_SLACK = 0.01

#: Columns of more categories than this take any text.
MOST_CATEGORIES = 200

#: Tables of fewer rows than this share of those seen are taken for cut off.
FEWEST_ROWS_SHARE = 0.1


def learn_contract(clean: pl.DataFrame, plan: CleaningPlan, *, id: str | None, time: str | None) -> Contract:  # noqa: A002
    """Return the contract that these clean rows keep, and others like them.

    Ranges are widened by a tenth of their width, those of a constant by a hundredth of its value (never below zero
    where nothing was negative); the null share may grow by half and two points; categories are those seen, where they
    are at most 200. What is not of its kind, and rows without id or time, are hard; all else is soft, because a live
    request with a new category must be answered.

    Parameters
    ----------
    clean
        The frame that `replay` returned, or some of its columns.
    id, time
        The columns that name the rows and date them, if there are any; ids must be unique.
    """
    keys = {name for name in (id, time) if name is not None}
    names = [name for name in plan.names if name in clean.columns]
    rules = [
        _key_rule(name, plan[name].kind) if name in keys else _rule(clean[name], plan[name].kind) for name in names
    ]
    return Contract(tuple(rules), unique=id, min_rows=max(1, int(FEWEST_ROWS_SHARE * clean.height)))


def _key_rule(name: str, kind: ColumnKind) -> ColumnRule:
    return ColumnRule(name, kind, is_nullable=False, max_null_share=0.0, on_null=Severity.HARD)


def _rule(values: pl.Series, kind: ColumnKind) -> ColumnRule:
    share = values.null_count() / max(len(values), 1)
    low, high = _range(values) if kind in (ColumnKind.NUMBER, ColumnKind.INTEGER) else (None, None)
    return ColumnRule(
        values.name,
        kind,
        is_nullable=share > 0,
        low=low,
        high=high,
        categories=_categories(values) if kind is ColumnKind.CATEGORY else None,
        max_null_share=round(min(1.0, 1.5 * share + 0.02), 6),
    )


def _range(values: pl.Series) -> tuple[float | None, float | None]:
    if values.null_count() == len(values):
        return None, None
    low, high = float(values.min()), float(values.max())  # type: ignore[arg-type]
    slack = SLACK * (high - low) or max(CONSTANT_SLACK * abs(high), 1.0 if values.dtype.is_integer() else 0.1)
    bounds = (max(0.0, low - slack) if low >= 0 else low - slack, high + slack)
    return (bounds[0], bounds[1]) if all(map(isfinite, bounds)) else (None, None)


def _categories(values: pl.Series) -> frozenset[str] | None:
    known = values.drop_nulls().unique()
    return frozenset(known.to_list()) if 0 < len(known) <= MOST_CATEGORIES else None

"""Learn what clean rows look like, with slack, so that the next rows can be held to it."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from math import ceil, isfinite

import polars as pl

from kaizenml.core.contract import ColumnRule, Contract, Severity
from kaizenml.core.plan import CleaningPlan
from kaizenml.core.schema import ColumnKind
from kaizenml.data.contract_yaml import from_yaml, to_yaml
from kaizenml.data.enforce import Enforced, enforce
from kaizenml.data.enforce_table import RuleFinding, goes_back

__all__ = ["Enforced", "RuleFinding", "enforce", "from_yaml", "learn_contract", "rows_allowed", "to_yaml"]

#: A range is widened on both sides by this share of its width.
SLACK = 0.1

#: A column that was always the same tells nothing of its width: then this share of its value counts, of integers 1.
CONSTANT_SLACK = 0.01

#: Columns of more categories than this take any text.
MOST_CATEGORIES = 200

#: Tables of fewer rows than this share of those seen are taken for cut off.
FEWEST_ROWS_SHARE = 0.1

#: Tables of more than so many times the rows seen may have been loaded twice, or more often.
MOST_ROWS_TIMES = 10

#: Lengths of texts have long tails: half the shortest and twice the longest that were seen may come.
LENGTH_SLACK = 2

#: Data whose newest row is older than this share of the time they span are an archive: their age says nothing.
LIVE_SHARE = 0.1

_DAY = 86_400.0


def learn_contract(
    clean: pl.DataFrame,
    plan: CleaningPlan,
    *,
    id: str | None,  # noqa: A002
    time: str | None,
    now: datetime | None = None,
) -> Contract:
    """Return the contract that these clean rows keep, and others like them.

    Ranges are widened by a tenth of their width, those of a constant by a hundredth of its value (never below zero
    where nothing was negative); the null share may grow by half and two points; categories are those seen, where they
    are at most 200; other texts may be half as short and twice as long. A tenth to ten times the rows may come. The
    time is monotone where it is so here; where the data are live, its newest value may be twice as old as it is, or
    as its widest gap. What is not of its kind, and rows without id or time, are hard; all else is soft, because a live
    request with a new category must be answered.

    Parameters
    ----------
    clean
        The frame that `replay` returned, or some of its columns.
    id, time
        The columns that name the rows and date them, if there are any; ids must be unique.
    now
        When the rows were loaded; None where their age is not to be learned.
    """
    keys = {name for name in (id, time) if name is not None}
    names = [name for name in plan.names if name in clean.columns]
    rules = [
        _key_rule(name, plan[name].kind) if name in keys else _rule(clean[name], plan[name].kind) for name in names
    ]
    rules = [_clock_rule(rule, clean[time], now) if rule.column == time else rule for rule in rules]
    fewest, most = rows_allowed(clean.height)
    return Contract(tuple(rules), id, fewest, most)


def rows_allowed(rows: int) -> tuple[int, int]:
    """Return the least and the greatest number of rows that are expected where so many came."""
    return max(1, int(FEWEST_ROWS_SHARE * rows)), max(1, MOST_ROWS_TIMES * rows)


def _clock_rule(rule: ColumnRule, times: pl.Series, now: datetime | None) -> ColumnRule:
    known = times.drop_nulls()
    if rule.kind is not ColumnKind.TIME or known.n_unique() < 2:
        return rule
    oldest = None if now is None else _oldest(known, now)
    return replace(rule, is_monotone=goes_back(known) == 0, max_age_seconds=oldest)


def _oldest(known: pl.Series, now: datetime) -> float | None:
    """Return how old the newest time may be, in whole days as seconds; None for an archive, or times to come."""
    newest, first = known.max(), known.min()
    if not (isinstance(newest, datetime) and isinstance(first, datetime)):
        return None
    age, span = (now - newest).total_seconds(), (newest - first).total_seconds()
    if not 0 <= age <= LIVE_SHARE * span:
        return None
    gap = known.sort().diff().dt.total_seconds().max()
    return ceil(2 * max(age, float(gap)) / _DAY) * _DAY or _DAY  # type: ignore[arg-type]


def _key_rule(name: str, kind: ColumnKind) -> ColumnRule:
    return ColumnRule(name, kind, is_nullable=False, max_null_share=0.0, on_null=Severity.HARD)


def _rule(values: pl.Series, kind: ColumnKind) -> ColumnRule:
    share = values.null_count() / max(len(values), 1)
    low, high = _range(values) if kind in (ColumnKind.NUMBER, ColumnKind.INTEGER) else (None, None)
    categories = _categories(values) if kind is ColumnKind.CATEGORY else None
    is_free = kind in (ColumnKind.TEXT, ColumnKind.CATEGORY) and categories is None
    shortest, longest = _lengths(values) if is_free else (None, None)
    return ColumnRule(
        values.name,
        kind,
        is_nullable=share > 0,
        min_length=shortest,
        max_length=longest,
        low=low,
        high=high,
        categories=categories,
        max_null_share=round(min(1.0, 1.5 * share + 0.02), 6),
    )


def _range(values: pl.Series) -> tuple[float | None, float | None]:
    if values.null_count() == len(values):
        return None, None
    low, high = float(values.min()), float(values.max())  # type: ignore[arg-type]
    slack = SLACK * (high - low) or max(CONSTANT_SLACK * abs(high), 1.0 if values.dtype.is_integer() else 0.1)
    bounds = (max(0.0, low - slack) if low >= 0 else low - slack, high + slack)
    return (bounds[0], bounds[1]) if all(map(isfinite, bounds)) else (None, None)


def _lengths(values: pl.Series) -> tuple[int | None, int | None]:
    lengths = values.drop_nulls().str.len_chars()
    if lengths.is_empty():
        return None, None
    return int(lengths.min()) // LENGTH_SLACK, int(lengths.max()) * LENGTH_SLACK  # type: ignore[arg-type]


def _categories(values: pl.Series) -> frozenset[str] | None:
    known = values.drop_nulls().unique()
    return frozenset(known.to_list()) if 0 < len(known) <= MOST_CATEGORIES else None

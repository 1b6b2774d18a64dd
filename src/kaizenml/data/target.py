"""What kind of thing a target is, and whether anything can be learned from it."""

from __future__ import annotations

import polars as pl

from kaizenml.core.metric import Task
from kaizenml.core.plan import ColumnPlan
from kaizenml.core.schema import ColumnKind
from kaizenml.errors import TargetError, bounded

#: Fewer rows than this are refused.
FEWEST_ROWS = 30

#: A class of fewer rows than this cannot be learned and judged.
FEWEST_OF_A_CLASS = 5

#: Whole numbers are classes when at most so many are distinct, and at most this share of the rows.
MOST_CLASSES, MOST_CLASSES_SHARE = 20, 0.05


def task_of(target: pl.Series, plan: ColumnPlan, failures: pl.DataFrame) -> Task:
    """Return what kind of thing the cleaned target is.

    Two values are binary. Words are classes. Whole numbers are classes when at most 20 and at most 5 % of the rows are
    distinct and each occurs in five rows; other numbers are regression.

    Raises
    ------
    TargetError
        When values are missing or unreadable, all are the same, they are times, or a class has fewer than 5 rows.
    """
    _check_values(target, plan, failures)
    counts = target.alias("value").value_counts(name="rows").sort("rows", "value")
    if counts.height == 1:
        raise _error(target, f"is {target[0]!r} in every row", "There is nothing to tell apart; choose another target.")
    if counts.height == 2:
        _check_classes(target, counts)
        return Task.BINARY
    if plan.kind in (ColumnKind.NUMBER, ColumnKind.INTEGER):
        return Task.MULTICLASS if _are_classes(target, counts) else Task.REGRESSION
    if counts.height > MOST_CLASSES_SHARE * len(target) and counts.height > MOST_CLASSES:
        raise _error(target, f"has {counts.height:,} different texts", "Choose a target of numbers, or of few classes.")
    _check_classes(target, counts)
    return Task.MULTICLASS


def _error(target: pl.Series, problem: str, hint: str, **details: object) -> TargetError:
    return TargetError(f"The target {target.name} {problem}.", hint, {"column": target.name, **details})


def _check_values(target: pl.Series, plan: ColumnPlan, failures: pl.DataFrame) -> None:
    if plan.kind is ColumnKind.TIME:
        raise _error(target, "is a time", "Learn a number made of it, such as the days until then.")
    if not target.null_count():
        return
    rows = (target.is_null().arg_true() + 1).to_list()
    unread = failures.filter(pl.col("column") == target.name)["value"].to_list()
    words = f" ({bounded(map(repr, unread), 3)} cannot be read as {plan.kind})" if unread else ""
    raise _error(
        target,
        f"is missing in {len(rows):,} of {len(target):,} rows{words}; the first are rows {bounded(map(str, rows), 5)}",
        "Leave those rows out of the file, or fill them.",
        missing=len(rows),
    )


def _check_classes(target: pl.Series, counts: pl.DataFrame) -> None:
    rare = counts.filter(pl.col("rows") < FEWEST_OF_A_CLASS)
    if not rare.is_empty():
        listed = bounded([f"{value!r} ({rows})" for value, rows in rare.iter_rows()], 5)
        hint = f"Each class needs {FEWEST_OF_A_CLASS} rows: add some, join rare classes, or correct typing errors."
        raise _error(target, f"has classes of too few rows: {listed}", hint, classes=rare["value"].to_list()[:20])


def _are_classes(target: pl.Series, counts: pl.DataFrame) -> bool:
    is_whole = target.dtype.is_integer() or bool((target == target.floor()).all())
    is_few = counts.height <= min(MOST_CLASSES, MOST_CLASSES_SHARE * len(target))
    return is_whole and is_few and int(counts["rows"][0]) >= FEWEST_OF_A_CLASS

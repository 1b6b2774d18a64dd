"""Set aside whole groups of rows, such as all of one customer's, so that no model is judged by whom it has learned."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from kaizenml.data.extract import Split, checked_share
from kaizenml.errors import NotFoundError, TargetError, UsageError

if TYPE_CHECKING:
    import numpy as np


def split_groups(
    frame: pl.DataFrame,
    *,
    group: str,
    time: str | None,
    target: str | None = None,
    holdout: float = 0.2,
    seed: int = 0,
    stratify: bool = False,
) -> Split:
    """Return the rows to learn from and the rows to judge by, with no group on both sides, each in the order they came.

    Without a time, groups are drawn until they have the share of rows; of each class its share when ``stratify``,
    where the class of a group is its most frequent one. Every row is on one side.

    With a time, rows from a cut on judge, and rows before it teach. A group on both sides of the cut is drawn to one:
    to judge, and its rows before the cut are left out; or to teach, and its rows from the cut on are left out. So no
    row to learn from is later than one to judge by, and the rows left out are ``len(frame)`` less both sides.

    Parameters
    ----------
    holdout
        The share of rows from the cut on, and of the groups drawn, in (0, 1). Large groups make it more or less.
    seed
        The same rows in the same order with the same seed give the same split.

    Raises
    ------
    UsageError
        For a share outside (0, 1), fewer than two groups, rows without a group or a time, or no way to part them.
    TargetError
        When ``stratify`` is asked without a target.
    NotFoundError
        For a column that is not there.
    """
    checked_share(holdout)
    for name in filter(None, (group, time, target if stratify else None)):
        if name not in frame.columns:
            raise NotFoundError("column", name, frame.columns)
    if stratify and target is None:
        raise TargetError("Groups can be drawn class by class only where there is a target.", "Name the target.")
    _check_whole(frame, group)
    if frame[group].n_unique() < 2:
        raise UsageError(f"All rows are of one {group}.", "Choose another group column, or none.")
    if time is not None:
        return _parted(frame, group, time, holdout, seed)
    is_drawn = _is_of(frame, group, _drawn(frame, group, target if stratify else None, holdout, seed))
    return Split(frame.filter(~is_drawn), frame.filter(is_drawn))


def _parted(frame: pl.DataFrame, group: str, time: str, holdout: float, seed: int) -> Split:
    """Cut by time, and draw the groups that are on both sides of the cut to one of them."""
    _check_whole(frame, time)
    cut = _cut(frame[time], holdout)
    if cut is None:
        raise UsageError(f"All rows have the same {time}: {frame[time][0]}.", "Choose another time column, or none.")
    is_later = frame[time] >= cut
    on_both = frame.filter(is_later).select(group).unique().join(frame.filter(~is_later), on=group, how="semi")
    both = frame.filter(_is_of(frame, group, on_both[group]))
    drawn = (
        both[group].head(0) if both.is_empty() else _drawn(both, group, None, holdout, seed, most_groups=len(on_both))
    )
    judges = frame.filter(is_later & (_is_of(frame, group, drawn) | ~_is_of(frame, group, on_both[group])))
    teaches = frame.filter(~is_later & ~_is_of(frame, group, drawn))
    if teaches.is_empty() or judges.is_empty():
        hint = "Choose another share of rows to hold out, or split by time or by group alone."
        raise UsageError(f"No {group} can be set aside whole from {cut} on.", hint)
    return Split(teaches, judges)


def _cut(times: pl.Series, holdout: float) -> object:
    """Return the time from which rows judge; None when all times are equal."""
    ordered = times.sort()
    at = min(len(ordered) - 1, max(1, round(len(ordered) * (1 - holdout))))
    cut = ordered[at]
    if cut != ordered[0]:
        return cut
    later = ordered.filter(ordered > cut)
    return later[0] if len(later) else None


def _drawn(
    frame: pl.DataFrame, group: str, target: str | None, holdout: float, seed: int, *, most_groups: int | None = None
) -> pl.Series:
    """Return groups, in a seeded order, until they have the share of rows (of each class); never all groups."""
    import numpy as np

    sizes = frame.group_by(group, maintain_order=True).agg(rows=pl.len(), label=_most_frequent(target))
    order: np.ndarray = np.random.default_rng(seed).permutation(sizes.height)
    shuffled = sizes[order.tolist()]
    before = (pl.col("rows").cum_sum() - pl.col("rows")).over("label")
    chosen = shuffled.filter(before < pl.col("rows").sum().over("label") * holdout)
    most = (most_groups if most_groups is not None else sizes.height) - 1
    drawn: pl.Series = chosen[group].head(most)
    return drawn


def _most_frequent(target: str | None) -> pl.Expr:
    return pl.lit(0) if target is None else pl.col(target).mode().sort().first()


def _is_of(frame: pl.DataFrame, group: str, groups: pl.Series) -> pl.Series:
    found: pl.Series = frame[group].is_in(groups.implode())
    return found


def _check_whole(frame: pl.DataFrame, name: str) -> None:
    if missing := frame[name].null_count():
        raise UsageError(f"{missing} rows have no {name}.", f"Leave them out, or choose another {name} column.")

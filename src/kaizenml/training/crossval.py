"""Cross-validation that cannot leak: no fold learns from what came after its test rows, or from their groups."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from kaizenml.core.metric import Task
from kaizenml.core.monitor import every
from kaizenml.errors import NotFoundError, TargetError
from kaizenml.training.problem import Problem, target_of

Index = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Fold:
    """The numbers of the rows to learn from and of those to test on, each rising."""

    train: Index
    test: Index


def folds(problem: Problem, rows: pl.DataFrame, k: int = 5, gap: str = "", *, group: str = "") -> list[Fold]:
    """Return k folds, oldest test rows first.

    With a time the window expands: rows are cut in time into k + 1 parts of about equal size, and each part but the
    first is tested on by what learned from the parts before it. Rows of one time are never parted. Without a time, rows
    are drawn, of each class its share, and every row is tested on once.

    Parameters
    ----------
    problem
        Names target, time, group and seed.
    rows
        The rows to learn from: never those that are held out for the last test.
    k
        How many folds, ≥ 2.
    gap
        How much time lies at the least between the newest row to learn from and the oldest to test on, such as
        ``"7d"``: as long as a label takes to be known. Needs a time.
    group
        A column, such as a customer's, in place of the problem's: no group is on both sides of a fold. With a time,
        rows to learn from whose group is tested on are left out.

    Raises
    ------
    TargetError
        When there are too few rows, times or groups for so many folds, or a gap without a time.
    NotFoundError
        For a column that the rows do not have.

    Notes
    -----
    Source: Bergmeir and Benítez (2012), *On the use of cross-validation for time series predictor evaluation*;
    the gap is the embargo of López de Prado (2018), *Advances in Financial Machine Learning*, ch. 7.
    """
    if k < 2:
        raise TargetError(f"{k} folds test nothing against anything.", "Ask for at least 2.")
    name = group or problem.group
    groups = _codes(rows, name) if name else None
    if problem.time is not None:
        return _expanding(_times(rows, problem.time), k, every(gap).seconds if gap else 0.0, groups)
    if gap:
        raise TargetError(f"A gap of {gap} needs to know when rows happened.", "Declare the project's `time`.")
    drawn = _drawn_groups(groups, k, problem.seed) if groups is not None else _drawn(problem, rows, k)
    everything = np.arange(len(rows))
    return [Fold(everything[drawn != at], everything[drawn == at]) for at in range(k)]


def _expanding(seconds: NDArray[np.float64], k: int, gap: float, groups: Index | None) -> list[Fold]:
    """Cut where a (k + 1)th of the rows ends, but always between two times."""
    ordered = np.sort(seconds)
    cuts = sorted({float(ordered[len(ordered) * at // (k + 1)]) for at in range(1, k + 1)} - {float(ordered[0])})
    if len(cuts) < k:
        raise TargetError(
            f"{len(np.unique(seconds))} times in {len(seconds)} rows cannot be cut into {k + 1} parts.",
            "Ask for fewer folds.",
        )
    found: list[Fold] = []
    for start, end in zip(cuts, [*cuts[1:], np.inf], strict=True):
        is_test = (seconds >= start) & (seconds < end)
        is_train = seconds < start - gap if gap else seconds < start
        if groups is not None:
            is_train &= ~np.isin(groups, groups[is_test])
        if not is_train.any():
            raise TargetError(
                f"Nothing is left to learn from before fold {len(found) + 1} of {k}.",
                "Ask for fewer folds, a shorter gap, or no groups.",
            )
        found.append(Fold(np.flatnonzero(is_train), np.flatnonzero(is_test)))
    return found


def _times(rows: pl.DataFrame, name: str) -> NDArray[np.float64]:
    if name not in rows.columns:
        raise NotFoundError("time column", name, rows.columns)
    if missing := rows[name].null_count():
        raise TargetError(f"{missing} rows have no {name}.", "Leave them out: nobody knows what came before them.")
    return np.asarray(rows[name].dt.epoch("us").to_numpy() / 1e6, dtype=np.float64)


def _codes(rows: pl.DataFrame, group: str) -> Index:
    if group not in rows.columns:
        raise NotFoundError("group column", group, rows.columns)
    return rows[group].rank("dense").fill_null(0).cast(pl.Int64).to_numpy()


def _drawn(problem: Problem, rows: pl.DataFrame, k: int) -> Index:
    """Deal the rows out: of each class in turn, in a seeded order."""
    if len(rows) < k:
        raise TargetError(f"{len(rows)} rows are too few for {k} folds.", "Ask for fewer folds.")
    order = np.random.default_rng(problem.seed).permutation(len(rows))
    if problem.task is not Task.REGRESSION:
        order = order[np.argsort(target_of(problem, rows)[order], kind="stable")]
    found = np.empty(len(rows), dtype=np.int64)
    found[order] = np.arange(len(rows)) % k
    return found


def _drawn_groups(groups: Index, k: int, seed: int) -> Index:
    """Give the largest group to the fold with the fewest rows, and so on; groups of one size in a seeded order."""
    names, sizes = np.unique(groups, return_counts=True)
    if len(names) < k:
        raise TargetError(f"{len(names)} groups are too few for {k} folds.", "Ask for fewer folds.")
    order = np.random.default_rng(seed).permutation(len(names))
    order = order[np.argsort(-sizes[order], kind="stable")]
    filled, fold_of = np.zeros(k), np.empty(len(names), dtype=np.int64)
    for name in order:
        fold_of[name] = filled.argmin()
        filled[fold_of[name]] += sizes[name]
    return np.asarray(fold_of[np.searchsorted(names, groups)], dtype=np.int64)

"""Where a model does badly: slices that were declared, and the worst that a search finds without crying wolf.

A slice is worse when the mean loss of its rows is above that of all others by more than noise. The noise is that of
whole blocks (days), and the more slices are looked at, the surer each must be.

Sources: Chung et al. (2019), *Slice Finder*; Holm (1979), *A simple sequentially rejective multiple test procedure*;
the variance by blocks is the sandwich of Liang and Zeger (1986) of a difference of two ratios.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import stats

from kaizenml.core.assessment import Slice, Slices
from kaizenml.core.metric import PRIMARY, Estimate, Task
from kaizenml.errors import NotFoundError
from kaizenml.training.cells import Cells, cells_of, crossed
from kaizenml.training.evaluate import Evaluation, losses
from kaizenml.training.metrics import FEWEST_BLOCKS, value_of

Array = NDArray[np.float64]
Codes = NDArray[np.int64]

#: The probability that the search finds any slice where none is worse; half for single columns, half for pairs.
ALPHA = 0.05
#: A slice that is searched for has so many rows at the least, and this share of all.
FEWEST_ROWS, SMALLEST_SHARE = 30, 0.01
#: Pairs are made of this many columns: those whose slices differ the most.
MOST_PAIRED = 12
MOST_FOUND = 10
#: Slices that share so much of their rows are one: the worse is told of.
SAME = 0.8


@dataclass(frozen=True, slots=True)
class Candidates:
    """Slices beside each other, each by its cell: rows, mean loss less that outside, its error, one-sided p."""

    cells: Cells
    code: Codes
    rows: Array
    worse_by: Array
    error: Array
    degrees: Array
    p: Array


def slices(
    evaluated: Evaluation, rows: pl.DataFrame, task: Task, *, declared: Sequence[str] = (), columns: Sequence[str]
) -> Slices:
    """Return the declared slices, and the worst that a search over columns and pairs of them finds.

    Parameters
    ----------
    rows
        The test rows, in the order of the evaluation.
    declared
        Columns of which every value (or quarter of the numbers) with enough rows gets a line.
    columns
        Columns to search through.

    Raises
    ------
    NotFoundError
        For a declared column that is not there.
    """
    for name in declared:
        if name not in rows.columns:
            raise NotFoundError("slice column", name, rows.columns)
    loss, blocks = losses(evaluated, task), _blocks(evaluated)
    told = [against_rest(cells_of(rows[name]), loss, blocks) for name in declared]
    p = holm(np.concatenate([each.p for each in told])) if told else np.empty(0)
    at, listed = 0, []
    for each in told:
        listed += [_slice(each, number, p[at + number], evaluated, task) for number in range(len(each.p))]
        at += len(each.p)
    found, searched = _search(rows, columns, loss, blocks)
    worst = tuple(_slice(each, number, adjusted, evaluated, task) for each, number, adjusted in found)
    metric = PRIMARY[task]
    return Slices(metric, value_of(metric, task, evaluated.y, evaluated.predicted), tuple(listed), worst, searched)


def against_rest(cells: Cells, loss: Array, blocks: Codes | None) -> Candidates:
    """Test each cell with enough rows against all other rows.

    Notes
    -----
    With c rows and loss sum l of a cell in block b: ``ψ_b = (l − m c) / n − (l' − m' c') / n'``, where ``'`` is
    outside; the variance of the difference of means is ``B/(B−1) Σ ψ_b²``. Degrees of freedom are those of the blocks
    that the cell has rows in.
    """
    known = cells.codes >= 0
    count, total = len(cells.labels), len(loss)
    groups = np.arange(total) if blocks is None else blocks
    rows = np.bincount(cells.codes[known], minlength=count).astype(np.float64)
    sums = np.bincount(cells.codes[known], loss[known], minlength=count)
    enough = (rows >= max(FEWEST_ROWS, SMALLEST_SHARE * total)) & (rows <= total - FEWEST_ROWS)
    code = np.flatnonzero(enough)
    n, inside = rows[code], sums[code] / np.maximum(rows[code], 1)
    outside = (loss.sum() - sums[code]) / np.maximum(total - n, 1)
    if blocks is None:
        squares = np.bincount(cells.codes[known], loss[known] ** 2, minlength=count)[code]
        within = np.maximum(squares - n * inside**2, 0)
        beyond = np.maximum((loss**2).sum() - squares - (total - n) * outside**2, 0)
        variance = within / n / (n - 1) + beyond / (total - n) / (total - n - 1)
        degrees = n - 1
    else:
        size = int(groups.max()) + 1
        key = cells.codes[known] * size + groups[known]
        c = np.bincount(key, minlength=count * size).reshape(count, size)[code]
        s = np.bincount(key, loss[known], minlength=count * size).reshape(count, size)[code]
        of_rest = (np.bincount(groups, loss) - s) - outside[:, None] * (np.bincount(groups) - c)
        psi = (s - inside[:, None] * c) / n[:, None] - of_rest / (total - n)[:, None]
        variance = size / (size - 1) * (psi**2).sum(axis=1)
        degrees = np.maximum((c > 0).sum(axis=1) - 1.0, 1.0)
        degrees = np.where(degrees + 1 >= FEWEST_BLOCKS, degrees, 0.0)  # in too few blocks to be sure of anything
    error = np.sqrt(variance)
    worse = inside - outside
    with np.errstate(divide="ignore", invalid="ignore"):
        p = np.where((error > 0) & (degrees > 0), stats.t.sf(worse / error, np.maximum(degrees, 1)), 1.0)
    return Candidates(cells, code, n, worse, error, degrees, np.asarray(p))


def holm(p: Array) -> Array:
    """Return Holm's adjusted p-values, shape (n,): below α with probability ≤ α for any that is true, whatever hangs
    together.
    """
    order = np.argsort(p, kind="stable")
    stepped = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    found = np.empty(len(p))
    found[order] = np.minimum(stepped, 1.0)
    return found


def _search(
    rows: pl.DataFrame, columns: Iterable[str], loss: Array, blocks: Codes | None
) -> tuple[list[tuple[Candidates, int, float]], int]:
    """Return what is surely worse, the worst first, and how many slices were looked at."""
    single = [against_rest(cells_of(rows[name]), loss, blocks) for name in columns]
    single = [each for each in single if len(each.p)]
    telling = sorted(single, key=lambda each: float(each.p.min()))[:MOST_PAIRED]
    pairs = [against_rest(crossed(a.cells, b.cells), loss, blocks) for a, b in combinations(telling, 2)]
    found = [*_sure(single), *_sure(pairs)]
    found.sort(key=lambda each: -each[0].worse_by[each[1]])
    return _apart(found), sum(len(each.p) for each in (*single, *pairs))


def _sure(candidates: list[Candidates]) -> list[tuple[Candidates, int, float]]:
    """Return those whose adjusted p is small; half of the probability of an error is for each of the two families."""
    if not candidates:
        return []
    adjusted = np.minimum(2 * holm(np.concatenate([each.p for each in candidates])), 1.0)
    owners = [(each, number) for each in candidates for number in range(len(each.p))]
    return [(*owner, float(p)) for owner, p in zip(owners, adjusted, strict=True) if p <= ALPHA]


def _apart(found: list[tuple[Candidates, int, float]]) -> list[tuple[Candidates, int, float]]:
    """Leave out slices that are much the same as a worse one."""
    kept: list[tuple[Candidates, int, float]] = []
    masks: list[NDArray[np.bool_]] = []
    for each in found:
        mask = _mask(each[0], each[1])
        if all((mask & other).sum() < SAME * (mask | other).sum() for other in masks):
            kept.append(each)
            masks.append(mask)
        if len(kept) == MOST_FOUND:
            break
    return kept


def _mask(candidates: Candidates, number: int) -> NDArray[np.bool_]:
    return np.asarray(candidates.cells.codes == candidates.code[number])


def _slice(candidates: Candidates, number: int, adjusted: float, evaluated: Evaluation, task: Task) -> Slice:
    chosen = _mask(candidates, number)
    y, predicted = evaluated.y[chosen], evaluated.predicted[chosen]
    by, degrees = float(candidates.worse_by[number]), float(candidates.degrees[number])
    reach = float(stats.t.ppf(0.975, max(degrees, 1.0))) * float(candidates.error[number])
    means: tuple[float | None, float | None] = (None, None)
    if task is not Task.MULTICLASS:
        said = predicted if task is Task.REGRESSION else predicted[:, 1]
        means = float(said.mean()), float(y.mean())
    return Slice(
        where=candidates.cells.where(int(candidates.code[number])),
        rows=int(chosen.sum()),
        value=value_of(PRIMARY[task], task, y, predicted),
        worse_by=Estimate(by, by - reach, by + reach),
        p=float(candidates.p[number]),
        p_adjusted=float(adjusted),
        predicted=means[0],
        happened=means[1],
    )


def _blocks(evaluated: Evaluation) -> Codes | None:
    if evaluated.blocks is None:
        return None
    codes: Codes = np.unique(evaluated.blocks, return_inverse=True)[1]
    return codes if codes.max() + 1 >= FEWEST_BLOCKS else None

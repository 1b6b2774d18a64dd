"""How much windows usually differ from the training data, learned from the training data itself.

One day has one weekday, January has no summer: a window of real rows differs from the whole for reasons that are no
drift, and tests that take rows for independent flag it every time. So each past block (a day, if windows are days) is
held against all others; a new window is unusual only if it differs more than those do.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log, sqrt

import numpy as np
import polars as pl
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from kaizenml.core.profile import ColumnProfile, Profile, Reference, ReferenceColumn
from kaizenml.monitoring.profile import profile
from kaizenml.monitoring.scores import hellinger

#: Blocks below which what is usual is not known.
FEWEST_BLOCKS = 5
_SMALLEST = 1e-6


@dataclass(frozen=True, slots=True)
class UsualColumn:
    """Mean and standard deviation, over past blocks, of the log Hellinger distance of a block to all others."""

    name: str
    mean: float
    deviation: float


@dataclass(frozen=True, slots=True)
class Usual:
    """How much past blocks differed from each other, column by column; without columns when there were too few."""

    columns: tuple[UsualColumn, ...] = ()
    blocks: int = 0


def learn_usual(reference: Reference, frame: pl.DataFrame, blocks: ArrayLike) -> Usual:
    """Return how much the blocks of the training rows differ.

    Parameters
    ----------
    reference
        Learned from the same rows.
    frame
        The training rows, shape (n, any).
    blocks
        Which block each row belongs to, shape (n,): spans such as later windows will be.
    """
    ids = np.asarray(blocks)
    parts = [profile(reference, frame.filter(ids == block)) for block in np.unique(ids)]
    if len(parts) < FEWEST_BLOCKS:
        return Usual(blocks=len(parts))
    learned = tuple(_learned(column, parts, i) for i, column in enumerate(reference.columns))
    return Usual(learned, len(parts))


def p_unusual(usual: Usual, reference: ReferenceColumn, window: ColumnProfile) -> float:
    """Return the probability that a usual window differs this much or more; 0 when what is usual is not known.

    Notes
    -----
    Student-t prediction bound ``t = (s − m) / (d √(1 + 1/B))`` on B − 1 degrees of freedom of the log score s among the
    leave-one-out log scores of B blocks: .0005–.0013 false alarms at a target of .00135 (our measurement), where the
    usual three standard deviations give .05–.08. The zero makes it the weaker voice in a maximum of p-values.
    """
    known = next((column for column in usual.columns if column.name == reference.name), None)
    if known is None:
        return 0.0
    score = log(max(hellinger(_vector(reference), _vector(window)), _SMALLEST))
    spread = max(known.deviation, 1e-3) * sqrt(1 + 1 / usual.blocks)
    return float(stats.t.sf((score - known.mean) / spread, usual.blocks - 1))


def _learned(reference: ReferenceColumn, parts: list[Profile], i: int) -> UsualColumn:
    whole = _vector(reference)
    vectors = [_vector(part.columns[i]) for part in parts]
    scores = [log(max(hellinger(whole - vector, vector), _SMALLEST)) for vector in vectors]
    return UsualColumn(reference.name, float(np.mean(scores)), float(np.std(scores, ddof=1)))


def _vector(column: ReferenceColumn | ColumnProfile) -> NDArray[np.float64]:
    """Return the rows per cell, those of other categories and those without a value last."""
    return np.array([*column.counts, column.other, column.n - column.filled], dtype=np.float64)

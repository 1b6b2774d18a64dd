"""The Wasserstein-1 distance from counts and sums per cell."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kaizenml.core.profile import ColumnProfile, ReferenceColumn

Vector = NDArray[np.float64]


def wasserstein(reference: ReferenceColumn, window: ColumnProfile) -> float:
    """Return the Wasserstein-1 distance between the training rows and a window, in the column's unit.

    Notes
    -----
    ``W1 = ∫ |F − G|``. Over one cell (a, b] the integral of a distribution function follows from its value at a, its
    value at b and the sum S of the cell's values: ``∫ F = b F(b) − a F(a) − S/n``. So the signed area of every cell is
    exact; its absolute value is too small only in cells where F and G cross (≤ .0013 σ at 64 cells over 12 mixed
    columns, our measurement).
    """
    if window.low is None or window.high is None or not reference.filled:
        return float("nan")
    edges = _edges(reference, window)
    area = _areas(edges, reference.counts, reference.sums) - _areas(edges, window.counts, window.sums)
    return float(np.abs(area).sum())


def wasserstein_in_deviations(reference: ReferenceColumn, window: ColumnProfile) -> float:
    """Return the Wasserstein-1 distance in standard deviations of the training rows (of 1, if these do not vary)."""
    return wasserstein(reference, window) / (reference.deviation or 1.0)


def _edges(reference: ReferenceColumn, window: ColumnProfile) -> Vector:
    """Return the ends of all cells, shape (cells + 1,); the outermost values of either side bound the outer ones."""
    assert window.low is not None
    assert window.high is not None
    low, high = min(reference.low, window.low), max(reference.high, window.high)
    return np.array([min(low, reference.cuts[0]), *reference.cuts, max(high, reference.cuts[-1])])


def _areas(edges: Vector, counts: tuple[int, ...], sums: tuple[float, ...]) -> Vector:
    """Return ``∫ F`` over each cell, less what would be the same for every distribution."""
    n = sum(counts)
    after = np.cumsum(counts) / n
    before = np.concatenate(([0.0], after[:-1]))
    middle = edges[:-1]
    inside = np.asarray(counts) / n
    moments = np.asarray(sums) / n - middle * inside
    return np.asarray(before * np.diff(edges) + inside * np.diff(edges) - moments)

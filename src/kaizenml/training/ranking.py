"""Metrics that look at the order of rows, for many weightings of the same rows at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def roc_auc(y: Array, score: Array, weights: Array) -> Array:
    """Return the share of (late, punctual) pairs in the right order; ties count half (Mann and Whitney, 1947)."""
    order = np.argsort(score, kind="stable")
    starts = np.flatnonzero(np.diff(score[order], prepend=-np.inf))
    return np.concatenate([_roc_auc(y[order], starts, part[:, order]) for part in _in_parts(weights)])


def average_precision(y: Array, score: Array, weights: Array) -> Array:
    """Return the mean precision over the rows of the second class, most probable first; NaN where there is none."""
    order = np.argsort(-score, kind="stable")
    starts = np.flatnonzero(np.diff(score[order], prepend=np.inf))
    return np.concatenate([_average_precision(y[order], starts, part[:, order]) for part in _in_parts(weights)])


def median(each: Array, weights: Array) -> Array:
    """Return the median, as if each row came as often as its weight, a whole number, says."""
    order = np.argsort(each, kind="stable")
    return np.concatenate([_median(each[order], part[:, order]) for part in _in_parts(weights)])


def _roc_auc(y: Array, starts: NDArray[np.int64], weights: Array) -> Array:
    positive = np.add.reduceat(weights * y, starts, axis=1)
    negative = np.add.reduceat(weights * (1 - y), starts, axis=1)
    below = np.cumsum(negative, axis=1) - negative / 2
    pairs = positive.sum(axis=1) * negative.sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(pairs > 0, (positive * below).sum(axis=1) / np.where(pairs > 0, pairs, 1.0), np.nan)


def _average_precision(y: Array, starts: NDArray[np.int64], weights: Array) -> Array:
    positive = np.add.reduceat(weights * y, starts, axis=1)
    rows = np.cumsum(np.add.reduceat(weights, starts, axis=1), axis=1)
    precision = np.cumsum(positive, axis=1) / np.maximum(rows, 1e-300)
    total = positive.sum(axis=1)
    return np.where(total > 0, (positive * precision).sum(axis=1) / np.where(total > 0, total, 1.0), np.nan)


def _median(each: Array, weights: Array) -> Array:
    passed = np.cumsum(weights, axis=1)
    half = passed[:, -1:] / 2
    low, high = (passed >= half).argmax(axis=1), (passed > half).argmax(axis=1)
    return np.asarray((each[low] + each[high]) / 2)


def _in_parts(weights: Array, cells: int = 4_000_000) -> list[Array]:
    """Cut the draws into parts of bounded memory."""
    return np.array_split(weights, max(1, int(np.ceil(weights.size / cells))))

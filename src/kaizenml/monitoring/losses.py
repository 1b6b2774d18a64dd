"""The loss of single predictions, which is what evidence is made of: means of it over blocks can be compared."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kaizenml.core.metric import Task

Vector = NDArray[np.float64]


def row_losses(y: ArrayLike, predicted: ArrayLike, task: Task) -> Vector:
    """Return each row's loss: Brier for classes, squared error for numbers.

    Parameters
    ----------
    y
        What was true, shape (n,): 0/1, the class's index, or a number.
    predicted
        Probability of class 1, shape (n,); of each class, shape (n, classes); or a number, shape (n,).

    Returns
    -------
    Vector
        Shape (n,), ≥ 0. For two classes ``(p − y)²``, within [0, 1]; for more ``½ Σ (p_k − 1[y = k])²``, within [0, 1];
        squared errors in the target's unit squared.

    Notes
    -----
    Bounded losses for classes, because one confident mistake must not outweigh a day (log loss is unbounded).
    Source: Brier (1950), *Monthly Weather Review* 78.
    """
    truth, said = np.asarray(y, dtype=np.float64), np.asarray(predicted, dtype=np.float64)
    if task is not Task.MULTICLASS:
        return np.asarray(np.square(said - truth))
    hot = np.equal(np.arange(said.shape[1]), truth[:, None])
    return np.asarray(np.square(said - hot).sum(axis=1) / 2)


def row_log_losses(y: ArrayLike, predicted: ArrayLike) -> Vector:
    """Return each row's log loss ``−ln p(y)``, shape (n,), ≥ 0, probabilities clipped to [1e-15, 1 − 1e-15].

    Parameters
    ----------
    y
        0/1 or the class's index, shape (n,).
    predicted
        Probability of class 1, shape (n,), or of each class, shape (n, classes).
    """
    truth, said = np.asarray(y, dtype=np.intp), np.clip(np.asarray(predicted, dtype=np.float64), 1e-15, 1 - 1e-15)
    if said.ndim == 1:
        return np.asarray(-np.log(np.where(truth == 1, said, 1 - said)))
    return np.asarray(-np.log(said[np.arange(len(truth)), truth]))


def block_means(values: ArrayLike, blocks: ArrayLike) -> Vector:
    """Return the mean of the values in each block, shape (number of blocks,), in the order of the sorted block ids."""
    _, index, sizes = np.unique(np.asarray(blocks), return_inverse=True, return_counts=True)
    return np.asarray(np.bincount(index, np.asarray(values, dtype=np.float64)) / sizes)

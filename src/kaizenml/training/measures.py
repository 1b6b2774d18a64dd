"""Every metric of a task, as a function of the weight of each row, so that a bootstrap weighs and need not copy.

Names and values are scikit-learn's; ``expected_calibration_error`` has none there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import numpy as np
from numpy.typing import NDArray

from kaizenml.core.metric import Task
from kaizenml.training.ranking import average_precision, median, roc_auc

Array = NDArray[np.float64]
Codes = NDArray[np.int64]
#: From the weight of each row, shape (draws, n), to the metric of each draw, shape (draws,).
Measure = Callable[[Array], Array]

#: Intervals of confidence of the expected calibration error (Guo et al., 2017).
CALIBRATION_BINS = 15
#: A class counts as found where it is among so many of the most probable: scikit-learn's default.
TOP = 2
_TINY = 1e-15


def measures(task: Task, y: Array, predicted: Array) -> Mapping[str, Measure]:
    """Return every metric of the task.

    Parameters
    ----------
    y
        Class codes 0 … k-1, or values; shape (n,).
    predicted
        Probabilities, shape (n, k); or values, shape (n,).
    """
    if task is Task.REGRESSION:
        return _of_values(y, predicted)
    said = predicted.argmax(axis=1)
    found: dict[str, Measure] = {
        "log_loss": partial(_mean, log_losses(y, predicted)),
        "brier_score_loss": partial(_mean, row_losses(task, y, predicted)),
        "accuracy": partial(_mean, (said == y).astype(np.float64)),
        "balanced_accuracy": partial(_balanced_accuracy, y, said),
        "matthews_corrcoef": partial(_matthews, y, said, predicted.shape[1]),
        "expected_calibration_error": partial(_calibration_error, task, y, predicted),
    }
    return (_of_two if task is Task.BINARY else _of_many)(found, y, predicted, said)


def row_losses(task: Task, y: Array, predicted: Array) -> Array:
    """Return the loss of each row, shape (n,): Brier score (0 to 1) for classes, squared error for values."""
    if task is Task.REGRESSION:
        return np.asarray((y - predicted) ** 2)
    return np.asarray(((predicted - np.eye(predicted.shape[1])[y.astype(np.int64)]) ** 2).sum(axis=1) / 2)


def log_losses(y: Array, predicted: Array) -> Array:
    """Return minus the log of the probability given to what happened, shape (n,), at most 34.5."""
    chosen = predicted[np.arange(len(y)), y.astype(np.int64)]
    return np.asarray(-np.log(np.clip(chosen, _TINY, 1.0)))


def confidence_of(task: Task, y: Array, predicted: Array) -> tuple[Array, Array]:
    """Return the probability that is held against what happened, and whether it happened (0 or 1); shape (n,) each.

    Of two classes it is the second one's probability, of more that of the most probable class.
    """
    if task is Task.BINARY:
        return predicted[:, 1], y
    return predicted.max(axis=1), (predicted.argmax(axis=1) == y).astype(np.float64)


def _of_two(found: Mapping[str, Measure], y: Array, predicted: Array, said: Codes) -> Mapping[str, Measure]:
    return {
        "roc_auc": partial(roc_auc, y, predicted[:, 1]),
        "average_precision": partial(average_precision, y, predicted[:, 1]),
        **found,
        "f1": partial(_f1, y, said, 1),
        "precision": partial(_precision, y, said, 1),
        "recall": partial(_recall, y, said, 1),
    }


def _of_many(found: Mapping[str, Measure], y: Array, predicted: Array, said: Codes) -> Mapping[str, Measure]:
    top = np.argsort(predicted, axis=1, kind="mergesort")[:, ::-1][:, :TOP]
    return {
        **found,
        "f1_macro": partial(_macro, _f1, y, said),
        "precision_macro": partial(_macro, _precision, y, said),
        "recall_macro": partial(_macro, _recall, y, said),
        "top_k_accuracy": partial(_mean, (top == y[:, None]).any(axis=1).astype(np.float64)),
    }


def _of_values(y: Array, predicted: Array) -> Mapping[str, Measure]:
    squared, apart = (y - predicted) ** 2, np.abs(y - predicted)
    found: dict[str, Measure] = {
        "r2": partial(_r2, y, squared),
        "root_mean_squared_error": lambda weights: np.sqrt(_mean(squared, weights)),
        "mean_absolute_error": partial(_mean, apart),
        "median_absolute_error": partial(median, apart),
    }
    if (y != 0).all():  # a share of nothing is no number
        found["mean_absolute_percentage_error"] = partial(_mean, apart / np.maximum(np.abs(y), np.finfo(float).eps))
    return found


def _mean(each: Array, weights: Array) -> Array:
    return np.asarray(weights @ each / weights.sum(axis=1))


def _r2(y: Array, squared: Array, weights: Array) -> Array:
    total, centred = weights.sum(axis=1), y - y.mean()  # squares of large numbers would swallow a small spread
    spread = weights @ (centred * centred) / total - (weights @ centred / total) ** 2
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(1 - (weights @ squared / total) / np.where(spread > 0, spread, np.nan))


def _counts(y: Array, said: Codes, code: int, weights: Array) -> tuple[Array, Array, Array]:
    """Return how many rows are of a class and said to be, are said to be, and are."""
    both = ((said == code) & (y == code)).astype(np.float64)
    return weights @ both, weights @ (said == code).astype(np.float64), weights @ (y == code).astype(np.float64)


def _f1(y: Array, said: Codes, code: int, weights: Array) -> Array:
    true, guessed, actual = _counts(y, said, code, weights)
    return _share(2 * true, guessed + actual)


def _precision(y: Array, said: Codes, code: int, weights: Array) -> Array:
    true, guessed, _ = _counts(y, said, code, weights)
    return _share(true, guessed)


def _recall(y: Array, said: Codes, code: int, weights: Array) -> Array:
    true, _, actual = _counts(y, said, code, weights)
    return _share(true, actual)


def _share(part: Array, whole: Array) -> Array:
    return np.where(whole > 0, part / np.where(whole > 0, whole, 1.0), 0.0)


def _macro(each: Callable[[Array, Codes, int, Array], Array], y: Array, said: Codes, weights: Array) -> Array:
    present = np.union1d(y.astype(np.int64), said).tolist()
    return np.asarray(np.mean([each(y, said, code, weights) for code in present], axis=0))


def _balanced_accuracy(y: Array, said: Codes, weights: Array) -> Array:
    """Return the mean recall of the classes that occur (Brodersen et al., 2010)."""
    total, found = np.zeros(len(weights)), np.zeros(len(weights))
    for code in np.unique(y.astype(np.int64)).tolist():
        true, _, actual = _counts(y, said, code, weights)
        total, found = total + _share(true, actual), found + (actual > 0)
    return total / np.maximum(found, 1)


def _matthews(y: Array, said: Codes, count: int, weights: Array) -> Array:
    """Return the correlation of what was said and what happened, for any number of classes (Gorodkin, 2004)."""
    each = [_counts(y, said, code, weights) for code in range(count)]
    right, guessed, actual = (np.array(part) for part in zip(*each, strict=True))
    rows = weights.sum(axis=1)
    above = right.sum(axis=0) * rows - (guessed * actual).sum(axis=0)
    below = (rows**2 - (guessed**2).sum(axis=0)) * (rows**2 - (actual**2).sum(axis=0))
    return np.where(below > 0, above / np.sqrt(np.where(below > 0, below, 1.0)), 0.0)


def _calibration_error(task: Task, y: Array, predicted: Array, weights: Array) -> Array:
    """Return the mean distance between confidence and what happened, over 15 intervals of equal width.

    Noise adds to it: a model that is calibrated has a few hundredths on a few hundred rows, see
    `calibration.by_chance`. Sources: Naeini, Cooper and Hauskrecht (2015); Guo et al. (2017), eq. 3.
    """
    confidence, happened = confidence_of(task, y, predicted)
    bins = np.clip((confidence * CALIBRATION_BINS).astype(np.int64), 0, CALIBRATION_BINS - 1)
    apart = np.zeros((len(y), CALIBRATION_BINS))
    apart[np.arange(len(y)), bins] = happened - confidence
    return np.asarray(np.abs(weights @ apart).sum(axis=1) / weights.sum(axis=1))

"""Whether predictions mean what they say: of the rows given 30 %, does it happen in 30 %?"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from kaizenml.core.assessment import Bin, Calibration
from kaizenml.core.metric import Task
from kaizenml.training.measures import confidence_of, measures
from kaizenml.training.metrics import FEWEST_BLOCKS, drawn, estimate

Array = NDArray[np.float64]

#: Rows are put into so many bins of about equal size.
BINS = 10
#: How often a calibrated model is made up, to see what its error would be.
DRAWS = 100


def calibration(
    task: Task,
    y: Array,
    predicted: Array,
    *,
    of: str,
    blocks: NDArray[np.int64] | None = None,
    rng: np.random.Generator,
) -> Calibration:
    """Return the reliability table, the calibration error beside what chance gives, and a test.

    Parameters
    ----------
    y, predicted
        As `metrics.scores` takes them. Of two classes the second one's probability is looked at, of more classes
        that of the most probable one, of values the prediction itself.
    of
        What the table is about, for people.
    blocks
        Rows of one block go together, see `metrics.scores`.
    rng
        Draws blocks, and outcomes of a calibrated model.
    """
    said, happened = (predicted, y) if task is Task.REGRESSION else confidence_of(task, y, predicted)
    weights = drawn(len(y), blocks, rng)
    index = _bins_of(said)
    bins = tuple(_bin(said, happened, index == at, weights) for at in range(index.max() + 1))
    test, statistic, p = calibration_test(task, said, happened, blocks)
    if task is Task.REGRESSION:
        error, chance = _gap(happened - said, index), _gap_by_chance(happened - said, index, blocks, rng)
    else:
        ece = measures(task, y, predicted)["expected_calibration_error"]
        error, chance = float(ece(np.ones((1, len(y))))[0]), by_chance(said, rng)
    return Calibration(of, bins, error, chance, test, statistic, p)


def by_chance(confidence: Array, rng: np.random.Generator) -> float:
    """Return the expected calibration error that a calibrated model would show on rows of these probabilities."""
    two = np.column_stack([1 - confidence, confidence])
    once = np.ones((1, len(confidence)))
    found = [
        measures(Task.BINARY, (rng.random(len(confidence)) < confidence).astype(np.float64), two)[
            "expected_calibration_error"
        ](once)[0]
        for _ in range(DRAWS)
    ]
    return float(np.mean(found))


def spiegelhalter(confidence: Array, happened: Array) -> tuple[float, float]:
    """Return Spiegelhalter's z, and the probability of so large a one were the probabilities calibrated.

    ``z = Σ (y−p)(1−2p) / √Σ (1−2p)² p(1−p)``, normal for independent rows.
    Source: Spiegelhalter (1986), *Probabilistic prediction in patient management and clinical trials*, Statist. Med. 5.
    """
    tilt = 1 - 2 * confidence
    spread = float(np.sum(tilt**2 * confidence * (1 - confidence)))
    if spread <= 0:
        return 0.0, 1.0
    z = float(np.sum((happened - confidence) * tilt)) / math.sqrt(spread)
    return z, float(2 * stats.norm.sf(abs(z)))


def calibration_test(
    task: Task, said: Array, happened: Array, blocks: NDArray[np.int64] | None
) -> tuple[str, float, float]:
    """Sum Spiegelhalter's terms (of values: the errors) by block, and ask Student's t whether the sums are about zero.

    Without blocks, rows are independent: Spiegelhalter's own variance counts.
    """
    each = happened - said if task is Task.REGRESSION else (happened - said) * (1 - 2 * said)
    name = "mean error" if task is Task.REGRESSION else "Spiegelhalter"
    codes = np.arange(len(each)) if blocks is None else np.unique(blocks, return_inverse=True)[1]
    is_by_block = blocks is not None and codes.max() + 1 >= FEWEST_BLOCKS
    if not is_by_block and task is not Task.REGRESSION:
        return name, *spiegelhalter(said, happened)
    sums = np.bincount(codes, each) if is_by_block else each
    spread = float(sums.std(ddof=1)) * math.sqrt(len(sums)) if len(sums) > 1 else 0.0
    if spread <= 0:
        return name, 0.0, 1.0
    statistic = float(sums.sum()) / spread
    p = float(2 * stats.t.sf(abs(statistic), len(sums) - 1))
    return (f"{name}, by blocks" if is_by_block else name), statistic, p


def _bins_of(said: Array) -> NDArray[np.int64]:
    """Return the bin of each row: about equally many rows in each, rows of one prediction together."""
    cuts = np.unique(np.quantile(said, np.linspace(0, 1, BINS + 1)[1:-1]))
    index = np.searchsorted(cuts, said, side="right")
    return np.asarray(np.unique(index, return_inverse=True)[1], dtype=np.int64)


def _bin(said: Array, happened: Array, is_in: NDArray[np.bool_], weights: Array) -> Bin:
    chosen = weights[:, is_in]
    total = chosen.sum(axis=1)
    means = np.where(total > 0, chosen @ happened[is_in] / np.maximum(total, 1), np.nan)
    return Bin(int(is_in.sum()), float(said[is_in].mean()), estimate(float(happened[is_in].mean()), np.asarray(means)))


def _gap(errors: Array, index: NDArray[np.int64]) -> float:
    return float(np.abs(np.bincount(index, errors)).sum() / len(errors))


def _gap_by_chance(
    errors: Array, index: NDArray[np.int64], blocks: NDArray[np.int64] | None, rng: np.random.Generator
) -> float:
    """Return the gap were errors as often above as below: their signs are drawn, block by block (wild bootstrap)."""
    codes = np.arange(len(errors)) if blocks is None else np.unique(blocks, return_inverse=True)[1]
    signs = rng.choice((-1.0, 1.0), size=(DRAWS, int(codes.max()) + 1))
    return float(np.mean([_gap(errors * sign[codes], index) for sign in signs]))

"""Which labels look wrong beside what a model says of their rows: confident learning.

It is small here and not from `cleanlab`, which brings pandas into every worker for the same published formulas;
`tests/oracles/test_label_errors.py` holds it against that library's answers. See `docs/decisions`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: Probabilities that differ by less are equal: a row at a threshold has reached it.
NEAR = 1e-6


@dataclass(frozen=True, slots=True)
class Suspect:
    """A label that a model contradicts; ``confidence`` is the probability that the model gives to it, within [0, 1]."""

    task: str
    given: str
    likely: str
    confidence: float


def suspected_errors(
    tasks: Sequence[str], given: Sequence[str], probabilities: NDArray[np.float64], classes: Sequence[str]
) -> list[Suspect]:
    """Return the labels that look wrong, the most suspect first; labels that are no class are left out.

    Parameters
    ----------
    probabilities
        Shape (tasks, classes), by a model that has not learned from these labels: otherwise it repeats them.
    classes
        What the columns stand for.

    Notes
    -----
    The joint distribution of given and true labels is estimated (`confident_joint`); of the rows labelled i, as many as
    it says are truly j are suspect, those with the largest margin p_j − p_i, unless i is what the model says anyway.
    Source: Northcutt, Jiang and Chuang (2021), section 3.2, method 4 (prune by noise rate). The order is by the largest
    margin of another class over the given one.
    """
    codes = {name: at for at, name in enumerate(classes)}
    known = [at for at, name in enumerate(given) if name in codes]
    if not known:
        return []
    p = np.asarray(probabilities, dtype=float)[known]
    y = np.array([codes[given[at]] for at in known])
    own = p[np.arange(len(y)), y]
    found = np.flatnonzero(_pruned(p, y))
    order = sorted(found.tolist(), key=lambda at: (own[at] - p[at].max(), tasks[known[at]]))
    likely = p.argmax(axis=1)
    return [Suspect(tasks[known[at]], given[known[at]], classes[likely[at]], float(own[at])) for at in order]


def confident_joint(p: NDArray[np.float64], y: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return how many rows labelled i (down) are truly j (across); a row's sum is the number of its labels.

    Parameters
    ----------
    p
        Shape (n, k): probabilities of the classes.
    y
        Shape (n,): the label of each row, from 0 to k − 1.

    Notes
    -----
    The threshold t_j is the mean of p_j over rows labelled j. A row counts as the likeliest of the classes whose
    threshold it reaches; of a class that nobody gave no threshold is known, so none does. The counts are then scaled so
    that each row sums to its labels. Source: Northcutt, Jiang and Chuang (2021), equations 1 to 3. A class that loses
    all its rows keeps one, and counts are rounded by their largest remainders.
    """
    k = p.shape[1]
    counts = np.bincount(y, minlength=k)
    sums = np.bincount(y, p[np.arange(len(y)), y], k)
    thresholds = np.where(counts > 0, np.maximum(sums / np.maximum(counts, 1), 2 * NEAR), np.inf)
    reached = p >= thresholds - NEAR
    is_counted = reached.any(axis=1)
    # Of several reached thresholds the likeliest class counts, its own threshold reached or not, as in cleanlab.
    several = reached.sum(axis=1) > 1
    counted = np.where(several, p.argmax(axis=1), reached.argmax(axis=1))
    joint = np.bincount(y[is_counted] * k + counted[is_counted], minlength=k * k).reshape(k, k)
    np.fill_diagonal(joint, joint.diagonal().clip(min=1))
    return np.stack([_rounded(row / row.sum() * total, total) for row, total in zip(joint, counts, strict=True)])


def _pruned(p: NDArray[np.float64], y: NDArray[np.int64]) -> NDArray[np.bool_]:
    joint = confident_joint(p, y)
    found = np.zeros(len(y), dtype=bool)
    for i in range(p.shape[1]):
        mine = np.flatnonzero(y == i)
        for j in np.flatnonzero(joint[i]):
            if i != j and len(mine) > 1:
                by_margin = np.argsort(p[mine, i] - p[mine, j], kind="stable")
                found[mine[by_margin[: joint[i, j]]]] = True
    found &= p[np.arange(len(y)), y] < p.max(axis=1) - NEAR
    return found


def _rounded(shares: NDArray[np.float64], total: int) -> NDArray[np.int64]:
    """Return whole numbers that sum to the total, by the largest remainders; of equal ones the last, as `cleanlab`."""
    whole = np.floor(shares + NEAR).astype(np.int64)
    remainders = np.round(shares - whole, 9)
    most = np.lexsort((np.arange(len(shares)), remainders))[::-1][: total - whole.sum()]
    whole[most] += 1
    return whole

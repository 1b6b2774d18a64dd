"""What each feature of one row has to do with its score: Shapley values of any model, against a background of rows."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
#: Returns the score of the row with, for each coalition (m, k) of features, only these as in the row: shape (m,).
Worth = Callable[[NDArray[np.bool_]], Array]

#: Up to so many features every coalition is asked: 1,024 of them.
MOST_EXACT = 10
#: Else so many orders of the features are drawn, each with its reverse.
ORDERS = 64


@dataclass(frozen=True, slots=True)
class Shares:
    """What each of k features adds to a score; ``base`` and all ``values`` together are the score.

    Parameters
    ----------
    values
        Shape (k,).
    errors
        The standard error of each, shape (k,): 0 where every coalition was asked.
    """

    base: float
    values: Array
    errors: Array

    @property
    def is_exact(self) -> bool:
        """Whether nothing was left to chance."""
        return not self.errors.any()


def shapley(worth: Worth, count: int, rng: np.random.Generator, *, most_exact: int | None = None) -> Shares:
    """Return the Shapley value of each feature of a row.

    Parameters
    ----------
    worth
        What a coalition of features is worth: the mean score of the row with the other features taken from each row of
        a background. The empty coalition's worth is the base, the whole one's the score.
    count
        How many features, k.
    most_exact
        Up to so many features every coalition is asked; `MOST_EXACT` unless told otherwise.
    rng
        Draws orders where there are too many coalitions.

    Notes
    -----
    Each value is the mean, over all orders of the features, of what a feature adds to those before it:
    φ_j = Σ_S |S|! (k − |S| − 1)! / k! (v(S ∪ j) − v(S)) (L. S. Shapley, "A value for n-person games", 1953). That
    features left out are drawn from a background and not given the others is the interventional value of D. Janzing,
    L. Minorics and P. Blöbaum, "Feature relevance quantification in explainable AI: a causal problem", AISTATS (2020).
    Above these orders are drawn (J. Castro, D. Gómez and J. Tejada, "Polynomial calculation of the
    Shapley value based on sampling", 2009), each with its reverse (R. Mitchell et al., "Sampling permutations for
    Shapley value estimation", JMLR 23, 2022). In every order what is added sums to score − base, so the means do too.
    The standard error is that of the mean over pairs of orders.
    """
    most = MOST_EXACT if most_exact is None else most_exact
    return _from_all(worth, count) if count <= most else _from_orders(worth, count, rng)


def _from_all(worth: Worth, count: int) -> Shares:
    codes = np.arange(2**count)
    coalitions = (codes[:, None] >> np.arange(count)) & 1 == 1
    worths, sizes = worth(coalitions), coalitions.sum(axis=1)
    weights = np.array([1 / (count * math.comb(count - 1, size)) for size in range(count)])
    values = np.empty(count)
    for feature in range(count):
        without = codes[~coalitions[:, feature]]
        added = worths[without + (1 << feature)] - worths[without]
        values[feature] = float(np.sum(weights[sizes[without]] * added))
    return Shares(float(worths[0]), values, np.zeros(count))


def _from_orders(worth: Worth, count: int, rng: np.random.Generator) -> Shares:
    orders = np.array(
        [order for _ in range(ORDERS) for first in [rng.permutation(count)] for order in (first, first[::-1])]
    )
    ranks = np.argsort(orders, axis=1)
    coalitions = ranks[:, None, :] < np.arange(count + 1)[None, :, None]  # after each of k + 1 beginnings of each order
    worths = worth(coalitions.reshape(-1, count)).reshape(len(orders), count + 1)
    added = np.take_along_axis(np.diff(worths, axis=1), ranks, axis=1)
    pairs = added.reshape(ORDERS, 2, count).mean(axis=1)
    errors = pairs.std(axis=0, ddof=1) / math.sqrt(ORDERS)
    return Shares(float(worths[0, 0]), pairs.mean(axis=0), errors)

"""How likely a difference between training rows and a window is, if there is none.

Both sides count as samples: a finite reference errs too, which one-sample tests forget.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special, stats

from kaizenml.core.profile import ColumnProfile, ReferenceColumn
from kaizenml.monitoring.scores import ks


def p_of_change(reference: ReferenceColumn, window: ColumnProfile) -> float:
    """Return the p-value that values *and* missing values of a column come from the training distribution.

    Twice the smaller (Bonferroni) of the p-value of the filled cells (Kolmogorov–Smirnov for numbers, chi-squared for
    categories) and that of the share of rows without a valid value (Fisher).
    """
    test = ks_p if reference.is_number else chi_squared_p
    p_cells = test(cells(reference), cells(window))
    p_missing = share_p(reference.n - reference.filled, reference.n, window.n - window.filled, window.n)
    return min(1.0, 2 * min(p_cells, p_missing))


def cells(column: ReferenceColumn | ColumnProfile) -> NDArray[np.float64]:
    """Return the counts of a column's cells, that of all other categories last."""
    return np.array([*column.counts, column.other], dtype=np.float64)


def ks_p(p: ArrayLike, q: ArrayLike) -> float:
    """Return the two-sample Kolmogorov–Smirnov p-value of counts per cell; 1 when a side is empty.

    Notes
    -----
    ``Q((√N + .12 + .11/√N) D)`` with ``N = nm/(n+m)``. On cells the statistic is at most that of the samples, so the
    p-value errs on the safe side. Source: Stephens (1970), *Use of the Kolmogorov–Smirnov, Cramér–von Mises
    and related statistics without extensive tables*, JRSS B 32.
    """
    n, m = float(np.sum(p)), float(np.sum(q))
    if not n or not m:
        return 1.0
    root = np.sqrt(n * m / (n + m))
    return float(special.kolmogorov((root + 0.12 + 0.11 / root) * ks(p, q)))


def chi_squared_p(p: ArrayLike, q: ArrayLike) -> float:
    """Return the two-sample chi-squared p-value of counts per cell; 1 when there is nothing to compare.

    Notes
    -----
    Pearson's test of homogeneity on the 2 × cells table, degrees of freedom cells − 1, where cells expected to hold
    fewer than 5 rows of either sample are counted as one (Cochran, 1954, *Biometrics* 10).
    """
    table = _dense(np.array([p, q], dtype=np.float64))
    if table.shape[1] < 2 or not table.sum(axis=1).all():
        return 1.0
    return float(stats.chi2_contingency(table, correction=False).pvalue)


def share_p(a: int, n: int, b: int, m: int) -> float:
    """Return Fisher's exact p-value that a of n and b of m rows have the same share; 1 when a side is empty."""
    if not n or not m or a * m == b * n:
        return 1.0
    return float(stats.fisher_exact([[a, n - a], [b, m - b]]).pvalue)


def _dense(table: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the table with its rare cells put together into one, which is dropped if it is still rare."""
    share = table.sum(axis=0) / max(table.sum(), 1.0)
    is_rare = share * table.sum(axis=1).min() < 5
    rest = table[:, is_rare].sum(axis=1, keepdims=True)
    kept = table[:, ~is_rare]
    rest_is_dense = rest.sum() / max(table.sum(), 1.0) * table.sum(axis=1).min() >= 5
    return np.hstack([kept, rest]) if rest_is_dense else kept

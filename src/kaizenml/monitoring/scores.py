"""How far two vectors of cell counts are apart. Each function's name says which of several variants it is.

All take counts p (reference) and q (window), shape (cells,), ≥ 0; they divide by their sums themselves. With an empty
side nothing can be said: the result is NaN.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Counts = NDArray[np.float64]


def shares(counts: ArrayLike) -> Counts:
    """Return counts as shares of their sum; NaN when there are none."""
    vector = np.asarray(counts, dtype=np.float64)
    total = vector.sum()
    return vector / total if total > 0 else np.full(vector.shape, np.nan)


def psi(p: ArrayLike, q: ArrayLike) -> float:
    """Return the population stability index ``Σ (p − q) ln(p/q)``, ≥ 0, natural logarithm.

    Notes
    -----
    Zero shares become 1e-4, or a millionth of that side's smallest positive share if this is ≤ 1e-4, without
    renormalising: as Evidently does (0.7.23, ``get_binned_data``), so the two agree on the same cells.
    Source: Siddiqi (2006), *Credit Risk Scorecards*.
    """
    a, b = without_zeros(shares(p)), without_zeros(shares(q))
    return float(((a - b) * np.log(a / b)).sum())


def kl(p: ArrayLike, q: ArrayLike) -> float:
    """Return the Kullback–Leibler divergence ``Σ p ln(p/q)``, ≥ 0, in nats; zeros as in `psi`, renormalised."""
    a, b = shares(without_zeros(shares(p))), shares(without_zeros(shares(q)))
    return float((a * np.log(a / b)).sum())


def js_distance(p: ArrayLike, q: ArrayLike, base: float = np.e) -> float:
    """Return the Jensen–Shannon *distance*, the root of the divergence.

    Parameters
    ----------
    base
        Base of the logarithm: e (Evidently; 0 to .8326) or 2 (NannyML; 0 to 1).

    Notes
    -----
    Source: Endres and Schindelin (2003), *A new metric for probability distributions*, IEEE Trans. Inf. Theory 49.
    """
    a, b = shares(p), shares(q)
    middle = (a + b) / 2
    divergence = (_entropy_terms(a, middle) + _entropy_terms(b, middle)) / 2
    return float(np.sqrt(max(divergence, 0.0) / np.log(base))) if np.isfinite(divergence) else float("nan")


def hellinger(p: ArrayLike, q: ArrayLike) -> float:
    """Return the Hellinger distance ``√(½ Σ (√p − √q)²)``, 0 to 1."""
    return float(np.sqrt(np.square(np.sqrt(shares(p)) - np.sqrt(shares(q))).sum() / 2))


def l_infinity(p: ArrayLike, q: ArrayLike) -> float:
    """Return the largest change of any cell's share, 0 to 1."""
    return float(np.abs(shares(p) - shares(q)).max(initial=0.0))


def ks(p: ArrayLike, q: ArrayLike) -> float:
    """Return the Kolmogorov–Smirnov statistic read at the cut points, 0 to 1.

    Notes
    -----
    At most the sample statistic, and less than it by at most the largest share in one cell.
    """
    return float(np.abs(np.cumsum(shares(p)) - np.cumsum(shares(q))).max(initial=0.0))


def without_zeros(vector: Counts) -> Counts:
    """Return shares whose zeros are small positive numbers instead; see `psi`."""
    positive = vector[vector > 0]
    if not positive.size:
        return vector
    smallest = float(positive.min())
    return np.where(vector == 0, smallest / 1e6 if smallest <= 1e-4 else 1e-4, vector)


def psi_noise(cells: int, n: int, m: int) -> float:
    """Return the PSI to be expected of n and m rows of one and the same distribution: ``(cells − 1)(1/n + 1/m)``.

    Notes
    -----
    Source: Yurdakul and Naranjo (2020), *Statistical properties of the population stability index*, J. Risk Model
    Validation 14: PSI / (1/n + 1/m) is asymptotically chi-squared with cells − 1 degrees of freedom.
    """
    return (cells - 1) * (1 / n + 1 / m) if n and m else 0.0


def coarse(p: ArrayLike, q: ArrayLike, groups: int = 10) -> tuple[Counts, Counts]:
    """Return both vectors with neighbouring cells put together until each group has 1/groups of the reference."""
    a, b = np.asarray(p, dtype=np.float64), np.asarray(q, dtype=np.float64)
    before = np.cumsum(shares(a)) - shares(a) / 2
    if not np.isfinite(before).all():
        return a, b
    group = np.minimum((before * groups).astype(np.intp), groups - 1)
    kept, index = np.unique(group, return_inverse=True)
    return _summed(index, a, kept.size), _summed(index, b, kept.size)


def _summed(index: NDArray[np.intp], counts: Counts, groups: int) -> Counts:
    return np.bincount(index, counts, groups).astype(np.float64)


def _entropy_terms(a: Counts, b: Counts) -> float:
    if not np.isfinite(a).all():
        return float("nan")
    held = a > 0
    return float((a[held] * np.log(a[held] / b[held])).sum())

"""Drift scores of whole samples, as Evidently 0.7.23 and NannyML 0.13.1 define them, for people who compare.

They need all rows of both sides in memory, and bins that depend on the window; the monitors use cells instead. The
functions are named after the product whose variant they are, since three products print three different numbers called
JS. Reference and current are samples, shape (n,) and (m,), without missing values; numbers as float64, categories as
text.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import spatial, stats

from kaizenml.monitoring import scores

Counts = NDArray[np.float64]

#: Numbers with at most this many distinct reference values are binned by value.
_FEW_VALUES = 20


def evidently_counts(reference: ArrayLike, current: ArrayLike) -> tuple[Counts, Counts]:
    """Return both samples counted in Evidently's bins.

    Notes
    -----
    Numbers with more than 20 distinct reference values: Sturges' bins of both samples together (`numpy`); all else: one
    bin per value of either.
    """
    a, b = np.asarray(reference), np.asarray(current)
    if np.issubdtype(a.dtype, np.number) and len(np.unique(a)) > _FEW_VALUES:
        edges = np.histogram_bin_edges(np.concatenate([a, b]), bins="sturges")
        return _histogram(a, edges), _histogram(b, edges)
    return _by_value(a, b)


def evidently_psi(reference: ArrayLike, current: ArrayLike) -> float:
    """Return Evidently's population stability index (``psi``), ≥ 0."""
    return scores.psi(*evidently_counts(reference, current))


def evidently_kl(reference: ArrayLike, current: ArrayLike) -> float:
    """Return Evidently's Kullback–Leibler divergence (``kl_div``), in nats."""
    return scores.kl(*evidently_counts(reference, current))


def evidently_js(reference: ArrayLike, current: ArrayLike) -> float:
    """Return Evidently's Jensen–Shannon distance (``jensenshannon``), natural logarithm, 0 to .8326."""
    return scores.js_distance(*evidently_counts(reference, current))


def evidently_wasserstein(reference: ArrayLike, current: ArrayLike) -> float:
    """Return Evidently's normed Wasserstein distance: W1 ÷ max(standard deviation of the reference (ddof 0), .001)."""
    a, b = np.asarray(reference, dtype=np.float64), np.asarray(current, dtype=np.float64)
    return float(stats.wasserstein_distance(a, b)) / max(float(a.std()), 0.001)


def evidently_ks_p(reference: ArrayLike, current: ArrayLike) -> float:
    """Return Evidently's ``ks``: the two-sided two-sample Kolmogorov–Smirnov p-value."""
    return float(stats.ks_2samp(reference, current).pvalue)


def evidently_chi_squared_p(reference: ArrayLike, current: ArrayLike) -> float:
    """Return Evidently's ``chisquare`` p-value: *one*-sample, the reference's shares taken for the truth.

    Notes
    -----
    So it rejects too often with a small reference, and a value that the reference lacks gives 0. The monitors use the
    two-sample test instead, see `kaizenml.monitoring.chance.chi_squared_p`.
    """
    p, q = _by_value(reference, current)
    expected = p * q.sum() / p.sum()
    if (expected == 0).any():
        return 0.0
    return float(stats.chi2.sf((np.square(q - expected) / expected).sum(), len(p) - 1))


def nannyml_js(reference: ArrayLike, current: ArrayLike) -> float:
    """Return NannyML's Jensen–Shannon distance, binary logarithm, 0 to 1; see `nannyml_counts` for the bins."""
    p, q = nannyml_counts(reference, current)
    return float(spatial.distance.jensenshannon(p, q, base=2))


def nannyml_hellinger(reference: ArrayLike, current: ArrayLike) -> float:
    """Return NannyML's Hellinger distance, 0 to 1; see `nannyml_counts` for the bins."""
    return scores.hellinger(*nannyml_counts(reference, current))


def nannyml_l_infinity(reference: ArrayLike, current: ArrayLike) -> float:
    """Return NannyML's L-infinity distance of categories: the largest change of any value's share, 0 to 1."""
    return scores.l_infinity(*_by_value(reference, current))


def nannyml_counts(reference: ArrayLike, current: ArrayLike) -> tuple[Counts, Counts]:
    """Return both samples counted in NannyML's bins.

    Notes
    -----
    Numbers: Doane's bins of the reference alone, and one bin for all that lies outside them. Categories: one bin per
    value of either.
    """
    a, b = np.asarray(reference), np.asarray(current)
    if not np.issubdtype(a.dtype, np.number):
        return _by_value(a, b)
    edges = np.histogram_bin_edges(a, bins="doane")
    p, q = _histogram(a, edges), _histogram(b, edges)
    return np.append(p, len(a) - p.sum()), np.append(q, len(b) - q.sum())


def _by_value(reference: ArrayLike, current: ArrayLike) -> tuple[Counts, Counts]:
    a, b = np.asarray(reference), np.asarray(current)
    values, index = np.unique(np.concatenate([a, b]), return_inverse=True)
    return _counted(index[: len(a)], len(values)), _counted(index[len(a) :], len(values))


def _counted(index: NDArray[np.intp], size: int) -> Counts:
    return np.bincount(index, minlength=size).astype(np.float64)


def _histogram(sample: NDArray[np.generic], edges: NDArray[np.generic]) -> Counts:
    return np.histogram(sample, edges)[0].astype(np.float64)

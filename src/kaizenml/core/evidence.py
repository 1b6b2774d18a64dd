"""How much the data say against a hypothesis, at any time one cares to look.

An *e-value* is a number that is 1 on average when nothing is the matter, so that a large one is rare: by Ville's
inequality an e-process exceeds 20 ever, on any of infinitely many looks, with probability at most 1/20. That is what
makes it safe to look at a canary after every block, which a p-value is not.

Evidence is handled as natural logarithms, because products of e-values overflow.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace

#: Shares of the fortune that the betting process stakes, side by side, on "the mean is above zero".
STAKES = (0.03, 0.1, 0.3, 0.9)
#: Exponent of the p-to-e calibrator; .3 was best for shifts of .1–.4 σ in daily windows (our measurement).
KAPPA = 0.3
#: The statistic never exceeds this many thresholds, so that a detector forgets an old fault within a dozen windows.
_CEILING = 100.0


def log_t_mixture(total: float, squares: float, n: int, g: float = 3.0) -> float:
    """Return the log evidence that the mean of n differences is above zero, whatever their scale.

    Parameters
    ----------
    total
        Sum S of the differences.
    squares
        Sum Q of their squares.
    n
        How many differences there are.
    g
        How many differences the prior is worth, > 0; 3–7 suits effects of about half a standard deviation.

    Returns
    -------
    float
        ``½ log(g/(n+g)) + (n/2) log(1 / (1 − S²/(nQ) · n/(n+g)))``; with S ≤ 0 only the first term, so a negative mean
        is never evidence. Zero while it cannot be said (n < 2, or all differences zero).

    Notes
    -----
    The two-sided process is a test martingale for Gaussian differences of mean zero; used one-sidedly (only when S > 0)
    the threshold for a false-alarm probability α is ``log(1/(2α))``, see `log_threshold`. It is invariant to scale:
    multiplying every difference by a constant changes nothing.
    Source: Lai (1976), *On confidence sequences*, Ann. Statist. 4; Wang and Ramdas (2024), *Anytime-valid t-tests and
    confidence sequences for Gaussian means with unknown variance*.

    Examples
    --------
    >>> round(log_t_mixture(total=10.0, squares=12.0, n=10), 3)
    4.389
    """
    if n < 2 or squares <= 0.0:
        return 0.0
    prior = 0.5 * math.log(g / (n + g))
    if total <= 0.0:
        return prior
    share = min(1.0, total * total / (n * squares)) * n / (n + g)
    return prior - 0.5 * n * math.log1p(-share)


def log_threshold(alpha: float) -> float:
    """Return the log evidence at which `log_t_mixture`, used one-sidedly, errs with probability at most alpha."""
    return math.log(1.0 / (2.0 * alpha))


def e_value(p: float, kappa: float = KAPPA) -> float:
    """Return the e-value ``κ p^(κ−1)`` of a p-value.

    Parameters
    ----------
    p
        A valid p-value, 0 to 1; below 1e-300 it is taken as that.
    kappa
        Exponent, between 0 and 1: the smaller, the more a tiny p-value counts.

    Notes
    -----
    It integrates to 1 over uniform p.
    Source: Vovk and Wang (2021), *E-values: calibration, combination and applications*, Ann. Statist. 49.
    """
    return float(kappa * max(p, 1e-300) ** (kappa - 1.0))


@dataclass(frozen=True, slots=True)
class Detector:
    """A Shiryaev–Roberts e-detector: it waits for a change at an unknown time.

    Parameters
    ----------
    statistic
        Evidence for a change at some past time, ≥ 0.
    threshold
        The mean number of windows between two false alarms (average run length): 365 is once a year of daily windows.
    n
        How many windows it has seen.

    Notes
    -----
    ``M ← (M + 1) e``; with e-values of mean ≤ 1 the mean time to ``M ≥ A`` without a change is at least A windows.
    Source: Shin, Ramdas and Rinaldo (2023), *E-detectors: a nonparametric framework for sequential change detection*.
    """

    statistic: float = 0.0
    threshold: float = 365.0
    n: int = 0

    def updated(self, e: float) -> Detector:
        """Return the detector after one more window of evidence e (≥ 0)."""
        return replace(self, statistic=min(_CEILING * self.threshold, (self.statistic + 1.0) * e), n=self.n + 1)

    @property
    def has_fired(self) -> bool:
        """Whether the evidence has reached the threshold."""
        return self.statistic >= self.threshold

    def restarted(self) -> Detector:
        """Return a detector that has forgotten everything but its threshold."""
        return Detector(threshold=self.threshold)


@dataclass(frozen=True, slots=True)
class Bets:
    """A gambler who bets that differences within [−1, 1] have a mean above zero; their fortune is the evidence.

    Parameters
    ----------
    fortunes
        Log fortune of each stake of `STAKES`, all starting at 0.
    n
        How many differences were bet on.

    Notes
    -----
    Fortune ``∏(1 + λ d)`` for each stake λ, averaged. Valid in finite samples for any distribution within [−1, 1] whose
    conditional mean is ≤ 0, dependent or not; conservative, since it does not learn the variance.
    Source: Waudby-Smith and Ramdas (2024), *Estimating means of bounded random variables by betting*, JRSS B 86.
    """

    fortunes: tuple[float, ...] = (0.0,) * len(STAKES)
    n: int = 0

    def updated(self, difference: float) -> Bets:
        """Return the bets after one more difference, which is clipped to [−1, 1]."""
        bounded = min(1.0, max(-1.0, difference))
        won = tuple(f + math.log1p(stake * bounded) for f, stake in zip(self.fortunes, STAKES, strict=True))
        return Bets(won, self.n + 1)

    @property
    def log_evidence(self) -> float:
        """The log of the average fortune; `log(1/alpha)` is the threshold for a false-alarm probability alpha."""
        return log_mean_exp(self.fortunes)


def bets_on(differences: Iterable[float]) -> Bets:
    """Return the bets after these differences, in this order."""
    bets = Bets()
    for difference in differences:
        bets = bets.updated(difference)
    return bets


def log_mean_exp(logs: Iterable[float]) -> float:
    """Return ``log(mean(exp(x)))`` without overflow; the average of e-values is an e-value."""
    listed = list(logs)
    top = max(listed)
    return top + math.log(sum(math.exp(x - top) for x in listed) / len(listed))

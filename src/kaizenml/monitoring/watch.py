"""Whether the model has become worse than it was: a few numbers that are updated once per block of labelled rows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from math import sqrt

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from kaizenml.core.evidence import Detector, e_value
from kaizenml.core.finding import Finding, Severity
from kaizenml.monitoring.losses import block_means

#: Blocks of test rows below which nothing can be said about how much blocks differ.
FEWEST_BLOCKS = 3
#: How sure the level must be to lie above the true mean: .95 halves the false alarms and doubles the delay.
LEVEL = 0.7


@dataclass(frozen=True, slots=True)
class Watch:
    """The level of loss that was promised, and the evidence by now that it is exceeded.

    Parameters
    ----------
    mean, deviation
        Mean and standard deviation of the loss's block means on the test rows, in the loss's unit.
    within
        Standard deviation of the loss of single rows within a block.
    rows
        Typical (harmonic mean) rows per block of the test rows.
    blocks
        How many blocks of test rows there were.
    tolerance
        By how much the loss may exceed the mean before it counts as worse, in the loss's unit, ≥ 0.
    detector
        The evidence by now.
    last, last_p
        Mean loss of the newest block, and how likely one so high is if nothing has changed.
    """

    mean: float
    deviation: float
    within: float
    rows: float
    blocks: int
    tolerance: float
    detector: Detector
    last: float | None = None
    last_p: float | None = None

    def updated(self, loss: float, rows: int) -> Watch:
        """Return the watch after one more block of labelled rows.

        Parameters
        ----------
        loss
            Mean loss of the block; the block must span what the blocks of test rows spanned (a day, say).
        rows
            How many labelled rows it has; none changes nothing.
        """
        if rows < 1:
            return self
        p = self.p_of(loss, rows)
        return replace(self, detector=self.detector.updated(e_value(p)), last=loss, last_p=p)

    def p_of(self, loss: float, rows: int) -> float:
        """Return the probability of a block's mean loss this high or higher if nothing has changed.

        Notes
        -----
        Student-t bound on B − 1 degrees of freedom (B blocks of test rows). The error of the learned mean is the same
        in every later block, so it does not average away: the level is raised to the mean's one-sided 70 % bound. A
        block of fewer rows than usual varies more, by ``within² (1/rows − 1/usual)``.
        In simulation (10–200 test blocks, autocorrelation up to .29, threshold 365): .25–.32 false alarms in 365
        blocks; a rise by 1.1 standard deviations of a block is found in 10–19 blocks (median).
        Source: Hahn and Meeker (1991), *Statistical Intervals*, section 4.7 (prediction interval).
        """
        error = float(stats.t.ppf(LEVEL, self.blocks - 1)) * self.deviation / sqrt(self.blocks)
        level = self.mean + self.tolerance + error
        extra = self.within**2 * max(0.0, 1 / rows - 1 / self.rows)
        spread = sqrt(self.deviation**2 + extra)
        if spread <= 1e-12 * abs(level):
            return 1.0 if loss <= level + 1e-9 * abs(level) else 0.0
        return float(stats.t.sf((loss - level) / spread, self.blocks - 1))

    @property
    def has_fired(self) -> bool:
        """Whether the evidence suffices for an alarm."""
        return self.detector.has_fired


def learn_watch(
    losses: ArrayLike, blocks: ArrayLike, *, tolerance: float = 0.0, windows_between_false_alarms: float = 365.0
) -> Watch | None:
    """Return a watch on the level of loss of the test rows; None with fewer than 3 blocks.

    Parameters
    ----------
    losses
        Loss of each test row, shape (n,), see `row_losses`.
    blocks
        Which block each belongs to, shape (n,): spans such as live windows will be.
    tolerance
        By how much the loss may rise, in its unit, ≥ 0.
    windows_between_false_alarms
        Mean number of live blocks between two false alarms.
    """
    values = np.asarray(losses, dtype=np.float64)
    means = block_means(values, blocks)
    if len(means) < FEWEST_BLOCKS:
        return None
    _, index, sizes = np.unique(np.asarray(blocks), return_inverse=True, return_counts=True)
    degrees = max(1, len(values) - len(means))
    within = float(np.sqrt(np.square(values - means[index]).sum() / degrees))
    return Watch(
        mean=float(means.mean()),
        deviation=float(means.std(ddof=1)),
        within=within,
        rows=float(len(sizes) / (1 / sizes).sum()),
        blocks=len(means),
        tolerance=tolerance,
        detector=Detector(threshold=windows_between_false_alarms),
    )


def watch_finding(watch: Watch, *, start: datetime, end: datetime) -> Finding:
    """Return whether the loss has surely risen above what was promised, as of the newest block."""
    evidence = f"evidence {watch.detector.statistic:.3g} of {watch.detector.threshold:.3g} needed"
    verdict = "has risen above" if watch.has_fired else "is not surely above"
    sentence = (
        f"The loss of live predictions {verdict} its level on the test rows: {_said(watch.last)} in the newest block "
        f"against {watch.mean:.4g} ± {watch.deviation:.2g}, {evidence} after {watch.detector.n:,} blocks."
    )
    return Finding(
        monitor="performance",
        subject="loss",
        metric="mean_loss",
        value=watch.last,
        low=None,
        high=None,
        limit=watch.mean + watch.tolerance,
        is_breach=watch.has_fired and watch.last is not None,
        window_start=start,
        window_end=end,
        severity=Severity.CRITICAL if watch.has_fired else Severity.INFO,
        sentence=sentence,
    )


def _said(loss: float | None) -> str:
    return "no labelled row yet" if loss is None else f"{loss:.4g}"

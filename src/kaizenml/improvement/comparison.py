"""What is known about a challenger against the champion, as a value that needs no numerical library."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

from kaizenml.core.evidence import log_threshold


class Outcome(StrEnum):
    """What a comparison says of the challenger."""

    BETTER = "better"
    WORSE = "worse"
    UNDECIDED = "undecided"


@dataclass(frozen=True, slots=True)
class Comparison:
    """What is known about challenger against champion.

    Parameters
    ----------
    rows, blocks
        Rows that both scored, and blocks of evidence they make.
    joined
        How many of the given blocks were put together into one, because neighbours were too alike; 1: none.
    autocorrelation
        Lag-1 autocorrelation of the block means that were used; None below 3 blocks.
    mean, low, high
        Mean of the block means of (champion's loss − challenger's loss) with its 95 % Student-t interval; in the loss's
        unit. The interval holds for one look; for looking again and again the evidence counts.
    deviation
        Standard deviation of the block means.
    champion_loss
        The champion's mean loss, over rows.
    margin
        What is too small to matter, in the loss's unit.
    log_better, log_worse
        Log evidence that the mean is above, below zero (`log_t_mixture`).
    log_not_worse, log_harm
        Log evidence that the mean is above −margin (non-inferiority), below −margin (harm).
    bets_better, bets_worse
        The second opinion, without assuming a normal distribution: log evidence of the betting process, threshold
        ``log(1/alpha)``.
    alpha
        Probability of a false verdict, for each verdict.
    """

    rows: int
    blocks: int
    joined: int
    autocorrelation: float | None
    mean: float
    low: float | None
    high: float | None
    deviation: float
    champion_loss: float
    margin: float
    log_better: float
    log_worse: float
    log_not_worse: float
    log_harm: float
    bets_better: float
    bets_worse: float
    alpha: float
    outcome: Outcome
    sentence: str

    @property
    def is_not_worse(self) -> bool:
        """Whether it is sure that the challenger is not worse by more than the margin."""
        return self.log_not_worse >= log_threshold(self.alpha)

    @property
    def is_harmful(self) -> bool:
        """Whether it is sure that the challenger is worse by more than the margin."""
        return self.log_harm >= log_threshold(self.alpha)

    @property
    def errors_above_margin(self) -> float:
        """How many standard errors the mean lies above −margin; 0 when that cannot be said."""
        above = self.mean + self.margin
        if self.blocks < 2 or not above:
            return 0.0
        error = self.deviation / math.sqrt(self.blocks)
        return above / error if error > 0 else math.copysign(math.inf, above)

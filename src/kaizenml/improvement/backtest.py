"""Champion against challenger on the same labelled rows, by blocks.

Rows of a day resemble each other, so a thousand rows are not a thousand pieces of evidence: tests that forget this
promote falsely in 86–92 % of cases on real flights, day blocks with a t-mixture e-process in 3 %. The unit of evidence
is the block's mean paired difference, champion's loss − challenger's loss: positive means that the challenger is
better.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from kaizenml.core.evidence import bets_on, log_t_mixture, log_threshold
from kaizenml.improvement.comparison import Comparison, Outcome

#: Lag-1 autocorrelation of block means from which on blocks are put together in pairs.
TOO_ALIKE = 0.3
#: Blocks are not put together below this many.
FEWEST_BLOCKS = 6

Vector = NDArray[np.float64]


def compare(
    champion_loss: ArrayLike,
    challenger_loss: ArrayLike,
    blocks: ArrayLike,
    *,
    margin: float | None = None,
    alpha: float = 0.05,
    bound: float = 1.0,
) -> Comparison:
    """Return what the losses of both models on the same rows say, by blocks.

    Parameters
    ----------
    champion_loss, challenger_loss
        Loss of each row, shape (n,), n ≥ 1; rows where either is not finite are left out.
    blocks
        Which block each row belongs to, shape (n,); ids that sort in the order of time.
    margin
        By how much worse is still as good, in the loss's unit, ≥ 0; None: 2 % of the champion's loss.
    alpha
        Probability of each false verdict, ever, however often one looks as rows come in.
    bound
        Largest possible |difference| of two losses: 1 for Brier; used by the betting process only.

    Raises
    ------
    ValueError
        If the three are not of the same length.

    Notes
    -----
    Blocks count alike, whatever their size. While the lag-1 autocorrelation of their means is ≥ .3 and at least 12 are
    left, neighbours are put together in pairs.
    """
    champion, challenger, ids = _paired(champion_loss, challenger_loss, blocks)
    if not champion.size:
        return _nothing(margin or 0.0, alpha)
    means, joined = _independent(champion - challenger, ids)
    level = float(champion.mean())
    slack = 0.02 * abs(level) if margin is None else margin
    return _compared(means, joined, champion.size, level, slack, alpha, bound)


def _paired(a: ArrayLike, b: ArrayLike, blocks: ArrayLike) -> tuple[Vector, Vector, NDArray[np.generic]]:
    champion, challenger, ids = np.asarray(a, np.float64), np.asarray(b, np.float64), np.asarray(blocks)
    if not len(champion) == len(challenger) == len(ids):
        raise ValueError(f"{len(champion)} and {len(challenger)} losses for {len(ids)} block ids")
    is_known = np.isfinite(champion) & np.isfinite(challenger)
    return champion[is_known], challenger[is_known], ids[is_known]


def _independent(difference: Vector, ids: NDArray[np.generic]) -> tuple[Vector, int]:
    """Return block means that are not too alike, and how many blocks were put together for each."""
    _, index = np.unique(ids, return_inverse=True)
    joined = 1
    while True:
        blocks = index // joined
        means = np.bincount(blocks, difference) / np.bincount(blocks)
        if _autocorrelation(means) < TOO_ALIKE or len(means) < 2 * FEWEST_BLOCKS:
            return np.asarray(means, dtype=np.float64), joined
        joined *= 2


def _autocorrelation(means: Vector) -> float:
    centred = means - means.mean()
    total = float(centred @ centred)
    return float(centred[1:] @ centred[:-1]) / total if len(means) > 2 and total > 0 else 0.0


def _compared(
    means: Vector, joined: int, rows: int, level: float, margin: float, alpha: float, bound: float
) -> Comparison:
    mean, deviation, reach = _spread(means)
    better, worse = _evidence(means), _evidence(-means)
    outcome = _outcome(better, worse, alpha)
    return Comparison(
        rows=rows,
        blocks=len(means),
        joined=joined,
        autocorrelation=_autocorrelation(means) if len(means) > 2 else None,
        mean=mean,
        low=mean - reach if reach is not None else None,
        high=mean + reach if reach is not None else None,
        deviation=deviation,
        champion_loss=level,
        margin=margin,
        log_better=better,
        log_worse=worse,
        log_not_worse=_evidence(means + margin),
        log_harm=_evidence(-means - margin),
        bets_better=bets_on((means / bound).tolist()).log_evidence,
        bets_worse=bets_on((-means / bound).tolist()).log_evidence,
        alpha=alpha,
        outcome=outcome,
        sentence=_sentence(outcome, mean, reach, len(means), joined, rows, level, max(better, worse), alpha),
    )


def _spread(means: Vector) -> tuple[float, float, float | None]:
    """Return mean, standard deviation, and half the width of the 95 % interval (None below 2 blocks)."""
    mean, n = float(means.mean()), len(means)
    if n < 2:
        return mean, 0.0, None
    deviation = float(means.std(ddof=1))
    return mean, deviation, float(stats.t.ppf(0.975, n - 1)) * deviation / math.sqrt(n)


def _evidence(means: Vector) -> float:
    return log_t_mixture(float(means.sum()), float(means @ means), len(means))


def _outcome(better: float, worse: float, alpha: float) -> Outcome:
    if better >= log_threshold(alpha):
        return Outcome.BETTER
    return Outcome.WORSE if worse >= log_threshold(alpha) else Outcome.UNDECIDED


def _sentence(
    outcome: Outcome,
    mean: float,
    reach: float | None,
    blocks: int,
    joined: int,
    rows: int,
    level: float,
    log_e: float,
    alpha: float,
) -> str:
    verdict = {
        Outcome.BETTER: "The challenger is better",
        Outcome.WORSE: "The challenger is worse",
        Outcome.UNDECIDED: "It is not decided which is better",
    }[outcome]
    interval = "" if reach is None else f" ({mean - reach:+.4g} to {mean + reach:+.4g})"
    widened = f", {joined} put together at a time because neighbours were alike" if joined > 1 else ""
    return (
        f"{verdict}: it saves {mean:+.4g}{interval} of the champion's loss of {level:.4g}, in {blocks} blocks"
        f"{widened} of {rows:,} rows; evidence {math.exp(min(log_e, 700)):.3g}, {1 / (2 * alpha):.3g} needed."
    )


def _nothing(margin: float, alpha: float) -> Comparison:
    sentence = "No row was scored by both and has a label, so nothing can be said."
    none = (0.0,) * 6
    return Comparison(0, 0, 1, None, 0.0, None, None, 0.0, 0.0, margin, *none, alpha, Outcome.UNDECIDED, sentence)

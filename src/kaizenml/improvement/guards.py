"""What can be said of a challenger at once, without labels, from what both models answered to the same requests."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kaizenml.improvement.rollout import Guards

Vector = NDArray[np.float64]

_NOTHING = 1e-12


def measured_guards(
    champion_scores: ArrayLike,
    challenger_scores: ArrayLike,
    *,
    errors: int = 0,
    champion_errors: int = 0,
    seconds: ArrayLike = (),
    champion_seconds: ArrayLike = (),
) -> Guards:
    """Return what guards a rollout.

    Parameters
    ----------
    champion_scores, challenger_scores
        What both said of the same requests, shape (n,) or (n, classes): probabilities or numbers.
    errors, champion_errors
        Requests that failed with either, besides the n.
    seconds, champion_seconds
        How long their answers took, any shape; empty where not known.
    """
    champion, challenger = _rows(champion_scores), _rows(challenger_scores)
    is_number = np.isfinite(challenger).all(axis=1)
    both = is_number & np.isfinite(champion).all(axis=1)
    agreement, spread = _likeness(_centred(champion[both]), _centred(challenger[both]))
    scored = len(challenger)
    return Guards(
        requests=scored + errors,
        error_share=_share(errors, scored + errors),
        champion_error_share=_share(champion_errors, len(champion) + champion_errors),
        latency_ratio=_ratio(seconds, champion_seconds),
        nan_share=_share(scored - int(is_number.sum()), scored),
        agreement=agreement,
        spread_ratio=spread,
    )


def _rows(scores: ArrayLike) -> Vector:
    """Return scores as shape (n, classes), with one column for numbers."""
    vector = np.asarray(scores, dtype=np.float64)
    return vector.reshape(len(vector), -1) if vector.size else np.empty((0, 1))


def _centred(rows: Vector) -> Vector:
    """Return all scores less the mean of their class, in one row: that a class is frequent is no agreement."""
    return (rows - rows.mean(axis=0)).ravel() if len(rows) else np.empty(0)


def _likeness(champion: Vector, challenger: Vector) -> tuple[float | None, float | None]:
    """Return the correlation of the scores and the ratio of their spreads; None where a model says the same to all."""
    if champion.size < 2 or champion.std() <= _NOTHING:
        return None, None
    ratio = float(challenger.std() / champion.std())
    return (float(np.corrcoef(champion, challenger)[0, 1]), ratio) if ratio > _NOTHING else (None, 0.0)


def _ratio(seconds: ArrayLike, champion_seconds: ArrayLike) -> float | None:
    new, old = np.asarray(seconds, dtype=np.float64), np.asarray(champion_seconds, dtype=np.float64)
    if not new.size or not old.size:
        return None
    slow, usual = np.quantile(new, 0.99), np.quantile(old, 0.99)
    return float(slow / usual) if usual > 0 else None


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0

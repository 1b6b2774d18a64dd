"""Where better parameters are looked for: ranges and choices, as values."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from kaizenml.errors import ProjectError

#: A value nearer to a bound than this share of the (logarithmic) range counts as on it.
EDGE = 0.05
#: How far a guessed range reaches from the default, as a factor in both directions.
REACH = 10.0


@dataclass(frozen=True, slots=True)
class Range:
    """Numbers from low to high, both included; on a logarithmic scale where factors count and not differences.

    ``is_guessed``: nobody declared it, so it may be widened when the best value lies on its bound.
    """

    low: float
    high: float
    is_log: bool = False
    is_integer: bool = False
    is_guessed: bool = False

    def edge(self, value: float) -> str:
        """Return ``"low"`` or ``"high"`` for a value on a bound, else nothing."""
        low, high, at = (math.log(each) if self.is_log else each for each in (self.low, self.high, value))
        share = (at - low) / (high - low)
        return "low" if share < EDGE else "high" if share > 1 - EDGE else ""

    def widened(self, edge: str) -> Range:
        """Return the range with one bound moved out: by a factor of ten where factors count, else by its width."""
        width = self.high - self.low
        if edge == "high":
            high = self.high * REACH if self.is_log else self.high + width
            return replace(self, high=math.ceil(high) if self.is_integer else high)
        low = self.low / REACH if self.is_log else self.low - width
        if self.is_integer:
            low = max(1, math.floor(low)) if self.is_log else math.floor(low)
        return self if low == self.low else replace(self, low=low)


@dataclass(frozen=True, slots=True)
class Choice:
    """One of some values."""

    values: tuple[str | float | int | bool | None, ...]


Space = Range | Choice


@dataclass(frozen=True, slots=True)
class Tuning:
    """What a project says of its tuning.

    Parameters
    ----------
    space
        Where to look, by ``step.parameter``; empty: a guess from the defaults of the step `estimator`.
    metric
        What is made better; empty: the task's first one.
    folds, gap
        How trials are tested, on training rows only: so many folds, so far apart in time.
    """

    space: tuple[tuple[str, Space], ...] = ()
    metric: str = ""
    folds: int = 3
    gap: str = ""


def between(low: float, high: float, *, log: bool = False) -> Range:
    """Return the numbers from low to high; integers where both are.

    Raises
    ------
    ProjectError
        When there is nothing between them, or a logarithmic range reaches zero.
    """
    if not low < high:
        raise ProjectError(f"There is nothing between {low} and {high}.", "Write kz.between(low, high), low first.")
    if log and low <= 0:
        raise ProjectError(f"A logarithmic range cannot begin at {low}.", "Begin it above zero.")
    return Range(low, high, log, isinstance(low, int) and isinstance(high, int))


def choice(*values: str | float | int | bool | None) -> Choice:
    """Return a choice of some values.

    Raises
    ------
    ProjectError
        When there are fewer than two.
    """
    if len(values) < 2:
        raise ProjectError("kz.choice() needs at least two values.", "Name what there is to choose from.")
    return Choice(values)


def guessed(default: object) -> Space | None:
    """Return a range around a default, or None where nothing can be guessed from it."""
    if isinstance(default, bool):
        return Choice((True, False))
    if isinstance(default, int) and default > 0:
        return Range(max(1, default // 4), max(default * 4, default + 1), is_log=default > 1, is_integer=True,
                     is_guessed=True)  # fmt: skip
    if isinstance(default, float) and default > 0:
        return Range(default / REACH, default * REACH, is_log=True, is_guessed=True)
    return None

"""What a project asks of a model: metrics, baselines, the champion, slices, calibration, size, behaviour."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from kaizenml.core.behaviour import Behaviour, Direction, Expected, Invariant, Minimum
from kaizenml.core.gate import (
    AtLeast,
    Baseline,
    BeatsBaselines,
    BeatsChampion,
    Calibrated,
    NotWorse,
    Requirement,
    Size,
    Slices,
)
from kaizenml.core.step import bytes_of
from kaizenml.errors import ProjectError


def at_least(metric: str, limit: float) -> Requirement:
    """Require that the metric reaches the limit on the test rows (a loss: does not exceed it)."""
    return AtLeast(metric=metric, limit=limit)


def beats_champion(metric: str) -> Requirement:
    """Require that the model is better than the one that serves, on the same rows, by more than noise."""
    return BeatsChampion(metric=metric)


def not_worse(metric: str, *, margin: float = 0.02) -> Requirement:
    """Require that the model is no worse than the one that serves: better on average, and surely within the margin.

    ``margin`` is a share of the champion's loss. Suits models that are trained anew because they are old.
    """
    return NotWorse(metric=metric, margin=margin)


def beats_baselines(metric: str = "") -> Requirement:
    """Require that the model is better than one that knows only the target's frequencies or mean."""
    return BeatsBaselines(metric=metric)


def slices(column: str, *, worst: float, metric: str = "", min_rows: int = 200) -> Requirement:
    """Require that the metric reaches ``worst`` for every value of a column that has enough rows."""
    return Slices(column=column, worst=worst, metric=metric, min_rows=min_rows)


def baseline(metric: str = "", *, against: str = "") -> Requirement:
    """Require that the model is better than simple ones on the same rows, by more than noise.

    Parameters
    ----------
    metric
        In which it must be better; the task's own unless told otherwise.
    against
        ``"dummy"``, ``"linear"`` or ``"tree"``; all three where none is named.
    """
    return Baseline(metric=metric, against=against)


def calibrated(error: float = 0.05) -> Requirement:
    """Require that predictions mean what they say: the calibration error, less what chance gives, is at most this.

    A probability for classes; for values in the target's unit.
    """
    if error <= 0:
        raise ProjectError(f"A calibration error of {error} cannot be asked for.", "Give more than 0, such as 0.05.")
    return Calibrated(error=error)


def size(limit: int | str) -> Requirement:
    """Require that a release is no larger: a number of bytes, or ``"20MB"``."""
    found = bytes_of(limit, "size")
    if found is None or found <= 0:
        raise ProjectError(f"A size of {limit} cannot be asked for.", 'Give a number of bytes, or "20MB".')
    return Size(limit_bytes=found)


def invariant(
    column: str,
    *,
    change: Callable[[Any], Any] | Sequence[object],
    within: float | None = None,
    allow: float = 0.0,
    name: str = "",
) -> Behaviour:
    """Say that another value in a column does not change the answer.

    Parameters
    ----------
    change
        A function from the column (a Polars series) to the column as changed, or values that each row is given in turn.
    within
        By how much the answer may change all the same: a probability, .01 unless told otherwise; or in the target's
        unit, a hundredth of the spread of predictions unless told otherwise.
    allow
        The share of rows that may fail.
    """
    given = change if callable(change) else tuple(change)
    if not callable(given) and (isinstance(change, str) or not given):
        raise ProjectError(f"change={change!r} changes nothing.", 'Give a function, or values: change=["a", "b"].')
    return Invariant(column=column, change=given, within=within, allow=_share(allow), name=name)


def direction(
    column: str, by: float, *, expect: str, of: str = "", within: float = 0.0, allow: float = 0.0, name: str = ""
) -> Behaviour:
    """Say which way the answer goes with more, or less, in a column; it may also stay.

    Parameters
    ----------
    by
        What is added to the column.
    expect
        ``"up"`` or ``"down"``.
    of
        The class whose probability counts; the second of two.
    within
        By how much it may go the other way.
    allow
        The share of rows that may fail.
    """
    if expect not in tuple(Expected) or not by:
        raise ProjectError(f"direction({column!r}, {by}, expect={expect!r}) says nothing.", 'Expect "up" or "down".')
    return Direction(
        column=column, by=by, expect=Expected(expect), of=of, within=within, allow=_share(allow), name=name
    )


def minimum(rows: Sequence[Mapping[str, Any]], *, expect: object, allow: float = 0.0, name: str = "") -> Behaviour:
    """Say what simple rows must be answered with.

    Parameters
    ----------
    rows
        Rows as a request brings them.
    expect
        A label or value, ``(low, high)``, or a function that takes the answer's value and returns whether it will do.
    allow
        The share of rows that may fail.
    """
    if not rows:
        raise ProjectError("kz.minimum() names no rows.", "Give rows as a request brings them.")
    return Minimum(rows=tuple(dict(row) for row in rows), expect=expect, allow=_share(allow), name=name)


def _share(allow: float) -> float:
    if 0 <= allow < 1:
        return allow
    raise ProjectError(f"allow={allow} is no share of the rows.", "Give 0 or more, and less than 1.")

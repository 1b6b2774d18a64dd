"""Set aside the rows that a model is judged by: the latest ones, or a fair draw."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from kaizenml.errors import TargetError, UsageError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Split:
    """The rows to learn from, and the rows to judge by: no row is in both."""

    train: pl.DataFrame
    holdout: pl.DataFrame


def split(
    frame: pl.DataFrame, *, time: str | None, target: str | None, holdout: float = 0.2, seed: int = 0, stratify: bool
) -> Split:
    """Return the rows to learn from and the rows to judge by, each in the order they came.

    With a time column the latest rows are held out, as a model is judged by what comes after it; rows of one time are
    all on one side. Without one a seeded draw is held out, of each class its share when ``stratify``.

    Parameters
    ----------
    holdout
        The share of rows to hold out, in (0, 1). Ties of times may make it less.
    seed
        The same rows in the same order with the same seed give the same split.

    Raises
    ------
    UsageError
        For a share outside (0, 1), fewer than two rows, a row without a time, or times that are all equal.
    TargetError
        When ``stratify`` is asked without a target.
    """
    checked_share(holdout)
    if frame.height < 2:
        raise UsageError(f"{frame.height} rows cannot be split.", "At least 2 are needed.")
    if time is not None:
        return _by(frame, _latest(frame, time, holdout))
    if stratify and target is None:
        raise TargetError("Rows can be drawn class by class only where there is a target.", "Name the target.")
    return _by(
        frame, _drawn_by_class(frame, target, holdout, seed) if stratify and target else _drawn(frame, holdout, seed)
    )


def checked_share(holdout: float) -> float:
    """Return the share of rows to hold out, or raise `UsageError` when it is none."""
    if not 0 < holdout < 1:
        raise UsageError(f"holdout is {holdout}, not between 0 and 1.", "Write a share, such as 0.2.")
    return holdout


def _by(frame: pl.DataFrame, is_held_out: pl.Series) -> Split:
    return Split(frame.filter(~is_held_out), frame.filter(is_held_out))


def _latest(frame: pl.DataFrame, time: str, holdout: float) -> pl.Series:
    times = frame[time]
    if times.null_count():
        hint = "Leave out the rows without a time, or choose another time column."
        raise UsageError(f"{times.null_count()} rows have no {time}.", hint)
    ordered = times.sort()
    cut = ordered[frame.height - _size(frame.height, holdout)]
    if cut != ordered[0]:
        return frame.select(pl.col(time) >= cut).to_series()
    is_later = frame.select(pl.col(time) > cut).to_series()
    if not is_later.any():
        raise UsageError(f"All rows have the same {time}: {ordered[0]}.", "Choose another time column, or none.")
    return is_later


def _size(rows: int, holdout: float) -> int:
    return min(rows - 1, max(1, round(rows * holdout)))


def _drawn(frame: pl.DataFrame, holdout: float, seed: int) -> pl.Series:
    order = _shuffled(frame.height, seed)
    return _mask(frame.height, order[: _size(frame.height, holdout)])


def _shuffled(rows: int, seed: int) -> NDArray[np.int64]:
    import numpy as np

    return np.random.default_rng(seed).permutation(rows)


def _mask(rows: int, chosen: NDArray[np.int64]) -> pl.Series:
    import numpy as np

    mask = np.zeros(rows, dtype=bool)
    mask[chosen] = True
    return pl.Series(mask)


def _drawn_by_class(frame: pl.DataFrame, target: str, holdout: float, seed: int) -> pl.Series:
    """Return a draw in which every class of at least two rows is on both sides."""
    at = pl.Series("at", _shuffled(frame.height, seed))
    order = pl.DataFrame({"at": at, "label": frame[target].gather(at)})
    size = pl.len().over("label").cast(pl.Int64)
    ranked = order.with_columns(rank=pl.int_range(pl.len()).over("label"), size=size)
    quota = (pl.col("size") * holdout).round().cast(pl.Int64).clip(1)
    held = ranked.filter(pl.col("rank") < pl.min_horizontal(quota, pl.col("size") - 1))
    if held.is_empty():
        return _drawn(frame, holdout, seed)
    return _mask(frame.height, held["at"].to_numpy())

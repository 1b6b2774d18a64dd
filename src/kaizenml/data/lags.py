"""What a series was some days before: columns to forecast from, by the calendar and not by the position of rows."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from kaizenml.errors import NotFoundError, UsageError


def lags(
    frame: pl.DataFrame,
    *,
    time: str,
    value: str,
    by: str | Sequence[str] = (),
    lags: Sequence[int] = (7, 14),
    horizon: int = 7,
) -> pl.DataFrame:
    """Return the rows, each with what its series was so many days before: ``VALUE_7_days_before``, …

    The value is that of the row exactly so many days earlier, at the same time of day; null where there is no such row.
    So a missing day moves nothing. Rows of the future, whose value is null, get their columns too: they are what a
    forecast is asked for.

    Parameters
    ----------
    frame
        Rows of one or more series; they need not be sorted, and their order is kept.
    time
        A column of dates or times.
    value
        The column that is forecast.
    by
        The column or columns that tell the series apart; ``()`` for a single one.
    lags
        Distances in days, whole numbers ≥ ``horizon``.
    horizon
        How many days ahead a forecast is made, ≥ 1: a value younger than that is not known yet when it is made.

    Raises
    ------
    UsageError
        For a lag shorter than the horizon, two rows of one series at one time, and times that are none.
    NotFoundError
        For a column that is not there.

    Examples
    --------
    >>> from datetime import date
    >>> import kaizenml as kz
    >>> import polars as pl
    >>> sold = pl.DataFrame({"day": [date(2026, 3, 1), date(2026, 3, 8), date(2026, 3, 9)], "sold": [5, 6, 7]})
    >>> kz.lags(sold, time="day", value="sold", lags=(7,))["sold_7_days_before"].to_list()
    [None, 5, None]
    """
    keys = [by] if isinstance(by, str) else list(by)
    _check(frame, time, value, keys)
    _check_distances(lags, horizon)
    named = {name_of(value, lag): lag for lag in lags}
    if taken := [name for name in named if name in frame.columns]:
        raise UsageError(f"There is a column {taken[0]!r} already.", "Rename it, or leave that lag out.")
    known = frame.select(*keys, time, value)
    for name, lag in named.items():
        # Kept as wall-clock days: across a change of the clock the same hour of the day is meant.
        earlier = known.select(*keys, pl.col(time).dt.offset_by(f"{lag}d"), pl.col(value).alias(name))
        frame = frame.join(earlier, on=[*keys, time], how="left", nulls_equal=True, maintain_order="left")
    return frame


def name_of(value: str, lag: int) -> str:
    """Return the name of the column of a lag."""
    return f"{value}_{lag}_day{'s' if lag > 1 else ''}_before"


def _check(frame: pl.DataFrame, time: str, value: str, keys: list[str]) -> None:
    for name in (time, value, *keys):
        if name not in frame.columns:
            raise NotFoundError("column", name, frame.columns)
    if frame.schema[time].base_type() not in (pl.Date, pl.Datetime):
        raise UsageError(f"{time} is of {frame.schema[time]}, not of dates or times.", "Make it a date before.")
    if missing := frame[time].null_count():
        raise UsageError(f"{missing} rows have no {time}.", "Leave them out before.")
    twice = frame.select(*keys, time).is_duplicated()
    if twice.any():
        row = frame.filter(twice).select(*keys, time).row(0)
        raise UsageError(
            f"There is more than one row of {', '.join(map(str, row))}.",
            "Put them together before, or name in `by` what tells them apart.",
        )


def _check_distances(lags: Sequence[int], horizon: int) -> None:
    if horizon < 1:
        raise UsageError(f"A horizon of {horizon} days is no forecast.", "Give 1 or more.")
    if not lags or len(set(lags)) < len(lags):
        raise UsageError(f"lags={tuple(lags)} names no lag, or one twice.", "Give distances in days, such as (7, 14).")
    for lag in lags:
        if isinstance(lag, bool) or not isinstance(lag, int):
            raise UsageError(
                f"A lag of {lag!r} is no whole number of days.", "Give distances in days, such as (7, 14)."
            )
        if lag < horizon:
            raise UsageError(
                f"A lag of {lag} days is shorter than the horizon of {horizon}: that value is not known yet when the "
                "forecast is made.",
                f"Give lags of {horizon} days or more, or a shorter horizon.",
            )

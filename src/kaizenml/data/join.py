"""Join what was known at the time: no row of the future ever reaches the past."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import polars as pl

from kaizenml.errors import NotFoundError, UsageError

_INTEGERS = (pl.Int8, pl.Int16, pl.Int32, pl.Int64, pl.UInt8, pl.UInt16, pl.UInt32)
_WORDS = (pl.String, pl.Categorical, pl.Enum)
_KEYS = (*_INTEGERS, *_WORDS, pl.UInt64, pl.Int128, pl.Boolean, pl.Date, pl.Datetime, pl.Binary)
_UNITS = ("ns", "us", "ms")


def join(
    left: pl.DataFrame,
    right: pl.DataFrame,
    *,
    on: str | Sequence[str],
    as_of: str | tuple[str, str],
    known: str | None = None,
    tolerance: timedelta | None = None,
) -> pl.DataFrame:
    """Return the rows of ``left``, each with what ``right`` was known to say of it at its time.

    Of the rows of ``right`` with the same key, the latest one joins that is no later than the row of ``left``; and,
    with ``known``, that had become known by then. Rows of one key and time are corrections of each other: the one
    that became known last, and among those the last in the frame, holds.

    Parameters
    ----------
    on
        The column or columns that must be equal, of the same names in both; ``[]`` for one series that goes for all.
    as_of
        The column of times, or its name in ``left`` and its name in ``right``. Neither frame needs to be sorted.
    known
        The column of ``right`` that says when a row became known, where that is later than its own time: a label that
        arrived after a week, a price that was corrected.
    tolerance
        How old the row of ``right`` may be at the most, by its own time. None: any age.

    Returns
    -------
    DataFrame
        As many rows as ``left``, in its order; its columns, then those of ``right`` without the keys (with ``_right``
        behind a name that ``left`` has already), null where nothing was known. The time of ``right`` stays, so that
        everyone can see how old an answer is.

    Raises
    ------
    NotFoundError
        For a column that is not there, with the closest name.
    UsageError
        For times that are no times or of different kinds, keys of different types, and a negative tolerance.

    Notes
    -----
    A row without a key or a time joins nothing. Bounds are inclusive: what became known at the very moment is known.

    Examples
    --------
    >>> from datetime import date
    >>> orders = pl.DataFrame({"shop": ["a", "a"], "day": [date(2026, 1, 2), date(2026, 1, 9)]})
    >>> prices = pl.DataFrame({"shop": ["a", "a"], "day": [date(2026, 1, 1), date(2026, 1, 5)], "price": [10, 12]})
    >>> join(orders, prices, on="shop", as_of="day")["price"].to_list()
    [10, 12]
    """
    keys = [on] if isinstance(on, str) else list(on)
    left_at, right_at = (as_of, as_of) if isinstance(as_of, str) else as_of
    _check_frames(left, right)
    _check_columns("left", left, [*keys, left_at])
    _check_columns("right", right, [*keys, right_at, *([known] if known else [])])
    if tolerance is not None and tolerance < timedelta(0):
        raise UsageError(f"tolerance is {tolerance}, in the past.", "Say how old a row may be: timedelta(days=7).")
    times = [left[left_at], *(right[name] for name in (right_at, known) if name)]
    _check_times(times)

    asked_at, told_at, *known_at = _comparable(times)
    asked = pl.DataFrame([*_narrow(left, right, keys), asked_at.alias("at")])
    told = pl.DataFrame([*_narrow(right, left, keys), told_at.alias("at"), *(each.alias("known") for each in known_at)])
    place = _matched(asked, told, [name for name in told.columns if name.startswith("key")])
    if tolerance is not None:
        place = _recent(place, asked_at, told_at, tolerance)
    return _beside(left, right.drop(keys), place)


def _matched(asked: pl.DataFrame, told: pl.DataFrame, keys: list[str]) -> pl.Series:
    """Return for each row that asks the place of the row that answers, or null."""
    usable = _in_force(told.with_row_index("told").drop_nulls(), keys)
    waiting = asked.with_row_index("asked").drop_nulls().sort("at")
    found = waiting.join_asof(
        usable.select(*keys, "at", "told"), on="at", by=keys or None, strategy="backward", check_sortedness=False
    )
    places = found.select("asked", "told").drop_nulls()
    place = pl.repeat(None, asked.height, dtype=places.schema["told"], eager=True)
    return place.scatter(places["asked"], places["told"]) if len(places) else place


def _in_force(told: pl.DataFrame, keys: list[str]) -> pl.DataFrame:
    """Return the rows by the time from which each holds, without those that never hold.

    A row holds from when it is known and its own time has come, until a later row (by its own time, then by when it
    became known) does. A late row about an earlier time than one that already holds never comes into force.
    """
    if "known" not in told.columns:
        return told.sort("at", maintain_order=True)
    ranked = told.sort("at", "known", maintain_order=True).with_row_index("rank")
    ordered = ranked.with_columns(at=pl.max_horizontal("at", "known")).sort("at", maintain_order=True)
    best = pl.col("rank").cum_max()
    return ordered.filter(pl.col("rank") == (best.over(keys) if keys else best))


def _recent(place: pl.Series, asked: pl.Series, told: pl.Series, tolerance: timedelta) -> pl.Series:
    age = pl.DataFrame({"place": place, "age": asked - told.gather(place)})
    return age.select(pl.when(pl.col("age") <= tolerance).then("place")).to_series()


def _beside(left: pl.DataFrame, right: pl.DataFrame, place: pl.Series) -> pl.DataFrame:
    names = [f"{name}_right" if name in left.columns else name for name in right.columns]
    for name in names:
        if names.count(name) > 1 or name in left.columns:
            raise UsageError(f"There would be two columns {name!r}.", "Rename one before the frames are joined.")
    return left.with_columns(column.gather(place).alias(new) for column, new in zip(right, names, strict=True))


def _narrow(frame: pl.DataFrame, other: pl.DataFrame, keys: list[str]) -> list[pl.Series]:
    """Return the keys alone, under names of their own and of types that the frames share."""
    return [_alike(name, frame[name], other[name]).alias(f"key{n}") for n, name in enumerate(keys)]


def _alike(name: str, column: pl.Series, other: pl.Series) -> pl.Series:
    found, beside = column.dtype, other.dtype
    if not isinstance(found, _KEYS):
        raise UsageError(f"The key {name!r} is {found}, which is never sure to be equal.", "Cast it to text or Int64.")
    for kinds, shared in ((_INTEGERS, pl.Int64), (_WORDS, pl.String)):
        if isinstance(found, kinds) and isinstance(beside, kinds):
            return column.cast(shared)
    if found != beside:
        raise UsageError(
            f"The key {name!r} is {found} in one frame and {beside} in the other.",
            f"Cast one: pl.col({name!r}).cast(pl.{found.base_type().__name__}).",
            {"column": name},
        )
    return column


def _comparable(times: list[pl.Series]) -> list[pl.Series]:
    """Return the times in the finest unit among them: a coarser one would round the future down."""
    units = [each.dtype.time_unit for each in times if isinstance(each.dtype, pl.Datetime)]
    if not units:
        return times
    unit = min(units, key=_UNITS.index)
    return [(each.dt.convert_time_zone("UTC") if _zone(each) else each).dt.cast_time_unit(unit) for each in times]


def _zone(times: pl.Series) -> str | None:
    return times.dtype.time_zone if isinstance(times.dtype, pl.Datetime) else None


def _check_frames(*frames: object) -> None:
    for frame in frames:
        if not isinstance(frame, pl.DataFrame):
            kind = type(frame).__name__
            hint = "Call .collect() on it." if kind == "LazyFrame" else "Turn it into one: pl.from_pandas(frame)."
            raise UsageError(f"A {kind} was given where a polars DataFrame joins.", hint)


def _check_columns(side: str, frame: pl.DataFrame, names: list[str]) -> None:
    for name in names:
        if name not in frame.columns:
            raise NotFoundError(f"column in the {side} frame", name, frame.columns)


def _check_times(times: list[pl.Series]) -> None:
    for each in times:
        if not isinstance(each.dtype, (pl.Date, pl.Datetime)):
            raise UsageError(
                f"The column {each.name!r} holds {each.dtype}, no times.",
                f"Read them as times first: pl.col({each.name!r}).str.to_datetime().",
                {"column": each.name},
            )
    first = times[0]
    for each in times[1:]:
        facts = f"{first.name!r} is {first.dtype} and {each.name!r} is {each.dtype}"
        if isinstance(first.dtype, pl.Date) != isinstance(each.dtype, pl.Date):
            raise UsageError(
                f"{facts}: a day does not say when in the day.", "Make both days, or both times of the day."
            )
        if (_zone(first) is None) != (_zone(each) is None):
            raise UsageError(
                f"{facts}: one has a time zone, the other has none.",
                'Say which zone it is: .dt.replace_time_zone("UTC").',
            )

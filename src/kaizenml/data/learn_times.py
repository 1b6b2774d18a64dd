"""Find out in which formats a column writes its times, and whether the day or the month comes first."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from kaizenml.core.plan import TimeStyle
from kaizenml.data.learn_numbers import ENOUGH, share
from kaizenml.data.times import ISO, ISO_T, parsed_in

_CLOCKS = ("", " %H:%M", " %H:%M:%S%.f", " %I:%M %p", " %I:%M:%S %p", " %I:%M%p")
_PLAIN_DATES = (
    "%Y/%m/%d", "%Y.%m.%d", "%d %b %Y", "%d %B %Y", "%d-%b-%Y", "%d-%b-%y", "%b %d, %Y", "%B %d, %Y", "%b %d %Y",
    "%B %d %Y", "%a, %d %b %Y", "%A, %d %B %Y", "%d. %B %Y",
)  # fmt: skip
_PLAIN = (
    *ISO,
    "%Y-%m-%d %I:%M %p",
    "%Y-%m-%d %I:%M:%S %p",
    "%Y/%m/%d %H:%M:%S%.f%#z",
    "%a, %d %b %Y %H:%M:%S %#z",
    *(date + clock for date in _PLAIN_DATES for clock in _CLOCKS),
)
_DAY_FIRST = ("%d/%m/%Y", "%d/%m/%y", "%d.%m.%Y", "%d.%m.%y", "%d-%m-%Y", "%d-%m-%y")
_COMPACT = {8: "%Y%m%d", 14: "%Y%m%d%H%M%S"}
_TIME_WORDS = ("date", "time", "day", "dt", "timestamp", "when", "_at", "_on")
_SAMPLE = 2_000


@dataclass(frozen=True, slots=True)
class LearnedTimes:
    """In which formats a column writes its times, and why."""

    style: TimeStyle
    note: str = ""


def learn_times(values: pl.DataFrame) -> LearnedTimes | None:
    """Return how times are written, or None for texts that are no times.

    Parameters
    ----------
    values
        Columns ``value`` (folded text, no nulls, distinct) and ``count`` (rows).
    """
    if not _could_be(values):
        return None
    formats, rest = _used(values, _PLAIN)
    ordered, note, rest = _ordered_dates(rest)
    style = TimeStyle((*formats, *ordered))
    if not style.formats or int(rest["count"].sum()) > (1 - ENOUGH) * int(values["count"].sum()):
        return None
    mixed = f"{len(style.formats)} formats are mixed" if len(style.formats) > 1 else ""
    return LearnedTimes(style, "; ".join(filter(None, (mixed, note))))


def learn_compact_times(name: str, values: pl.DataFrame) -> LearnedTimes | None:
    """Return how times are written as digits alone (20201231), in a column that is called a date or a time."""
    if not any(word in name.lower() for word in _TIME_WORDS):
        return None
    for digits, form in _COMPACT.items():
        is_compact = pl.col("value").str.contains(f"^(?:19|20|21)[0-9]{{{digits - 2}}}$") & _read(form).is_not_null()
        if share(values, is_compact) >= ENOUGH:
            return LearnedTimes(TimeStyle((form,)), "digits read as dates, as the name of the column says")
    return None


def _could_be(values: pl.DataFrame) -> bool:
    text = pl.col("value")
    could = (
        text.str.contains("[0-9]") & text.str.len_chars().is_between(6, 40) & ~text.str.contains(r"^-?[0-9]*\.[0-9]+$")
    )
    return share(values, could) >= ENOUGH


def _used(values: pl.DataFrame, candidates: tuple[str, ...]) -> tuple[list[str], pl.DataFrame]:
    """Return the formats by how many rows they read, most first, and the values that none of them reads."""
    used: dict[str, int] = {}
    rest = values
    while rest.height:
        counts = _counts(rest.head(_SAMPLE), tuple(form for form in candidates if form not in used))
        best = max(counts, key=lambda form: counts[form], default=None)
        if best is None or counts[best] == 0:
            break
        unread = rest.filter(_read(best).is_null())
        used[best] = int(rest["count"].sum()) - int(unread["count"].sum())
        rest = unread
    return sorted(used, key=lambda form: -used[form]), rest


def _counts(values: pl.DataFrame, formats: tuple[str, ...]) -> dict[str, int]:
    if not formats:
        return {}
    counted = [pl.col("count").filter(_read(form).is_not_null()).sum().alias(form) for form in formats]
    return values.select(counted).row(0, named=True)


def _read(form: str) -> pl.Expr:
    return parsed_in(pl.col("value").str.replace(ISO_T, "${1} "), form)


def _ordered_dates(values: pl.DataFrame) -> tuple[list[str], str, pl.DataFrame]:
    """Return the formats of dates such as 03/04/2020, decided by the days beyond the 12th of the whole column."""
    rest, formats, notes = values, [], []
    pairs = _pairs()
    while rest.height and (seen := _seen(rest.head(_SAMPLE), pairs)):
        for day, month in seen:
            found, note = _order(rest, day, month)
            rest = rest.filter(pl.all_horizontal([_read(form).is_null() for form in found]))
            formats += found
            notes += [note]
            pairs.remove((day, month))
    return formats, "; ".join(dict.fromkeys(notes)), rest


def _pairs() -> list[tuple[str, str]]:
    swapped = {date: date.replace("%d", "%D").replace("%m", "%d").replace("%D", "%m") for date in _DAY_FIRST}
    return [(date + clock, swapped[date] + clock) for date in _DAY_FIRST for clock in _CLOCKS]


def _seen(values: pl.DataFrame, pairs: list[tuple[str, str]]) -> list[tuple[str, str]]:
    counts = _counts(values, tuple(form for pair in pairs for form in pair))
    return [(day, month) for day, month in pairs if counts[day] + counts[month]]


def _order(values: pl.DataFrame, day: str, month: str) -> tuple[list[str], str]:
    is_day, is_month = _read(day).is_not_null(), _read(month).is_not_null()
    counts = pl.col("count")
    only_day, only_month = values.select(
        counts.filter(is_day & ~is_month).sum().alias("day"),
        counts.filter(is_month & ~is_day).sum().alias("month"),
    ).row(0)
    return _decided(day, month, only_day, only_month)


def _decided(day: str, month: str, only_day: int, only_month: int) -> tuple[list[str], str]:
    if not only_day + only_month:
        first = month if "/" in day else day
        words = "month" if first == month else "day"
        return [first], f"ambiguous: no day beyond the 12th tells days from months; read as {words} first ({first})"
    first, second, fewer = (day, month, only_month) if only_day >= only_month else (month, day, only_day)
    word = "day" if first == day else "month"
    note = f"{word} first, as {max(only_day, only_month)} of {only_day + only_month} dates beyond the 12th say"
    both = fewer / (only_day + only_month) > 1 - ENOUGH
    return [first, second] if both else [first], f"{note}; the others are read the other way round" if both else note

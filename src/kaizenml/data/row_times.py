"""Times in a single cell, as `times` reads them: formats of digits and marks in full width, and ISO 8601."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import polars as pl

from kaizenml.core.plan import TimeStyle
from kaizenml.data.row_texts import Unsure
from kaizenml.data.times import FIRST_YEAR, ISO, ISO_T, LAST_YEAR, in_utc

_UTC = ZoneInfo("UTC")
_ISO_T = re.compile(ISO_T)
_DIRECTIVE = re.compile(r"%(?:\.f|\.?[0-9]f|#z|:+z|[-_0]?.)")
_GROUPS = {
    "%Y": r"(?P<year>[0-9]{4})",
    "%m": r"(?P<month>[0-9]{2})",
    "%d": r"(?P<day>[0-9]{2})",
    "%H": r"(?P<hour>[0-9]{2})",
    "%M": r"(?P<minute>[0-9]{2})",
    "%S": r"(?P<second>[0-9]{2})",
    "%.f": r"(?:\.(?P<fraction>[0-9]{1,6}))?",
    "%#z": r"(?P<zone>Z|[+-][0-9]{2}:[0-9]{2})",
}
#: How many days a zone remembers its distance from UTC for.
_DAYS = 4_096


def time_reader(style: TimeStyle) -> Callable[[str], datetime]:
    """Return the function from a folded text to its time in UTC; it raises `Unsure` for all but clear ones."""
    forms = [(_marks(form), _pattern(form), form) for form in dict.fromkeys((*style.formats, *ISO))]
    place = _placed(style.zone)

    def read(text: str) -> datetime:
        bare = _ISO_T.sub(r"\1 ", text)
        for marks, pattern, form in forms:
            if not all(low <= bare.count(mark) <= high for mark, low, high in marks):
                continue
            match = pattern.fullmatch(bare) if pattern else None
            if match is not None:
                return _moment(match, place)
            if not (form == ISO[0] and _NO_ZONE.fullmatch(bare)):
                raise Unsure
        raise Unsure

    return read


#: What the format with a zone cannot read, though it has all its marks.
_NO_ZONE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]+)?")


def _marks(form: str) -> tuple[tuple[str, int, int], ...]:
    """Return how often at least and at most a mark stands in all texts that a format could read, however freely."""
    marks = Counter(mark for mark in _DIRECTIVE.sub("", form) if not mark.isspace() and not mark.isalnum())
    most = {}
    if _pattern(form) is not None:
        most = {mark: marks[mark] for mark, taker in ((":", "%#z"), (".", "%.f"), ("/", "%/")) if taker not in form}
    return tuple((mark, marks[mark], most.get(mark, _ANY)) for mark in dict.fromkeys((*most, *marks)))


#: As often as one likes.
_ANY = 1_000_000


def _pattern(form: str) -> re.Pattern[str] | None:
    """Return what reads a format when all its numbers are written in full; None where it has other directives."""
    directives = _DIRECTIVE.findall(form)
    is_date = {"%Y", "%m", "%d"} <= set(directives)
    is_clock = "%H" not in directives or "%M" in directives
    if not is_date or not is_clock or len(set(directives)) != len(directives) or not set(directives) <= set(_GROUPS):
        return None
    rest = iter(re.escape(part) for part in _DIRECTIVE.split(form))
    return re.compile(next(rest) + "".join(_GROUPS[each] + part for each, part in zip(directives, rest, strict=True)))


def _moment(match: re.Match[str], place: Callable[[datetime], datetime]) -> datetime:
    said = match.groupdict()
    try:
        day = datetime(int(said["year"]), int(said["month"]), int(said["day"]))
        hour, minute, second = (int(said.get(part) or 0) for part in ("hour", "minute", "second"))
        fraction = int((said.get("fraction") or "").ljust(6, "0"))
        naive = day.replace(hour=hour, minute=minute, second=second, microsecond=fraction)
        moment = _shifted(naive, said["zone"]) if "zone" in said else place(naive)
    except (ValueError, OverflowError):
        raise Unsure from None
    if not FIRST_YEAR <= moment.year <= LAST_YEAR:
        raise Unsure
    return moment


def _shifted(naive: datetime, zone: str) -> datetime:
    if zone == "Z":
        return naive.replace(tzinfo=_UTC)
    hours, minutes = int(zone[1:3]), int(zone[4:])
    if hours > 23 or minutes > 59:
        raise Unsure
    ahead = timedelta(hours=hours, minutes=minutes)
    return (naive + ahead if zone[0] == "-" else naive - ahead).replace(tzinfo=_UTC)


def _placed(zone: str) -> Callable[[datetime], datetime]:
    """Return what puts a time without a zone into UTC, as Polars does on the days on which the clocks stay."""
    if zone == "UTC":
        return lambda naive: naive.replace(tzinfo=_UTC)
    distances: dict[date, timedelta | None] = {}

    def place(naive: datetime) -> datetime:
        day = naive.date()
        if day not in distances:
            if len(distances) >= _DAYS:
                distances.clear()
            distances[day] = _distance(day, zone)
        distance = distances.get(day)
        if distance is None:
            raise Unsure
        return (naive + distance).replace(tzinfo=_UTC)

    return place


def _distance(day: date, zone: str) -> timedelta | None:
    """Return what has to be added on this day to be in UTC; None where it changes between two quarters of an hour."""
    start = datetime(day.year, day.month, day.day)
    quarters = pl.Series("at", [start + timedelta(minutes=15 * step) for step in range(-1, 98)], pl.Datetime("us"))
    found = pl.select(in_utc(pl.lit(quarters), zone)).to_series().dt.replace_time_zone(None) - quarters
    return found[0] if found.null_count() == 0 and found.n_unique() == 1 else None

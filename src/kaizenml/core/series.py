"""Metrics as series: points of step, time and value, and what is known of a series without reading it."""

from __future__ import annotations

import math
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

_POINT = struct.Struct("<qqd")
POINT_BYTES = _POINT.size


def spelled(value: float) -> float | str:
    """Return a float as JSON can say it: NaN and infinities, which it does not know, are words (as protobuf's JSON)."""
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


class Point(NamedTuple):
    """One value of a metric.

    Parameters
    ----------
    step
        Which iteration, epoch or example it belongs to.
    at
        When it was measured, in whole microseconds since 1970 (UTC).
    value
        Any float: NaN and infinities are kept as they are.
    """

    step: int
    at: int
    value: float


@dataclass(frozen=True, slots=True)
class Last:
    """A series in a line: how many points, the last of them, and the smallest and largest finite value."""

    points: int
    last: Point
    low: float | None
    high: float | None


def packed(points: Iterable[Point]) -> bytes:
    """Return the points as bytes, 24 each."""
    pack = _POINT.pack
    return b"".join([pack(*point) for point in points])


def unpacked(content: bytes) -> list[Point]:
    """Return the points in the bytes."""
    return [Point(*fields) for fields in _POINT.iter_unpack(content)]


def order(point: Point) -> tuple[int, int, bool, float]:
    """Return what points are sorted by: step, time, value; NaN comes before every number."""
    is_number = not math.isnan(point.value)
    return point.step, point.at, is_number, point.value if is_number else 0.0


def latest(points: Sequence[Point]) -> Point:
    """Return the last of some points (at least one) in their order."""
    top = max([point[0] for point in points])
    there = [point for point in points if point[0] == top]
    return there[0] if len(there) == 1 else max(there, key=order)


def summary(points: Sequence[Point], before: Last | None = None) -> Last:
    """Return what is known of a series after these points (at least one) were added."""
    finite = [value for _, _, value in points if math.isfinite(value)]
    lows, highs = finite, finite
    last = latest(points)
    count = len(points)
    if before is not None:
        lows = finite if before.low is None else [*finite, before.low]
        highs = finite if before.high is None else [*finite, before.high]
        last, count = max(last, before.last, key=order), count + before.points
    return Last(count, last, min(lows, default=None), max(highs, default=None))


def thinned(points: Sequence[Point], most: int) -> list[Point]:
    """Return at most so many points that keep the shape of the curve: the smallest and largest of each stretch.

    Notes
    -----
    The first and last point stay. Between them, equal stretches of the sequence each give the two points with their
    extreme values, in order; a NaN counts as neither.
    """
    if len(points) <= most or most < 4:
        return list(points) if len(points) <= most else [points[0], points[-1]][: max(most, 0)]
    inner, stretches = points[1:-1], (most - 2) // 2
    kept = [points[0]]
    for number in range(stretches):
        part = range(len(inner) * number // stretches, len(inner) * (number + 1) // stretches)
        known = [index for index in part if not math.isnan(inner[index].value)] or list(part[:1])
        low, high = min(known, key=lambda i: inner[i].value), max(known, key=lambda i: inner[i].value)
        kept += [inner[index] for index in sorted({low, high})]
    return [*kept, points[-1]]

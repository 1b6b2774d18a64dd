"""A curve in a line of text."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

_BARS = "▁▂▃▄▅▆▇█"
_GAP = "·"


def sparkline(values: Sequence[float], width: int = 24) -> str:
    """Return the values as bars from their smallest to their largest, each the mean of an equal stretch.

    A stretch without a finite value is a dot; values that are all the same are bars of middle height.
    """
    if not values or width < 1:
        return ""
    count = min(width, len(values))
    cuts = [len(values) * number // count for number in range(count + 1)]
    means = [_mean(values[start:end]) for start, end in pairwise(cuts)]
    finite = [each for each in means if each is not None]
    if not finite:
        return _GAP * count
    low, high = min(finite), max(finite)
    return "".join(_GAP if each is None else _bar(each, low, high) for each in means)


def _mean(values: Sequence[float]) -> float | None:
    finite = [each for each in values if math.isfinite(each)]
    return math.fsum(each / len(finite) for each in finite) if finite else None


def _bar(value: float, low: float, high: float) -> str:
    if low == high:
        return _BARS[3]
    share = (value / 2 - low / 2) / (high / 2 - low / 2)  # halves: the range of two floats may be no float
    return _BARS[min(int(share * len(_BARS)), len(_BARS) - 1)]

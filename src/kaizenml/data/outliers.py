"""Numbers far from all others: flagged, and kept out or clipped only where the project says so."""

from __future__ import annotations

from math import isfinite

import polars as pl

from kaizenml.core.plan import CleaningPlan
from kaizenml.core.schema import ColumnKind
from kaizenml.data.clean import Flaw, FlawKind

#: How many interquartile ranges from the quartiles a value is far out.
FAR = 3.0

#: What more than this share of the rows does is a tail, not an outlier.
MOST_SHARE = 0.005

_FEWEST_ROWS, _FEWEST_VALUES = 30, 10


def fences(values: pl.Series) -> tuple[float, float] | None:
    """Return the bounds beyond which values are far out; None for columns that have no spread.

    Notes
    -----
    Three interquartile ranges beyond the quartiles (J. W. Tukey, Exploratory Data Analysis, 1977: "far out"). Where
    all values are positive the same is asked of their logarithms, and the wider bound counts: amounts and durations
    are skewed, and a long tail is no error.
    """
    said = values.drop_nulls()
    if len(said) < _FEWEST_ROWS or said.n_unique() < _FEWEST_VALUES:
        return None
    linear = _tukey(said)
    if linear is None or float(said.min()) <= 0:  # type: ignore[arg-type]
        return linear
    logarithmic = _tukey(said.log())
    if logarithmic is None:
        return linear
    low, high = pl.Series(logarithmic).exp()
    return min(linear[0], low), max(linear[1], high) if isfinite(high) else linear[1]


def _tukey(values: pl.Series) -> tuple[float, float] | None:
    first, third = values.quantile(0.25, "linear"), values.quantile(0.75, "linear")
    if first is None or third is None or third <= first:
        return None
    return first - FAR * (third - first), third + FAR * (third - first)


def outlier_flaws(frame: pl.DataFrame, plan: CleaningPlan) -> tuple[Flaw, ...]:
    """Return the columns of numbers in which a few values are far from all others.

    Parameters
    ----------
    frame
        Clean rows, as `replay` returns them.
    """
    kinds = (ColumnKind.NUMBER, ColumnKind.INTEGER)
    names = [name for name in frame.columns if plan[name].kind in kinds]
    found = [(name, fences(frame[name])) for name in names]
    flaws = [_flaw(frame[name], bounds) for name, bounds in found if bounds is not None]
    return tuple(flaw for flaw in flaws if flaw is not None)


def _flaw(values: pl.Series, bounds: tuple[float, float]) -> Flaw | None:
    low, high = bounds
    said = values.drop_nulls()
    far = said.filter((said < low) | (said > high))
    share = len(far) / max(len(said), 1)
    if not 0 < share <= MOST_SHARE:
        return None
    name, worst = values.name, max(far.to_list(), key=lambda value: abs(value - (low + high) / 2))
    return Flaw(
        FlawKind.OUTLIER,
        name,
        f"{name} has {len(far):,} values far from the others, such as {worst:g}; most are within {low:g} to {high:g}",
        f"If they are errors, bound {name} in contract.yaml with `low`, `high` and `hard: [range]`, and they go to "
        f'quarantine; if they are true and hurt, clip them in project.py: project.clean("{name}", outliers="clip").',
        len(far),
        share,
    )

"""A column cut into cells that people can name: its frequent values, or the quarters of its numbers."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import polars as pl
from numpy.typing import NDArray

#: Numbers are cut into so many cells of about equal size.
NUMBER_CELLS = 4
#: Of other columns the most frequent values are looked at.
MOST_VALUES = 20
MISSING = "(missing)"


@dataclass(frozen=True, slots=True)
class Cells:
    """Which cell each row is in (−1: none of them), and what each cell is called, column by column."""

    codes: NDArray[np.int64]
    columns: tuple[str, ...]
    labels: tuple[tuple[str, ...], ...]

    def where(self, code: int) -> tuple[tuple[str, str], ...]:
        """Return the columns and values of a cell."""
        return tuple(zip(self.columns, self.labels[code], strict=True))


def cells_of(values: pl.Series) -> Cells:
    """Return the cells of a column: quarters where it has many numbers, else its most frequent values."""
    if values.dtype.is_numeric() and values.drop_nulls().n_unique() > 2 * NUMBER_CELLS:
        return _quarters(values)
    as_text = values.cast(pl.String).fill_null(MISSING)
    counts = as_text.value_counts(sort=True).sort(["count", values.name], descending=[True, False])
    names = sorted(counts[values.name].head(MOST_VALUES).to_list())
    codes = as_text.replace_strict(names, list(range(len(names))), default=-1, return_dtype=pl.Int64)
    return Cells(codes.to_numpy(), (values.name,), tuple((name,) for name in names))


def crossed(first: Cells, second: Cells) -> Cells:
    """Return the cells of two columns together."""
    size = len(second.labels)
    is_known = (first.codes >= 0) & (second.codes >= 0)
    codes = np.where(is_known, first.codes * size + second.codes, -1)
    labels = tuple((*a, *b) for a in first.labels for b in second.labels)
    return Cells(codes, (*first.columns, *second.columns), labels)


def _quarters(values: pl.Series) -> Cells:
    numbers = values.cast(pl.Float64).fill_nan(None)
    known = numbers.drop_nulls().to_numpy()
    cuts = np.unique(np.quantile(known, np.linspace(0, 1, NUMBER_CELLS + 1)[1:-1]))
    filled = numbers.fill_null(0.0).to_numpy()
    codes = np.searchsorted(cuts, filled, side="left").astype(np.int64)
    codes = np.where(numbers.is_null().to_numpy(), len(cuts) + 1, codes)
    between = [f"{low:.4g} to {high:.4g}" for low, high in pairwise(cuts)]
    labels = [f"at most {cuts[0]:.4g}", *between, f"above {cuts[-1]:.4g}", MISSING]
    return Cells(codes, (values.name,), tuple((label,) for label in labels))

"""Which values are missing together."""

from __future__ import annotations

import numpy as np
import polars as pl

from kaizenml.data.explore import Missing, Pattern, Together

_PATTERNS = 12
_PAIRS = 20
#: Pairs of columns of which fewer rows than this share lack both are not listed.
_LEAST_OVERLAP = 0.5


def missing_values(frame: pl.DataFrame) -> Missing:
    """Return how many cells are missing, in which combinations, and which columns lack values in the same rows.

    Notes
    -----
    The overlap of two columns is the Jaccard index (1912) of the sets of rows that lack them.
    """
    found = [(column.name, _is_missing(column)) for column in frame.get_columns()]
    lacking = [(name, hole) for name, hole in found if hole.any()]
    names = [name for name, _ in lacking]
    holes = pl.DataFrame([hole.alias(f"c{at}") for at, (_, hole) in enumerate(lacking)])
    cells = sum(int(column.sum()) for column in holes.get_columns())
    share = cells / max(frame.height * frame.width, 1)
    if not cells:
        whole = (Pattern((), frame.height, 1.0),) if frame.height else ()
        return Missing(0, 0.0, frame.height, len(whole), whole, ())
    order = [True] + [False] * holes.width
    counted = holes.group_by(holes.columns).len("rows").sort("rows", *holes.columns, descending=order)
    patterns = [_pattern(row, names, frame.height) for row in counted.head(_PATTERNS).iter_rows()]
    complete = counted.filter(~pl.any_horizontal(holes.columns))["rows"].sum()
    return Missing(cells, share, int(complete), counted.height, tuple(patterns), _together(names, holes))


def _is_missing(column: pl.Series) -> pl.Series:
    return column.is_null() | column.is_nan().fill_null(value=False) if column.dtype.is_float() else column.is_null()


def _pattern(row: tuple[int, ...], names: list[str], rows: int) -> Pattern:
    *holes, count = row
    return Pattern(tuple(name for name, hole in zip(names, holes, strict=True) if hole), count, count / rows)


def _together(names: list[str], holes: pl.DataFrame) -> tuple[Together, ...]:
    matrix = holes.to_numpy().astype(np.float32)
    both = np.rint(matrix.T @ matrix).astype(np.int64)
    found = []
    for a in range(holes.width):
        for b in range(a + 1, holes.width):
            overlap = both[a, b] / (both[a, a] + both[b, b] - both[a, b])
            if overlap >= _LEAST_OVERLAP:
                found.append(Together((names[a], names[b]), int(both[a, b]), float(overlap)))
    return tuple(sorted(found, key=lambda each: (-each.overlap, -each.rows, each.columns))[:_PAIRS])

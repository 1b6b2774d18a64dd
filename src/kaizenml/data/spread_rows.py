"""Some rows of a table, spread evenly over it, and the same ones each time."""

from __future__ import annotations

from collections.abc import Iterable

import polars as pl

#: Multiplicative hashing with the golden ratio of 2**32 (Knuth, The Art of Computer Programming 3, 6.4).
_GOLDEN, _WORD, _HIGH = 2_654_435_761, 2**32, 2**12


def spread(parts: Iterable[pl.DataFrame], rows: int, most: int) -> pl.DataFrame:
    """Return one row of each block of equally many rows, so that at most so many are left, in their order.

    Which row of a block differs from block to block: every n-th row would see a table that repeats itself (by hour, by
    weekday, by shop) always at the same place.

    Parameters
    ----------
    rows
        How many there are in all parts.
    """
    size, before, found = max(1, -(-rows // most)), 0, []
    for part in parts:
        at = pl.int_range(before, before + part.height, dtype=pl.Int64)
        place = (at // size * _GOLDEN) % _WORD // _HIGH % size
        found.append(part.filter(at % size == place))
        before += part.height
    return pl.concat(found)

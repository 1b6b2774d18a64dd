"""Recognise the pairs of words that mean true and false."""

from __future__ import annotations

import polars as pl

from kaizenml.core.truth import WORDS
from kaizenml.data.learn_numbers import ENOUGH, share

_TRUE = frozenset(yes for yes, _ in WORDS)
_FALSE = frozenset(no for _, no in WORDS)


def learn_booleans(values: pl.DataFrame) -> tuple[tuple[str, ...], tuple[str, ...]] | None:
    """Return the lower-case texts for true and for false, or None for a column of something else.

    Both sides must occur, as words: a column of 0 and 1 stays a column of integers, one that says only "no" stays
    words. Beside the words seen, ``true``/``false`` and ``1``/``0`` are taken, which is what programs send.

    Parameters
    ----------
    values
        Columns ``value`` (folded text, no nulls, distinct) and ``count`` (rows).
    """
    lower = pl.col("value").str.to_lowercase()
    words = set(values.head(1_000).select(lower).to_series().to_list())
    has_both = any(yes in words and no in words for yes, no in WORDS)
    known = lower.is_in([*_TRUE, *_FALSE, "0", "1"])
    if not has_both or share(values, known) < ENOUGH:
        return None
    return tuple(sorted((words & _TRUE) | {"true", "1"})), tuple(sorted((words & _FALSE) | {"false", "0"}))

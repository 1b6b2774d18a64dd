"""When a column of words is prose: something to be read for the words in it, not a name for one of many things."""

from __future__ import annotations

#: A category has at most this many different values, or this share of the rows; prose has more.
FEW, FEW_SHARE = 50, 0.05
#: Half of the values of prose have at least so many words; names of places and people have fewer.
FEWEST_WORDS = 3.0


def is_prose(rows: int, distinct: int, median_words: float) -> bool:
    """Say whether a column is prose.

    Parameters
    ----------
    rows
        How many rows have a value.
    distinct
        How many different values they have.
    median_words
        The median number of words, parted by blanks, of those values.

    Examples
    --------
    >>> is_prose(1000, 990, 14.0), is_prose(1000, 990, 1.0), is_prose(1000, 40, 14.0)
    (True, False, False)
    """
    return distinct > max(FEW, FEW_SHARE * rows) and median_words >= FEWEST_WORDS

"""Rare spellings of frequent values: found by how seldom they are and how little they differ, never guessed."""

from __future__ import annotations

import re

import polars as pl

from kaizenml.core.plan import Correction

#: A correct value is at least this many times as frequent as its misspelling.
TIMES_AS_FREQUENT = 20

_CODE = r"\p{L}\S*[0-9]|[0-9]\S*\p{L}"
_SHORT = 3
_LONG = 8
_MOST_DISTINCT = 5_000


def learn_spelling(values: pl.DataFrame) -> tuple[Correction, ...]:
    """Return which rare values are misspellings of exactly one frequent value.

    A rare value occurs in at most two rows, or in .2 % of them. It is a misspelling when exactly one value that is at
    least twenty times as frequent lies within one edit (insertion, deletion, substitution, transposition), or within
    two for words of at least eight letters with the same first one. Case alone counts as no edit. Codes are
    never changed: words of three characters or fewer, words that mix letters and digits, values whose digits differ.

    Parameters
    ----------
    values
        Columns ``value`` (folded text, no nulls, distinct) and ``count`` (rows).

    Notes
    -----
    **Source**: F. J. Damerau, A technique for computer detection and correction of spelling errors, CACM 7(3), 1964.
    """
    total = int(values["count"].sum())
    rarest = max(2, int(0.002 * total))
    rare = values.filter(pl.col("count") <= rarest).sort("value")
    is_word = (pl.col("value").str.len_chars() > _SHORT) & ~pl.col("value").str.contains(_CODE)
    anchors = values.filter((pl.col("count") >= TIMES_AS_FREQUENT) & is_word)
    if rare.is_empty() or anchors.is_empty() or values.height > _MOST_DISTINCT or _is_code(values, total):
        return ()
    return tuple(_corrections(rare, anchors.sort("value")))


def _is_code(values: pl.DataFrame, total: int) -> bool:
    short = values.filter(pl.col("value").str.len_chars() <= _SHORT)["count"].sum()
    return bool(short >= 0.5 * total)


def _corrections(rare: pl.DataFrame, anchors: pl.DataFrame) -> list[Correction]:
    from rapidfuzz.distance import DamerauLevenshtein
    from rapidfuzz.process import cdist

    words, counts = rare["value"].to_list(), rare["count"].to_list()
    rights, right_counts = anchors["value"].to_list(), anchors["count"].to_list()
    folded, folded_rights = [word.casefold() for word in words], [word.casefold() for word in rights]
    distances = cdist(folded, folded_rights, scorer=DamerauLevenshtein.distance, score_cutoff=2, workers=1)
    found = []
    for row, near in enumerate(distances <= 2):
        close = [
            Correction(words[row], rights[at], counts[row], right_counts[at], int(distances[row, at]))
            for at in near.nonzero()[0]
        ]
        fitting = [correction for correction in close if _is_misspelling(correction)]
        found += fitting if len(fitting) == 1 else []
    return found


def _is_misspelling(correction: Correction) -> bool:
    wrong, right = correction.wrong, correction.right
    if correction.right_count < TIMES_AS_FREQUENT * correction.count or _digits(wrong) != _digits(right):
        return False
    if correction.distance <= 1:
        return len(wrong) > _SHORT - 1
    return min(len(wrong), len(right)) >= _LONG and wrong[0].casefold() == right[0].casefold()


def _digits(text: str) -> list[str]:
    return re.findall("[0-9]+", text)

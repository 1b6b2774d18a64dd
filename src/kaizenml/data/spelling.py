"""Rare spellings of frequent values: found by how seldom they are and how little they differ, never guessed."""

from __future__ import annotations

import re

import polars as pl

from kaizenml.core.plan import Correction

#: A correct value is at least this many times as frequent as its misspelling.
TIMES_AS_FREQUENT = 20
#: A value that is at least so many times as frequent may be what a rare one stands for; a person has to say.
LEAST_TIMES_AS_FREQUENT = 4

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
    found = []
    for close in _near(values, TIMES_AS_FREQUENT):
        fitting = [correction for correction in close if _is_misspelling(correction)]
        found += fitting if len(fitting) == 1 else []
    return tuple(found)


def unsure_spelling(values: pl.DataFrame) -> tuple[Correction, ...]:
    """Return pairs that may be misspellings and are not sure enough to be corrected: a person can tell.

    Near are a rare value and one at least four times as frequent, as far apart as `learn_spelling` looks; what that
    corrects by itself is left out. The nearest come first, of those the most frequent.
    """
    found = []
    for close in _near(values, LEAST_TIMES_AS_FREQUENT):
        if sum(map(_is_misspelling, close)) != 1:
            found += [pair for pair in close if _may_be(pair)]
    return tuple(sorted(found, key=lambda pair: (pair.distance, -pair.count, pair.wrong, pair.right)))


def distance(one: str, other: str) -> int:
    """Return how many edits two spellings are apart, whatever their case."""
    from rapidfuzz.distance import DamerauLevenshtein

    return int(DamerauLevenshtein.distance(one.casefold(), other.casefold()))


def _near(values: pl.DataFrame, times: int) -> list[list[Correction]]:
    """Return for each rare value the frequent ones within two edits, where the column has words at all."""
    total = int(values["count"].sum())
    rarest = max(2, int(0.002 * total))
    rare = values.filter(pl.col("count") <= rarest).sort("value")
    is_word = (pl.col("value").str.len_chars() > _SHORT) & ~pl.col("value").str.contains(_CODE)
    anchors = values.filter((pl.col("count") >= times) & is_word)
    if rare.is_empty() or anchors.is_empty() or values.height > _MOST_DISTINCT or _is_code(values, total):
        return []
    return _pairs(rare, anchors.sort("value"))


def _is_code(values: pl.DataFrame, total: int) -> bool:
    short = values.filter(pl.col("value").str.len_chars() <= _SHORT)["count"].sum()
    return bool(short >= 0.5 * total)


def _pairs(rare: pl.DataFrame, anchors: pl.DataFrame) -> list[list[Correction]]:
    from rapidfuzz.distance import DamerauLevenshtein
    from rapidfuzz.process import cdist

    words, counts = rare["value"].to_list(), rare["count"].to_list()
    rights, right_counts = anchors["value"].to_list(), anchors["count"].to_list()
    folded, folded_rights = [word.casefold() for word in words], [word.casefold() for word in rights]
    distances = cdist(folded, folded_rights, scorer=DamerauLevenshtein.distance, score_cutoff=2, workers=1)
    return [
        [
            Correction(words[row], rights[at], counts[row], right_counts[at], int(distances[row, at]))
            for at in near.nonzero()[0]
            if words[row] != rights[at]
        ]
        for row, near in enumerate(distances <= 2)
    ]


def _may_be(pair: Correction) -> bool:
    shorter = min(len(pair.wrong), len(pair.right))
    is_rarer = pair.right_count >= LEAST_TIMES_AS_FREQUENT * pair.count
    return is_rarer and shorter > max(_SHORT, 2 * pair.distance) and _digits(pair.wrong) == _digits(pair.right)


def _is_misspelling(correction: Correction) -> bool:
    wrong, right = correction.wrong, correction.right
    if correction.right_count < TIMES_AS_FREQUENT * correction.count or _digits(wrong) != _digits(right):
        return False
    if correction.distance <= 1:
        return len(wrong) > _SHORT - 1
    return min(len(wrong), len(right)) >= _LONG and wrong[0].casefold() == right[0].casefold()


def _digits(text: str) -> list[str]:
    return re.findall("[0-9]+", text)

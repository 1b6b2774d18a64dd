"""Prose as numbers: how much each word says of a text, and what goes together of that."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from kaizenml.core.prose import is_prose
from kaizenml.core.schema import Column

#: Of the words of a column the most frequent count, in at least so many texts.
MOST_TERMS, FEWEST_TEXTS = 5_000, 2
#: So many directions stand for all of them, where a model cannot take thousands of columns of hardly any numbers.
MOST_TOPICS = 100

Part = tuple[str, Any, str]


def prose(values: pl.Series) -> bool:
    """Say whether a column of text is prose; see `core.prose`."""
    said = values.drop_nulls()
    said = said.filter(said != "")
    if said.is_empty():
        return False
    words = said.str.count_matches(r"\S+").median()
    return is_prose(len(said), said.n_unique(), float(words or 0))  # type: ignore[arg-type]


def prose_parts(
    columns: Sequence[Column], rows: pl.DataFrame, *, scales: bool, takes_sparse: bool, seed: int
) -> list[Part]:
    """Return the steps for prose, one for each column that has words in common between texts.

    Parameters
    ----------
    rows
        The training rows as `design.matrix` makes them: an empty text where there is none. They say which words count,
        so that every fold of them has the same columns.
    scales, takes_sparse
        What suits the estimator. One that takes sparse columns, and whose weights are those of columns, gets the words
        themselves; others get at most 100 directions, standardised where scale counts.

    Notes
    -----
    Term frequency (its logarithm) times inverse document frequency: K. Spärck Jones, "A statistical interpretation of
    term specificity", Journal of Documentation 28 (1972). Directions by singular values: S. Deerwester et al.,
    "Indexing by latent semantic analysis", JASIS 41 (1990).
    """
    found = []
    for column in columns:
        terms = _terms(rows[column.name])
        if terms:
            step = _steps(terms, scales=scales, takes_sparse=takes_sparse, rows=rows.height, seed=seed)
            found.append((f"words-{column.name}", step, column.name))
    return found


def _terms(texts: pl.Series) -> Mapping[str, int]:
    """Return the terms that count, each with its place: in the order of the alphabet."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    analyze = TfidfVectorizer().build_analyzer()
    counts = Counter(term for text in texts.to_list() for term in set(analyze(text)))
    frequent = sorted((-count, term) for term, count in counts.items() if count >= FEWEST_TEXTS)[:MOST_TERMS]
    return {term: place for place, term in enumerate(sorted(term for _, term in frequent))}


def _steps(terms: Mapping[str, int], *, scales: bool, takes_sparse: bool, rows: int, seed: int) -> Any:
    from sklearn.decomposition import TruncatedSVD
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import StandardScaler

    words = ("words", TfidfVectorizer(vocabulary=dict(terms), sublinear_tf=True))
    if scales and takes_sparse:
        return Pipeline([words])
    topics = min(MOST_TOPICS, len(terms), max(1, rows // 2))
    steps = [words, ("topics", TruncatedSVD(topics, random_state=seed))]
    return Pipeline([*steps, ("scale", StandardScaler())] if scales else steps)

"""How a project says that a column is prepared otherwise than its kind suggests."""

from __future__ import annotations

from enum import StrEnum
from math import isfinite
from typing import TypeVar

from kaizenml.core.preparation import Cleaning, Encode, Missing, Outliers, Preparation, Scale
from kaizenml.errors import NotFoundError, ProjectError

E = TypeVar("E", bound=StrEnum)


def preparation(column: str, *, scale: str | None, missing: str | None, encode: str | None) -> Preparation:
    """Return what was said of a column, checked.

    Raises
    ------
    NotFoundError
        For a word that is none of those known.
    ProjectError
        When nothing is said, or a column is dropped and prepared at once.
    """
    if scale is None and missing is None and encode is None:
        raise ProjectError(f"prepare({column!r}) says nothing.", 'Say scale="log", missing="zero" or encode="ordinal".')
    if (scale is not None or missing is not None) and encode is not None:
        raise ProjectError(
            f"prepare({column!r}) says how a number and how a category is prepared.",
            "Numbers take `scale` and `missing`; categories take `encode`.",
        )
    return Preparation(
        column, _word("scale", scale, Scale), _word("missing", missing, Missing), _word("encode", encode, Encode)
    )


def cleaning(column: str, outliers: str, low: float | None, high: float | None) -> Cleaning:
    """Return what was said of how a column is cleaned, checked.

    Raises
    ------
    NotFoundError
        For a word that is none of those known.
    ProjectError
        For bounds that cannot be, or that nothing is done with.
    """
    word = _word("outliers", outliers, Outliers)
    assert word is not None
    if word is Outliers.FLAG and (low is not None or high is not None):
        raise ProjectError(f"clean({column!r}) has bounds and clips nothing.", 'Say outliers="clip".')
    given = [bound for bound in (low, high) if bound is not None]
    if not all(map(isfinite, given)) or given != sorted(given):
        raise ProjectError(f"clean({column!r}) cannot clip to {low} and {high}.", "Give finite bounds, low to high.")
    return Cleaning(column, word, low, high)


def _word(what: str, value: str | None, known: type[E]) -> E | None:
    if value is None:
        return None
    if value not in tuple(known):
        raise NotFoundError(what, value, [each.value for each in known])
    return known(value)

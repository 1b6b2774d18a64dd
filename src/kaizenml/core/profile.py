"""The mergeable summary of a span of rows, on the training data's own cells.

At training time each column gets cells: for numbers the intervals ``(-∞, c0], (c0, c1], …, (ck, ∞)`` between cut
points, for categories one cell each and one for all others. A window is the vector of counts (and, for numbers, of
sums) on *those* cells. So two windows merge by addition, a window costs the same at a thousand rows and at a billion,
and every drift score reads the same vectors.
"""

from __future__ import annotations

from dataclasses import dataclass

from kaizenml.core.schema import ColumnKind
from kaizenml.errors import IntegrityError

#: Kinds whose cells are values; all others are measured as numbers (text: its length; time: seconds since 1970).
BY_VALUE = frozenset({ColumnKind.CATEGORY, ColumnKind.BOOLEAN})


@dataclass(frozen=True, slots=True)
class ReferenceColumn:
    """One column of the training data, as later windows are compared with it.

    Parameters
    ----------
    cuts
        Rising upper ends of all cells but the last; empty for categories.
    categories
        The most frequent values; empty for numbers.
    counts
        Rows per cell: ``len(cuts) + 1`` for numbers, ``len(categories)`` for categories.
    sums
        Sum of the values per cell, for numbers; empty for categories.
    other
        Rows whose category is not among `categories`.
    nulls, invalid
        Rows without a value; rows whose value is not of the kind (text in a number, an infinity).
    n
        All rows: ``sum(counts) + other + nulls + invalid``.
    low, high, mean, m2
        Smallest and largest value, mean, and sum of squared deviations from it; zero when there are no numbers.
    """

    name: str
    kind: ColumnKind
    cuts: tuple[float, ...]
    categories: tuple[str, ...]
    counts: tuple[int, ...]
    sums: tuple[float, ...]
    other: int
    nulls: int
    invalid: int
    n: int
    low: float
    high: float
    mean: float
    m2: float

    @property
    def is_number(self) -> bool:
        """Whether its cells are intervals."""
        return self.kind not in BY_VALUE

    @property
    def filled(self) -> int:
        """How many rows have a value of the kind."""
        return self.n - self.nulls - self.invalid

    @property
    def deviation(self) -> float:
        """Standard deviation of the values (divided by n, as numpy does); 0 when there are none."""
        return float((self.m2 / self.filled) ** 0.5) if self.filled else 0.0


@dataclass(frozen=True, slots=True)
class Reference:
    """The training data as later windows are compared with it."""

    columns: tuple[ReferenceColumn, ...]
    n: int

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the columns, in order."""
        return tuple(column.name for column in self.columns)


@dataclass(frozen=True, slots=True)
class ColumnProfile:
    """One column of a window on its reference's cells; the words mean what they mean in `ReferenceColumn`.

    Parameters
    ----------
    low, high
        Smallest and largest value; None when there are no numbers.
    """

    name: str
    counts: tuple[int, ...]
    sums: tuple[float, ...]
    other: int
    nulls: int
    invalid: int
    n: int
    low: float | None
    high: float | None

    @property
    def filled(self) -> int:
        """How many rows have a value of the kind."""
        return self.n - self.nulls - self.invalid


@dataclass(frozen=True, slots=True)
class Profile:
    """A window of rows on its reference's cells.

    Parameters
    ----------
    strangers
        Names of columns that arrived and that the reference does not know, sorted.
    """

    columns: tuple[ColumnProfile, ...]
    n: int
    strangers: tuple[str, ...] = ()


def merged(a: Profile, b: Profile) -> Profile:
    """Return the profile of the rows of both.

    Raises
    ------
    IntegrityError
        If they are on the cells of different references.
    """
    if _shape(a) != _shape(b):
        raise IntegrityError(
            "These profiles are on the cells of different references.", "Profile both windows on one reference."
        )
    columns = tuple(_merged(one, two) for one, two in zip(a.columns, b.columns, strict=True))
    return Profile(columns, a.n + b.n, tuple(sorted({*a.strangers, *b.strangers})))


def _shape(profile: Profile) -> tuple[tuple[str, int, int], ...]:
    return tuple((column.name, len(column.counts), len(column.sums)) for column in profile.columns)


def _merged(a: ColumnProfile, b: ColumnProfile) -> ColumnProfile:
    return ColumnProfile(
        name=a.name,
        counts=tuple(x + y for x, y in zip(a.counts, b.counts, strict=True)),
        sums=tuple(x + y for x, y in zip(a.sums, b.sums, strict=True)),
        other=a.other + b.other,
        nulls=a.nulls + b.nulls,
        invalid=a.invalid + b.invalid,
        n=a.n + b.n,
        low=min((x for x in (a.low, b.low) if x is not None), default=None),
        high=max((x for x in (a.high, b.high) if x is not None), default=None),
    )

"""What is in a table, as values that a page and JSON say alike: columns, target, missing values, findings."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from kaizenml.core.metric import Task
from kaizenml.core.schema import ColumnKind, Role


@dataclass(frozen=True, slots=True)
class Histogram:
    """Rows per interval, ``len(edges) - 1`` of equal width; the last holds its upper edge, as numpy counts.

    Parameters
    ----------
    edges
        Rising; of times in seconds since 1970.
    below, above
        Rows outside of the edges: where a few values would squeeze all others into one bar, the edges leave them out.
    """

    edges: tuple[float, ...]
    counts: tuple[int, ...]
    below: int = 0
    above: int = 0


@dataclass(frozen=True, slots=True)
class ColumnView:
    """What is in a column.

    Parameters
    ----------
    missing, distinct
        Counts; a missing value is no distinct one.
    low, high
        The least and the greatest value; times in ISO 8601; None for words and booleans.
    mean, deviation
        Of numbers (deviation divided by n - 1), and for the mean the share of true of booleans.
    quartiles
        First quartile, median, third quartile of numbers, interpolated linearly.
    top
        The most frequent values as text, with their counts; none of columns that look like personal data.
    """

    name: str
    kind: ColumnKind
    role: Role
    rows: int
    missing: int
    missing_share: float
    distinct: int
    low: float | str | None
    high: float | str | None
    mean: float | None
    deviation: float | None
    quartiles: tuple[float, float, float] | None
    top: tuple[tuple[str, int], ...]
    histogram: Histogram | None
    is_personal: bool = False


@dataclass(frozen=True, slots=True)
class Bin:
    """Some of a column's values: how many rows have them, and the mean of each outcome in those rows."""

    label: str
    rows: int
    means: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class TargetView:
    """A column beside the target.

    ``strength`` is the share, 0 to 1, of the target's variance that the bins explain: see `target_views`.
    """

    column: str
    strength: float
    bins: tuple[Bin, ...]


@dataclass(frozen=True, slots=True)
class TargetViews:
    """Every column beside the target, the strongest first.

    Parameters
    ----------
    outcomes
        What means are of: the target itself if it is a number, else for each class the share of its rows.
    overall, deviations
        Mean and standard deviation (divided by n) of each outcome in all rows.
    problem
        Why there is nothing to show, or empty.
    """

    target: str
    task: Task | None
    outcomes: tuple[str, ...] = ()
    overall: tuple[float, ...] = ()
    deviations: tuple[float, ...] = ()
    columns: tuple[TargetView, ...] = ()
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Pattern:
    """Columns that are missing in the same rows, all others being there; none: complete rows."""

    columns: tuple[str, ...]
    rows: int
    share: float


@dataclass(frozen=True, slots=True)
class Together:
    """Two columns and in how many rows both are missing; ``overlap`` is that over the rows that lack either."""

    columns: tuple[str, str]
    rows: int
    overlap: float


@dataclass(frozen=True, slots=True)
class Missing:
    """What is not there; ``pattern_count`` counts all patterns, of which the most frequent are listed."""

    cells: int
    share: float
    complete_rows: int
    pattern_count: int
    patterns: tuple[Pattern, ...]
    together: tuple[Together, ...]


@dataclass(frozen=True, slots=True)
class Shift:
    """How a column differs from the same one in other data.

    Parameters
    ----------
    psi
        Population stability index on the cells of the data before; None without values on one side.
    effect
        The same less what chance alone would give, or that of missing values if larger.
    size
        ``none``, ``small``, ``moderate`` or ``large``.
    """

    column: str
    kind: ColumnKind
    psi: float | None
    effect: float
    p: float
    missing_before: float
    missing: float
    size: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Drift:
    """How these data differ from those called ``against``, the columns that moved most first."""

    against: str
    rows_before: int
    added: tuple[str, ...]
    removed: tuple[str, ...]
    columns: tuple[Shift, ...]


class Where(StrEnum):
    """Where what is to be done is done."""

    SHELL = "shell"
    PROJECT = "project.py"
    CONTRACT = "contract.yaml"


@dataclass(frozen=True, slots=True)
class Advice:
    """Something that was found, and what to do about it.

    Parameters
    ----------
    kind
        Such as ``leakage``, ``duplicate``, ``drift``.
    column
        Empty for what is told of the whole table.
    do, where
        A command or a line, and where it goes.
    """

    kind: str
    column: str
    sentence: str
    what_to_do: str
    do: str
    where: Where


@dataclass(frozen=True, slots=True)
class Exploration:
    """All that is told about a table; ``data`` says which rows these are."""

    project: str
    data: str
    note: str
    rows: int
    target: str
    exact_duplicates: int
    findings: tuple[Advice, ...]
    target_views: TargetViews
    columns: tuple[ColumnView, ...]
    missing: Missing
    drift: Drift | None = None

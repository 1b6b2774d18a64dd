"""What cleaning does to each column: learned once, stored, reviewed, replayed identically at serving."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict, dataclass, field

from kaizenml.core.digest import Digest, digest_of
from kaizenml.core.schema import ColumnKind
from kaizenml.errors import NotFoundError


@dataclass(frozen=True, slots=True)
class NumberStyle:
    """How a column writes its numbers.

    Parameters
    ----------
    decimal, thousands
        The marks: ``"."`` and ``","`` in ``1,234.5``; an empty thousands mark when numbers are not grouped.
    prefixes, suffixes
        What may stand before and after the digits and means nothing to the value: a currency, a unit.
    is_percent
        ``12 %`` is written for 0.12; numbers without the sign are taken as they are.
    has_parentheses
        ``(5)`` is written for -5.
    """

    decimal: str = "."
    thousands: str = ""
    prefixes: tuple[str, ...] = ()
    suffixes: tuple[str, ...] = ()
    is_percent: bool = False
    has_parentheses: bool = False

    @property
    def is_plain(self) -> bool:
        """Say whether numbers are written as programs write them."""
        return self == NumberStyle()


@dataclass(frozen=True, slots=True)
class TimeStyle:
    """How a column writes its times: the formats in the order they are tried, and the zone of times without one."""

    formats: tuple[str, ...] = ()
    zone: str = "UTC"


@dataclass(frozen=True, slots=True)
class Correction:
    """A rare spelling and the frequent value it stands for; ``count`` and ``right_count`` are rows, when learned."""

    wrong: str
    right: str
    count: int
    right_count: int
    distance: int


@dataclass(frozen=True, slots=True)
class Repairs:
    """How many cells of the rows that the plan was learned from it changes, or gives up on."""

    nulls: int = 0
    blanks: int = 0
    restyled: int = 0
    respelled: int = 0
    unreadable: int = 0
    clipped: int = 0


@dataclass(frozen=True, slots=True)
class Bounds:
    """Where the values of a column are clipped: lower ones become ``low``, higher ones ``high``; None: no bound."""

    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class ColumnPlan:
    """How the raw cells of one column become values of one kind.

    Parameters
    ----------
    null_tokens
        Lower-case texts that mean that there is no value.
    true_tokens, false_tokens
        Lower-case texts that mean true and false; of columns of booleans only.
    folds_blanks
        Blanks at both ends go, blanks inside become one, and letters are composed (Unicode NFC).
    spelling
        Reviewable: remove a line, and that spelling stays as it is.
    clip
        Of numbers, where the project says so: the bounds that values are brought within.
    note
        Why the plan is as it is, for the person who reviews it.
    """

    name: str
    kind: ColumnKind
    null_tokens: tuple[str, ...] = ("",)
    number: NumberStyle = field(default_factory=NumberStyle)
    true_tokens: tuple[str, ...] = ()
    false_tokens: tuple[str, ...] = ()
    time: TimeStyle = field(default_factory=TimeStyle)
    folds_blanks: bool = True
    spelling: tuple[Correction, ...] = ()
    clip: Bounds | None = None
    repairs: Repairs = field(default_factory=Repairs)
    note: str = ""

    def __hash__(self) -> int:
        """Cheap, because compiled columns are looked up by their plan for every request."""
        return hash((self.name, self.kind, self.null_tokens, len(self.spelling)))


@dataclass(frozen=True, slots=True)
class CleaningPlan:
    """How raw rows become typed rows, column by column, in order."""

    columns: tuple[ColumnPlan, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the columns, in order."""
        return tuple(column.name for column in self.columns)

    @property
    def digest(self) -> Digest:
        """The identity of the plan: equal plans have equal digests."""
        return digest_of(asdict(self))

    def __getitem__(self, name: str) -> ColumnPlan:
        for column in self.columns:
            if column.name == name:
                return column
        raise NotFoundError("column", name, self.names)

    def only(self, names: Collection[str]) -> CleaningPlan:
        """Return the plan of these columns alone, in this plan's order.

        Raises
        ------
        NotFoundError
            For a name that the plan does not have.
        """
        kept = {self[name].name for name in names}
        return CleaningPlan(tuple(column for column in self.columns if column.name in kept))

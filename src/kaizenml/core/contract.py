"""What rows must look like: hard rules keep a row out, soft rules are answered and counted."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from enum import StrEnum
from math import isfinite

from kaizenml.core.digest import Digest, digest_of
from kaizenml.core.schema import ColumnKind
from kaizenml.errors import NotFoundError


class Severity(StrEnum):
    """What breaking a rule means: hard ones quarantine the row, soft ones are counted."""

    HARD = "hard"
    SOFT = "soft"


class Rule(StrEnum):
    """What can be asked of a column, or of a table."""

    MISSING = "missing"  # the column is there
    TYPE = "type"  # every value is of the column's kind
    NULL = "null"  # there is a value
    RANGE = "range"  # low <= value <= high
    CATEGORY = "category"  # the value is a known one
    NULL_SHARE = "null_share"  # not too many rows are without a value
    UNIQUE = "unique"  # no value occurs twice
    ROWS = "rows"  # there are enough rows, and not too many
    LENGTH = "length"  # min_length <= characters of a text <= max_length
    FRESHNESS = "freshness"  # the newest time is not older than max_age_seconds
    MONOTONE = "monotone"  # no time is before that of the row above


#: The rules of a column of which its page says whether they are hard.
GRADED = (
    Rule.MISSING, Rule.TYPE, Rule.NULL, Rule.RANGE, Rule.CATEGORY, Rule.LENGTH, Rule.FRESHNESS, Rule.MONOTONE
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class ColumnRule:
    """What the values of one column must be.

    Parameters
    ----------
    low, high
        Bounds that belong to the range, in the column's unit; None for no bound.
    categories
        The known values; None when any text will do.
    max_null_share
        The greatest share of rows, in [0, 1], that may be without a value.
    min_length, max_length
        Bounds of the number of characters of a text, that belong to the range; None for no bound.
    max_age_seconds
        How old the newest time of a table may be when it is loaded; None for any age.
    is_monotone
        No time is before that of the row above it, as in a log.
    on_missing, on_type, on_null, on_range, on_category, on_length, on_freshness, on_monotone
        What breaking the rule means. Freshness and order are asked of tables alone: hard ones refuse the whole.
    """

    column: str
    kind: ColumnKind
    is_required: bool = True
    is_nullable: bool = True
    low: float | None = None
    high: float | None = None
    categories: frozenset[str] | None = None
    max_null_share: float = 1.0
    on_missing: Severity = Severity.HARD
    on_type: Severity = Severity.HARD
    on_null: Severity = Severity.SOFT
    on_range: Severity = Severity.SOFT
    on_category: Severity = Severity.SOFT
    min_length: int | None = None
    max_length: int | None = None
    max_age_seconds: float | None = None
    is_monotone: bool = False
    on_length: Severity = Severity.SOFT
    on_freshness: Severity = Severity.SOFT
    on_monotone: Severity = Severity.SOFT


@dataclass(frozen=True, slots=True)
class Contract:
    """What a table must look like: its columns, the column that names its rows, and how many rows there must be.

    More than `max_rows` is soft: a table may grow, or may have been loaded twice.
    """

    columns: tuple[ColumnRule, ...]
    unique: str | None = None
    min_rows: int = 1
    max_rows: int | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the columns, in order."""
        return tuple(rule.column for rule in self.columns)

    @property
    def digest(self) -> Digest:
        """The identity of the contract: equal contracts have equal digests."""
        said = {"columns": [_facts(rule) for rule in self.columns], "unique": self.unique, "min_rows": self.min_rows}
        return digest_of(said if self.max_rows is None else said | {"max_rows": self.max_rows})

    def __getitem__(self, name: str) -> ColumnRule:
        for rule in self.columns:
            if rule.column == name:
                return rule
        raise NotFoundError("column", name, self.names)

    def only(self, names: Collection[str]) -> Contract:
        """Return the contract of these columns alone: what serving asks, which sees neither target nor ignored ones."""
        kept = tuple(rule for rule in self.columns if rule.column in names)
        return replace(self, columns=kept, unique=self.unique if self.unique in names else None)


#: What contracts could not say at first, as it is where it is not said: left out, so that digests stay what they were.
_UNSAID: Mapping[str, object] = {
    "min_length": None, "max_length": None, "max_age_seconds": None, "is_monotone": False,
    "on_length": Severity.SOFT, "on_freshness": Severity.SOFT, "on_monotone": Severity.SOFT,
}  # fmt: skip


def _facts(rule: ColumnRule) -> dict[str, object]:
    facts = {name: value for name, value in asdict(rule).items() if name not in _UNSAID or value != _UNSAID[name]}
    return facts | {"categories": None if rule.categories is None else sorted(rule.categories)}


@dataclass(frozen=True, slots=True)
class Problem:
    """One rule that one value broke, and a sentence that says how."""

    column: str
    rule: Rule
    severity: Severity
    value: object
    reason: str


@dataclass(frozen=True, slots=True)
class Loosening:
    """A rule that lets more through than it did."""

    column: str
    rule: Rule
    reason: str


_TYPES: dict[ColumnKind, tuple[type, ...]] = {
    ColumnKind.NUMBER: (float, int),
    ColumnKind.INTEGER: (int,),
    ColumnKind.BOOLEAN: (bool,),
    ColumnKind.CATEGORY: (str,),
    ColumnKind.TEXT: (str,),
    ColumnKind.TIME: (datetime,),
}


def row_problems(contract: Contract, row: Mapping[str, object]) -> list[Problem]:
    """Return what is wrong with one prepared row; an empty list when nothing is.

    Costs less than a microsecond a column, so that an endpoint can ask it of every row it answers.
    """
    problems = []
    for rule in contract.columns:
        problem = _problem(rule, row)
        if problem is not None:
            problems.append(problem)
    return problems


def _problem(rule: ColumnRule, row: Mapping[str, object]) -> Problem | None:
    value = row.get(rule.column)
    if value is None:
        return _absence(rule, row)
    if type(value) not in _TYPES[rule.kind] or (type(value) is float and not isfinite(value)):
        return Problem(rule.column, Rule.TYPE, rule.on_type, value, type_reason(rule, value))
    if rule.categories is not None and value not in rule.categories:
        return Problem(rule.column, Rule.CATEGORY, rule.on_category, value, category_reason(rule, value))
    if isinstance(value, str):
        return _length_problem(rule, value)
    if (rule.low is not None or rule.high is not None) and isinstance(value, (int, float)):
        return _range_problem(rule, value)
    return None


def _length_problem(rule: ColumnRule, value: str) -> Problem | None:
    if (rule.min_length is None or len(value) >= rule.min_length) and (
        rule.max_length is None or len(value) <= rule.max_length
    ):
        return None
    reason = f"{rule.column} has {len(value)} characters, {length_reason(rule)}"
    return Problem(rule.column, Rule.LENGTH, rule.on_length, value, reason)


def _absence(rule: ColumnRule, row: Mapping[str, object]) -> Problem | None:
    if rule.is_required and rule.column not in row:
        return Problem(rule.column, Rule.MISSING, rule.on_missing, None, f"{rule.column} is not in the row")
    if rule.is_nullable or rule.column not in row:
        return None
    return Problem(rule.column, Rule.NULL, rule.on_null, None, f"{rule.column} has no value, and always had one")


def _range_problem(rule: ColumnRule, value: float) -> Problem | None:
    if (rule.low is None or value >= rule.low) and (rule.high is None or value <= rule.high):
        return None
    return Problem(rule.column, Rule.RANGE, rule.on_range, value, range_reason(rule, value))


def type_reason(rule: ColumnRule, value: object) -> str:
    """Return the sentence for a value of another kind."""
    return f"{rule.column} is {_shown(value)}, which is no {rule.kind}"


def category_reason(rule: ColumnRule, value: object) -> str:
    """Return the sentence for a category that nobody knows."""
    return f"{rule.column} is {_shown(value)}, which is none of the {len(rule.categories or ())} known values"


def range_reason(rule: ColumnRule, value: object) -> str:
    """Return the sentence for a value out of range."""
    if rule.low is None or rule.high is None:
        bound = f"below {rule.low:.10g}" if rule.low is not None else f"above {rule.high or 0.0:.10g}"
        return f"{rule.column} is {_shown(value)}, {bound}"
    return f"{rule.column} is {_shown(value)}, outside {rule.low:.10g} to {rule.high:.10g}"


def length_reason(rule: ColumnRule) -> str:
    """Return the words for a text that is too short or too long."""
    if rule.min_length is None or rule.max_length is None:
        return f"fewer than {rule.min_length}" if rule.min_length is not None else f"more than {rule.max_length}"
    return f"not {rule.min_length} to {rule.max_length}"


def age_text(seconds: float) -> str:
    """Return a span as its page writes it, such as ``2d``; `core.monitor.every` reads it back exactly."""
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds % size == 0:
            return f"{int(seconds // size)}{unit}"
    return f"{int(seconds) if seconds == int(seconds) else seconds!r}s"


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def loosened(old: Contract, new: Contract) -> tuple[Loosening, ...]:
    """Return the rules that let more through in the new contract than in the old one; a person should agree to each."""
    found = [loosening for rule in old.columns for loosening in _column_loosened(rule, new)]
    if old.unique is not None and new.unique != old.unique:
        found.append(Loosening(old.unique, Rule.UNIQUE, f"{old.unique} need not be unique any more"))
    if new.min_rows < old.min_rows:
        found.append(Loosening("", Rule.ROWS, f"{new.min_rows} rows are enough, {old.min_rows} were needed"))
    if old.max_rows is not None and _is_wider(old.max_rows, new.max_rows, 1):
        now = "any number of rows may come" if new.max_rows is None else f"{new.max_rows} rows may come"
        found.append(Loosening("", Rule.ROWS, f"{now}, {old.max_rows} could"))
    return tuple(found)


def _column_loosened(old: ColumnRule, contract: Contract) -> Iterator[Loosening]:
    if old.column not in contract.names:
        yield Loosening(old.column, Rule.MISSING, f"{old.column} is not checked any more")
        return
    new = contract[old.column]
    for rule, is_looser, reason in _comparisons(old, new):
        if is_looser:
            yield Loosening(old.column, rule, f"{old.column}: {reason}")


def _comparisons(old: ColumnRule, new: ColumnRule) -> Iterator[tuple[Rule, bool, str]]:
    yield Rule.MISSING, old.is_required and not new.is_required, "may be absent"
    yield Rule.TYPE, old.kind != new.kind, f"was {old.kind}, is {new.kind}"
    yield Rule.NULL, new.is_nullable and not old.is_nullable, "may be without a value"
    share = f"{new.max_null_share:.3g} of the rows may be without a value, {old.max_null_share:.3g} could"
    yield Rule.NULL_SHARE, new.max_null_share > old.max_null_share, share
    yield Rule.RANGE, _is_wider(old.low, new.low, -1), f"low was {old.low}, is {new.low}"
    yield Rule.RANGE, _is_wider(old.high, new.high, 1), f"high was {old.high}, is {new.high}"
    yield Rule.CATEGORY, _has_more(old.categories, new.categories), _category_change(old.categories, new.categories)
    shortest, longest = (old.min_length, new.min_length), (old.max_length, new.max_length)
    yield Rule.LENGTH, _is_wider(*shortest, -1), f"min_length was {shortest[0]}, is {shortest[1]}"
    yield Rule.LENGTH, _is_wider(*longest, 1), f"max_length was {longest[0]}, is {longest[1]}"
    ages = (old.max_age_seconds, new.max_age_seconds)
    yield Rule.FRESHNESS, _is_wider(*ages, 1), f"max_age was {_age(ages[0])}, is {_age(ages[1])}"
    yield Rule.MONOTONE, old.is_monotone and not new.is_monotone, "times may go back"
    for rule in GRADED:
        was, now = getattr(old, f"on_{rule}"), getattr(new, f"on_{rule}")
        yield rule, was is Severity.HARD and now is Severity.SOFT, f"the {rule} rule was hard, is soft"


def _age(seconds: float | None) -> str:
    return "any" if seconds is None else age_text(seconds)


def _is_wider(old: float | None, new: float | None, direction: int) -> bool:
    return old is not None and (new is None or (new - old) * direction > 0)


def _has_more(old: frozenset[str] | None, new: frozenset[str] | None) -> bool:
    return old is not None and (new is None or bool(new - old))


def _category_change(old: frozenset[str] | None, new: frozenset[str] | None) -> str:
    if old is None or new is None:
        return "any text will do"
    added = sorted(new - old)
    return f"{len(added)} more known values, such as {added[0]!r}" if added else ""

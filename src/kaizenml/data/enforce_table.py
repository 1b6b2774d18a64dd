"""Hold a whole table to a contract: its columns, nulls, number of rows, how fresh and how ordered its times are.

What is asked is gathered part by part, so that a table need not be held as one.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime

import polars as pl

from kaizenml.core.contract import ColumnRule, Contract, Rule, Severity, age_text
from kaizenml.core.schema import ColumnKind


@dataclass(frozen=True, slots=True)
class RuleFinding:
    """How often one rule was broken: in ``count`` rows, a ``share`` in [0, 1] of those that came."""

    column: str
    rule: Rule
    severity: Severity
    count: int
    share: float
    reason: str


def is_passed(findings: Iterable[RuleFinding], good: int) -> bool:
    """Say whether a table may be used of which these rules were broken and so many rows are good."""
    table_rules = (Rule.MISSING, Rule.ROWS, Rule.FRESHNESS, Rule.MONOTONE)
    broken = [found for found in findings if found.rule in table_rules and found.severity is Severity.HARD]
    return not broken and good > 0


@dataclass(slots=True)
class Seen:
    """What the parts of a table, in their order, say of it so far.

    Parameters
    ----------
    nulls
        How many rows have no value, by column that is there.
    newest
        The greatest time, by column of times with an age or an order to keep.
    back
        How many rows have a time before that of the row above, passing over nulls.
    """

    rows: int = 0
    nulls: dict[str, int] = field(default_factory=dict)
    newest: dict[str, datetime] = field(default_factory=dict)
    back: dict[str, int] = field(default_factory=dict)
    _last: dict[str, datetime] = field(default_factory=dict)

    def add(self, frame: pl.DataFrame, rules: Iterable[ColumnRule]) -> None:
        """Count the next part."""
        self.rows += frame.height
        for rule in rules:
            values = frame[rule.column]
            self.nulls[rule.column] = self.nulls.get(rule.column, 0) + values.null_count()
            if isinstance(values.dtype, pl.Datetime) and rule.kind is ColumnKind.TIME:
                self._add_times(rule, values.drop_nulls())

    def _add_times(self, rule: ColumnRule, times: pl.Series) -> None:
        name = rule.column
        if times.is_empty():
            return
        if rule.max_age_seconds is not None:
            self.newest[name] = max(times.max(), self.newest.get(name, times.max()))  # type: ignore[type-var,assignment]
        if rule.is_monotone:
            is_before = name in self._last and times[0] < self._last[name]
            self.back[name] = self.back.get(name, 0) + goes_back(times) + int(is_before)
            self._last[name] = times[-1]


def goes_back(times: pl.Series) -> int:
    """Return how many of these times are before the one above; there are no nulls."""
    return int((times < times.shift(1)).sum())


def table_findings(
    contract: Contract, rules: Collection[ColumnRule], seen: Seen, now: datetime | None = None
) -> list[RuleFinding]:
    """Return which rules of a whole table are broken.

    Parameters
    ----------
    now
        When the table was loaded; None where its age is not asked.
    """
    return [
        *_missing(rules, seen),
        *_null_shares(rules, seen),
        *_amount(contract, seen.rows),
        *(_stale(rules, seen, now) if now is not None else ()),
        *_unordered(rules, seen),
    ]


def _missing(rules: Collection[ColumnRule], seen: Seen) -> Iterator[RuleFinding]:
    for rule in rules:
        if rule.is_required and rule.column not in seen.nulls:
            reason = f"{rule.column} is not in the table"
            yield RuleFinding(rule.column, Rule.MISSING, rule.on_missing, seen.rows, 1.0, reason)


def _null_shares(rules: Collection[ColumnRule], seen: Seen) -> Iterator[RuleFinding]:
    for rule in rules:
        count = seen.nulls.get(rule.column, 0)
        share = count / max(seen.rows, 1)
        if share > rule.max_null_share:
            reason = f"{share:.1%} of {rule.column} is without a value, {rule.max_null_share:.1%} may be"
            yield RuleFinding(rule.column, Rule.NULL_SHARE, Severity.SOFT, count, share, reason)


def _amount(contract: Contract, rows: int) -> Iterator[RuleFinding]:
    if rows < contract.min_rows:
        reason = f"{rows} rows came, {contract.min_rows} are the least"
        yield RuleFinding("", Rule.ROWS, Severity.HARD, rows, 1.0, reason)
    if contract.max_rows is not None and rows > contract.max_rows:
        reason = f"{rows} rows came, {contract.max_rows} are the most: perhaps they were loaded twice"
        yield RuleFinding("", Rule.ROWS, Severity.SOFT, rows, 1.0, reason)


def _stale(rules: Collection[ColumnRule], seen: Seen, now: datetime) -> Iterator[RuleFinding]:
    for rule in rules:
        newest = seen.newest.get(rule.column)
        if newest is None or rule.max_age_seconds is None:
            continue
        age = (now - newest).total_seconds()
        if age > rule.max_age_seconds:
            reason = (
                f"the newest {rule.column} is {newest.isoformat()}, {age / 86400:.3g} days ago; "
                f"{age_text(rule.max_age_seconds)} may have passed"
            )
            yield RuleFinding(rule.column, Rule.FRESHNESS, rule.on_freshness, seen.rows, 1.0, reason)


def _unordered(rules: Collection[ColumnRule], seen: Seen) -> Iterator[RuleFinding]:
    for rule in rules:
        count = seen.back.get(rule.column, 0)
        if count:
            reason = f"{rule.column} goes back in time in {count} of {seen.rows} rows"
            yield RuleFinding(rule.column, Rule.MONOTONE, rule.on_monotone, count, count / seen.rows, reason)

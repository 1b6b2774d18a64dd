"""Hold clean rows to a contract: rows that break hard rules go to quarantine, soft ones are counted."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from datetime import datetime

import polars as pl

from kaizenml.core.contract import ColumnRule, Contract, Rule, Severity, length_reason
from kaizenml.core.schema import ColumnKind
from kaizenml.data.clean import Cleaned
from kaizenml.data.enforce_table import RuleFinding, Seen, is_passed, table_findings
from kaizenml.data.repair import DTYPES

#: One line for each hard rule that a row broke; ``row`` is its position among the rows that came.
BAD = {"row": pl.Int64, "rule": pl.String, "column": pl.String, "value": pl.String, "reason": pl.String}


@dataclass(frozen=True, slots=True)
class Enforced:
    """What became of the rows.

    Parameters
    ----------
    good
        The rows that broke no hard rule, in their order.
    bad
        Columns ``row``, ``rule``, ``column``, ``value``, ``reason``: one line for each hard rule that a row broke.
    findings
        Every rule that was broken, hard and soft; also those of the whole table, such as a column that is missing.
    """

    good: pl.DataFrame
    bad: pl.DataFrame
    findings: tuple[RuleFinding, ...]

    @property
    def is_passed(self) -> bool:
        """Say whether the table as a whole may be used: no hard rule of the table was broken, and a row is left."""
        return is_passed(self.findings, len(self.good))


def enforce(
    contract: Contract, cleaned: Cleaned, *, without: Collection[str] = (), now: datetime | None = None
) -> Enforced:
    """Return which rows keep the contract, which break it and why, and how often each rule was broken.

    Parameters
    ----------
    without
        Columns whose rules are not asked, such as the target of rows that are yet to be predicted.
    now
        When the rows were loaded; None where their age is not asked, as of those of the past.
    """
    rules = [rule for rule in contract.columns if rule.column not in without]
    present = [rule for rule in rules if rule.column in cleaned.frame.columns]
    unique = contract.unique if contract.unique in [rule.column for rule in present] else None
    enforced = _enforced(present, cleaned, [_unique(unique, _is_again(unique))] if unique is not None else [])
    seen = Seen()
    seen.add(cleaned.frame, present)
    table = table_findings(contract, rules, seen, now)
    return replace(enforced, findings=(*table, *enforced.findings))


def enforce_part(contract: Contract, cleaned: Cleaned, again: pl.Series | None) -> Enforced:
    """Hold some rows of a table to the rules of rows; those of the whole table are not asked.

    Parameters
    ----------
    again
        For each row whether the value that must be unique occurs before it in the table; None where none must be.
    """
    present = [rule for rule in contract.columns if rule.column in cleaned.frame.columns]
    unique = [] if again is None or contract.unique is None else [_unique(contract.unique, pl.lit(again))]
    return _enforced(present, cleaned, unique)


def _enforced(rules: list[ColumnRule], cleaned: Cleaned, more: list[_Check]) -> Enforced:
    broken, frame = _broken(rules, cleaned, more), cleaned.frame
    bad = pl.concat([pl.DataFrame(schema=BAD), *(lines for rule, lines in broken if rule.severity is Severity.HARD)])
    good = frame if bad.is_empty() else frame.filter(~pl.int_range(pl.len()).is_in(bad["row"].unique().implode()))
    return Enforced(good, bad.sort("row", maintain_order=True), tuple(found for found, _ in broken))


def _broken(rules: list[ColumnRule], cleaned: Cleaned, more: list[_Check]) -> list[tuple[RuleFinding, pl.DataFrame]]:
    frame = cleaned.frame
    checks = [*(check for rule in rules for check in _checks(rule, frame.schema[rule.column])), *more]
    counts = (
        frame.select(check.is_broken.sum().alias(str(at)) for at, check in enumerate(checks)).row(0) if checks else ()
    )
    found = [_found(check, cleaned) for check, count in zip(checks, counts, strict=True) if count]
    return [*_failures(rules, cleaned), *(item for item in found if item[0].count)]


@dataclass(frozen=True, slots=True)
class _Check:
    column: str
    rule: Rule
    severity: Severity
    is_broken: pl.Expr
    reason: str


def _checks(rule: ColumnRule, dtype: pl.DataType) -> Iterator[_Check]:
    column = pl.col(rule.column)
    if dtype != DTYPES[rule.kind]:
        yield _Check(rule.column, Rule.TYPE, rule.on_type, column.is_not_null(), f"is {dtype}, which is no {rule.kind}")
        return
    if not rule.is_nullable:
        yield _Check(rule.column, Rule.NULL, rule.on_null, column.is_null(), "has no value")
    if rule.kind in (ColumnKind.NUMBER, ColumnKind.INTEGER) and not (rule.low is None and rule.high is None):
        reason = f"is outside {_bound(rule.low)} to {_bound(rule.high)}"
        yield _Check(rule.column, Rule.RANGE, rule.on_range, _is_outside(column, rule), reason)
    if dtype == pl.String and not (rule.min_length is None and rule.max_length is None):
        least, most = rule.min_length or 0, rule.max_length
        length = column.str.len_chars()
        is_broken = (length < least) if most is None else (length < least) | (length > most)
        reason = f"has a number of characters that is {length_reason(rule)}"
        yield _Check(rule.column, Rule.LENGTH, rule.on_length, is_broken, reason)
    if rule.categories is not None:
        known = pl.Series(sorted(rule.categories), dtype=pl.String).implode()
        reason = f"is none of the {len(rule.categories)} known values"
        yield _Check(rule.column, Rule.CATEGORY, rule.on_category, ~column.is_in(known), reason)


def _bound(bound: float | None) -> str:
    return "anything" if bound is None else f"{bound:.10g}"


def _is_outside(column: pl.Expr, rule: ColumnRule) -> pl.Expr:
    is_low = column < rule.low if rule.low is not None else pl.lit(False)
    return is_low | (column > rule.high) if rule.high is not None else is_low


def _unique(column: str, is_again: pl.Expr) -> _Check:
    return _Check(column, Rule.UNIQUE, Severity.HARD, is_again, "occurs before")


def _is_again(unique: str) -> pl.Expr:
    column = pl.col(unique)
    return column.is_not_null() & ~column.is_first_distinct()


def _found(check: _Check, cleaned: Cleaned) -> tuple[RuleFinding, pl.DataFrame]:
    lines = cleaned.frame.select(
        row=pl.int_range(pl.len(), dtype=pl.Int64), value=pl.col(check.column).cast(pl.String), broken=check.is_broken
    ).filter("broken")
    if check.rule is Rule.NULL and not cleaned.failures.is_empty():
        lines = lines.join(cleaned.failures.filter(pl.col("column") == check.column), on="row", how="anti")
    return _finding(check, lines, cleaned), _lines(check, lines)


def _finding(check: _Check, lines: pl.DataFrame, cleaned: Cleaned) -> RuleFinding:
    count = lines.height
    example = lines["value"][0] if count and lines["value"][0] is not None else ""
    reason = f"{check.column} {check.reason}" + (f", such as {_short(example)!r}" if example else "")
    share = count / max(cleaned.frame.height, 1)
    return RuleFinding(check.column, check.rule, check.severity, count, share, reason)


def _short(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:57]}..."


def _lines(check: _Check, lines: pl.DataFrame) -> pl.DataFrame:
    return lines.select(
        "row",
        rule=pl.lit(str(check.rule)),
        column=pl.lit(check.column),
        value="value",
        reason=pl.lit(f"{check.column} {check.reason}"),
    )


def _failures(rules: list[ColumnRule], cleaned: Cleaned) -> Iterator[tuple[RuleFinding, pl.DataFrame]]:
    """Return the cells that cleaning could not read: they broke the type rule of their column."""
    if cleaned.failures.is_empty():
        return
    for rule in rules:
        lines = cleaned.failures.filter(pl.col("column") == rule.column)
        if not lines.is_empty():
            check = _Check(rule.column, Rule.TYPE, rule.on_type, pl.lit(True), f"cannot be read as {rule.kind}")
            yield _finding(check, lines, cleaned), _lines(check, lines)

"""A contract over a table that comes in parts: which values occur before, and what all parts broke together."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from datetime import datetime

import polars as pl

from kaizenml.core.contract import Contract, Rule
from kaizenml.data.clean import Cleaned
from kaizenml.data.enforce import Enforced
from kaizenml.data.enforce_table import RuleFinding, Seen, is_passed, table_findings

#: So many values are compared in memory at once.
VALUES_AT_ONCE = 4_000_000


def repeated(values: pl.LazyFrame, rows: int, *, at_once: int = VALUES_AT_ONCE) -> pl.Series:
    """Return the positions, in order, of the values that occur before; nulls never do.

    Parameters
    ----------
    values
        One column of so many rows. It is read once for each `at_once` rows: equal values have equal hashes, so only
        those of one share of the hashes need to be held at a time.
    """
    name = values.collect_schema().names()[0]
    shares = rows // at_once + 1
    numbered = values.with_row_index("__row").filter(pl.col(name).is_not_null())
    found = [pl.Series("__row", [], dtype=pl.Int64)]
    for share in range(shares):
        mine = numbered.filter(pl.col(name).hash(seed=0) % shares == share).collect(engine="streaming").sort("__row")
        found.append(mine.filter(~pl.col(name).is_first_distinct())["__row"].cast(pl.Int64))
    return pl.concat(found).sort()


@dataclass(slots=True)
class Tally:
    """What the parts of a table broke so far; rules are asked of rows in `enforce_part`."""

    contract: Contract
    now: datetime | None = None
    good: int = 0
    bad: int = 0
    _seen: Seen = field(default_factory=Seen)
    _found: dict[tuple[str, Rule], RuleFinding] = field(default_factory=dict)

    def add(self, cleaned: Cleaned, enforced: Enforced) -> None:
        """Count a part."""
        self.good += enforced.good.height
        self.bad += cleaned.frame.height - enforced.good.height
        self._seen.add(cleaned.frame, [rule for rule in self.contract.columns if rule.column in cleaned.frame.columns])
        for finding in enforced.findings:
            first = self._found.setdefault((finding.column, finding.rule), replace(finding, count=0))
            self._found[finding.column, finding.rule] = replace(first, count=first.count + finding.count)

    @property
    def rows(self) -> int:
        """How many rows came so far."""
        return self._seen.rows

    def findings(self, *, without: Collection[str] = ()) -> tuple[RuleFinding, ...]:
        """Return every rule that was broken, those of the whole table first."""
        rules = [rule for rule in self.contract.columns if rule.column not in without]
        shared = (replace(found, share=found.count / max(self.rows, 1)) for found in self._found.values())
        return (*table_findings(self.contract, rules, self._seen, self.now), *shared)

    @property
    def is_passed(self) -> bool:
        """Say whether the table as a whole may be used."""
        return is_passed(self.findings(), self.good)

"""Labels from rules that people write down: functions that label a row or abstain, and what they say together.

Examples
--------
>>> import polars as pl
>>> rules = [
...     rule("late hour", lambda rows: pl.when(pl.col("hour") > 20).then(pl.lit("late"))),
...     rule("early hour", lambda rows: pl.when(pl.col("hour") < 12).then(pl.lit("on time"))),
... ]
>>> said = votes(rules, pl.DataFrame({"hour": [22, 8, 15]}))
>>> said.to_dicts()[2]
{'late hour': None, 'early hour': None}
>>> label_model(said)["label"].to_list()
['late', 'on time', None]
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import polars as pl

from kaizenml.errors import StepFailedError, UsageError

Function = Callable[[pl.DataFrame], pl.Expr | pl.Series]


@dataclass(frozen=True, slots=True)
class Rule:
    """A labelling function: of a frame, a label for each row as text; null where it abstains."""

    name: str
    says: Function


@dataclass(frozen=True, slots=True)
class Reach:
    """How one rule does, each as a share within [0, 1].

    ``coverage`` of the rows get a label of it, ``overlaps`` of the rows one of another rule as well, ``conflicts`` of
    the rows another label by another rule. ``accuracy`` is over the rows that it labels and whose truth is known.
    """

    name: str
    coverage: float
    overlaps: float
    conflicts: float
    accuracy: float | None


def rule(name: str, says: Function) -> Rule:
    """Return a labelling function under a name."""
    return Rule(name, says)


def votes(rules: Sequence[Rule], rows: pl.DataFrame) -> pl.DataFrame:
    """Return what every rule says of every row: a column of text for each rule, null where it abstains.

    Raises
    ------
    UsageError
        When two rules have one name, or one does not say something of each row.
    StepFailedError
        When one raises; names it.
    """
    names = [one.name for one in rules]
    if len(set(names)) != len(names) or not names:
        raise UsageError("Labelling functions need names that differ, and one at the least.", "Rename one.")
    return pl.DataFrame([_said(one, rows) for one in rules])


def reach(said: pl.DataFrame, truth: pl.Series | None = None) -> list[Reach]:
    """Return how far each rule reaches and how often it is contradicted.

    Source: Ratner et al. (2017), section 2.2: coverage, overlap and conflict of labelling functions.
    """
    return [_reach(said, name, truth) for name in said.columns]


def label_model(said: pl.DataFrame) -> pl.DataFrame:
    """Return a label for each row with its probability, by how good each rule seems; null where all abstain.

    Columns ``label`` and ``probability``. No truth is needed: rules that agree with others more often weigh more. It
    takes three rules that overlap: of two that disagree nobody can tell which is the better one.

    Notes
    -----
    Each rule is an annotator with a confusion matrix, and abstaining says nothing: the naive Bayes model of Ratner et
    al. (2016), without learned dependencies, fitted by expectation maximisation (Dawid and Skene 1979). Rules that copy
    each other count twice; drop one when they overlap wholly.
    """
    from kaizenml.data.consensus import dawid_skene

    long = said.with_row_index("row").unpivot(index="row", variable_name="rule", value_name="label").drop_nulls("label")
    width = len(str(len(said)))
    triples = [(f"{row:0{width}}", name, label) for row, name, label in long.iter_rows()]
    found = {int(task): winner for task, winner in dawid_skene(triples).winners.items()}
    made = [found.get(row, (None, None)) for row in range(len(said))]
    return pl.DataFrame(made, schema={"label": pl.String(), "probability": pl.Float64()}, orient="row")


def _said(one: Rule, rows: pl.DataFrame) -> pl.Series:
    try:
        found = one.says(rows)
        column = found if isinstance(found, pl.Series) else rows.select(found.alias(one.name)).to_series()
    except Exception as error:  # the user's code may raise anything
        what = f"{type(error).__name__}: {error}"[:300]
        raise StepFailedError(
            f"The labelling function {one.name!r} failed: {what}.", "Mend it; return null to abstain."
        ) from error
    if len(column) != len(rows):
        raise UsageError(
            f"The labelling function {one.name!r} says {len(column)} labels of {len(rows)} rows.",
            "Return one label, or null, for each row.",
        )
    return column.cast(pl.String).alias(one.name)


def _reach(said: pl.DataFrame, name: str, truth: pl.Series | None) -> Reach:
    own, others = said[name], [said[other] for other in said.columns if other != name]
    spoken = own.is_not_null()
    beside = pl.Series([False]).new_from_index(0, len(said))
    against = beside
    for other in others:
        beside = beside | (spoken & other.is_not_null())
        against = against | (own != other).fill_null(False)
    rows = max(len(said), 1)
    known = (own == truth.cast(pl.String)).drop_nulls() if truth is not None else None
    accuracy = float(known.sum() / len(known)) if known is not None and len(known) else None
    return Reach(name, int(spoken.sum()) / rows, int(beside.sum()) / rows, int(against.sum()) / rows, accuracy)

"""Each step of the preparation of one row, with what it changed: cleaning, features, the columns taken, encoding."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import polars as pl

from kaizenml.core.plan import ColumnPlan
from kaizenml.core.schema import ColumnKind
from kaizenml.core.signature import Cell
from kaizenml.core.why import Change, Step
from kaizenml.loop.scoring import LoadedScorer, apply_features
from kaizenml.training.contributions import origins
from kaizenml.training.design import matrix

#: Of the numbers that one column becomes, so many are shown.
_MOST_NUMBERS = 12


def told(scorer: LoadedScorer, row: Mapping[str, Cell]) -> tuple[tuple[Step, ...], pl.DataFrame]:
    """Return every step of the preparation of a raw row, and the row as the model takes it.

    Raises
    ------
    RowError
        When the release refuses the row.
    StepFailedError
        When its `features` step does.
    """
    cleaned = scorer.prepared([row])
    featured = apply_features(scorer.features, cleaned)
    taken = matrix(featured, scorer.recipe.columns)
    steps = (
        Step("clean", _cleaned(scorer, row, cleaned)),
        Step("features", _differences(cleaned, featured, "made", "changed")),
        Step("take", _taken(featured, taken)),
        Step("encode", _encoded(scorer, taken)),
    )
    return steps, taken


def plain(value: Any) -> Any:
    """Return a cell as JSON has it: times as text, NaN as None."""
    if isinstance(value, float) and not math.isfinite(value):
        return None if math.isnan(value) else str(value)
    return value if value is None or isinstance(value, str | int | float | bool) else str(value)


def _cleaned(scorer: LoadedScorer, row: Mapping[str, Cell], cleaned: pl.DataFrame) -> tuple[Change, ...]:
    after = cleaned.row(0, named=True)
    changes = [
        Change(name, plain(row.get(name)), plain(value), _how(scorer.plan[name], row.get(name), value))
        for name, value in after.items()
        if not _is_same(row.get(name), value)
    ]
    left = [Change(name, plain(value), None, "not read") for name, value in row.items() if name not in after]
    return (*changes, *left)


def _how(plan: ColumnPlan, before: Cell, after: Any) -> str:
    if after is None:
        return "read as missing"
    if plan.kind is ColumnKind.TIME:
        return "read as a time"
    if plan.kind is ColumnKind.BOOLEAN:
        return "read as true or false"
    if isinstance(after, str):
        folded = " ".join(str(before).split())
        right = {each.wrong: each.right for each in plan.spelling}
        return "spelling corrected" if right.get(folded) == after else "blanks folded" if folded == after else "read"
    is_bound = plan.clip is not None and after in (plan.clip.low, plan.clip.high)
    return "brought within bounds" if is_bound else "read as a number"


def _differences(before: pl.DataFrame, after: pl.DataFrame, made: str, changed: str) -> tuple[Change, ...]:
    old, new = before.row(0, named=True), after.row(0, named=True)
    changes = [
        Change(name, plain(old.get(name)), plain(value), changed if name in old else made)
        for name, value in new.items()
        if name not in old or not _is_same(old[name], value)
    ]
    return (*changes, *(Change(name, plain(value), None, "dropped") for name, value in old.items() if name not in new))


def _taken(featured: pl.DataFrame, taken: pl.DataFrame) -> tuple[Change, ...]:
    """Return what is left out of the model's columns, and how what is missing is written there."""
    old, new = featured.row(0, named=True), taken.row(0, named=True)
    left = [
        Change(name, plain(value), None, "not taken by the model") for name, value in old.items() if name not in new
    ]
    missing = [Change(name, None, plain(value), "missing") for name, value in new.items() if old[name] is None]
    return (*missing, *left)


def _encoded(scorer: LoadedScorer, taken: pl.DataFrame) -> tuple[Change, ...]:
    """Return which numbers the estimator gets for each column."""
    preparation = scorer.pipeline.named_steps["prepare"]
    made_of = origins(preparation)
    if made_of is None:
        return ()
    encoded = preparation.transform(taken)
    numbers = (encoded.toarray() if hasattr(encoded, "toarray") else encoded)[0].tolist()
    found = []
    for name, value in taken.row(0, named=True).items():
        mine = [number for number, of in zip(numbers, made_of, strict=True) if of == name]
        if len(mine) == 1 and _is_same(value, mine[0]):
            continue
        shown = [plain(number) for number in mine[:_MOST_NUMBERS]]
        how = f"as {len(mine)} numbers" if len(mine) > 1 else "as a number" if mine else "dropped"
        found.append(Change(name, plain(value), shown if len(mine) != 1 else shown[0], how))
    return tuple(found)


def _is_same(before: Any, after: Any) -> bool:
    if isinstance(before, float) and isinstance(after, float) and math.isnan(before) and math.isnan(after):
        return True
    if isinstance(before, bool) != isinstance(after, bool):
        return False
    return bool(before == after)

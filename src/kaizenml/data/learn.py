"""Learn a cleaning plan from raw rows: per column its kind, its null tokens, its formats, its spellings."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

import polars as pl

from kaizenml.core.plan import CleaningPlan, ColumnPlan, Repairs, TimeStyle
from kaizenml.core.schema import ColumnKind
from kaizenml.data.learn_booleans import learn_booleans
from kaizenml.data.learn_numbers import LearnedNumbers, learn_numbers
from kaizenml.data.learn_times import learn_compact_times, learn_times
from kaizenml.data.repair import WORDS, as_text, is_native, present, read_at_first, repaired
from kaizenml.data.spelling import learn_spelling
from kaizenml.data.texts import RARE_NULLS, TYPED_NULLS, WORD_NULLS, folded, token_pattern

#: A column of words is a category when it has at most this many distinct values, or at most this share of the rows.
FEW, FEW_SHARE = 50, 0.05

_ISO = "^[0-9]{4}-[0-9]{2}-[0-9]{2}"

#: Words such as "unknown" mean null when at most this share of the rows has them.
RARE_SHARE = 0.05


def learn_plan(raw: pl.DataFrame, *, keep_text: Collection[str] = ()) -> CleaningPlan:
    """Return how to clean tables like this one, learned from its rows alone.

    Parameters
    ----------
    raw
        The training rows. Columns that already have a type (Parquet) keep their kind; text columns are looked into.
    keep_text
        Columns whose text stays as it is, apart from blanks: ids, free text.

    Notes
    -----
    A column becomes boolean, integer, number or time when at least 98 % of its values, null tokens left out, can be
    read so; the rest are failures that `replay` names. Otherwise it is words: a category when few are distinct, else
    text.
    """
    return CleaningPlan(tuple(_column(raw[name], name in keep_text) for name in raw.columns))


def held_to(
    kinds: Mapping[str, ColumnKind], plan: CleaningPlan, raw: pl.DataFrame, before: CleaningPlan | None = None
) -> CleaningPlan:
    """Return the plan with the kinds that the contract asks for, so that a few bad cells do not change a whole column.

    A column of whole numbers in which ``2.5`` turns up stays one, and that cell is a failure that `replay` names.

    Parameters
    ----------
    kinds
        By column; columns that are not named keep what was learned.
    before
        How such columns were read when the contract was learned: taken where too many cells are bad to tell it anew.
    """
    return CleaningPlan(tuple(_held(column, kinds.get(column.name), raw, before) for column in plan.columns))


def _held(plan: ColumnPlan, wanted: ColumnKind | None, raw: pl.DataFrame, before: CleaningPlan | None) -> ColumnPlan:
    if wanted is None or wanted is plan.kind:
        return plan
    held = replace(_like(plan, wanted, before), clip=plan.clip, note=f"read as {wanted}, as the contract says")
    return replace(held, repairs=counted_repairs(held, raw[plan.name]))


def _like(plan: ColumnPlan, wanted: ColumnKind, before: CleaningPlan | None) -> ColumnPlan:
    numbers = (ColumnKind.NUMBER, ColumnKind.INTEGER)
    if (plan.kind in WORDS and wanted in WORDS) or (plan.kind in numbers and wanted in numbers):
        return replace(plan, kind=wanted)
    if before is not None and plan.name in before.names and before[plan.name].kind is wanted:
        return before[plan.name]
    fresh = ColumnPlan(plan.name, wanted, tuple(sorted(WORD_NULLS if wanted in WORDS else TYPED_NULLS)))
    is_truth = wanted is ColumnKind.BOOLEAN
    return replace(fresh, true_tokens=("1", "true", "yes"), false_tokens=("0", "false", "no")) if is_truth else fresh


def _column(cells: pl.Series, is_kept: bool) -> ColumnPlan:
    kind = _typed_kind(cells.dtype)
    if is_kept:
        plan = ColumnPlan(cells.name, ColumnKind.TEXT, note="kept as text")
    elif kind is not None:
        plan = _typed_plan(cells, kind)
    else:
        return _text_plan(cells)
    return _counted(plan, cells.to_frame())


def _typed_kind(dtype: pl.DataType) -> ColumnKind | None:
    if dtype.is_integer():
        return ColumnKind.INTEGER
    if dtype.is_numeric():
        return ColumnKind.NUMBER
    if dtype in (pl.Date, pl.Datetime):
        return ColumnKind.TIME
    return ColumnKind.BOOLEAN if dtype == pl.Boolean else None


def _typed_plan(cells: pl.Series, kind: ColumnKind) -> ColumnPlan:
    plan = ColumnPlan(cells.name, kind, tuple(sorted(TYPED_NULLS)), note=f"typed {cells.dtype} in the source")
    return replace(plan, true_tokens=("1", "true"), false_tokens=("0", "false")) if kind is ColumnKind.BOOLEAN else plan


def _text_plan(cells: pl.Series) -> ColumnPlan:
    """Learn from distinct texts and their counts: far fewer than rows."""
    values, blanks = _counted_texts(cells)
    plan = _typed_text(cells.name, values) or _words(cells.name, values, len(cells))
    return replace(plan, repairs=_repairs(plan, values, blanks))


def _counted_texts(cells: pl.Series) -> tuple[pl.DataFrame, int]:
    """Return the distinct folded texts, most frequent first, and how many cells folding changed."""
    text = cells.to_frame().select(as_text(cells.name, cells.dtype).alias("value"))
    counted = text.drop_nulls().group_by("value").agg(pl.len().cast(pl.Int64).alias("count"))
    fold = folded(pl.col("value"))
    blanks = int(counted.filter(fold != pl.col("value"))["count"].sum())
    return counted.group_by(fold).agg(pl.col("count").sum()).sort("count", "value", descending=[True, False]), blanks


def counted_words(plan: ColumnPlan, cells: pl.Series) -> pl.DataFrame:
    """Return the different words of a column, without those that say nothing: ``value`` and its ``count`` of rows."""
    return _said(_counted_texts(cells)[0], plan.null_tokens)


def counted_repairs(plan: ColumnPlan, cells: pl.Series) -> Repairs:
    """Return how many of these raw cells the plan changes, which need not be those that it was learned from."""
    if is_native(plan.kind, cells.dtype):
        return _counted(plan, cells.to_frame()).repairs
    values, blanks = _counted_texts(cells)
    return _repairs(plan, values, blanks if plan.folds_blanks else 0)


def _said(values: pl.DataFrame, tokens: Collection[str]) -> pl.DataFrame:
    return values.filter(~pl.col("value").str.contains(token_pattern(tokens)))


def _typed_text(name: str, values: pl.DataFrame) -> ColumnPlan | None:
    said = _said(values, TYPED_NULLS)
    if said.is_empty():
        return None
    plan = ColumnPlan(name, ColumnKind.BOOLEAN, tuple(sorted(TYPED_NULLS)))
    if tokens := learn_booleans(said):
        return replace(plan, true_tokens=tokens[0], false_tokens=tokens[1])
    compact = learn_compact_times(name, said)
    numbers = None if compact else learn_numbers(said)
    if isinstance(numbers, LearnedNumbers):
        return replace(plan, kind=numbers.kind, number=numbers.style, note=numbers.note)
    if times := compact or learn_times(said):
        return replace(plan, kind=ColumnKind.TIME, time=times.style, note=times.note)
    return None


def _words(name: str, values: pl.DataFrame, rows: int) -> ColumnPlan:
    tokens = WORD_NULLS | _rare_nulls(values, rows)
    said = _said(values, tokens)
    kind = ColumnKind.CATEGORY if said.height <= max(FEW, FEW_SHARE * rows) else ColumnKind.TEXT
    spelling = learn_spelling(said) if kind is ColumnKind.CATEGORY else ()
    return ColumnPlan(name, kind, tuple(sorted(tokens)), spelling=spelling, note=_why_words(values, said))


def _why_words(values: pl.DataFrame, said: pl.DataFrame) -> str:
    if said.is_empty():
        return "no value was seen"
    numbers = learn_numbers(_said(values, TYPED_NULLS)) if values.height else None
    return numbers if isinstance(numbers, str) else ""


def _rare_nulls(values: pl.DataFrame, rows: int) -> set[str]:
    """Return the words that mean null here: rare ones, and not ``NA`` among codes of two letters."""
    lower = values.select(pl.col("value").str.to_lowercase(), "count").group_by("value").agg(pl.col("count").sum())
    counts = dict(lower.filter(pl.col("value").is_in(list(RARE_NULLS))).iter_rows())
    codes = _said(values, WORD_NULLS).filter(pl.col("value").str.contains("^[A-Z]{2}$"))["count"].sum()
    kept = {"na"} if codes > 0.5 * max(rows, 1) else set()
    return {word for word in RARE_NULLS - kept if counts.get(word, 0) <= RARE_SHARE * rows}


def _repairs(plan: ColumnPlan, values: pl.DataFrame, blanks: int) -> Repairs:
    """Count, over distinct texts, the rows that each kind of repair changes."""
    said = _said(values, plan.null_tokens)
    named = replace(plan, name="value")
    doubtful = said.filter(read_at_first(named, pl.String()).is_null())
    unread = doubtful.filter(repaired(named, pl.String()).is_null())
    unreadable = int(unread["count"].sum())
    rows = int(said["count"].sum())
    styled = [int(texts.filter(_is_styled(plan.kind))["count"].sum()) for texts in (said, unread)]
    restyled = styled[0] - styled[1] if _restyles(plan) else 0
    wrong = [correction.wrong for correction in plan.spelling]
    respelled = int(said.filter(pl.col("value").is_in(wrong))["count"].sum())
    outside = int(said.filter(_is_outside(named, pl.String()))["count"].sum()) if plan.clip else 0
    return Repairs(int(values["count"].sum()) - rows, blanks, restyled, respelled, unreadable, outside)


def _is_outside(plan: ColumnPlan, dtype: pl.DataType) -> pl.Expr:
    """Return which cells that say something hold a number beyond the plan's bounds."""
    return (repaired(plan, dtype) != repaired(replace(plan, clip=None), dtype)).fill_null(False)


def _is_styled(kind: ColumnKind) -> pl.Expr:
    """Return whether a program could not read the text as it stands, without knowing the column's style."""
    text = pl.col("value")
    if kind in (ColumnKind.NUMBER, ColumnKind.INTEGER):
        return text.cast(pl.Float64, strict=False).is_null()
    if kind is ColumnKind.BOOLEAN:
        return ~text.is_in(["true", "false"])
    return ~text.str.contains(_ISO)


def _restyles(plan: ColumnPlan) -> bool:
    return not plan.number.is_plain or plan.time != TimeStyle() or plan.kind is ColumnKind.BOOLEAN


def _counted(plan: ColumnPlan, cells: pl.DataFrame) -> ColumnPlan:
    dtype = cells.schema[plan.name]
    said = cells.select(present(plan, dtype))
    nulls = said[plan.name].null_count() - cells[plan.name].null_count()
    read = said.select(repaired(plan, dtype)) if plan.kind not in WORDS else said
    unreadable = read[plan.name].null_count() - said[plan.name].null_count()
    outside = int(said.select(_is_outside(plan, dtype)).to_series().sum()) if plan.clip else 0
    return replace(plan, repairs=Repairs(nulls=nulls, unreadable=unreadable, clipped=outside))

"""Labels join rows by key: what people settled on takes the place of what the data say."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

import polars as pl

from kaizenml.core.plan import CleaningPlan
from kaizenml.data.clean import Cleaned, replay

#: Labels as they are joined: the key and the label, both as text.
SETTLED_LABELS = {"id": pl.String(), "value": pl.String()}


@dataclass(frozen=True, slots=True)
class Joined:
    """What became of labels among rows.

    Counts of rows whose target was empty and is ``filled``, said something else and is ``replaced``, said the same and
    is ``confirmed``, or is left because the label is no value that the target can have, ``unfit``. ``ids`` are the keys
    of labels that found a row.
    """

    rows: pl.DataFrame
    filled: int
    replaced: int
    confirmed: int
    unfit: int
    ids: frozenset[str]

    @property
    def counts(self) -> Mapping[str, int]:
        """The four counts, by name."""
        return {name: getattr(self, name) for name in ("filled", "replaced", "confirmed", "unfit")}


def joined(rows: pl.DataFrame, labels: pl.DataFrame, *, id: str, target: str, plan: CleaningPlan | None) -> Joined:  # noqa: A002  the project's word
    """Return the rows with the labels in the place of their targets.

    Parameters
    ----------
    rows
        Have the columns ``id`` and ``target``; a key that occurs several times gets its label every time.
    labels
        As `SETTLED_LABELS`; each key once.
    plan
        How the target's column is read; without one, or for a target that it does not know, labels are read as values
        of the target's type.
    """
    typed = labels.select("id", _read(labels["value"], rows.schema[target], target, plan).alias("__label"))
    key = rows.select(pl.col(id).cast(pl.String).alias("id"))
    beside = key.join(typed.with_columns(__there=True), on="id", how="left", maintain_order="left")
    said, label = rows[target], beside["__label"]
    is_there, is_known = beside["__there"].fill_null(value=False), label.is_not_null()
    differs = is_known & (label != said).fill_null(value=True)
    return Joined(
        rows.with_columns(pl.when(is_known).then(label).otherwise(said).alias(target)),
        filled=int((is_known & said.is_null()).sum()),
        replaced=int((differs & said.is_not_null()).sum()),
        confirmed=int((is_known & ~differs).sum()),
        unfit=int((is_there & ~is_known).sum()),
        ids=frozenset(beside.filter(is_there)["id"].to_list()),
    )


def joined_cleaned(
    cleaned: Cleaned, labels: pl.DataFrame, *, id: str, target: str, plan: CleaningPlan  # noqa: A002
) -> tuple[Cleaned, Joined]:  # fmt: skip
    """Return cleaned rows with the labels in; a target that nothing could read is no failure once it has a label."""
    done = joined(cleaned.frame, labels, id=id, target=target, plan=plan)
    known = done.rows.with_row_index("row").filter(pl.col(target).is_not_null())["row"].cast(pl.Int64)
    is_mended = (pl.col("column") == target) & pl.col("row").is_in(known.implode())
    return replace(cleaned, frame=done.rows, failures=cleaned.failures.filter(~is_mended)), done


def spelled(labels: pl.DataFrame, kind: pl.DataType, *, target: str, plan: CleaningPlan) -> pl.DataFrame:
    """Return the labels as values of the target are written: where "yes" means truth, it becomes ``true``."""
    texts = _read(labels["value"], kind, target, plan).cast(pl.String)
    return labels.with_columns(value=texts.zip_with(texts.is_not_null(), labels["value"]))


def unknown_to(labels: pl.DataFrame, known: Collection[str]) -> pl.DataFrame:
    """Return the labels whose key is not among these."""
    return labels.filter(~pl.col("id").is_in(pl.Series([*known], dtype=pl.String).implode()))


def _read(values: pl.Series, kind: pl.DataType, target: str, plan: CleaningPlan | None) -> pl.Series:
    plain = _cast(values, kind)
    if plan is None or target not in plan.names:
        return plain
    read = replay(plan.only([target]), pl.DataFrame({target: values})).frame[target]
    return read.cast(kind, strict=False).zip_with(read.is_not_null(), plain)


def _cast(values: pl.Series, kind: pl.DataType) -> pl.Series:
    if kind == pl.Boolean:
        words = {"true": True, "false": False}
        return values.str.to_lowercase().replace_strict(words, default=None, return_dtype=pl.Boolean)
    return values.cast(kind, strict=False)

"""Which rows are worth a person's time: scores of rows, and the queue as blocks that are found at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import msgspec
import polars as pl

from kaizenml.core.labelling import (
    CONTROL_SHARE,
    LabelTask,
    Why,
    chance_of,
    entropy,
    in_control,
    interleaved,
    margin,
    priority,
)

#: Tasks of a block: reading one takes a millisecond or two, and a million tasks are 2,000 of them.
BLOCK = 500
#: A row is called wholly drifted when its cells are so many times as frequent as they were, on average.
DRIFTED_TIMES = 8.0
_QUARTILES = (0.25, 0.5, 0.75)


@dataclass(frozen=True, slots=True)
class Answer:
    """A row that a model answered: what it is asked about here."""

    id: str
    row: Mapping[str, object]
    suggestion: str
    probabilities: tuple[float, ...]
    model: str


def tasks_of(
    answers: Sequence[Answer], before: Sequence[Mapping[str, object]] = (), *, wanted: int = 1
) -> list[LabelTask]:
    """Return the answered rows as tasks with their priority.

    Uncertainty is the mean of entropy and margin; diversity falls with the number of more uncertain rows in the same
    cell of the columns; drift is how much more frequent a row's values are than among the rows ``before``.
    """
    if not answers:
        return []
    uncertain = [(entropy(one.probabilities) + margin(one.probabilities)) / 2 for one in answers]
    cells = _cells([one.row for one in answers], before)
    diverse = _diversity(cells, uncertain, len(answers))
    drifted = _drift(cells, len(answers))
    return [
        LabelTask(
            one.id, one.row, one.suggestion, max(one.probabilities, default=None), one.model, Why.UNCERTAIN,
            priority(*scores), wanted,
        )
        for one, *scores in zip(answers, uncertain, diverse, drifted, strict=True)
    ]  # fmt: skip


def ordered(tasks: Iterable[LabelTask], *, share: float = CONTROL_SHARE) -> list[LabelTask]:
    """Return the tasks in the order in which they are handed out; a share of them by chance, whatever their scores."""
    listed = list({task.id: task for task in tasks}.values())
    chosen = {at for at, task in enumerate(listed) if task.why is not Why.REVIEW and in_control(task.id, share)}
    ranked = sorted(set(range(len(listed))) - chosen, key=lambda at: (-listed[at].priority, listed[at].id))
    control = sorted(chosen, key=lambda at: chance_of(listed[at].id))
    order = interleaved(ranked, control)
    return [replace(listed[at], why=Why.CONTROL) if at in chosen else listed[at] for at in order]


def blocks_of(tasks: Sequence[LabelTask]) -> Iterator[bytes]:
    """Yield the tasks as blocks of JSON."""
    for start in range(0, len(tasks), BLOCK):
        yield msgspec.json.encode(tasks[start : start + BLOCK])


def tasks_in(block: bytes) -> list[LabelTask]:
    """Return the tasks of a block."""
    return msgspec.json.decode(block, type=list[LabelTask])


def _cells(rows: Sequence[Mapping[str, object]], before: Sequence[Mapping[str, object]]) -> pl.DataFrame:
    """Return the rows and those before as the quarter of its column that each number is in; texts as they are."""
    frame = pl.DataFrame([dict(row) for row in [*rows, *before]], infer_schema_length=None, strict=False)
    known = frame.slice(len(rows)) if before else frame
    return frame.select(_cell(frame[name], known[name]) for name in frame.columns)


def _cell(column: pl.Series, known: pl.Series) -> pl.Series:
    if not column.dtype.is_numeric():
        return column.cast(pl.String, strict=False).fill_null("").hash().alias(column.name)
    edges = [edge for share in _QUARTILES if (edge := known.cast(pl.Float64).quantile(share)) is not None]
    value = pl.col(column.name).cast(pl.Float64)
    quarter = pl.sum_horizontal([(value > edge).cast(pl.UInt64) for edge in edges] or [pl.lit(0, dtype=pl.UInt64)])
    return column.to_frame().select(pl.when(value.is_null()).then(9).otherwise(quarter).alias(column.name)).to_series()


def _diversity(cells: pl.DataFrame, uncertain: Sequence[float], count: int) -> list[float]:
    if not cells.width:
        return [1.0] * count
    mine = cells.head(count).hash_rows().alias("cell").to_frame().with_columns(u=pl.Series(uncertain))
    rank = pl.col("u").rank("ordinal", descending=True).over("cell")
    return mine.select(1.0 / rank).to_series().to_list()


def _drift(cells: pl.DataFrame, count: int) -> list[float]:
    if len(cells) == count or not cells.width:
        return [0.0] * count
    now, before = cells.head(count), cells.slice(count)
    found = pl.Series([0.0]).new_from_index(0, count)
    for name in cells.columns:
        # Half a row is added to each cell, so that a value that was never seen is rare and not infinitely new.
        old = before.group_by(name).agg((pl.len() + 0.5).alias("old"))
        new = now.group_by(name).agg((pl.len() + 0.5).alias("new"))
        ratio = pl.col("new") / (count + 0.5) / (pl.col("old").fill_null(0.5) / (len(before) + 0.5))
        shares = new.join(old, on=name, how="left").select(name, ratio.log().clip(0).alias("ratio"))
        found += now.select(name).join(shares, on=name, how="left", maintain_order="left")["ratio"]
    most = pl.Series([DRIFTED_TIMES]).log()[0]
    return (found / cells.width / most).clip(0, 1).to_list()

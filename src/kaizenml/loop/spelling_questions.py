"""Spellings that cleaning is not sure about: people say, once for each pair, and the next plan knows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import msgspec
import polars as pl

from kaizenml.core.digest import digest_of
from kaizenml.core.labelling import LabelTask
from kaizenml.core.plan import CleaningPlan, ColumnPlan, Correction
from kaizenml.core.schema import ColumnKind
from kaizenml.data.learn import counted_repairs, counted_words
from kaizenml.data.spelling import distance, unsure_spelling
from kaizenml.loop import labelling, labels
from kaizenml.loop.wiring import House, Say

SAME, DIFFERENT = "same", "different"
#: So many pairs of a column are asked about at a time.
MOST_PAIRS = 50
_ASKED = "spelling asked"


@dataclass(frozen=True, slots=True)
class Said:
    """What people say of pairs of spellings: by column, then by the rare and the frequent one, whether they are one."""

    pairs: Mapping[str, Mapping[tuple[str, str], bool]]

    def onto(self, plan: CleaningPlan, raw: pl.DataFrame) -> CleaningPlan:
        """Return the plan with what they say in it.

        Parameters
        ----------
        raw
            The rows that the plan was learned from.
        """
        return CleaningPlan(tuple(self._column(column, raw) for column in plan.columns))

    def _column(self, column: ColumnPlan, raw: pl.DataFrame) -> ColumnPlan:
        said = self.pairs.get(column.name)
        if not said or column.kind is not ColumnKind.CATEGORY:
            return column
        counts: dict[str, int] = dict(counted_words(column, raw[column.name]).iter_rows())
        same = {wrong: right for (wrong, right), is_one in said.items() if is_one}
        kept = [
            each
            for each in column.spelling
            if each.wrong not in same and said.get((each.wrong, each.right)) is not False
        ]
        people = [Correction(a, b, counts.get(a, 0), counts.get(b, 0), distance(a, b)) for a, b in same.items()]
        spelling = tuple(sorted([*kept, *people], key=lambda each: each.wrong))
        if spelling == column.spelling:
            return column
        found = replace(column, spelling=spelling)
        return replace(found, repairs=counted_repairs(found, raw[column.name]))


def queue_of(project: str) -> str:
    """Return the name of the queue of a project's spellings: it is labelled as any other."""
    return f"{project[:54]}-spelling"


def said(house: House, project: str) -> Said:
    """Return what people said so far; of a pair that several were asked about, the last word counts."""
    given = labels.given(house, queue_of(project))
    pairs: dict[str, dict[tuple[str, str], bool]] = {}
    for value, row in given.select("value", "row").iter_rows():
        asked = msgspec.json.decode(row, type=dict[str, str | int])
        column = pairs.setdefault(str(asked["column"]), {})
        column[(str(asked["spelling"]), str(asked["may be"]))] = value == SAME
    return Said(pairs)


def ask(house: House, project: str, plan: CleaningPlan, raw: pl.DataFrame, known: Said, say: Say) -> int:
    """Queue the pairs that nobody has been asked about yet; return how many there are.

    Parameters
    ----------
    raw
        The rows that the plan was learned from.
    """
    tasks = list(_tasks(plan, raw, known))
    now = digest_of([task.id for task in tasks])
    with house.records.reading() as books:
        before = books.notes.get(_ASKED, project)
    if before == now or (not tasks and before is None):
        return len(tasks)
    queue = queue_of(project)
    labelling.fill(house, queue, tasks, choices=(SAME, DIFFERENT), deck="spelling", share=0.0)
    with house.records.writing() as books:
        books.notes.put(_ASKED, project, now)
    if tasks:
        say(f"clean: {len(tasks):,} spellings may be mistakes; say so: kaizen label {queue} next")
    return len(tasks)


def _tasks(plan: CleaningPlan, raw: pl.DataFrame, known: Said) -> Iterable[LabelTask]:
    for column in plan.columns:
        if column.kind is not ColumnKind.CATEGORY:
            continue
        said_of = known.pairs.get(column.name, {})
        settled = {wrong for (wrong, _), is_one in said_of.items() if is_one} | {each.wrong for each in column.spelling}
        pairs = [
            pair
            for pair in unsure_spelling(counted_words(column, raw[column.name]))
            if (pair.wrong, pair.right) not in said_of and pair.wrong not in settled
        ]
        for pair in pairs[:MOST_PAIRS]:
            row = {"column": column.name, "spelling": pair.wrong, "rows": pair.count, "may be": pair.right,
                   "its rows": pair.right_count}  # fmt: skip
            id_ = f"{column.name}-{digest_of([pair.wrong, pair.right])[:10]}".replace(" ", "-")
            yield LabelTask(id_, row, priority=pair.count / (1 + pair.distance))

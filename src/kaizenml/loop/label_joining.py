"""The labels that people gave join the next run: they set the targets of rows by key, and what they did is told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import polars as pl

from kaizenml.core.event import Draft, Kind
from kaizenml.core.plan import CleaningPlan
from kaizenml.core.ports import Books
from kaizenml.core.snapshot import Snapshot
from kaizenml.data.clean import Cleaned
from kaizenml.data.label_join import SETTLED_LABELS, joined, joined_cleaned, spelled, unknown_to
from kaizenml.data.label_queue import find_queue
from kaizenml.loop.labels import human_labels, human_labels_of
from kaizenml.loop.wiring import House
from kaizenml.project import Project

#: Where annotators contradict each other, their consensus joins when it is three times as likely as the rest together:
#: two to one of equals are, one to one are not. Others wait for one more annotator.
LIKELIER = 0.75


@dataclass(frozen=True, slots=True)
class Settled:
    """What people settled on as of one version of their table, and what became of it so far.

    ``labels`` are as `SETTLED_LABELS`; ``undecided`` counts the tasks whose consensus is too weak to join. ``counts``
    says what a join did; ``ids`` are the keys that found a row of the source.
    """

    table: str
    labels: pl.DataFrame
    undecided: int = 0
    version: int | None = None
    counts: Mapping[str, int] | None = None
    ids: frozenset[str] = frozenset()

    @property
    def is_any(self) -> bool:
        """Say whether anybody has ever labelled anything here."""
        return self.version is not None

    @property
    def pins(self) -> dict[str, int]:
        """The version of the table that a snapshot pins."""
        return {} if self.version is None else {self.table: self.version}

    def onto(self, cleaned: Cleaned, project: Project, plan: CleaningPlan) -> tuple[Cleaned, Settled]:
        """Return cleaned rows with the labels in place, where the rows have key and target."""
        if not self.is_any or project.id is None or not {project.id, project.target} <= set(cleaned.frame.columns):
            return cleaned, self
        done, found = joined_cleaned(cleaned, self.labels, id=project.id, target=project.target, plan=plan)
        kind = cleaned.frame.schema[project.target]
        labels = spelled(self.labels, kind, target=project.target, plan=plan)
        return done, replace(self, labels=labels, counts=found.counts, ids=found.ids)

    def known(self, good: pl.DataFrame, project: Project) -> pl.DataFrame:
        """Return the good rows without those that wait for a label, once people label this project."""
        if not self.is_any or project.target not in good.columns:
            return good
        return good.filter(pl.col(project.target).is_not_null())

    def told(self, project: Project, good: pl.DataFrame, live: pl.DataFrame) -> dict[str, int]:
        """Return what became of the labels in a snapshot, for its record; empty when there are none."""
        if not self.is_any:
            return {}
        key = project.id
        places = [frame[key].cast(pl.String) for frame in (good, live) if key and key in frame.columns]
        there = set(pl.concat(places).to_list()) if places else set()
        waiting = len(unknown_to(self.labels, there | self.ids)) if key else len(self.labels)
        return {
            "settled": len(self.labels),
            "joined": len(self.labels) - waiting,
            **(self.counts or {}),
            "waiting": waiting,
            "undecided": self.undecided,
        }


def nobody(project: str) -> Settled:
    """Return that nobody has labelled anything."""
    return Settled(human_labels_of(project), pl.DataFrame(schema=SETTLED_LABELS))


def settled(house: House, project: str, *, version: int | None = None) -> Settled:
    """Return what people settled on, as of a version of their table (None: the newest)."""
    table = human_labels_of(project)
    version = house.tables.version(table) if version is None else version
    if version is None:
        return nobody(project)
    found = human_labels(house, project, version=version)
    sure = found.filter(pl.col("is_unanimous") | (pl.col("confidence") >= LIKELIER))
    return Settled(table, sure.select("id", "value"), len(found) - len(sure), version)


def onto_selected(rows: pl.DataFrame, labels: pl.DataFrame, *, id: str | None, target: str) -> pl.DataFrame:  # noqa: A002
    """Return the rows of the step `select` with the labels in place, where `select` made the target."""
    if labels.is_empty() or id is None or id not in rows.columns:
        return rows
    return joined(rows, labels, id=id, target=target, plan=None).rows


def tell(books: Books, house: House, snapshot: Snapshot, of: Settled, *, cause: int) -> None:
    """Write into the log what became of the labels, because of the snapshot that they joined."""
    if not snapshot.labels:
        return
    queue = find_queue(books, snapshot.project)
    facts = {**snapshot.labels, "version": of.version, "newest": queue.labelled if queue else None}
    subject = f"snapshot:{snapshot.name}"
    draft = Draft(snapshot.project, "system:loop", Kind.LABELS_JOINED, subject, cause, house.data_at(books), facts)
    books.events.append(draft, house.clock.now())

"""Which rows people are asked about: rows that an endpoint answered, and labels that somebody should look at again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import msgspec
import polars as pl

from kaizenml.core.labelling import CONTROL_SHARE, LabelTask, Why
from kaizenml.data.agreement import agreement
from kaizenml.data.label_queue import Answer, tasks_of
from kaizenml.errors import StateError
from kaizenml.loop import collecting, label_candidates
from kaizenml.loop.label_scoring import Champion, find_champion, scored
from kaizenml.loop.labelling import fill
from kaizenml.loop.labels import given, human_labels
from kaizenml.loop.wiring import House
from kaizenml.packaging.bundle import unpack

if TYPE_CHECKING:
    from kaizenml.data.label_errors import Suspect

#: A consensus below this is shown to somebody else.
SETTLED = 0.9


def fill_open(
    house: House,
    project: str,
    *,
    choices: Sequence[str] = (),
    most: int = 100_000,
    wanted: int = 1,
    share: float = CONTROL_SHARE,
    by: str = "system:loop",
    cause: int | None = None,
) -> int:
    """Queue rows whose truth is not known, by what the champion says of them now; return how many.

    They are rows that the project's endpoint answered, and rows of its source that have no target. What the champion
    has not answered itself it is asked here: so this loads a model, and belongs into a worker or a command.

    Raises
    ------
    StateError
        When there are none.
    """
    groups = [
        label_candidates.answered(house, project, most=most),
        label_candidates.unlabelled(house, project, most=most),
    ]
    if not any(group.rows for group in groups):
        raise StateError(
            f"No row of {project} waits for a label: none was answered, none of the source is without a target.",
            "Serve it, bring rows, or `kaizen label NAME import FILE`.",
        )
    champion = find_champion(house, project)
    tasks: dict[str, LabelTask] = {}
    for group in groups:
        for task in tasks_of(scored(house, champion, group.rows), group.before, wanted=wanted):
            tasks.setdefault(task.id, task)
    seen = {task.suggestion for task in tasks.values() if task.probability is not None and task.suggestion}
    said = list(choices) or list(_classes(house, project)) or sorted(seen)
    return fill(house, project, list(tasks.values()), choices=said, share=share, by=by, cause=cause)


def fill_review(house: House, project: str, *, by: str = "system:loop", cause: int | None = None) -> int:
    """Queue, before everything else, what annotators disagree about and labels that the model contradicts."""
    said = given(house, project)
    unsure = human_labels(house, project).filter((pl.col("annotators") > 1) & (pl.col("confidence") < SETTLED))["id"]
    disputed = set(unsure) & set(agreement(said.select("task", "by", "value").iter_rows()).disputed)
    wrong = {one.task: one for one in suspects(house, project)}
    people = dict(said.group_by("task").agg(pl.col("by")).iter_rows())
    last = said.filter(pl.col("task").is_in([*disputed, *wrong])).unique("task", keep="last", maintain_order=True)
    row_of = msgspec.json.Decoder(dict[str, Any]).decode
    tasks = [
        LabelTask(
            one["task"], row_of(one["row"]), why=Why.REVIEW, but_not=tuple(people[one["task"]]),
            priority=1.0 if one["task"] in disputed else 1 - wrong[one["task"]].confidence,
        )
        for one in last.iter_rows(named=True)
    ]  # fmt: skip
    return fill(house, project, tasks, deck="review", by=by, cause=cause)


def suspects(house: House, project: str) -> list[Suspect]:
    """Return the labels that look wrong beside what a model said of their rows without having learned from them.

    That is the first answer that the endpoint gave of the row, or else what the champion says now, of rows that were
    labelled after its data were taken. Labels that it has learned from are left out: it would only repeat them.
    """
    import numpy as np

    from kaizenml.data.label_errors import suspected_errors

    champion = find_champion(house, project)
    classes = _classes(house, project)
    if champion is None or not classes:
        return []
    consensus = human_labels(house, project)
    asked = _asked_about(house, project, champion)
    said = {one.id: one.probabilities for one in asked if len(one.probabilities) == len(classes)}
    known = consensus.filter(pl.col("id").is_in(pl.Series([*said], dtype=pl.String).implode()))
    p = np.array([said[id_] for id_ in known["id"]], dtype=float).reshape(len(known), len(classes))
    return suspected_errors(known["id"].to_list(), known["value"].to_list(), p, classes)


def _asked_about(house: House, project: str, champion: Champion) -> list[Answer]:
    """Return every labelled row with the probabilities of a model that has not learned from its label."""
    table = collecting.predictions_of(project)
    logged: dict[str, tuple[float, ...]] = {}
    if house.tables.version(table) is not None:
        rows = house.tables.read(table, columns=["id", "role", "probabilities"]).filter(pl.col("role") == "answer")
        first = rows.unique("id", keep="first", maintain_order=True)
        logged = {id_: tuple(p) for id_, p in first.select("id", "probabilities").iter_rows()}
    row_of = msgspec.json.Decoder(dict[str, Any]).decode
    said = given(house, project).group_by("task", maintain_order=True).agg(pl.col("at").min(), pl.col("row").last())
    done = [Answer(task, {}, "", logged[task], "") for task in said["task"] if task in logged]
    later = said.filter(
        (pl.col("at") > champion.data_at) & ~pl.col("task").is_in(pl.Series([*logged], dtype=pl.String).implode())
    )
    open_ = [Answer(task, row_of(row), "", (), "") for task, row in later.select("task", "row").iter_rows()]
    return done + scored(house, champion, open_)


def _classes(house: House, project: str) -> tuple[str, ...]:
    champion = find_champion(house, project)
    return () if champion is None else unpack(house.blobs.get(champion.bundle)).signature.classes

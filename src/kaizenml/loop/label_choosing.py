"""Which rows people are asked about: rows that an endpoint answered, and labels that somebody should look at again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import polars as pl

from kaizenml.core.labelling import CONTROL_SHARE, LabelTask, Why
from kaizenml.data.agreement import agreement
from kaizenml.data.label_queue import Answer, as_text, tasks_of
from kaizenml.errors import StateError
from kaizenml.loop import collecting
from kaizenml.loop.labelling import fill
from kaizenml.loop.labels import given, human_labels
from kaizenml.loop.wiring import House

#: A consensus below this is shown to somebody else.
SETTLED = 0.9


def fill_from_answers(
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
    """Queue the newest rows that the project's endpoint answered and of which the truth is not known.

    What counts as before, for drift, is the older half of them.
    """
    table = collecting.predictions_of(project)
    if house.tables.version(table) is None:
        raise StateError(f"No row of {project} was answered yet.", "Serve it, or `kaizen label NAME import FILE`.")
    answered = house.tables.read(table, columns=["id", "data_at", "release", "role", "value", "probabilities", "row"])
    rows = answered.filter(pl.col("role") == "answer").sort("data_at").unique("id", keep="last", maintain_order=True)
    open_ = rows.join(collecting.labels(house.tables, project).select("id"), on="id", how="anti").tail(most)
    row_of = msgspec.json.Decoder(dict[str, Any]).decode
    answers = [
        Answer(one["id"], row_of(one["row"]), as_text(one["value"]), tuple(one["probabilities"]), one["release"])
        for one in open_.iter_rows(named=True)
    ]
    before = [one.row for one in answers[: len(answers) // 2]]
    seen = {one.suggestion for one in answers if one.probabilities}
    said = list(choices) or list(_classes(house, project)) or sorted(seen)
    return fill(house, project, tasks_of(answers, before, wanted=wanted), choices=said, share=share, by=by, cause=cause)


def fill_review(house: House, project: str, *, by: str = "system:loop") -> int:
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
    return fill(house, project, tasks, deck="review", by=by)


def suspects(house: House, project: str) -> list[Any]:
    """Return the labels that look wrong beside what the model said of the rows before it knew them."""
    import numpy as np

    from kaizenml.data.label_errors import suspected_errors

    classes = _classes(house, project)
    table = collecting.predictions_of(project)
    if not classes or house.tables.version(table) is None:
        return []
    rows = house.tables.read(table, columns=["id", "role", "probabilities"]).filter(pl.col("role") == "answer")
    labels = human_labels(house, project).join(rows.unique("id", keep="first"), on="id", how="inner")
    labels = labels.filter(pl.col("probabilities").list.len() == len(classes))
    p = np.array(labels["probabilities"].to_list(), dtype=float).reshape(len(labels), len(classes))
    return list(suspected_errors(labels["id"].to_list(), labels["value"].to_list(), p, classes))


def _classes(house: House, project: str) -> tuple[str, ...]:
    from kaizenml.packaging.bundle import unpack

    with house.records.reading() as books:
        endpoint = books.endpoints.find(project)
        if endpoint is None or not endpoint.champion:
            return ()
        bundle = books.models.get(books.releases.get(endpoint.champion).model_version).bundle
    return unpack(house.blobs.get(bundle)).signature.classes

"""Rows whose truth is not known: those that an endpoint answered, and those of the source that have no target."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec
import polars as pl

from kaizenml.core.plan import CleaningPlan
from kaizenml.data.clean import replay
from kaizenml.data.label_queue import Answer, as_text
from kaizenml.errors import NotFoundError
from kaizenml.loop import collecting, contracting, versioning
from kaizenml.loop.wiring import House

#: Labelled rows of the source that those without a target are compared with, for drift.
MOST_BEFORE = 10_000


@dataclass(frozen=True, slots=True)
class Candidates:
    """Rows that could be labelled, and rows of which they may differ: those that came before them."""

    rows: list[Answer]
    before: list[dict[str, Any]]


def answered(house: House, project: str, *, most: int) -> Candidates:
    """Return the newest rows that the endpoint answered and whose truth did not come; before is their older half."""
    table = collecting.predictions_of(project)
    if house.tables.version(table) is None:
        return Candidates([], [])
    answered = house.tables.read(table, columns=["id", "data_at", "release", "role", "value", "probabilities", "row"])
    rows = answered.filter(pl.col("role") == "answer").sort("data_at").unique("id", keep="last", maintain_order=True)
    open_ = rows.join(collecting.labels(house.tables, project).select("id"), on="id", how="anti").tail(most)
    row_of = msgspec.json.Decoder(dict[str, Any]).decode
    found = [
        Answer(one["id"], row_of(one["row"]), as_text(one["value"]), tuple(one["probabilities"]), one["release"])
        for one in open_.iter_rows(named=True)
    ]
    return Candidates(found, [dict(one.row) for one in found[: len(found) // 2]])


def unlabelled(house: House, project: str, *, most: int) -> Candidates:
    """Return the rows of the newest snapshot's source that have no target; before are those that have one."""
    raw = _with_target(house, project)
    if raw is None:
        return Candidates([], [])
    rows, key, target, is_open = raw
    shown = rows.drop(target)
    open_ = shown.filter(is_open).with_columns(__id=key.filter(is_open)).drop_nulls("__id").tail(most)
    found = [Answer(row.pop("__id"), row, "", (), "") for row in open_.to_dicts()]
    return Candidates(found, shown.filter(~is_open).tail(MOST_BEFORE).to_dicts())


def _with_target(house: House, project: str) -> tuple[pl.DataFrame, pl.Series, str, pl.Series] | None:
    """Return the raw rows, their keys as text, the target's name, and which have none; if a project has both."""
    with house.records.reading() as books:
        try:
            declared = books.declarations.get(project)
        except NotFoundError:
            return None
        newest = books.snapshots.newest(project, limit=1)
    if not newest or declared.id is None:
        return None
    raw = versioning.raw_rows(house, newest[0])
    plan = contracting.find_kept(house, newest[0].plan, CleaningPlan)
    if plan is None or not {declared.id, declared.target} <= set(plan.names) & set(raw.columns):
        return None
    clean = replay(plan.only([declared.id, declared.target]), raw).frame
    return raw, clean[declared.id].cast(pl.String), declared.target, clean[declared.target].is_null()

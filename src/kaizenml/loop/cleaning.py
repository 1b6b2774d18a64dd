"""What cleaning does to the data of a project, told before anything is trained; nothing is written."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl

from kaizenml.core.plan import CleaningPlan
from kaizenml.core.source import FilesSource
from kaizenml.data.clean import Flaw, replay
from kaizenml.data.infer import found_flaws
from kaizenml.data.learn import counted_repairs
from kaizenml.data.source import read
from kaizenml.loop import contracting, quarantining, spelling_questions
from kaizenml.loop.learning_plan import cleaning_plan
from kaizenml.loop.wiring import House
from kaizenml.project import Project


@dataclass(frozen=True, slots=True)
class Looked:
    """A project's raw rows as cleaning sees them; the plan counts the repairs of all rows, not of training rows."""

    project: str
    rows: int
    plan: CleaningPlan
    flaws: tuple[Flaw, ...]


def looked_at(project: Project, folder: Path, house: House) -> Looked:
    """Return the plan that a run would learn now, how many cells it changes in each column, and what to look at."""
    raw = _raw(project, folder, house)
    page = contracting.page_of(folder) if (folder / contracting.PAGE).is_file() else None
    learned = cleaning_plan(project, raw, spelling_questions.said(house, project.name))
    learned = learned if page is None else contracting.held(house, project.name, page, learned, raw)
    counted = [replace(column, repairs=counted_repairs(column, raw[column.name])) for column in learned.columns]
    plan = CleaningPlan(tuple(counted))
    clean = replay(plan, raw).frame
    target = project.target if project.target in clean.columns else ""
    return Looked(project.name, len(raw), plan, found_flaws(raw, clean, plan, target=target, id=project.id))


def told(looked: Looked) -> dict[str, object]:
    """Return what was seen as plain values."""
    return {
        "project": looked.project, "rows": looked.rows, "columns": looked.plan.columns, "plan": looked.plan.digest,
        "findings": looked.flaws,
    }  # fmt: skip


def _raw(project: Project, folder: Path, house: House) -> pl.DataFrame:
    """Return the files as they are now, or what was loaded last from a source that is no file."""
    if isinstance(project.source, FilesSource):
        return quarantining.repairs(project.name, house).onto(read(project.source, folder))[0]
    return quarantining.current_raw(house, project.name)

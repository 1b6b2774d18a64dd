"""What is in the data of a project: a snapshot, or before any run what the source has; nothing is written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from kaizenml.core.contract import Contract
from kaizenml.core.metric import Task
from kaizenml.core.plan import CleaningPlan, ColumnPlan
from kaizenml.core.schema import ColumnKind, Role
from kaizenml.core.snapshot import Snapshot
from kaizenml.core.source import FilesSource, FrameSource, KafkaSource, PushSource, Source, SqlSource
from kaizenml.data.clean import FAILURES, FlawKind, replay
from kaizenml.data.enforce import enforce
from kaizenml.data.explore import Advice, Drift, Exploration, Shift, TargetViews, Where
from kaizenml.data.explore_columns import column_views
from kaizenml.data.explore_findings import (
    drift_advice,
    flaw_advice,
    leakage_advice,
    missing_advice,
    target_advice,
)
from kaizenml.data.explore_missing import missing_values
from kaizenml.data.explore_page import page
from kaizenml.data.explore_table import TableReporter
from kaizenml.data.explore_target import target_views
from kaizenml.data.incremental import newest
from kaizenml.data.infer import found_flaws
from kaizenml.data.leakage import leakage_suspects
from kaizenml.data.source import read
from kaizenml.data.target import task_of
from kaizenml.data.version import kind_of
from kaizenml.errors import KaizenError, NotFoundError, StepFailedError, TargetError, UsageError
from kaizenml.loop import contracting, quarantining, spelling_questions
from kaizenml.loop.label_joining import Settled, nobody, settled
from kaizenml.loop.labels import human_labels_of
from kaizenml.loop.learning_plan import cleaning_plan
from kaizenml.loop.versioning import called, raw_rows
from kaizenml.loop.wiring import House
from kaizenml.project import Project

if TYPE_CHECKING:
    from kaizenml.monitoring.drift import ColumnDrift

#: The name of what the source has now, for whoever wants to see it beside a snapshot.
SOURCE = "source"
#: Effects from which a change is small, moderate, large. Source: Siddiqi (2006), *Credit Risk Scorecards*, for the
#: upper two; the least is what `kz.drift()` takes for a trifle.
_SIZES = ((0.25, "large"), (0.1, "moderate"), (0.02, "small"))


@dataclass(frozen=True, slots=True)
class Rows:
    """Typed rows, those that the project's `select` makes of them, their plan, and which rows they are."""

    frame: pl.DataFrame
    selected: pl.DataFrame
    plan: CleaningPlan
    name: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Explored:
    """What was found, and the rows that it was found in."""

    exploration: Exploration
    frame: pl.DataFrame


def explored(
    project: Project,
    folder: Path,
    house: House,
    snapshot: str = "",
    against: str = "",
    *,
    reporter: TableReporter | None = None,
) -> Explored:
    """Return what is in a snapshot, in the newest, or before any run in what the source has.

    Parameters
    ----------
    snapshot, against
        Such as ``flights@3`` or ``3``; ``source`` for the rows that the source has now; empty for the newest, and for
        no comparison.
    reporter
        Is given the rows as soon as they are there.

    Raises
    ------
    NotFoundError
        For a snapshot that is not there, with the closest that is.
    """
    rows = rows_of(project, folder, house, snapshot)
    if reporter is not None:
        reporter.begin(rows.frame, f"{project.name}: {rows.name}")
    before = rows_of(project, folder, house, against) if against else None
    return Explored(exploration(project, rows, before), rows.frame)


def written(found: Explored, path: Path, reporter: TableReporter) -> Path:
    """Write the page, with skrub's report behind it where that is installed, and return where it is."""
    what = found.exploration
    hidden = [each.name for each in what.columns if each.is_personal and each.name in found.frame.columns]
    report = reporter.report(found.frame.drop(hidden), f"{what.project}: {what.data}")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(page(what, report), "utf-8")
    return path.resolve()


def rows_of(project: Project, folder: Path, house: House, name: str = "") -> Rows:
    """Return the good rows of a snapshot as the project selects them, or what the source has now."""
    with house.records.reading() as books:
        has_run = bool(books.snapshots.newest(project.name, limit=1))
    if name == SOURCE or not (name or has_run):
        return _selected(project, _from_source(project, folder, house))
    if not has_run:
        raise NotFoundError("snapshot", name, (), "The first `kaizen run` makes one.")
    return _selected(project, _from_snapshot(project, house, called(house, project.name, name or "newest")))


def _from_source(project: Project, folder: Path, house: House) -> Rows:
    if not isinstance(project.source, FilesSource):
        raise UsageError(
            "Only files can be looked at before they are loaded.", "Run once, `kaizen run`, then explore the snapshot."
        )
    raw = read(project.source, folder)
    plan = cleaning_plan(project, raw, spelling_questions.said(house, project.name))
    clean = replay(plan, raw).frame
    return Rows(clean, clean, plan, SOURCE, "the files as they are now, not yet held to a contract")


def _from_snapshot(project: Project, house: House, snapshot: Snapshot) -> Rows:
    """Make the snapshot's good rows again from the raw rows, with the plan and the contract that it was made with."""
    brought = _settled(project.source, raw_rows(house, snapshot))
    raw = quarantining.repairs(project.name, house).onto(brought)[0]
    plan = contracting.find_kept(house, snapshot.plan, CleaningPlan)
    plan = plan or cleaning_plan(project, raw, spelling_questions.said(house, project.name))
    contract = contracting.find_kept(house, snapshot.contract, Contract)
    people = _people(house, project.name, snapshot)
    cleaned, _ = people.onto(replay(plan, raw), project, plan)
    good = enforce(contract, cleaned).good if contract is not None else cleaned.frame
    good = people.known(good, project)
    rest = snapshot.rows - snapshot.live_rows
    notes = [f"{snapshot.live_rows:,} answered rows are left out"] if snapshot.live_rows else []
    if len(good) != rest:
        notes.append(f"the snapshot had {rest:,} rows from its source; rows were decided on, or replaced, since")
    return Rows(good, good, plan, snapshot.name, "; ".join(notes))


def _people(house: House, project: str, snapshot: Snapshot) -> Settled:
    """Return the labels that joined the snapshot."""
    version = snapshot.pins.get(human_labels_of(project))
    return nobody(project) if version is None else settled(house, project, version=version)


def _settled(source: Source, raw: pl.DataFrame) -> pl.DataFrame:
    """Return the newest version of each row, where the source says by which key."""
    match source:
        case SqlSource() | FrameSource():
            return newest(raw, source.increment.key, source.increment.cursor) if source.increment else raw
        case PushSource() | KafkaSource():
            return newest(raw, source.key)
        case FilesSource():
            return raw


def _selected(project: Project, rows: Rows) -> Rows:
    """Return the rows as the project's own `select` leaves them, where it needs nothing but the rows."""
    select = project.steps.get("select")
    if select is None:
        return rows
    try:
        frame = select(rows.frame)
    except KaizenError:
        raise
    except Exception as error:
        raise StepFailedError(
            f"The step select raised {type(error).__name__}: {str(error)[:300]}.", "Mend it in project.py."
        ) from error
    left_out = len(rows.frame) - len(frame)
    notes = [rows.note] if rows.note else []
    notes += [f"the step `select` leaves {left_out:,} of these rows out"] if left_out else []
    return replace(rows, selected=frame, note="; ".join(notes))


def exploration(project: Project, rows: Rows, before: Rows | None = None) -> Exploration:
    """Return all that is told about these rows, beside others where there are any."""
    frame, selected = rows.frame, rows.selected
    made = [name for name in selected.columns if name not in frame.columns]
    plan = _plan_of(selected, rows.plan)
    kinds = {column.name: column.kind for column in (*rows.plan.columns, *plan.columns)}
    roles = {name: _role(project, name) for name in [*frame.columns, *made]}
    flaws = found_flaws(selected, selected, plan, target=project.target, id=_there(project.id, selected))
    personal = {flaw.column for flaw in flaws if flaw.kind is FlawKind.PERSONAL}
    views, leaks = _beside_target(project, selected, kinds, personal)
    missing = missing_values(frame)
    compared = _drift(before, rows, kinds) if before is not None else None
    telling = [name for name in selected.columns if name not in (project.target, project.id)]
    findings = [
        *leaks, *target_advice(views, project.ignore), *flaw_advice(flaws, project.ignore, telling),
        *(drift_advice(compared) if compared else ()), *missing_advice(missing, project.ignore), *_unread(rows.plan),
    ]  # fmt: skip
    seen = (*column_views(frame, kinds, roles, personal), *column_views(selected.select(made), kinds, roles, personal))
    copies = frame.height - frame.n_unique() if frame.width else 0
    return Exploration(
        project.name, rows.name, rows.note, len(frame), project.target, copies, tuple(findings), views, seen, missing,
        compared,
    )  # fmt: skip


def _there(name: str | None, frame: pl.DataFrame) -> str | None:
    return name if name in frame.columns else None


def _plan_of(frame: pl.DataFrame, plan: CleaningPlan) -> CleaningPlan:
    """Return a plan of the columns that are there: those that `select` made have none of their own."""
    known = {column.name: column for column in plan.columns}
    return CleaningPlan(tuple(known.get(name) or ColumnPlan(name, kind_of(frame[name])) for name in frame.columns))


def _role(project: Project, name: str) -> Role:
    given = {project.target: Role.TARGET, project.id: Role.ID, project.time: Role.TIME, project.group: Role.GROUP}
    return given.get(name) or (Role.IGNORED if name in project.ignore else Role.FEATURE)


def _beside_target(
    project: Project, frame: pl.DataFrame, kinds: Mapping[str, ColumnKind], personal: set[str]
) -> tuple[TargetViews, list[Advice]]:
    try:
        task = _task(project, frame, kinds)
    except TargetError as error:
        return TargetViews(project.target, None, problem=f"{error.message} {error.hint}".strip()), []
    shown = [name for name in frame.columns if name not in (project.target, project.id) and name not in personal]
    features = [name for name in frame.columns if _role(project, name) is Role.FEATURE]
    views = target_views(frame, shown, kinds, project.target, task)
    return views, leakage_advice(leakage_suspects(frame, features, project.target, task), project.ignore)


def _task(project: Project, frame: pl.DataFrame, kinds: Mapping[str, ColumnKind]) -> Task:
    if project.target not in frame.columns:
        raise TargetError(f"There is no column {project.target!r}.", "Name another, or let the step `select` make it.")
    column = frame[project.target]
    return task_of(column, ColumnPlan(project.target, kinds[project.target]), pl.DataFrame(schema=FAILURES))


def _unread(plan: CleaningPlan) -> list[Advice]:
    return [
        Advice(
            "unreadable", column.name, f"{column.repairs.unreadable:,} cells of {column.name} cannot be read as "
            f"{column.kind}", "A run puts those rows into quarantine; repair them there, or at the source.",
            "kaizen quarantine", Where.SHELL,
        )
        for column in plan.columns
        if column.repairs.unreadable
    ]  # fmt: skip


def _drift(before: Rows, now: Rows, kinds: Mapping[str, ColumnKind]) -> Drift:
    from kaizenml.monitoring.drift import drift  # brings SciPy, which is needed for nothing else here
    from kaizenml.monitoring.profile import learn_reference, profile

    here = set(before.frame.columns) & set(now.frame.columns)
    shared = {name: kind for name, kind in kinds.items() if name in here}
    reference = learn_reference(before.frame, shared)
    found = drift(reference, profile(reference, now.frame.select(list(shared))))
    shifts = [_shift(each, before, now) for each in found]
    return Drift(
        before.name,
        len(before.frame),
        tuple(name for name in now.frame.columns if name not in before.frame.columns),
        tuple(name for name in before.frame.columns if name not in now.frame.columns),
        tuple(sorted(shifts, key=lambda each: -each.effect)),
    )


def _shift(found: ColumnDrift, before: Rows, now: Rows) -> Shift:
    from kaizenml.monitoring.drift import effect

    size = effect(found)
    is_time = found.kind is ColumnKind.TIME
    word = "none" if is_time else next((word for limit, word in _SIZES if size >= limit), "none")
    return Shift(
        found.name, found.kind, found.psi, size, found.p, found.missing_before, found.missing, word,
        _sentence(found, word, size, before.frame[found.name], now.frame[found.name]),
    )  # fmt: skip


def _sentence(found: ColumnDrift, word: str, size: float, was: pl.Series, now: pl.Series) -> str:
    if found.kind is ColumnKind.TIME:
        return f"{found.name} is a time, which always moves on"
    if word == "none":
        return f"{found.name} is as it was: PSI {size:.3f} beyond chance"
    moved = _moved(found.kind, was, now)
    differs = found.missing != found.missing_before
    missing = f", missing {found.missing_before:.1%} → {found.missing:.1%}" if differs else ""
    return f"{found.name} shows a {word} drift: PSI {size:.3f} beyond chance{moved}{missing}"


def _moved(kind: ColumnKind, was: pl.Series, now: pl.Series) -> str:
    if was.dtype.is_numeric() and now.dtype.is_numeric():
        a, b = was.mean(), now.mean()
        return f", mean {a:.4g} → {b:.4g}" if isinstance(a, (int, float)) and isinstance(b, (int, float)) else ""
    if kind not in (ColumnKind.CATEGORY, ColumnKind.BOOLEAN):
        return ""
    shares = [each.cast(pl.String).drop_nulls().alias("value").value_counts(normalize=True) for each in (was, now)]
    both = shares[0].join(shares[1], on="value", how="full", coalesce=True, suffix="_now").fill_null(0.0)
    most = both.sort((pl.col("proportion_now") - pl.col("proportion")).abs(), "value", descending=[True, False])
    if most.is_empty():
        return ""
    value, a, b = most.row(0)
    return f", {str(value)[:40]!r} {a:.1%} → {b:.1%} of the rows"

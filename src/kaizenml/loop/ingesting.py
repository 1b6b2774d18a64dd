"""Stage 1 of a run: from a source to a snapshot of good, typed rows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import polars as pl

from kaizenml.core.contract import Contract
from kaizenml.core.plan import CleaningPlan
from kaizenml.data.clean import replay
from kaizenml.data.enforce import Enforced, enforce
from kaizenml.data.version import frame_digest
from kaizenml.loop import data_alerts, label_joining, quarantining
from kaizenml.loop.ingesting_large import check_large, prepare_large
from kaizenml.loop.label_joining import Settled
from kaizenml.loop.learning_plan import plan_and_contract, tell_findings
from kaizenml.loop.loading_data import FILE, Gathered
from kaizenml.loop.snapshotting import Checked, Prepared, live_rows, written
from kaizenml.loop.wiring import House, Say
from kaizenml.project import Project


def prepare(project: Project, folder: Path, house: House, say: Say, *, cause: int) -> Prepared:
    """Ingest, clean and check the project's data, and write the snapshot.

    Rows that break a hard rule go to the table ``quarantine-<project>``, with the rule that they broke. Data that are
    larger than the setting `stream_mb` says are taken part by part.
    """
    gathered = data_alerts.gathered(project, folder, house, say, cause=cause)
    way = prepare_large if _is_large(house, gathered) else _prepare_whole
    return way(project, folder, house, gathered, say, cause=cause)


def check(project: Project, folder: Path, house: House, gathered: Gathered, say: Say, *, cause: int | None) -> None:
    """Clean the rows and hold them to the contract; every broken rule is told, and raises an alert.

    Raises
    ------
    SourceError
        When the data break a hard rule as a whole, or too few rows are left; a critical alert is open then.
    """
    way = check_large if _is_large(house, gathered) else _check_whole
    way(project, folder, house, gathered, say, cause=cause)


def _is_large(house: House, gathered: Gathered) -> bool:
    return gathered.size_bytes > house.settings.stream_bytes


@dataclass(frozen=True, slots=True)
class _Done:
    """What the rows were held to, and what became of them."""

    plan: CleaningPlan
    contract: Contract
    enforced: Enforced
    people: Settled


def _prepare_whole(
    project: Project, folder: Path, house: House, gathered: Gathered, say: Say, *, cause: int
) -> Prepared:
    done = _check_whole(project, folder, house, gathered, say, cause=cause)
    plan, contract, enforced, people = done.plan, done.contract, done.enforced, done.people
    good = people.known(enforced.good, project)
    if len(good) < len(enforced.good):
        say(f"labels: {len(enforced.good) - len(good):,} rows wait for a label")
    live = live_rows(project, house, plan, good.lazy(), people)
    if len(live):
        say(f"live: {len(live):,} answered rows with their labels")
    digest = frame_digest(pl.concat([good, live], how="diagonal") if len(live) else good)
    checked = Checked(digest, len(good), enforced.bad["row"].n_unique(), *_span(project, good, live), good)
    snapshot = written(project, house, gathered.files, plan, contract, checked, live, people, cause=cause)
    if snapshot.labels:
        say("labels: " + ", ".join(f"{count:,} {name}" for name, count in snapshot.labels.items()))
    return Prepared(snapshot, good, live, plan, contract, people.labels)


def _check_whole(
    project: Project, folder: Path, house: House, gathered: Gathered, say: Say, *, cause: int | None
) -> _Done:
    whole = gathered.marked.collect()
    again = quarantining.repairs(project.name, house)
    raw, repaired = again.onto(whole.drop(FILE))
    if repaired:
        say(f"quarantine: {repaired:,} repaired rows join again")
    say(f"clean: {len(raw):,} rows, {raw.width} columns")
    people = label_joining.settled(house, project.name)
    plan, contract = plan_and_contract(project, folder, house, raw, people, say, rows=len(raw))
    cleaned, people = people.onto(replay(plan, raw), project, plan)
    enforced = enforce(contract, cleaned, now=house.clock.now())
    lines = quarantining.lines(enforced.bad, raw, whole[FILE], gathered.files, plan, contract)
    quarantining.keep(project.name, house, (lines,), gathered.files, plan, contract, at=again.at)
    bad = enforced.bad["row"].n_unique()
    tell_findings(
        house, project.name, enforced.findings, say, is_passed=enforced.is_passed, good=len(enforced.good), bad=bad,
        cause=cause,
    )  # fmt: skip
    return _Done(plan, contract, enforced, people)


def _span(project: Project, good: pl.DataFrame, live: pl.DataFrame) -> tuple[datetime | None, datetime | None]:
    if project.time is None or project.time not in good.columns:
        return None, None
    times = good[project.time]
    if len(live) and project.time in live.columns:
        times = pl.concat([times, live[project.time]])
    return times.min(), times.max()  # type: ignore[return-value]

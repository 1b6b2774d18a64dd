"""Stage 1 of a run: from a source to a snapshot of good, typed rows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
import polars as pl

from kaizenml.core.contract import Contract, Severity
from kaizenml.core.event import Draft, Kind
from kaizenml.core.plan import CleaningPlan
from kaizenml.core.ports import Books
from kaizenml.core.snapshot import Snapshot
from kaizenml.core.source import RawFile
from kaizenml.data.clean import learn_plan, replay, rows_to_raw
from kaizenml.data.contract import learn_contract
from kaizenml.data.contract_yaml import to_yaml
from kaizenml.data.enforce import Enforced, enforce
from kaizenml.data.version import frame_digest
from kaizenml.errors import SourceError
from kaizenml.loop import collecting, contracting, data_alerts, label_joining, quarantining
from kaizenml.loop.label_joining import Settled
from kaizenml.loop.loading_data import Gathered, raw_of
from kaizenml.loop.wiring import House, Say
from kaizenml.project import Project

FEWEST_ROWS = 30
#: So many soft rules that were broken are told of.
MOST_SAID = 5


@dataclass(frozen=True, slots=True)
class Prepared:
    """Good, typed rows, and how they became that.

    ``good`` comes from the source; ``live`` are rows that an endpoint answered and whose label is known, with
    the columns ``_label`` (as text) and the project's id. ``labels`` are what people settled on, by key.
    """

    snapshot: Snapshot
    good: pl.DataFrame
    live: pl.DataFrame
    plan: CleaningPlan
    contract: Contract
    bad: pl.DataFrame
    labels: pl.DataFrame


@dataclass(frozen=True, slots=True)
class Checked:
    """What the rows were held to, and what became of them."""

    plan: CleaningPlan
    contract: Contract
    enforced: Enforced
    people: Settled


def prepare(project: Project, folder: Path, house: House, say: Say, *, cause: int) -> Prepared:
    """Ingest, clean and check the project's data, and write the snapshot.

    Rows that break a hard rule go to the table ``quarantine-<project>``, with the rule that they broke.
    """
    gathered = data_alerts.gathered(project, folder, house, say, cause=cause)
    checked = check(project, folder, house, gathered, say, cause=cause)
    plan, contract, enforced, people = checked.plan, checked.contract, checked.enforced, checked.people
    good = people.known(enforced.good, project)
    if len(good) < len(enforced.good):
        say(f"labels: {len(enforced.good) - len(good):,} rows wait for a label")
    live = _live(project, house, plan, good, people)
    if len(live):
        say(f"live: {len(live):,} answered rows with their labels")
    snapshot = _written(project, house, gathered.files, plan, contract, good, enforced.bad, live, people, cause=cause)
    if snapshot.labels:
        say("labels: " + ", ".join(f"{count:,} {name}" for name, count in snapshot.labels.items()))
    return Prepared(snapshot, good, live, plan, contract, enforced.bad, people.labels)


def check(project: Project, folder: Path, house: House, gathered: Gathered, say: Say, *, cause: int | None) -> Checked:
    """Clean the rows and hold them to the contract; every broken rule is told, and raises an alert.

    Raises
    ------
    SourceError
        When the data break a hard rule as a whole, or too few rows are left; a critical alert is open then.
    """
    again = quarantining.readmitted(project.name, house, gathered.rows)
    raw = again.raw
    if again.rows:
        say(f"quarantine: {again.rows:,} repaired rows join again")
    say(f"clean: {len(raw):,} rows, {raw.width} columns")
    page = contracting.find_page(project.name, folder, house)
    plan = (
        cleaning_plan(project, raw)
        if page is None
        else contracting.held(house, project.name, page, cleaning_plan(project, raw), raw)
    )
    cleaned, people = label_joining.settled(house, project.name).onto(replay(plan, raw), project, plan)
    contract = page or _first_contract(project, folder, cleaned.frame, plan)
    enforced = enforce(contract, cleaned)
    quarantining.keep(
        project.name, house, enforced.bad, raw, gathered.origin, gathered.files, plan, contract, at=again.at
    )
    refused = _refused(enforced, len(raw))
    data_alerts.tell(house, project.name, enforced, refused, cause=cause)
    if refused is not None:
        raise refused
    say(f"contract: {len(enforced.good):,} rows good, {enforced.bad['row'].n_unique():,} to quarantine")
    for finding in [each for each in enforced.findings if each.severity is Severity.SOFT][:MOST_SAID]:
        say(f"contract, soft: {finding.reason} ({finding.count:,} rows)")
    return Checked(plan, contract, enforced, people)


def _refused(enforced: Enforced, came: int) -> SourceError | None:
    """Return why these rows must not be learned from; None when they may."""
    if not enforced.is_passed:
        broken = [finding.reason for finding in enforced.findings if finding.severity is Severity.HARD]
        return SourceError(
            f"The data break the contract as a whole: {'; '.join(broken[:3])}.",
            "Mend the data, or edit contract.yaml if they may look like this from now on.",
        )
    if len(enforced.good) < FEWEST_ROWS:
        return SourceError(
            f"Only {len(enforced.good)} of {came} rows are good; {FEWEST_ROWS} are needed at the least.",
            "Look at contract.yaml and at the quarantined rows: `kaizen quarantine`.",
        )
    return None


def cleaning_plan(project: Project, raw: pl.DataFrame) -> CleaningPlan:
    """Learn the plan from training rows only: where there is a time, from the rows before those of the test."""
    if project.time is None or project.time not in raw.columns:
        return learn_plan(raw)
    times = replay(learn_plan(raw.select(project.time)), raw.select(project.time)).frame[project.time]
    if not isinstance(times.dtype, pl.Datetime):
        raise SourceError(
            f"The column {project.time!r} holds no times: {raw[project.time][0]!r}, for one.",
            "Name another column as `time`, or none.",
        )
    share = 1 - project.holdout if isinstance(project.holdout, float) else 0.8
    cut = times.drop_nulls().sort()[int(share * (times.len() - times.null_count() - 1))]
    return learn_plan(raw.filter((times <= cut).fill_null(False)))


def _first_contract(project: Project, folder: Path, clean: pl.DataFrame, plan: CleaningPlan) -> Contract:
    """Learn the contract from the first snapshot, and write the page that people edit."""
    contract = learn_contract(clean, plan, id=project.id, time=project.time)
    (folder / contracting.PAGE).write_text(to_yaml(contract), "utf-8")
    return contract


def _live(project: Project, house: House, plan: CleaningPlan, good: pl.DataFrame, people: Settled) -> pl.DataFrame:
    """Return the answered rows whose label is known and that no file brought."""
    labels = _truths(house, project, people)
    if labels.is_empty() or house.tables.version(collecting.predictions_of(project.name)) is None:
        return pl.DataFrame()
    answered = house.tables.read(collecting.predictions_of(project.name), columns=["id", "role", "row"])
    rows = answered.filter(pl.col("role") == "answer").unique("id", keep="last", maintain_order=True)
    rows = rows.join(labels, on="id", how="inner", maintain_order="left")
    if project.id is not None:
        rows = rows.filter(~pl.col("id").is_in(good[project.id].cast(pl.String).implode()))
    if rows.is_empty():
        return pl.DataFrame()
    decode = msgspec.json.Decoder(dict[str, Any]).decode
    decoded = [decode(text) for text in rows["row"].to_list()]
    inputs = plan.only([name for name in plan.names if name in decoded[0] and name != project.id])
    frame = replay(inputs, rows_to_raw(decoded, inputs)).frame
    frame = frame.with_columns(rows["_label"])
    return (
        frame if project.id is None else frame.with_columns(rows["id"].cast(good[project.id].dtype).alias(project.id))
    )


def _truths(house: House, project: Project, people: Settled) -> pl.DataFrame:
    """Return what is known of answered rows, ``id`` and ``_label``: what people settled on, else what came."""
    came = collecting.labels(house.tables, project.name)
    decode = msgspec.json.Decoder().decode
    texts = pl.Series("_label", [_text(decode(value)) for value in came["value"].to_list()], dtype=pl.String)
    said = people.labels.select("id", _label="value")
    return pl.concat([said, came.select("id", texts)]).unique("id", keep="first", maintain_order=True)


def _text(value: object) -> str | None:
    if value is None:
        return None
    return ("true" if value else "false") if isinstance(value, bool) else str(value)


def _written(
    project: Project,
    house: House,
    files: tuple[RawFile, ...],
    plan: CleaningPlan,
    contract: Contract,
    good: pl.DataFrame,
    bad: pl.DataFrame,
    live: pl.DataFrame,
    people: Settled,
    *,
    cause: int,
) -> Snapshot:
    table = raw_of(project.name)
    digest = frame_digest(pl.concat([good, live], how="diagonal") if len(live) else good)
    oldest, newest = _span(project, good, live)
    places = contracting.keep(house, plan, contract)
    with house.records.writing() as books:
        last = books.snapshots.newest(project.name, limit=1)
        snapshot = Snapshot(
            project=project.name,
            number=last[0].number + 1 if last else 1,
            table=table,
            version=house.tables.version(table) or 0,
            digest=digest,
            rows=len(good) + len(live),
            quarantined=bad["row"].n_unique(),
            files=files,
            plan=plan.digest,
            contract=contract.digest,
            created_at=house.clock.now(),
            oldest=oldest,
            newest=newest,
            pins={**collecting.pins(house, project.name), **quarantining.pins(project.name, house), **people.pins},
            live_rows=len(live),
            labels=people.told(project, good, live),
        )
        books.snapshots.add(snapshot)
        contracting.remember(books, places)
        if house.settings.is_replay and newest and books.notes.get("clock", "data") is None:
            books.notes.put("clock", "data", newest.isoformat())  # a replay begins where its first data end
        created = _tell(books, house, snapshot, cause=cause)
        label_joining.tell(books, house, snapshot, people, cause=created)
    return snapshot


def _tell(books: Books, house: House, snapshot: Snapshot, *, cause: int) -> int:
    now, data_at = house.clock.now(), house.data_at(books)
    subject = f"snapshot:{snapshot.name}"
    facts = {"rows": snapshot.rows, "live": snapshot.live_rows, "digest": snapshot.digest, "version": snapshot.version}
    created = books.events.append(
        Draft(snapshot.project, "system:loop", Kind.SNAPSHOT_CREATED, subject, cause, data_at, facts), now
    )
    if snapshot.quarantined:
        kept = {"rows": snapshot.quarantined}
        books.events.append(
            Draft(snapshot.project, "system:loop", Kind.ROWS_QUARANTINED, subject, created.id, data_at, kept), now
        )
    return created.id


def _span(project: Project, good: pl.DataFrame, live: pl.DataFrame) -> tuple[datetime | None, datetime | None]:
    if project.time is None or project.time not in good.columns:
        return None, None
    times = good[project.time]
    if len(live) and project.time in live.columns:
        times = pl.concat([times, live[project.time]])
    return times.min(), times.max()  # type: ignore[return-value]

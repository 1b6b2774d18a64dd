"""The snapshot: what is written down of rows that were cleaned and checked, and the answered rows that join them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
import polars as pl

from kaizenml.core.contract import Contract
from kaizenml.core.digest import Digest
from kaizenml.core.event import Draft, Kind
from kaizenml.core.plan import CleaningPlan
from kaizenml.core.ports import Books
from kaizenml.core.snapshot import Snapshot
from kaizenml.core.source import RawFile
from kaizenml.data.clean import replay, rows_to_raw
from kaizenml.loop import collecting, contracting, label_joining, quarantining
from kaizenml.loop.label_joining import Settled
from kaizenml.loop.loading_data import raw_of
from kaizenml.loop.wiring import House
from kaizenml.project import Project


@dataclass(frozen=True, slots=True)
class Prepared:
    """Good, typed rows, and how they became that.

    ``good`` comes from the source; ``live`` are rows that an endpoint answered and whose label is known, with
    the columns ``_label`` (as text) and the project's id. ``labels`` are what people settled on, by key. Of data that
    are larger than memory should hold, ``good`` are rows spread evenly over the snapshot's.
    """

    snapshot: Snapshot
    good: pl.DataFrame
    live: pl.DataFrame
    plan: CleaningPlan
    contract: Contract
    labels: pl.DataFrame


@dataclass(frozen=True, slots=True)
class Checked:
    """What a snapshot says of its rows: those of the source and the live ones.

    ``rows`` counts the good ones of the source; ``keys`` has their column of ids, or of these at least all that a
    label names.
    """

    digest: Digest
    rows: int
    quarantined: int
    oldest: datetime | None
    newest: datetime | None
    keys: pl.DataFrame


def live_rows(project: Project, house: House, plan: CleaningPlan, good: pl.LazyFrame, people: Settled) -> pl.DataFrame:
    """Return the answered rows whose label is known and that no file brought."""
    labels = _truths(house, project, people)
    if labels.is_empty() or house.tables.version(collecting.predictions_of(project.name)) is None:
        return pl.DataFrame()
    answered = house.tables.read(collecting.predictions_of(project.name), columns=["id", "role", "row"])
    rows = answered.filter(pl.col("role") == "answer").unique("id", keep="last", maintain_order=True)
    rows = rows.join(labels, on="id", how="inner", maintain_order="left")
    if project.id is not None:
        ids = good.select(pl.col(project.id).cast(pl.String).alias("id"))
        there = ids.join(rows.select("id").lazy(), on="id", how="semi").collect(engine="streaming")
        rows = rows.filter(~pl.col("id").is_in(there["id"].implode()))
    if rows.is_empty():
        return pl.DataFrame()
    decode = msgspec.json.Decoder(dict[str, Any]).decode
    decoded = [decode(text) for text in rows["row"].to_list()]
    inputs = plan.only([name for name in plan.names if name in decoded[0] and name != project.id])
    frame = replay(inputs, rows_to_raw(decoded, inputs)).frame
    frame = frame.with_columns(rows["_label"])
    if project.id is None:
        return frame
    return frame.with_columns(rows["id"].cast(good.collect_schema()[project.id]).alias(project.id))


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


def written(
    project: Project,
    house: House,
    files: tuple[RawFile, ...],
    plan: CleaningPlan,
    contract: Contract,
    checked: Checked,
    live: pl.DataFrame,
    people: Settled,
    *,
    cause: int,
) -> Snapshot:
    """Write the snapshot and tell of it."""
    table = raw_of(project.name)
    places = contracting.keep(house, plan, contract)
    with house.records.writing() as books:
        last = books.snapshots.newest(project.name, limit=1)
        snapshot = Snapshot(
            project=project.name,
            number=last[0].number + 1 if last else 1,
            table=table,
            version=house.tables.version(table) or 0,
            digest=checked.digest,
            rows=checked.rows + len(live),
            quarantined=checked.quarantined,
            files=files,
            plan=plan.digest,
            contract=contract.digest,
            created_at=house.clock.now(),
            oldest=checked.oldest,
            newest=checked.newest,
            pins={**collecting.pins(house, project.name), **quarantining.pins(project.name, house), **people.pins},
            live_rows=len(live),
            labels=people.told(project, checked.keys, live),
        )
        books.snapshots.add(snapshot)
        contracting.remember(books, places)
        newest = checked.newest
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

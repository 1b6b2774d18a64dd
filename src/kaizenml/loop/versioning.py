"""The versions of a project's data: which there are, how they differ, restore, pin, clear away, erase."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Protocol, runtime_checkable
from uuid import uuid4

import msgspec
import polars as pl

from kaizenml.core.contract import Contract
from kaizenml.core.declaration import Declaration
from kaizenml.core.event import Draft, Kind
from kaizenml.core.names import checked_name
from kaizenml.core.plan import CleaningPlan
from kaizenml.core.ports import Books, Tables
from kaizenml.core.snapshot import Snapshot
from kaizenml.data.clean import learn_plan, replay
from kaizenml.data.contract import learn_contract
from kaizenml.data.enforce import enforce
from kaizenml.data.erase import is_about, is_persons, is_persons_within
from kaizenml.data.snapshot_diff import Difference, difference
from kaizenml.data.version import frame_digest
from kaizenml.errors import KaizenError, NotFoundError, StateError, UsageError, bounded
from kaizenml.loop import collecting, contracting, quarantining, why_ordering
from kaizenml.loop.labels import human_labels_of
from kaizenml.loop.loading_data import FILE, raw_of
from kaizenml.loop.wiring import House

#: Who just opened the newest version may read it for so long.
GRACE = timedelta(hours=1)
_PIN = "pin"
_GIVEN_UP = "given-up"
_ALL = 1_000_000
#: Says of each row whether it is to go.
IsGone = Callable[[pl.DataFrame], pl.Series]


class Freed(Protocol):
    """How many files were deleted, or would be, and how large they are together."""

    @property
    def files(self) -> int: ...  # noqa: D102
    @property
    def size_bytes(self) -> int: ...  # noqa: D102


@runtime_checkable
class VersionedTables(Tables, Protocol):
    """Tables whose versions can be made of each other and given up."""

    def remove(self, table: str, is_gone: IsGone, *, key: str) -> tuple[int, int]: ...  # noqa: D102
    def restore(self, table: str, version: int, *, key: str) -> int: ...  # noqa: D102
    def unneeded(self, table: str, *, keep: Collection[int], since: datetime) -> Freed: ...  # noqa: D102
    def vacuum(self, table: str, *, keep: Collection[int], since: datetime) -> Freed: ...  # noqa: D102


@dataclass(frozen=True, slots=True)
class Entry:
    """A snapshot, with whatever names it."""

    snapshot: Snapshot
    runs: tuple[str, ...]
    models: tuple[str, ...]
    pins: tuple[str, ...]
    is_given_up: bool


@dataclass(frozen=True, slots=True)
class Erased:
    """What erasing a person's rows changed.

    ``rows`` counts the rows that went from each table, ``holding`` names the snapshots that contain them still, with
    the models trained on those; ``given_up`` and ``pinned`` say which of these snapshots `gc` clears and which a pin
    holds.
    """

    snapshot: str
    event: int
    rows: Mapping[str, int]
    holding: tuple[str, ...]
    models: tuple[str, ...]
    given_up: tuple[str, ...]
    pinned: Mapping[str, str]


def declared_in(house: House, folder: Path) -> Declaration:
    """Return what the project in a folder declares; where a home has one project alone, that one."""
    with house.records.reading() as books:
        all_ = books.declarations.all()
    mine = [each for each in all_ if each.folder == str(folder.resolve())] or all_
    if len(mine) != 1:
        names = bounded(each.project for each in mine) or "none has run"
        raise UsageError(f"Which project in {folder}? Known: {names}.", "Name its folder with --project.")
    return mine[0]


def log(house: House, project: str, *, limit: int) -> list[Entry]:
    """Return the newest snapshots, newest first, with the runs, models and pins that name them."""
    with house.records.reading() as books:
        snapshots = books.snapshots.newest(project, limit=limit)
        runs, models = books.runs.newest(project, limit=_ALL), books.models.newest(limit=_ALL)
        pins, given_up = _pins(books, project), books.notes.all(_GIVEN_UP)
    return [
        Entry(
            each,
            tuple(run.id for run in runs if run.snapshot == each.name),
            tuple(model.name for model in models if model.snapshot == each.name),
            tuple(name for name, snapshot in pins.items() if snapshot == each.name),
            each.name in given_up,
        )
        for each in snapshots
    ]


def called(house: House, project: str, name: str) -> Snapshot:
    """Return a snapshot by its name (``flights@3``), its number, a pin's name, or ``newest``.

    Raises
    ------
    NotFoundError
        With the names there are.
    """
    with house.records.reading() as books:
        pins = _pins(books, project)
        newest = books.snapshots.newest(project, limit=_ALL)
    if name == "newest" and newest:
        return newest[0]
    wanted = pins.get(name) or (f"{project}@{name}" if name.isdigit() else name)
    for each in newest:
        if each.name == wanted:
            return each
    raise NotFoundError("snapshot", name, [*(each.name for each in newest), *pins])


def raw_rows(house: House, of: Snapshot) -> pl.DataFrame:
    """Return the raw rows of a snapshot, as they were brought."""
    rows = house.tables.read(of.table, version=of.version)
    mine = rows.filter(pl.col(FILE).is_in([file.digest for file in of.files])) if FILE in rows.columns else rows
    return mine.select(name for name in mine.columns if name != FILE and not name.startswith("__"))


def compared(house: House, before: Snapshot, after: Snapshot, *, id: str | None) -> Difference:  # noqa: A002
    """Return what differs between two snapshots' rows, both cleaned by the plan of the second.

    Where an id is there twice (a source that adds up brings a row again when it changes) the last one counts.
    """
    was, now = raw_rows(house, before), raw_rows(house, after)
    plan = contracting.find_kept(house, after.plan, CleaningPlan) or learn_plan(now)
    old, new = (_typed(plan, rows) for rows in (was, now))
    if id is not None and id in old.columns and id in new.columns:
        return difference(
            *(each.filter(pl.col(id).is_not_null()).unique(id, keep="last") for each in (old, new)), id=id
        )
    return difference(old, new, id=None)


def _typed(plan: CleaningPlan, rows: pl.DataFrame) -> pl.DataFrame:
    known = [name for name in plan.names if name in rows.columns]
    others = rows.select(name for name in rows.columns if name not in known)
    typed = replay(plan.only(known), rows.select(known)).frame if known else pl.DataFrame()
    return pl.concat([typed, others], how="horizontal") if others.width else typed


def written(house: House, of: Snapshot, folder: Path) -> dict[str, Path]:
    """Write a snapshot to files: its raw rows, the rows of the tables it pins, what it is, its plan and contract."""
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise UsageError(f"The folder {folder} is not empty.", "Name another one: nothing is written over.")
    frames = {"raw": raw_rows(house, of)}
    frames |= {name: house.tables.read(name, version=version) for name, version in of.pins.items()}
    files = {name: folder / f"{name}.parquet" for name in frames}
    for name, rows in frames.items():
        rows.write_parquet(files[name])
    kept = {
        "plan": contracting.find_kept(house, of.plan, CleaningPlan),
        "contract": contracting.find_kept(house, of.contract, Contract),
        "snapshot": of,
    }
    for name, value in kept.items():
        if value is not None:
            files[name] = folder / f"{name}.json"
            files[name].write_bytes(msgspec.json.format(msgspec.json.encode(value), indent=2))
    return files


def made_current(house: House, of: Snapshot, *, by: str) -> Snapshot:
    """Make a snapshot's raw rows those of the newest version, and note that as a new snapshot.

    Rows loaded since are out until a newer snapshot is made current; nothing is lost.
    """
    version = _versioned(house).restore(of.table, of.version, key=f"restore-{uuid4().hex}")
    return _noted(house, replace(of, version=version), {"restored": of.name}, by=by)[0]


def pin(house: House, project: str, name: str, snapshot: Snapshot, *, by: str) -> None:
    """Give a snapshot a name; what it is made of stays for as long as it has one."""
    checked_name("pin", name)
    with house.records.writing() as books:
        value = {"snapshot": snapshot.name, "at": house.clock.now().isoformat(), "by": by}
        books.notes.put(_PIN, f"{project}/{name}", value)


def unpin(house: House, project: str, name: str) -> None:
    """Take a name from a snapshot."""
    with house.records.writing() as books:
        if name not in _pins(books, project):
            raise NotFoundError("pin", name, _pins(books, project))
        books.notes.put(_PIN, f"{project}/{name}", None)


def kept_versions(books: Books) -> dict[str, set[int]]:
    """Return for each table of every project the versions that a snapshot names, or a pin.

    Runs and models name snapshots, so theirs are among them. A snapshot that was given up counts only when pinned.
    """
    projects = {each.project for each in books.declarations.all()} | {
        run.project for run in books.runs.newest(limit=_ALL)
    }
    given_up = books.notes.all(_GIVEN_UP)
    kept: dict[str, set[int]] = {}
    for project in projects:
        pinned = set(_pins(books, project).values())
        for table in _tables_of(project):
            kept.setdefault(table, set())
        for each in books.snapshots.newest(project, limit=_ALL):
            if each.name in given_up and each.name not in pinned:
                continue
            for table, version in {each.table: each.version, **each.pins}.items():
                kept.setdefault(table, set()).add(version)
    return kept


def clear(house: House, *, is_rehearsal: bool, grace: timedelta = GRACE) -> dict[str, Freed]:
    """Delete the files that no kept version needs, and none in use within the grace period; return what went."""
    tables, since = _versioned(house), house.clock.now() - grace
    with house.records.reading() as books:
        kept = kept_versions(books)
    there = {table: keep for table, keep in sorted(kept.items()) if tables.version(table) is not None}
    call = tables.unneeded if is_rehearsal else tables.vacuum
    return {table: call(table, keep=keep, since=since) for table, keep in there.items()}


def erase(
    house: House, declared: Declaration, column: str, value: str, *, because: str, by: str, gives_up: bool
) -> Erased:
    """Take a person's rows out of all tables of a project, in new versions; say which snapshots and models have them.

    Parameters
    ----------
    gives_up
        Whether the snapshots that contain the rows are given up, so that `clear` deletes them unless a pin holds them.

    Raises
    ------
    UsageError
        Without a reason, and where no row is this person's, now or in any snapshot.
    NotFoundError
        For a column that is not there.
    """
    if not because.strip():
        raise UsageError("Rows are not erased without a reason.", "Add --because TEXT, such as the request's number.")
    project = declared.project
    columns = house.tables.read(raw_of(project)).columns
    if column not in columns:
        raise NotFoundError("column", column, [name for name in columns if not name.startswith("_")])
    holding = _holding(house, declared, column, value)
    rows = _removed(house, declared, column, value)
    if not sum(rows.values()) and not holding:
        raise UsageError(f"No row has this {column}, now or in any snapshot.", "Look at the value, and at --column.")
    with house.records.writing() as books:
        why_ordering.forget(books, project)
        models = tuple(m.name for m in books.models.newest(limit=_ALL) if m.snapshot in holding)
        pinned = {name: snapshot for name, snapshot in _pins(books, project).items() if snapshot in holding}
        given_up = tuple(name for name in holding if gives_up and name not in pinned.values())
        for name in given_up:
            books.notes.put(_GIVEN_UP, name, {"because": because, "by": by})
    facts = {"erased": rows, "because": because, "holding": holding, "models": models, "given_up": given_up}
    snapshot, event = _noted(house, _anew(house, declared), facts, by=by)
    return Erased(snapshot.name, event, rows, holding, models, given_up, pinned)


def _removed(house: House, declared: Declaration, column: str, value: str) -> dict[str, int]:
    """Leave the rows out of every table, those that are known by an id last; return how many went from each."""
    tables, gone = _versioned(house), {}
    ids = [value.strip()] if column == declared.id else []
    for table in _tables_of(declared.project):
        if tables.version(table) is None:
            continue
        is_gone = _test(declared, table, column, value, tuple(ids))
        found = tables.read(table)
        if table != raw_of(declared.project) and "id" in found.columns:
            ids += found.filter(is_gone(found))["id"].cast(pl.String).drop_nulls().to_list()
        gone[table] = tables.remove(table, is_gone, key=f"erase-{uuid4().hex}")[1]
    return gone


def _test(declared: Declaration, table: str, column: str, value: str, ids: tuple[str, ...]) -> IsGone:
    """Return what tells the person's rows in a table: raw rows by their cell, others by an id or what they keep."""
    if table == raw_of(declared.project):
        return lambda rows: is_persons(rows, column, value)
    known = pl.Series(ids, dtype=pl.String)
    return lambda rows: is_persons_within(rows, column, value) | is_about(rows, known)


def _holding(house: House, declared: Declaration, column: str, value: str) -> tuple[str, ...]:
    """Return the snapshots that have rows of the person, newest first."""
    ids = (value.strip(),) if column == declared.id else ()

    @cache
    def has(table: str, version: int) -> bool:
        try:
            columns = [column] if table == raw_of(declared.project) else None
            rows = house.tables.read(table, version=version, columns=columns)
        except NotFoundError:  # given up and cleared, or without this column
            return False
        return bool(_test(declared, table, column, value, ids)(rows).any())

    with house.records.reading() as books:
        snapshots = books.snapshots.newest(declared.project, limit=_ALL)
    return tuple(
        each.name for each in snapshots if any(has(*one) for one in {each.table: each.version, **each.pins}.items())
    )


def _anew(house: House, declared: Declaration) -> Snapshot:
    """Return the newest snapshot as it is without rows that went since; its plan and contract learned without them."""
    with house.records.reading() as books:
        newest = books.snapshots.newest(declared.project, limit=1)
    if not newest:
        raise StateError(f"{declared.project} has no snapshot.", "Make one: `kaizen run`.")
    now = replace(newest[0], version=house.tables.version(newest[0].table) or 0)
    raw = quarantining.repairs(declared.project, house).onto(raw_rows(house, now))[0]
    plan = learn_plan(raw)
    cleaned = replay(plan, raw)
    contract = contracting.find_kept(house, now.contract, Contract)
    contract = contract or learn_contract(cleaned.frame, plan, id=declared.id, time=declared.time)
    enforced = enforce(contract, cleaned)
    places = contracting.keep(house, plan, contract)
    with house.records.writing() as books:
        contracting.remember(books, places)
    return replace(
        now, digest=frame_digest(enforced.good), rows=len(enforced.good), quarantined=enforced.bad["row"].n_unique(),
        plan=plan.digest, contract=contract.digest, live_rows=0, labels={},
        pins={table: version for table in now.pins if (version := house.tables.version(table)) is not None},
    )  # fmt: skip


def _noted(house: House, of: Snapshot, facts: Mapping[str, object], *, by: str) -> tuple[Snapshot, int]:
    """Write a snapshot under the next number, and the event that tells of it."""
    with house.records.writing() as books:
        last = books.snapshots.newest(of.project, limit=1)
        snapshot = replace(of, number=last[0].number + 1, created_at=house.clock.now())
        books.snapshots.add(snapshot)
        told = {
            "rows": snapshot.rows,
            "live": snapshot.live_rows,
            "digest": snapshot.digest,
            "version": snapshot.version,
        }
        draft = Draft(
            of.project,
            by,
            Kind.ROWS_ERASED if "erased" in facts else Kind.SNAPSHOT_CREATED,
            f"snapshot:{snapshot.name}",
            None,
            house.data_at(books),
            {**told, **facts},
        )
        return snapshot, books.events.append(draft, house.clock.now()).id


def _tables_of(project: str) -> tuple[str, ...]:
    """Return the names of a project's tables; those with rows before those that only name their ids."""
    return (
        raw_of(project), collecting.predictions_of(project), quarantining.quarantine_of(project),
        collecting.labels_of(project), quarantining.decisions_of(project), human_labels_of(project),
    )  # fmt: skip


def _pins(books: Books, project: str) -> dict[str, str]:
    found = books.notes.all(_PIN)
    start = f"{project}/"
    return {
        name.removeprefix(start): str(value["snapshot"])
        for name, value in found.items()
        if name.startswith(start) and isinstance(value, dict)
    }


def _versioned(house: House) -> VersionedTables:
    if not isinstance(house.tables, VersionedTables):
        raise KaizenError("These tables keep no versions apart.", "Use the tables of a folder.")
    return house.tables

"""Quarantine: keep rows aside, decide about them, and let those that were repaired join the next snapshot."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from pathlib import Path
from uuid import uuid4

import msgspec
import polars as pl

from kaizenml.core.contract import Contract
from kaizenml.core.declaration import Declaration
from kaizenml.core.digest import digest_of
from kaizenml.core.event import Draft, Kind
from kaizenml.core.plan import CleaningPlan
from kaizenml.core.source import RawFile
from kaizenml.data import quarantine as laws
from kaizenml.data.clean import learn_plan
from kaizenml.data.quarantine import Decision, Entry, RowState
from kaizenml.data.quarantine_suggest import suggestions
from kaizenml.errors import NotFoundError, StateError, UsageError
from kaizenml.loop import contracting
from kaizenml.loop.loading_data import FILE, raw_of
from kaizenml.loop.wiring import House

_NOTE = "quarantine"
_SHORTEST_ID = 4


Repair = tuple[Mapping[str, object], Mapping[str, str | None]]


@dataclass(frozen=True, slots=True)
class Repairs:
    """Rows as they came, each with its new cells; and when the decisions were read."""

    rows: tuple[Repair, ...]
    at: datetime

    def onto(self, raw: pl.DataFrame) -> tuple[pl.DataFrame, int]:
        """Return raw rows with the repaired cells in place of the broken ones, and how many rows these are.

        Rows that were released need nothing: they keep the contract as they are. The raw table stays as it is.
        """
        if not self.rows:
            return raw, 0
        count = laws.found_in(raw, [payload for payload, _ in self.rows]).height
        return laws.amended(raw, self.rows), count


def quarantine_of(project: str) -> str:
    """Return the name of the table of a project's rows that broke a hard rule."""
    return f"quarantine-{project}"


def decisions_of(project: str) -> str:
    """Return the name of the table of what was decided about them."""
    return f"decisions-{project}"


def repairs(project: str, house: House) -> Repairs:
    """Return what was repaired so far."""
    at = house.clock.now()
    if _version(project, house) is None:
        return Repairs((), at)
    decided = [(entry.payload, entry.decision) for entry in entries(house, project) if entry.decision is not None]
    done = [(payload, each.changes) for payload, each in decided if each.state is RowState.REPAIRED]
    return Repairs(tuple(done), at)


def keep(
    project: str,
    house: House,
    lines: Iterable[pl.DataFrame],
    files: tuple[RawFile, ...],
    plan: CleaningPlan,
    contract: Contract,
    *,
    at: datetime,
) -> None:
    """Write what is out, as `lines` tells it, in one commit.

    A batch that is the newest already is not written again.
    """
    batch = digest_of([[file.digest for file in files], contract.digest, plan.digest, _version(project, house)])
    with house.records.reading() as books:
        before = books.notes.get(_NOTE, project)
    if before == batch:
        return
    parts = (
        part.with_columns(pl.lit(batch).alias("batch"), pl.lit(at).cast(pl.Datetime("us", "UTC")).alias("at"))
        for part in lines
        if len(part)
    )
    first = next(parts, None)
    if first is not None:
        house.tables.append_parts(quarantine_of(project), chain((first,), parts), key=f"{batch}-{at.isoformat()}")
    with house.records.writing() as books:
        books.notes.put(_NOTE, project, batch)


def lines(
    bad: pl.DataFrame,
    raw: pl.DataFrame,
    origin: pl.Series,
    files: tuple[RawFile, ...],
    plan: CleaningPlan,
    contract: Contract,
) -> pl.DataFrame:
    """Return each broken rule beside the whole row, its file, and the value that would keep the rule."""
    paths = origin.replace_strict({file.digest: file.path for file in files}, default=None, return_dtype=pl.String)
    rows = bad["row"].to_list()
    texts = {row: msgspec.json.encode(raw.row(row, named=True)) for row in dict.fromkeys(rows)}
    ids = {row: laws.row_id(msgspec.json.decode(text)) for row, text in texts.items()}
    return bad.with_columns(
        pl.Series("payload", [texts[row].decode() for row in rows], dtype=pl.String),
        pl.lit(str(RowState.NEW)).alias("state"),
        pl.Series("id", [ids[row] for row in rows], dtype=pl.String),
        paths.gather(rows).alias("file"),
        pl.Series("suggestion", suggestions(plan, contract, bad), dtype=pl.String),
    )


def pins(project: str, house: House) -> dict[str, int]:
    """Return the version of the decisions that a snapshot was made with."""
    version = _version(project, house)
    return {} if version is None else {decisions_of(project): version}


def _version(project: str, house: House) -> int | None:
    return house.tables.version(decisions_of(project))


def entries(house: House, project: str) -> tuple[Entry, ...]:
    """Return every row that was ever kept out, as it is now."""
    if house.tables.version(quarantine_of(project)) is None:
        return ()
    lines = house.tables.read(quarantine_of(project))
    with house.records.reading() as books:
        batch = books.notes.get(_NOTE, project)
    return laws.folded(lines, _decisions(house, project), batch=str(batch) if batch else None)


def _decisions(house: House, project: str) -> list[Decision]:
    if _version(project, house) is None:
        return []
    rows = house.tables.read(decisions_of(project)).sort("at", maintain_order=True).iter_rows(named=True)
    return [
        Decision(
            row["id"], RowState(row["state"]), row["by"], row["at"], row["because"], msgspec.json.decode(row["changes"])
        )
        for row in rows
    ]


def listed(house: House) -> list[tuple[Declaration, Entry]]:
    """Return the rows of every project of the house."""
    with house.records.reading() as books:
        declared = books.declarations.all()
    return [(each, entry) for each in declared for entry in entries(house, each.project)]


def found(house: House, id_: str) -> tuple[Declaration, Entry]:
    """Return the row whose id begins so.

    Raises
    ------
    NotFoundError
        For an id that no row has.
    UsageError
        For one that several rows could have.
    """
    rows = listed(house)
    fitting = [each for each in rows if each[1].id.startswith(id_)] if len(id_) >= _SHORTEST_ID else []
    if len(fitting) > 1:
        raise UsageError(f"{len(fitting)} rows begin with {id_!r}.", "Write more of the id.")
    if not fitting:
        raise NotFoundError(
            "row in quarantine", id_, [entry.id for _, entry in rows], "`kaizen quarantine` lists them."
        )
    return fitting[0]


def release(house: House, id_: str, *, by: str, because: str = "") -> Entry:
    """Let a row join the next snapshot as it is.

    Raises
    ------
    StateError
        When it breaks a hard rule still.
    """
    declared, entry = found(house, id_)
    return _decide(house, declared, entry, Decision(entry.id, RowState.RELEASED, by, house.clock.now(), because))


def repair(house: House, id_: str, changes: Mapping[str, str | None], *, by: str, because: str = "") -> Entry:
    """Let a row join the next snapshot with other cells; without any, with those that are suggested.

    Raises
    ------
    UsageError
        For a column that it does not have, or when there is nothing to change.
    StateError
        When it would break a hard rule still.
    """
    declared, entry = found(house, id_)
    cells = dict(changes) or dict(entry.suggestion)
    if not cells:
        raise UsageError(
            f"Nothing is suggested for row {entry.id}: {entry.broken[0].reason}.", "Write --set COLUMN=VALUE."
        )
    for name in cells:
        if name not in entry.payload:
            raise NotFoundError("column", name, entry.payload)
    decision = Decision(entry.id, RowState.REPAIRED, by, house.clock.now(), because, cells)
    return _decide(house, declared, entry, decision)


def drop(house: House, id_: str, *, by: str, because: str) -> Entry:
    """Leave a row out for good; it stays in the tables, and can be repaired or released later."""
    if not because.strip():
        raise UsageError("A row is not dropped without a reason.", "Add --because TEXT.")
    declared, entry = found(house, id_)
    return _decide(house, declared, entry, Decision(entry.id, RowState.DROPPED, by, house.clock.now(), because))


def _decide(house: House, declared: Declaration, entry: Entry, decision: Decision) -> Entry:
    after = laws.decided(entry, decision)
    if decision.state is not RowState.DROPPED:
        _validate(house, declared, entry, decision.changes)
    line = {
        "id": [decision.row],
        "state": [str(decision.state)],
        "by": [decision.by],
        "because": [decision.because],
        "changes": [msgspec.json.encode(decision.changes).decode()],
        "at": [decision.at],
    }
    house.tables.append(decisions_of(declared.project), pl.DataFrame(line), key=uuid4().hex)
    with house.records.writing() as books:
        facts = {"state": str(decision.state), "because": decision.because, "columns": sorted(decision.changes)}
        subject, at = f"row:{decision.row}", house.data_at(books)
        draft = Draft(declared.project, decision.by, Kind.ROW_DECIDED, subject, None, at, facts)
        books.events.append(draft, house.clock.now())
    return after


def _validate(house: House, declared: Declaration, entry: Entry, changes: Mapping[str, str | None]) -> None:
    raw = current_raw(house, declared.project)
    plan = _plan(house, declared.project, raw)
    contract = contracting.page_of(Path(declared.folder))
    contracting.check(house, declared.project, contract)
    if laws.found_in(raw, [entry.payload]).height > entry.copies:
        raise StateError(
            f"Row {entry.id} is exactly one that was kept.", f"`kaizen quarantine drop {entry.id} --because TEXT`."
        )
    payload = {**entry.payload, **changes}
    reasons = laws.objections(plan, contract, payload)
    if contract.unique is not None and contract.unique in plan.names and not reasons:
        own = entry.copies if contract.unique not in changes else 0
        if laws.others_with(plan, contract.unique, raw, payload) > own:
            reasons = [f"{contract.unique} occurs in another row: {payload.get(contract.unique)!r}"]
    if reasons:
        raise StateError(
            f"Row {entry.id} breaks the contract still: {'; '.join(reasons[:3])}.",
            f"`kaizen quarantine repair {entry.id} --set COLUMN=VALUE`, or edit contract.yaml.",
            {"row": entry.id, "reasons": reasons},
        )


def current_raw(house: House, project: str) -> pl.DataFrame:
    """Return the raw rows of the files that the newest snapshot was made of, with the repairs so far.

    Of a source that is no files, all rows that it ever brought.
    """
    rows = house.tables.read(raw_of(project))
    with house.records.reading() as books:
        newest = books.snapshots.newest(project, limit=1)
    mine = rows.filter(pl.col(FILE).is_in([file.digest for file in newest[0].files])) if newest else rows
    mine = rows if mine.is_empty() else mine
    own = [name for name in rows.columns if name == FILE or name.startswith("__")]
    return repairs(project, house).onto(mine.drop(own))[0]


def _plan(house: House, project: str, raw: pl.DataFrame) -> CleaningPlan:
    with house.records.reading() as books:
        newest = books.snapshots.newest(project, limit=1)
    kept = contracting.find_kept(house, newest[0].plan, CleaningPlan) if newest else None
    return kept if kept is not None else learn_plan(raw)

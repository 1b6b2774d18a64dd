"""Rows that programs send: into the table of raw rows, exactly once for each idempotency key.

Three steps are durable: what the key means (the digest of its rows), the commit to the table under that key, and the
ledger with the event. Sending again after any of them goes on where it ended and answers the same; sending other rows
under the same key is refused.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from kaizenml.core.declaration import Declaration
from kaizenml.core.digest import Digest, digest_of
from kaizenml.core.event import Draft, Kind
from kaizenml.core.ports import Books
from kaizenml.data.ingest import check_names
from kaizenml.errors import ConflictError, NotFoundError, RowError, SourceError, StateError, UsageError, close_match
from kaizenml.loop.loading_data import BATCH, FILE, raw_of
from kaizenml.loop.ordering import queue_run
from kaizenml.loop.wiring import House

MOST_ROWS = 10_000
_LONGEST_KEY = 200
_NOTE = "pushed"
Row = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Pushed:
    """What became of rows that were sent: the table's version that has them, and whether they were there before."""

    rows: int
    version: int
    digest: Digest
    is_repeated: bool
    job: str | None = None


def push(
    house: House,
    project: str,
    rows: Sequence[Row],
    *,
    key: str,
    by: str,
    wants_run: bool = False,
    has_new_columns: bool = False,
) -> Pushed:
    """Append rows to a project's raw rows; durable when this returns.

    Parameters
    ----------
    rows
        1 to 10,000, each with the same columns as those before; a value is text, a number, a boolean or None.
    has_new_columns
        Whether columns may be new, or left out: those then have nulls.
    key
        The sender's name for these rows: sending them again under it changes nothing.
    wants_run
        Whether the rows' arrival queues a run.

    Raises
    ------
    NotFoundError
        When the project is unknown.
    StateError
        When its source is another.
    RowError
        Naming row and column.
    ConflictError
        When other rows were sent under the key.
    """
    if not key or len(key) > _LONGEST_KEY or not key.isprintable():
        raise UsageError(f"An idempotency key has 1 to {_LONGEST_KEY} printable characters.", "Use a UUID, for one.")
    digest = digest_of([sorted(row.items()) for row in _checked(rows)])
    declared, columns, done = _begun(house, project, rows, key, digest, has_new_columns=has_new_columns)
    if done is not None:
        return Pushed(len(rows), done, digest, is_repeated=True)
    batch = f"push:{key}:{digest}"
    frame = _frame(rows, columns).with_columns(pl.lit(digest).alias(FILE), pl.lit(batch).alias(BATCH))
    version = house.tables.append(raw_of(project), frame, key=batch)
    with house.records.writing() as books:
        is_repeated = batch in books.snapshots.loaded(raw_of(project))
        job = None
        if not is_repeated:
            job = _noted(books, house, declared, batch, version, frame, digest, by=by, wants_run=wants_run)
    return Pushed(len(rows), version, digest, is_repeated, job)


def _begun(
    house: House, project: str, rows: Sequence[Row], key: str, digest: Digest, *, has_new_columns: bool
) -> tuple[Declaration, list[str], int | None]:
    """Note what the key means; return the columns, and the version when the rows are loaded already."""
    with house.records.writing() as books:
        declared = _declared(books, project)
        meant = books.notes.get(_NOTE, f"{project}/{key}")
        if meant is not None and meant != digest:
            raise ConflictError(
                f"Other rows were sent under the idempotency key {key!r}.", "Send new rows under a key of their own."
            )
        noted = books.notes.get(f"{_NOTE}-columns", project)
        columns = [str(name) for name in noted] if isinstance(noted, list) else list(rows[0])
        if has_new_columns:
            columns = list(dict.fromkeys([*columns, *(name for row in rows for name in row)]))
        else:
            check_rows(rows, columns)
        if noted != columns:
            _check_names(columns)
            books.notes.put(f"{_NOTE}-columns", project, columns)
        if meant is None:
            books.notes.put(_NOTE, f"{project}/{key}", str(digest))
        return declared, columns, books.snapshots.loaded(raw_of(project)).get(f"push:{key}:{digest}")


def _declared(books: Books, project: str) -> Declaration:
    known = {each.project: each for each in books.declarations.all()}
    if project not in known:
        hint = "A project is known once `kaizen run` was called in its folder, rows or none."
        raise NotFoundError("project", project, known, hint)
    source = books.notes.get("source", project)
    kind = source.get("kind") if isinstance(source, dict) else None
    if kind not in (None, "push"):
        raise StateError(
            f"Project {project} takes its rows from {kind}, not from those who push.",
            "Declare source=kz.push() in project.py, and run it once.",
        )
    return known[project]


def _noted(
    books: Books,
    house: House,
    declared: Declaration,
    batch: str,
    version: int,
    frame: pl.DataFrame,
    digest: Digest,
    *,
    by: str,
    wants_run: bool,
) -> str | None:
    project = declared.project
    books.snapshots.load(raw_of(project), batch, version)
    facts = {"file": "push", "bytes": int(frame.estimated_size()), "digest": digest, "rows": len(frame)}
    draft = Draft(project, by, Kind.DATA_ARRIVED, f"source:{project}", None, house.data_at(books), facts)
    event = books.events.append(draft, house.clock.now())
    return queue_run(books, house, declared, by=by, cause=event.id).id if wants_run else None


def _checked(rows: Sequence[Row]) -> Sequence[Row]:
    """Return the rows, when there are neither none nor too many and every value is one that a table keeps."""
    if not 1 <= len(rows) <= MOST_ROWS:
        raise RowError(f"{len(rows):,} rows were sent; 1 to {MOST_ROWS:,} can be.", "Send them in parts.")
    for at, row in enumerate(rows):
        if not row:
            raise RowError(f"Row {at} has no columns.", "Send an object of its columns.", {"row": at})
        for name, value in row.items():
            if not name.isprintable():
                raise _refused(at, repr(name), "has a name that cannot be printed", "Name it otherwise.")
            if isinstance(value, (list, dict)):
                raise _refused(at, name, "holds a list or an object", "Send one value for each column.")
            if isinstance(value, float) and not math.isfinite(value):
                raise _refused(at, name, f"holds {value}", "Send null where there is no number.")
            if isinstance(value, str) and any("\ud800" <= letter <= "\udfff" for letter in value):
                raise _refused(at, name, "holds half a character", "Send UTF-8.")
    return rows


def check_rows(rows: Sequence[Row], columns: Sequence[str]) -> None:
    """Refuse rows that have other columns than these.

    Raises
    ------
    RowError
        Naming the first such row, from 0, and its column.
    """
    known = set(columns)
    for at, row in enumerate(rows):
        strange = next((name for name in row if name not in known), None)
        if strange is not None:
            match = close_match(strange, columns)
            hint = f"Did you mean {match!r}?" if match else "Send the columns that the first rows had."
            raise _refused(at, strange, "is no column of the rows before", hint)
        missing = next((name for name in columns if name not in row), None)
        if missing is not None:
            raise _refused(at, missing, "is missing", "Send null where there is no value.")


def _refused(at: int, column: str, what: str, hint: str) -> RowError:
    return RowError(f"Row {at}: column {column[:80]!r} {what}.", hint, {"row": at, "column": column[:80]})


def _check_names(columns: Sequence[str]) -> None:
    try:
        check_names(Path("rows"), list(columns))
    except SourceError as error:
        raise RowError(error.message, "Name it otherwise.", {"row": 0}) from None


def _frame(rows: Sequence[Row], columns: Sequence[str]) -> pl.DataFrame:
    """Return the rows with every value as text, so that types are learned from all rows, as for CSV."""
    return pl.DataFrame(
        {name: [_text(row.get(name)) for row in rows] for name in columns},
        schema_overrides=dict.fromkeys(columns, pl.String),
    )


def _text(value: object) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    return None if value is None else str(value)

"""Journals into the records: from this home's own processes, from those that died, and from other machines.

A journal is taken in by pieces. The records note, in the same transaction, how far it was taken in; so a piece may
come twice, from anybody, and counts once.
"""

from __future__ import annotations

import os
import shutil
import time
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from kaizenml.core.event import Draft, Kind
from kaizenml.core.ports import Blobs, Books, Clock
from kaizenml.core.run import Console, Run, RunState
from kaizenml.core.series import Point
from kaizenml.errors import ConflictError, IntegrityError, KaizenError, UsageError
from kaizenml.loop.wiring import House
from kaizenml.training import console, journal
from kaizenml.training.journal import Ended, Entry, Journal, Kept, Points, Read, Started, Words, Wrote

#: So much of a journal is taken in by one transaction.
PIECE_BYTES = 4_000_000
DIED = "Its process died."
_NOTE = "journal"
_LONGEST_ID = 200
#: A journal in which nothing stands yet belongs to a process that is only starting, unless it is so old.
_YOUNG_SECONDS = 60.0


@dataclass
class _Taken:
    """What a piece of a journal changes."""

    fields: dict[str, Any] = field(default_factory=dict)
    points: dict[str, list[Point]] = field(default_factory=dict)


def journals(home: Path) -> Path:
    """Return where the journals of a home lie, each in a folder that is called as its run."""
    return home / "journals"


def take_in(books: Books, blobs: Blobs, clock: Clock, run: str, start: int, content: bytes) -> int:
    """Bring a piece of a run's journal into the records; return up to where the journal is now known.

    Parameters
    ----------
    start
        Where in the journal the piece begins. A piece that is known already changes nothing; one behind what is known
        is not taken, and the answer says from where on to send.

    Raises
    ------
    UsageError
        When the piece is not of this run, or holds what is no entry.
    ConflictError
        When the run was made by somebody else, or names a blob that is not here yet.
    """
    noted = books.notes.get(_NOTE, run)
    known = int(noted) if isinstance(noted, int) else 0
    before = books.runs.find(run)
    if noted is None and before is not None:
        raise ConflictError(f"There is a run {run} that was not made by this journal.", "Begin a run of another name.")
    if start > known or start + len(content) <= known:
        return known
    entries, taken = journal.entries(content[known - start :])
    if not taken:
        raise UsageError(f"The journal of {run} cannot be read at byte {known:,}.", "Send whole frames.")
    _check_blobs(blobs, entries)
    _write(books, clock, run, before, entries)
    books.notes.put(_NOTE, run, known + taken)
    return known + taken


def project_of(books: Books, run: str, start: int, content: bytes) -> str | None:
    """Return the project of a run that a piece of a journal is of, or that it begins; None where it does neither."""
    before = books.runs.find(run)
    if before is not None:
        return before.project
    begun = (each.run.project for each in journal.entries(content)[0] if isinstance(each, Started))
    return next(begun, None) if start == 0 else None


def known_until(books: Books, run: str) -> int:
    """Return up to which byte the journal of a run is in the records."""
    noted = books.notes.get(_NOTE, run)
    return int(noted) if isinstance(noted, int) else 0


def bring(house: House, run: str, path: Path) -> int:
    """Bring all that stands in a journal into the records; return up to where that is."""
    with house.records.reading() as books:
        at = known_until(books, run)
    while content := journal.piece(path, at, PIECE_BYTES):
        with house.records.writing() as books:
            after = take_in(books, house.blobs, house.clock, run, at, content)
        if after <= at:
            break
        at = after
    return at


def pick_up(house: House) -> list[str]:
    """Bring in the journals of processes that died, end their runs as failed, and return which they were."""
    folder = journals(house.settings.home)
    names = sorted(each.name for each in folder.iterdir() if each.is_dir()) if folder.is_dir() else []
    return [name for name in names if _picked_up(house, folder / name)]


def end_dead(folder: Path, blobs: Blobs) -> Journal | None:
    """Take over a journal whose process died, and write its end into it; None when there is nothing to take over."""
    if not (folder / "journal").exists() and time.time() - folder.stat().st_mtime < _YOUNG_SECONDS:
        return None
    taken = journal.take_over(folder)
    if taken is None:
        return None
    if not taken.size and time.time() - folder.stat().st_mtime < _YOUNG_SECONDS:
        taken.close()
        return None
    if taken.size and not _has_ended_or_is_unreadable(taken.path):
        keep_console(taken, folder, blobs)
        at = datetime.fromtimestamp(taken.path.stat().st_mtime, UTC)
        taken.append(Ended(RunState.FAILED, at, DIED, "Begin it again; everything that it had logged is kept."))
    return taken


def _has_ended_or_is_unreadable(path: Path) -> bool:
    at, last = 0, None
    while content := journal.piece(path, at, PIECE_BYTES):
        try:
            entries, taken = journal.entries(content)
        except IntegrityError:
            return True
        at, last = at + taken, entries[-1]
    return isinstance(last, Ended)


def keep_console(to: Journal, folder: Path, blobs: Blobs) -> None:
    """Keep what the console had, and note it in the journal."""
    content, written, left_out = console.read(folder / "console")
    if written:
        to.append(Wrote(blobs.put(content), written, left_out))


def _picked_up(house: House, folder: Path) -> bool:
    taken = end_dead(folder, house.blobs)
    if taken is None:
        return False
    try:
        if taken.size:
            bring(house, folder.name, taken.path)
        shutil.rmtree(folder, ignore_errors=True)
    except (ConflictError, IntegrityError, UsageError) as error:
        _put_aside(folder, error)
        return False
    finally:
        taken.close()
    return True


def _put_aside(folder: Path, error: KaizenError) -> None:
    """Move a journal that will never be understood out of the way, so that it does not stand in it every time."""
    aside = folder.parent.with_name("journals-unreadable")
    aside.mkdir(exist_ok=True)
    os.replace(folder, aside / f"{folder.name}-{time.time_ns()}")
    warnings.warn(f"The journal of run {folder.name} was put aside, in {aside}: {error.message}", stacklevel=2)


def _check_blobs(blobs: Blobs, entries: Iterable[Entry]) -> None:
    for digest in needed_blobs(entries):
        if not blobs.hold(digest):
            raise ConflictError(f"The blob {digest} is not here yet.", "Send it first.", {"blob": digest})


def needed_blobs(entries: Iterable[Entry]) -> list[Any]:
    """Return the blobs that entries name."""
    found: list[Any] = []
    for entry in entries:
        if isinstance(entry, Kept):
            found.append(entry.digest)
        elif isinstance(entry, Wrote):
            found.append(entry.content)
        elif isinstance(entry, Started):
            found += [each for each in (entry.run.code.diff, entry.run.code.files) if each]
    return found


def _write(books: Books, clock: Clock, id_: str, before: Run | None, entries: Iterable[Entry]) -> None:
    run, taken = before, _Taken()
    for entry in entries:
        if isinstance(entry, Started):
            run = run or _begun(books, clock, id_, entry.run)
        elif run is None:
            raise UsageError(f"The journal of {id_} does not begin with its run.", "Send it from byte 0.")
        elif not run.is_over:
            _note(run, entry, taken)
    if run is None or run.is_over or not (taken.fields or taken.points):
        return
    books.series.append(id_, taken.points)
    latest = {name: each.last.value for name, each in books.series.last(id_).items()}
    after = replace(run, **taken.fields, latest=latest)
    books.runs.save(after)
    if after.is_over:
        _tell(books, clock, after, Kind.RUN_FAILED if after.state is RunState.FAILED else Kind.RUN_FINISHED)


def _begun(books: Books, clock: Clock, id_: str, run: Run) -> Run:
    if run.id != id_ or run.is_over or not id_.isprintable() or len(id_) > _LONGEST_ID:
        raise UsageError(f"The journal of {id_[:80]!r} begins another run: {run.id[:80]!r}.", "Send it as that.")
    books.runs.save(run)
    _tell(books, clock, run, Kind.RUN_STARTED)
    return run


def _tell(books: Books, clock: Clock, run: Run, kind: Kind) -> None:
    facts: Mapping[str, object] = {"by": run.author, "code": run.code.digest, "commit": run.code.commit}
    if run.is_over:
        facts = {"state": run.state, "error": run.error[:500]} if run.error else {"state": run.state}
    actor = run.author or "system:tracking"
    books.events.append(Draft(run.project, actor, kind, f"run:{run.id}", None, None, facts), clock.now())


def _note(run: Run, entry: Entry, taken: _Taken) -> None:
    fields = taken.fields
    if isinstance(entry, Points):
        for name, value in entry.values.items():
            taken.points.setdefault(name, []).append(Point(entry.step, entry.at, value))
    elif isinstance(entry, Words):
        fields["parameters"] = {**fields.get("parameters", run.parameters), **entry.parameters}
        fields["tags"] = {**fields.get("tags", run.tags), **entry.tags}
    elif isinstance(entry, Kept):
        fields["artefacts"] = {**fields.get("artefacts", run.artefacts), entry.path: entry.digest}
    elif isinstance(entry, Read):
        fields["data"] = {**fields.get("data", run.data), entry.name: entry.digest}
    elif isinstance(entry, Wrote):
        fields["console"] = Console(entry.content, entry.written, entry.left_out)
    elif isinstance(entry, Ended):
        fields |= {"state": entry.state, "finished_at": entry.at, "error": entry.error, "hint": entry.hint}

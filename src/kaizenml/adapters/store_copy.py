"""All blobs and tables from one store to another, each file held against its original, again and again if need be.

Whatever is copied is copied before that which names it: files of rows before the commit that adds them, commits in
their order. So every version at the target is what it is at the source, and who is killed goes on where it was by being
called again. Nothing at the target is ever written over; two that copy at once do the same twice.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol

from kaizenml.adapters.delta_history import History, history_of
from kaizenml.adapters.delta_log import COMMIT, FOLDER, commit_name
from kaizenml.adapters.delta_place import Place
from kaizenml.adapters.delta_table import CHECKPOINT_EVERY, OneTable
from kaizenml.core.backup import Arrived, Kept
from kaizenml.core.digest import Digest
from kaizenml.core.stores import BlobLine, Blobs
from kaizenml.errors import IntegrityError, NotFoundError, StateError, bounded

_AT_ONCE = 6
_SAID_EVERY = 1_000

#: Tells a person, in a line, what is being done.
Say = Callable[[str], None]


class Places(Protocol):
    """The tables of a store: called with a name, it gives the place of that table."""

    def __call__(self, name: str) -> Place:
        """Return the place of a table."""
        ...

    def names(self) -> list[str]:
        """Return the names of the tables that are there."""
        ...


@dataclass(frozen=True, slots=True)
class Store:
    """Blobs and tables."""

    blobs: Blobs
    tables: Places


def copy_store(source: Store, target: Store, say: Say) -> tuple[Arrived, dict[str, Arrived]]:
    """Copy every blob and table; return what is at the target then: of all blobs, and of each table by its name.

    Others may go on using the source meanwhile; what they add behind this copy's back comes with the next one.

    Raises
    ------
    StateError
        When a table of the target is another one, or has gone on; nothing was copied then.
    IntegrityError
        When something of the source is damaged (all else is copied), or did not arrive as it was sent.
    """
    names = source.tables.names()
    for name in names:
        _check_target(source.tables(name), target.tables(name))
    blobs, found = _copy_blobs(source.blobs, target.blobs, say), {}
    for name in names:
        old, new = source.tables(name), target.tables(name)
        with old.guard.restoring():
            found[name] = _copy_table(old, new)
        say(f"table {name}: {len(found[name].files):,} files, {found[name].new:,} of them new")
    return blobs, found


def _copy_blobs(source: Blobs, target: Blobs, say: Say) -> Arrived:
    found: dict[str, Kept] = {}
    damaged, new = [], 0
    with ThreadPoolExecutor(_AT_ONCE) as threads:
        lines = list(source.listed())
        for line, said in zip(lines, threads.map(lambda line: _copy_blob(source, target, line), lines), strict=True):
            if isinstance(said, IntegrityError):
                damaged.append(line.digest)
            elif said is not None:
                found[line.digest] = Kept(line.size_bytes, line.digest)
                new += said
                if len(found) % _SAID_EVERY == 0:
                    say(f"blobs: {len(found):,} of {len(lines):,}")
    if damaged:
        raise IntegrityError(
            f"{len(damaged):,} blobs are damaged where they are, and were not copied: {bounded(damaged, 3)}.",
            "All other blobs are there. Make these again, or restore them from a backup; then call this again.",
            {"damaged": damaged},
        )
    say(f"blobs: {len(found):,}, {new:,} of them new")
    return Arrived(found, new)


def _copy_blob(source: Blobs, target: Blobs, line: BlobLine) -> bool | IntegrityError | None:
    """Return whether the blob had to be copied; None when it is gone by now, an error when it is damaged."""
    if _is_whole(target, line.digest):
        return False
    try:
        target.put_from(source.open(line.digest))
    except NotFoundError:
        return None
    except IntegrityError as error:
        return error
    if not _is_whole(target, line.digest):
        raise _other(f"blob {line.digest}")
    return True


def _is_whole(blobs: Blobs, digest: Digest) -> bool:
    """Ask for the first chunk of a blob, which comes once all of it is what its digest says."""
    try:
        chunks = blobs.open(digest)
        next(chunks)
        chunks.close()
    except (NotFoundError, IntegrityError):
        return False
    return True


def _check_target(source: Place, target: Place) -> None:
    """See that the table at the target is an older state of the same table, or none."""
    there = commits_of(target)
    if not there:
        return
    here = commits_of(source)
    if len(there) > len(here):
        raise StateError(
            f"Table {source.name} has gone on where it is copied to: it has {len(there):,} commits there and "
            f"{len(here):,} here.",
            "Name another place, or set `store` to that one.",
        )
    for old, new in zip(source.read_all(there), target.read_all(there), strict=True):
        if old != new:
            raise StateError(
                f"Where it is to be copied to, there is another table {source.name}.", "Name an empty place."
            )


def _copy_table(source: Place, target: Place) -> Arrived:
    """Copy the files that the commits name, then the commits; both are read again where they arrived."""
    commits = commits_of(source)
    texts = dict(zip(commits, source.read_all(commits), strict=True))
    history = history_of((number, texts[name].decode()) for number, name in enumerate(commits))
    target.begin()
    gone = source.guard.gone() - target.guard.gone()
    if gone:
        with target.guard.deleting() as going:
            going.note(sorted(gone))
    have, sums = {file.name for file in target.listed()}, source.sums()

    def copied(name: str) -> Kept | None:
        content = _rows_of(source, name, history, sums.get(name))
        if content is None:
            return None
        _arrive(target, name, content, is_new=name not in have)
        return _kept(content)

    with ThreadPoolExecutor(_AT_ONCE) as threads:
        all_kept = zip(history.spans, threads.map(copied, history.spans), strict=True)
        found = {name: kept for name, kept in all_kept if kept is not None}
    have |= set(commits_of(target))
    for name, content in texts.items():
        if name not in have:
            target.create(name, content)
    for (name, content), arrived in zip(texts.items(), target.read_all(texts), strict=True):
        if arrived != content:
            raise _other(f"{source.name}/{name}")
        found[name] = _kept(content)
    if len(set(texts) - have) >= CHECKPOINT_EVERY:
        OneTable(target).checkpoint()
    return Arrived(found, len(set(found) - have))


def _kept(content: bytes) -> Kept:
    return Kept(len(content), hashlib.sha256(content).hexdigest())


def _arrive(target: Place, name: str, content: bytes, *, is_new: bool) -> None:
    if is_new:
        target.add(name, content)
    if target.read(name) != content:
        raise _other(f"{target.name}/{name}")


def _rows_of(source: Place, name: str, history: History, digest: str | None) -> bytes | None:
    """Return the content of a file of rows; None when `vacuum` has deleted it."""
    try:
        content = source.read(name)
    except FileNotFoundError:
        if name in source.guard.gone():
            return None
        raise _damaged(source, name, "is missing") from None
    if len(content) != history.added[name]["size"] or digest not in (None, hashlib.sha256(content).hexdigest()):
        raise _damaged(source, name, "is not as it was written")
    return content


def commits_of(place: Place) -> list[str]:
    """Return the names of the commits; every one up to the newest must be there."""
    found = sorted(f"{FOLDER}/{file.name}" for file in place.listed(FOLDER) if COMMIT.fullmatch(file.name))
    for number, name in enumerate(found):
        if name != commit_name(number):
            raise _damaged(place, commit_name(number), "is missing")
    return found


def _damaged(place: Place, name: str, how: str) -> IntegrityError:
    return IntegrityError(
        f"The file {name} of table {place.name} {how}.", "Restore it from a backup; then call this again."
    )


def _other(what: str) -> IntegrityError:
    return IntegrityError(
        f"What arrived as {what} is not what was sent.", "Look after the disk or store it was sent to; name another."
    )

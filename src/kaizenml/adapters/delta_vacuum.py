"""Delete the files of a table that nobody needs any more; never one that a version in use is made of."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from kaizenml.adapters.delta_history import History, needed
from kaizenml.adapters.durable import synced

#: A file of no commit belongs to a writer that has not committed yet, or to one that has died.
ABANDONED_SECONDS = 86_400.0
_LOCK = "_vacuum.lock"
_READERS = "_readers"
_GONE = "_vacuumed.txt"


@dataclass(frozen=True, slots=True)
class Freed:
    """How many files were deleted, or may be, and how large they are together."""

    files: int
    size_bytes: int


@contextmanager
def locked(folder: Path, *, alone: bool) -> Iterator[None]:
    """Hold the table's files: many may read and restore at once, one alone may delete."""
    with (folder / _LOCK).open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        yield


def mark_reading(folder: Path, version: int) -> None:
    """Say that somebody begins to read an old version, so that its files outlive a grace period from now."""
    with locked(folder, alone=False):
        (folder / _READERS).mkdir(exist_ok=True)
        (folder / _READERS / str(version)).touch()


def being_read(folder: Path, *, since: float) -> set[int]:
    """Return the versions of which a reading began since a time; older marks are taken away."""
    versions = set()
    for mark in (folder / _READERS).glob("*"):
        if mark.stat().st_mtime >= since:
            versions.add(int(mark.name))
        else:
            mark.unlink()
    return versions


def deletable(folder: Path, history: History, keep: Collection[int], *, since: float) -> list[Path]:
    """Return the parquet files that no version needs that is kept, is read, or was the newest since a time."""
    wanted = needed(history, {*keep, *being_read(folder, since=since)}, since_ms=int(since * 1000))
    abandoned = time.time() - ABANDONED_SECONDS
    return [
        path
        for path in sorted(folder.glob("*.parquet"))
        if path.name not in wanted and (path.name in history.spans or path.stat().st_mtime < abandoned)
    ]


def delete(folder: Path, paths: Collection[Path]) -> None:
    """Delete files, after their names were written down: so a version that is gone is told from damage."""
    if not paths:
        return
    with (folder / _GONE).open("a") as gone:
        gone.writelines(f"{path.name}\n" for path in paths)
        gone.flush()
        os.fsync(gone.fileno())
    for path in paths:
        path.unlink(missing_ok=True)
    synced(folder)


def was_deleted(folder: Path, names: Collection[str]) -> bool:
    """Say whether any of the files was deleted by `delete`."""
    gone = folder / _GONE
    return gone.exists() and not set(gone.read_text().splitlines()).isdisjoint(names)


def freed(paths: Collection[Path]) -> Freed:
    """Return how many and how large the files are."""
    return Freed(len(paths), sum(path.stat().st_size for path in paths))

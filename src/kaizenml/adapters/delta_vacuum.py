"""Delete the files of a table that nobody needs any more; never one that a version in use is made of."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from dataclasses import dataclass

from kaizenml.adapters.delta_history import History, needed
from kaizenml.adapters.delta_place import Listed, Place

#: A file of no commit belongs to a writer that has not committed yet, or to one that has died.
ABANDONED_SECONDS = 86_400.0


@dataclass(frozen=True, slots=True)
class Freed:
    """How many files were deleted, or may be, and how large they are together."""

    files: int
    size_bytes: int


def deletable(place: Place, history: History, keep: Collection[int], *, since: float) -> list[Listed]:
    """Return the parquet files that no version needs that is kept, is read, or was the newest since a time."""
    wanted = needed(history, {*keep, *place.guard.being_read(since=since)}, since_ms=int(since * 1000))
    abandoned = time.time() - ABANDONED_SECONDS
    return [
        file
        for file in place.listed()
        if file.name.endswith(".parquet")
        and file.name not in wanted
        and (file.name in history.spans or file.changed < abandoned)
    ]


def vacuum(place: Place, found: Callable[[], list[Listed]]) -> list[Listed]:
    """Delete the files that are found deletable, after their names were written down; return what went."""
    with place.guard.deleting() as going:
        files = found()
        if not files:
            return files
        going.note([file.name for file in files])
        if going.await_others():
            still = {file.name for file in found()}
            files = [file for file in files if file.name in still]
            going.note([file.name for file in files])
        place.delete([file.name for file in files])
        return files


def freed(files: Collection[Listed]) -> Freed:
    """Return how many and how large the files are."""
    return Freed(len(files), sum(file.size for file in files))

"""What lies about in a home: files that nobody will ever finish, files on their way to the records, and who clears."""

from __future__ import annotations

import fcntl
import os
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from kaizenml.adapters.durable import disk_errors, folder_made
from kaizenml.core.stores import CHUNK_BYTES
from kaizenml.errors import StateError

_LOCK = "gc.lock"

#: How a file is called until it is whole: see `durable`.
_UNFINISHED = re.compile(r"\.[0-9a-f]{32}\.tmp")


@contextmanager
def clearing(store: Path) -> Iterator[None]:
    """Be the only one that deletes from a store, while nobody copies it.

    Raises
    ------
    StateError
        When somebody does.
    """
    folder_made(store)
    with disk_errors("Clearing"), (store / _LOCK).open("ab") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StateError(
                "A backup, or another `kaizen gc`, is going on.", "Call it again once that is over."
            ) from None
        yield


@contextmanager
def nothing_cleared(store: Path) -> Iterator[None]:
    """Keep whatever the store has, until the block is over; waits for whoever is deleting."""
    folder_made(store)
    with (store / _LOCK).open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_SH)
        yield


def unfinished(folders: Iterable[Path], since: datetime) -> list[Path]:
    """Return the files that somebody began to write and has not touched since a time."""
    found = []
    for path in (path for folder in folders for path in _files_below(folder)):
        if _UNFINISHED.fullmatch(path.name):
            try:
                if path.stat().st_mtime < since.timestamp():
                    found.append(path)
            except FileNotFoundError:
                continue
    return found


def chunks_below(home: Path, leave_out: tuple[Path, ...]) -> Iterator[Iterator[bytes]]:
    """Return each file of a home in chunks, but for some folders and the database; one that goes away has none."""
    inner = [home / name for name in os.listdir(home)] if home.is_dir() else []
    for path in sorted(inner):
        if path in leave_out or path.name.startswith("kaizen.db"):
            continue
        for file in _files_below(path) if path.is_dir() else [path]:
            yield _chunks(file)


def _chunks(path: Path) -> Iterator[bytes]:
    try:
        if not path.is_file():  # a pipe would never end
            return
        with path.open("rb") as handle:
            while chunk := handle.read(CHUNK_BYTES):
                yield chunk
    except FileNotFoundError:  # it has just been taken in, or is a lock of somebody who has ended
        return


def _files_below(folder: Path) -> Iterator[Path]:
    for place, _, names in os.walk(folder):
        yield from (Path(place) / name for name in sorted(names))

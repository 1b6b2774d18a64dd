"""Who reads, restores and deletes files of a table in a folder, kept apart by a lock that ends with its holder."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_LOCK = "_vacuum.lock"
_READERS = "_readers"
#: The names of all files that were deleted, each a line.
GONE = "_vacuumed.txt"


class FolderGuard:
    """Many may read and restore at once, one alone may delete."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def reading(self, version: int) -> None:
        """Say that somebody begins to read an old version, so that its files outlive a grace period from now."""
        with self._locked(fcntl.LOCK_SH):
            (self._folder / _READERS).mkdir(exist_ok=True)
            (self._folder / _READERS / str(version)).touch()

    def being_read(self, *, since: float) -> set[int]:
        """Return the versions of which a reading began since a time; older marks are taken away."""
        versions = set()
        for mark in (self._folder / _READERS).glob("*"):
            with suppress(FileNotFoundError):  # somebody else has taken it away
                if mark.stat().st_mtime >= since:
                    versions.add(int(mark.name))
                else:
                    mark.unlink()
        return versions

    @contextmanager
    def restoring(self) -> Iterator[None]:
        """Keep `deleting` away."""
        with self._locked(fcntl.LOCK_SH):
            yield

    @contextmanager
    def deleting(self) -> Iterator[FolderDeleting]:
        """Begin to delete files, alone."""
        with self._locked(fcntl.LOCK_EX):
            yield FolderDeleting(self._folder / GONE)

    def gone(self) -> set[str]:
        """Return the names of the files that were deleted."""
        path = self._folder / GONE
        return set(path.read_text().splitlines()) if path.exists() else set()

    @contextmanager
    def _locked(self, how: int) -> Iterator[None]:
        with (self._folder / _LOCK).open("ab") as file:
            fcntl.flock(file, how)
            yield


class FolderDeleting:
    """Files on their way out while the lock is held."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def note(self, names: Collection[str]) -> None:
        """Write down the names of files that are about to go."""
        with self._path.open("a") as gone:
            gone.writelines(f"{name}\n" for name in names)
            gone.flush()
            os.fsync(gone.fileno())

    def await_others(self) -> bool:
        """Return False: nobody else is here."""
        return False

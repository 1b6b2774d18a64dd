"""Where the files of one Delta table are, and the folder of this machine as such a place."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import NamedTuple, Protocol

import polars as pl

from kaizenml.adapters.delta_guard import FolderGuard
from kaizenml.adapters.delta_sums import note_sum, sums_in
from kaizenml.adapters.durable import created, disk_errors, folder_made, synced
from kaizenml.errors import KaizenError

#: A window of a large file reads only the groups of rows that it touches.
ROWS_IN_GROUP = 65_536


class Listed(NamedTuple):
    """A file as a place lists it: its name, its size, and when it was written, in seconds since 1970."""

    name: str
    size: int
    changed: float


class Guard(Protocol):
    """Keeps those who read and restore old versions, and those who delete files, out of each other's way."""

    def reading(self, version: int) -> None:
        """Say that somebody begins to read an old version, so that its files outlive a grace period from now."""
        ...

    def being_read(self, *, since: float) -> set[int]:
        """Return the versions of which a reading began since a time."""
        ...

    def restoring(self) -> AbstractContextManager[None]:
        """Keep `deleting` away from what is not among `gone` when the block begins."""
        ...

    def deleting(self) -> AbstractContextManager[Deleting]:
        """Begin to delete files."""
        ...

    def gone(self) -> set[str]:
        """Return the names of the files that were deleted, or were about to be."""
        ...


class Deleting(Protocol):
    """Files on their way out; noting their names first tells a version that is gone from damage."""

    def note(self, names: Collection[str]) -> None:
        """Write down, durably, the names of all files that are about to go; replaces what was noted before."""
        ...

    def await_others(self) -> bool:
        """Wait for those who are restoring; say whether any file that was noted may be needed after all."""
        ...


class Place(Protocol):
    """The files of one table, by their names below its folder."""

    name: str
    #: What Delta and Polars call the folder, and how they reach it.
    uri: str
    options: dict[str, str] | None
    #: Whether what was written by others, too, is durable as soon as it is seen.
    is_durable: bool
    #: A folder of this machine for the lock of who compacts, and the words from which `place_from` makes the place.
    locks: Path
    words: tuple[str, ...]

    @property
    def guard(self) -> Guard: ...  # noqa: D102

    def begin(self) -> None:
        """Make ready for the first file."""
        ...

    def read(self, name: str) -> bytes:
        """Return a file's content, or raise `FileNotFoundError`."""
        ...

    def read_all(self, names: Iterable[str]) -> Iterator[bytes]:
        """Return the content of many files, in their order."""
        ...

    def is_there(self, name: str) -> bool:
        """Say whether there is such a file."""
        ...

    def create(self, name: str, content: bytes) -> bool:
        """Make a file durably that must not exist; return whether it was this call that made it."""
        ...

    def add_rows(self, name: str, rows: pl.DataFrame) -> int:
        """Write rows to a new file, durably; return how large it is."""
        ...

    def add(self, name: str, content: bytes) -> None:
        """Write a file of rows durably of which the content is known; nothing when it is there."""
        ...

    def sums(self) -> Mapping[str, str]:
        """Return the sha256 that files of rows had when they were written, by name, as far as that was noted."""
        ...

    def scan(self, names: Iterable[str], schema: pl.Schema) -> pl.LazyFrame:
        """Return the rows of files to be read later; columns that a file has not are null."""
        ...

    def listed(self, folder: str = "") -> list[Listed]:
        """Return the files that lie directly in a folder, by name."""
        ...

    def delete(self, names: Collection[str]) -> None:
        """Delete files; those that are not there are none."""
        ...

    def settle(self, names: Iterable[str]) -> None:
        """Wait until files that others have written, and their names, are durable."""
        ...

    def refusal(self, error: Exception) -> KaizenError | None:
        """Return what an error says of the place being out of reach; None when it says something of the files."""
        ...


class Folder:
    """A table in a folder of this machine."""

    options: dict[str, str] | None = None
    is_durable = False

    def __init__(self, path: Path) -> None:
        self.name, self.uri, self.locks = path.name, str(path), path
        self.words: tuple[str, ...] = (str(path),)
        self.guard: Guard = FolderGuard(path)
        self._path = path

    def begin(self) -> None:
        """Make the folder, and that of the log."""
        folder_made(self._path / "_delta_log")

    def read(self, name: str) -> bytes:
        """Return a file's content, or raise `FileNotFoundError`."""
        return (self._path / name).read_bytes()

    def read_all(self, names: Iterable[str]) -> Iterator[bytes]:
        """Return the content of many files, in their order."""
        return map(self.read, names)

    def is_there(self, name: str) -> bool:
        """Say whether there is such a file."""
        return (self._path / name).exists()

    def create(self, name: str, content: bytes) -> bool:
        """Make a file durably that must not exist; return whether it was this call that made it."""
        return created(self._path / name, content)

    def add_rows(self, name: str, rows: pl.DataFrame) -> int:
        """Write rows to a new file, durably; return how large it is."""
        path = self._path / name
        rows.write_parquet(path, compression="zstd", row_group_size=ROWS_IN_GROUP)
        synced(path)
        synced(path.parent)
        note_sum(self._path, name)
        return path.stat().st_size

    def add(self, name: str, content: bytes) -> None:
        """Write a file of rows durably of which the content is known; nothing when it is there."""
        if created(self._path / name, content):
            note_sum(self._path, name)

    def sums(self) -> Mapping[str, str]:
        """Return the sha256 that files of rows had when they were written, by name, as far as that was noted."""
        return sums_in(self._path)

    def scan(self, names: Iterable[str], schema: pl.Schema) -> pl.LazyFrame:
        """Return the rows of files to be read later."""
        paths = [self._path / name for name in names]
        return pl.scan_parquet(paths, schema=schema, missing_columns="insert", glob=False)

    def listed(self, folder: str = "") -> list[Listed]:
        """Return the files that lie directly in a folder, by name; what is deleted meanwhile may be among them, or not.

        Files are renamed and deleted at any time: commits have a temporary name first, and so has what Delta writes.
        """
        found = []
        with suppress(FileNotFoundError), os.scandir(self._path / folder) as entries:
            for entry in entries:
                with suppress(FileNotFoundError):
                    if entry.is_file():
                        found.append(_listed(entry))
        return sorted(found)

    def delete(self, names: Collection[str]) -> None:
        """Delete files; those that are not there are none."""
        for name in names:
            (self._path / name).unlink(missing_ok=True)
        if names:
            synced(self._path)

    def settle(self, names: Iterable[str]) -> None:
        """Wait until files that others have written, and their names, are on disk."""
        with disk_errors(f"Writing table {self.name}"):
            for name in names:
                with suppress(FileNotFoundError):  # merged again and deleted in the meantime
                    synced(self._path / name)
                    if name.endswith(".parquet") and "/" not in name:
                        note_sum(self._path, name)
            synced(self._path)
            synced(self._path / "_delta_log")

    def refusal(self, error: Exception) -> KaizenError | None:
        """Return None: a folder is within reach."""


class FolderTables:
    """The tables in a folder of this machine: called with a name, it gives the place of that table."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def __call__(self, name: str) -> Folder:
        """Return the place of a table."""
        return Folder(self._root / name)

    def names(self) -> list[str]:
        """Return the names of the tables that are there."""
        return sorted({commit.parents[1].name for commit in self._root.glob("*/_delta_log/*.json")})


def _listed(entry: os.DirEntry[str]) -> Listed:
    found = entry.stat()
    return Listed(entry.name, found.st_size, found.st_mtime)

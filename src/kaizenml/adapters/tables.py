"""Versioned rows: Delta tables in a folder or in a bucket.

Appends are our own commits to Delta's log, in about 5 ms in a folder however long the log is, and with each file
durable before the next names it; everything else (making a table, new columns, checkpoints, compaction, opening a
version) is `deltalake`.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import polars as pl
from deltalake.exceptions import DeltaError
from polars.exceptions import PolarsError

from kaizenml.adapters import delta_compaction
from kaizenml.adapters.delta_files import pruned
from kaizenml.adapters.delta_place import FolderTables, Listed, Place
from kaizenml.adapters.delta_rewrite import IsGone
from kaizenml.adapters.delta_table import NewFiles, OneTable, Version
from kaizenml.adapters.delta_vacuum import Freed, deletable, freed, vacuum
from kaizenml.adapters.frames import storable
from kaizenml.core.names import checked_name
from kaizenml.errors import IntegrityError, NotFoundError, UsageError


class DeltaTables:
    """Delta tables, each a folder below a root; safe for many threads and processes.

    Parameters
    ----------
    root
        The folder of them all, made when the first table is; or what gives the place of each.
    """

    def __init__(self, root: Path | str | Callable[[str], Place]) -> None:
        self._place: Callable[[str], Place] = root if callable(root) else FolderTables(Path(root))
        self._tables: dict[str, OneTable] = {}
        self._lock = threading.Lock()

    def append(self, table: str, rows: pl.DataFrame, *, key: str) -> int:
        """Add rows in one durable commit and return its version; a key that was appended before adds nothing.

        See `append_parts`.
        """
        return self.append_parts(table, (rows,), key=key)

    def append_parts(self, table: str, parts: Iterable[pl.DataFrame], *, key: str) -> int:
        """Add rows that come in parts, each a file, in one durable commit; of a key that is there no part is asked for.

        No reader sees any of the rows before all are there. An error of the parts leaves the table as it was.

        The table grows by columns that it does not have. See `frames.storable` and `frames.fitted` for how types fit.

        Raises
        ------
        UsageError
            For rows that do not fit the table, an empty key, or a name that cannot be.
        """
        if not key:
            raise UsageError(f"A batch for table {table} has no key.", "Give each batch a key of its own.")
        one = self._one(table)
        with one.lock, _table_errors(one.place):
            known = one.find(key)
        if known is not None:
            return known
        files = NewFiles()
        try:
            for rows in parts:
                if not rows.width:
                    raise UsageError(f"A batch for table {table} has no columns.", "Append rows that have columns.")
                fitting = storable(rows)
                with one.lock, _table_errors(one.place):
                    one.write(fitting, files)
            with one.lock, _table_errors(one.place):
                return one.commit(files, key)
        finally:
            one.discard(files)

    def scan(self, table: str, *, version: int | None = None) -> pl.LazyFrame:
        """Return the rows of a version (None: the newest) to be read later, in parts.

        Raises
        ------
        NotFoundError
            For a table or version that does not exist.
        """
        one = self._one(table)
        with one.lock, _table_errors(one.place):
            found = one.version(version)
            is_old = version is not None and version != one.newest()
        if is_old:
            with _table_errors(one.place):
                one.place.guard.reading(found.number)
        return _scan(one.place, found, None)

    def read(
        self,
        table: str,
        *,
        version: int | None = None,
        columns: Sequence[str] | None = None,
        between: tuple[str, datetime, datetime] | None = None,
    ) -> pl.DataFrame:
        """Return the rows of a version (None: the newest), with ``low <= column < high`` where asked.

        Raises
        ------
        NotFoundError
            For a table, version or column that does not exist, and for a version whose files `vacuum` has deleted.
        IntegrityError
            For a table of which a file is missing or damaged.
        """
        one = self._one(table)
        with _table_errors(one.place):
            with one.lock:
                found = one.version(version)
                is_old = version is not None and version != one.newest()
            if is_old:
                one.place.guard.reading(found.number)
            try:
                return _rows(one.place, found, columns, between)
            except FileNotFoundError:
                if is_old and not one.place.guard.gone().isdisjoint(found.files["path"]):
                    raise _given_up(table, found.number) from None
                raise

    def version(self, table: str) -> int | None:
        """Return the newest version, or None when there is no such table."""
        one = self._one(table)
        with one.lock, _table_errors(one.place):
            return one.newest()

    def compact(self, table: str) -> int:
        """Merge small files into large ones without changing any row; return the version that is newest then.

        The small files stay, because older versions need them.
        """
        one = self._one(table)
        with one.lock, _table_errors(one.place):
            return one.compact()

    def compact_aside(self, table: str) -> None:
        """Begin to compact in a process of its own, and return at once; nothing happens while one is under way.

        Appends go on meanwhile. A process that dies changes nothing: the next one merges the files.
        """
        one = self._one(table)
        with _table_errors(one.place):
            delta_compaction.start(one.place)

    def remove(self, table: str, is_gone: IsGone, *, key: str) -> tuple[int, int]:
        """Leave out the rows of which ``is_gone`` says so, in a new version; return it, and how many they were.

        The rows stay in older versions until `vacuum` deletes those.
        """
        one = self._one(table)
        with one.lock, _table_errors(one.place):
            return one.remove(is_gone, key)

    def restore(self, table: str, version: int, *, key: str) -> int:
        """Make the rows of an old version the newest ones, in a new version, and return it."""
        one = self._one(table)
        self.read(table, version=version, columns=[])
        with one.lock, _table_errors(one.place), one.place.guard.restoring():
            if not one.place.guard.gone().isdisjoint(one.version(version).files["path"]):
                raise _given_up(table, version)
            return one.restore(version, key)

    def unneeded(self, table: str, *, keep: Collection[int], since: datetime) -> Freed:
        """Return what `vacuum` would delete."""
        with self._there(table) as one:
            return freed(_deletable(one, keep, since))

    def vacuum(self, table: str, *, keep: Collection[int], since: datetime) -> Freed:
        """Delete the files that none of these versions is made of, nor any that was the newest, or read, since a time.

        The newest version always stays. A version that loses a file cannot be read any more: `NotFoundError`.
        """
        with self._there(table) as one:
            return freed(vacuum(one.place, lambda: _deletable(one, keep, since)))

    @contextmanager
    def _there(self, table: str) -> Iterator[OneTable]:
        one = self._one(table)
        with one.lock, _table_errors(one.place):
            if one.newest() is None:
                raise NotFoundError("table", table)
            yield one

    def _one(self, name: str) -> OneTable:
        checked_name("table", name)
        with self._lock:
            if name not in self._tables:
                self._tables[name] = OneTable(self._place(name))
            return self._tables[name]


@contextmanager
def _table_errors(place: Place) -> Iterator[None]:
    """Say in our own words that a table's log or files are not what was written, or out of reach."""
    try:
        yield
    except (DeltaError, PolarsError, OSError, json.JSONDecodeError) as error:
        if refusal := place.refusal(error):
            raise refusal from None
        raise IntegrityError(
            f"Table {place.name} is damaged or out of reach: {type(error).__name__}.",
            "Look at the cause in the log; restore the table's folder from a backup if a file is gone.",
            {"table": place.name},
        ) from error


def _deletable(one: OneTable, keep: Collection[int], since: datetime) -> list[Listed]:
    return deletable(one.place, one.history(), keep, since=since.timestamp())


def _given_up(table: str, version: int) -> NotFoundError:
    hint = "No snapshot or pin named it, so `kaizen data gc` deleted its files."
    return NotFoundError("version", f"{table}@{version}", hint=hint)


def _rows(
    place: Place, version: Version, columns: Sequence[str] | None, between: tuple[str, datetime, datetime] | None
) -> pl.DataFrame:
    _require(version.schema, [*(columns or ()), *([between[0]] if between else ())])
    rows = _scan(place, version, between)
    return rows.select(columns if columns is not None else pl.all()).collect()


def _scan(place: Place, version: Version, between: tuple[str, datetime, datetime] | None) -> pl.LazyFrame:
    files = pruned(version.files, *between) if between else version.files
    if files.is_empty():
        return version.schema.to_frame().lazy()
    rows = place.scan(files["path"], version.schema)
    if between:
        column, low, high = between
        rows = rows.filter(pl.col(column).is_between(low, high, closed="left"))
    return rows


def _require(schema: pl.Schema, columns: Sequence[str]) -> None:
    for name in columns:
        if name not in schema:
            raise NotFoundError("column", name, schema.names())

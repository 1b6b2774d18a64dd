"""Versioned rows: Delta tables in a local folder.

Appends are our own commits to Delta's log, in about 5 ms however long the log is and with each file on disk before the
next names it; everything else (making a table, new columns, checkpoints, compaction, opening a version) is `deltalake`.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import polars as pl
from deltalake.exceptions import DeltaError
from polars.exceptions import PolarsError

from kaizenml.adapters import delta_compaction
from kaizenml.adapters.delta_files import pruned
from kaizenml.adapters.delta_rewrite import IsGone
from kaizenml.adapters.delta_table import LocalDeltaTable, NewFiles, Version
from kaizenml.adapters.delta_vacuum import Freed, deletable, delete, freed, locked, mark_reading, was_deleted
from kaizenml.adapters.frames import storable
from kaizenml.core.names import checked_name
from kaizenml.errors import IntegrityError, NotFoundError, UsageError


class DeltaTables:
    """Delta tables, each a folder below a root; safe for many threads and processes.

    Parameters
    ----------
    root
        The folder; made when the first table is.
    """

    def __init__(self, root: Path | str) -> None:
        self._root = Path(root)
        self._tables: dict[str, LocalDeltaTable] = {}
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
        with one.lock, _table_errors(table):
            known = one.find(key)
        if known is not None:
            return known
        files = NewFiles()
        try:
            for rows in parts:
                if not rows.width:
                    raise UsageError(f"A batch for table {table} has no columns.", "Append rows that have columns.")
                fitting = storable(rows)
                with one.lock, _table_errors(table):
                    one.write(fitting, files)
            with one.lock, _table_errors(table):
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
        with one.lock, _table_errors(table):
            found = one.version(version)
            is_old = version is not None and version != one.newest()
        if is_old:
            mark_reading(self._root / table, found.number)
        return _scan(self._root / table, found, None)

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
        with _table_errors(table):
            with one.lock:
                found = one.version(version)
                is_old = version is not None and version != one.newest()
            if is_old:
                mark_reading(self._root / table, found.number)
            try:
                return _rows(self._root / table, found, columns, between)
            except FileNotFoundError:
                if is_old and was_deleted(self._root / table, found.files["path"].to_list()):
                    raise _given_up(table, found.number) from None
                raise

    def version(self, table: str) -> int | None:
        """Return the newest version, or None when there is no such table."""
        one = self._one(table)
        with one.lock, _table_errors(table):
            return one.newest()

    def compact(self, table: str) -> int:
        """Merge small files into large ones without changing any row; return the version that is newest then.

        The small files stay, because older versions need them.
        """
        one = self._one(table)
        with one.lock, _table_errors(table):
            return one.compact()

    def compact_aside(self, table: str) -> None:
        """Begin to compact in a process of its own, and return at once; nothing happens while one is under way.

        Appends go on meanwhile. A process that dies changes nothing: the next one merges the files.
        """
        checked_name("table", table)
        with _table_errors(table):
            delta_compaction.start(self._root / table)

    def remove(self, table: str, is_gone: IsGone, *, key: str) -> tuple[int, int]:
        """Leave out the rows of which ``is_gone`` says so, in a new version; return it, and how many they were.

        The rows stay in older versions until `vacuum` deletes those.
        """
        one = self._one(table)
        with one.lock, _table_errors(table):
            return one.remove(is_gone, key)

    def restore(self, table: str, version: int, *, key: str) -> int:
        """Make the rows of an old version the newest ones, in a new version, and return it."""
        one = self._one(table)
        self.read(table, version=version, columns=[])
        with one.lock, _table_errors(table), locked(self._root / table, alone=False):
            if was_deleted(self._root / table, one.version(version).files["path"].to_list()):
                raise _given_up(table, version)
            return one.restore(version, key)

    def unneeded(self, table: str, *, keep: Collection[int], since: datetime) -> Freed:
        """Return what `vacuum` would delete."""
        with self._deletable(table, keep, since) as paths:
            return freed(paths)

    def vacuum(self, table: str, *, keep: Collection[int], since: datetime) -> Freed:
        """Delete the files that none of these versions is made of, nor any that was the newest, or read, since a time.

        The newest version always stays. A version that loses a file cannot be read any more: `NotFoundError`.
        """
        with self._deletable(table, keep, since) as paths:
            found = freed(paths)
            delete(self._root / table, paths)
            return found

    @contextmanager
    def _deletable(self, table: str, keep: Collection[int], since: datetime) -> Iterator[list[Path]]:
        one, folder = self._one(table), self._root / table
        with one.lock, _table_errors(table):
            if one.newest() is None:
                raise NotFoundError("table", table)
            with locked(folder, alone=True):
                yield deletable(folder, one.history(), keep, since=since.timestamp())

    def _one(self, name: str) -> LocalDeltaTable:
        checked_name("table", name)
        with self._lock:
            if name not in self._tables:
                self._tables[name] = LocalDeltaTable(name, self._root / name)
            return self._tables[name]


@contextmanager
def _table_errors(table: str) -> Iterator[None]:
    """Say in our own words that a table's log or files are not what was written."""
    try:
        yield
    except (DeltaError, PolarsError, OSError, json.JSONDecodeError) as error:
        raise IntegrityError(
            f"Table {table} is damaged or out of reach: {type(error).__name__}.",
            "Look at the cause in the log; restore the table's folder from a backup if a file is gone.",
            {"table": table},
        ) from error


def _given_up(table: str, version: int) -> NotFoundError:
    hint = "No snapshot or pin named it, so `kaizen data gc` deleted its files."
    return NotFoundError("version", f"{table}@{version}", hint=hint)


def _rows(
    folder: Path, version: Version, columns: Sequence[str] | None, between: tuple[str, datetime, datetime] | None
) -> pl.DataFrame:
    _require(version.schema, [*(columns or ()), *([between[0]] if between else ())])
    rows = _scan(folder, version, between)
    return rows.select(columns if columns is not None else pl.all()).collect()


def _scan(folder: Path, version: Version, between: tuple[str, datetime, datetime] | None) -> pl.LazyFrame:
    files = pruned(version.files, *between) if between else version.files
    if files.is_empty():
        return version.schema.to_frame().lazy()
    paths = [folder / path for path in files["path"]]
    rows = pl.scan_parquet(paths, schema=version.schema, missing_columns="insert", glob=False)
    if between:
        column, low, high = between
        rows = rows.filter(pl.col(column).is_between(low, high, closed="left"))
    return rows


def _require(schema: pl.Schema, columns: Sequence[str]) -> None:
    for name in columns:
        if name not in schema:
            raise NotFoundError("column", name, schema.names())

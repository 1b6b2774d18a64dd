"""One Delta table, in a folder or in a bucket."""

from __future__ import annotations

import json
import threading
import time
from collections import OrderedDict
from contextlib import suppress
from dataclasses import dataclass, field
from uuid import uuid4

import polars as pl
from deltalake import ColumnProperties, CommitProperties, DeltaTable, WriterProperties
from deltalake.exceptions import CommitFailedError, DeltaError
from deltalake.schema import Schema

from kaizenml.adapters.delta_files import file_actions
from kaizenml.adapters.delta_history import History, history_of
from kaizenml.adapters.delta_log import FOLDER, KEY, DeltaLog, commit_name
from kaizenml.adapters.delta_place import ROWS_IN_GROUP, Place
from kaizenml.adapters.delta_rewrite import IsGone, brought_back, without
from kaizenml.adapters.delta_types import delta_fields, polars_schema
from kaizenml.adapters.durable import disk_errors
from kaizenml.adapters.frames import TIME, fitted, grown
from kaizenml.errors import ConflictError, IntegrityError, NotFoundError

#: A checkpoint is written every so many commits, so that opening a table stays cheap.
CHECKPOINT_EVERY = 100
#: How often a commit is tried again when other writers are faster.
MOST_TRIES = 200
#: Runs, models and reports pin versions, so no part of the log may ever be cleaned away.
CONFIGURATION = {
    "delta.enableExpiredLogCleanup": "false",
    "delta.logRetentionDuration": "interval 36500 days",
    "delta.deletedFileRetentionDuration": "interval 36500 days",
}
_WRITER_FEATURES = frozenset({"appendOnly", "invariants", "timestampNtz"})
#: Files below a size are merged once there are `_MERGED_AT_ONCE` of them, smallest size first: so a row is rewritten
#: a few times in its life, not at every compaction, which matters because replaced files stay for older versions.
_TIERS = tuple(mebibytes * 1024 * 1024 for mebibytes in (1, 4, 16, 64))
_MERGED_AT_ONCE = 8
_VERSIONS_KEPT = 16
#: A folder that is listed while others commit may show a commit and not the one before; listed anew, it shows both.
_LISTINGS = 4


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a table: its columns and its files, with the times that each file spans where that is known."""

    number: int
    schema: pl.Schema
    files: pl.DataFrame


@dataclass(slots=True)
class NewFiles:
    """Files that are written and not committed yet; of one time, and named so that they are read in their order."""

    name: str = field(default_factory=lambda: uuid4().hex)
    at: float = field(default_factory=time.time)
    names: list[str] = field(default_factory=list)
    actions: list[dict[str, object]] = field(default_factory=list)
    rows: int = 0


class OneTable:
    """One table; used by one thread at a time, and by any number of processes."""

    def __init__(self, place: Place) -> None:
        self.name, self.place = place.name, place
        self.lock = threading.Lock()
        self._log = DeltaLog(place)
        self._table: DeltaTable | None = None
        self._shape: tuple[int, pl.Schema | None] = (-1, None)
        self._versions: OrderedDict[int, Version] = OrderedDict()

    def find(self, key: str) -> int | None:
        """Return the version that a key became, or None."""
        self._log.refresh()
        return self._log.keys.get(key)

    def write(self, rows: pl.DataFrame, files: NewFiles) -> None:
        """Write storable rows to a new file, durably; the table has them when `commit` names it.

        The table is made, or grows, before that: so its columns can only become more until then, and the file fits.
        """
        fitting = fitted(rows, self._schema_for(rows))
        name = f"part-{files.name}-{len(files.names):05d}.parquet"
        files.names.append(name)
        with disk_errors(f"Appending to table {self.name}"):
            files.actions += file_actions(self.place, name, fitting, at=files.at)
        files.rows += len(rows)

    def commit(self, files: NewFiles, key: str) -> int:
        """Add the files in one durable commit, unless the key is there; return the version that has the key.

        A commit that fails may have been made all the same, so from then on the files are not to be discarded.
        """
        for _ in range(MOST_TRIES):
            if (known := self.find(key)) is not None:
                return known
            names, files.names = files.names, []
            version = self._committed(files.actions, key=key, rows=files.rows, operation="WRITE")
            if version is not None:
                self._checkpoint_if_due(version)
                return version
            files.names = names
        raise ConflictError(f"Table {self.name} is written by too many at once.", "Try again.")

    def discard(self, files: NewFiles) -> None:
        """Delete the files that were written and not committed."""
        self.place.delete(files.names)

    def version(self, number: int | None = None) -> Version:
        """Return a version (None: the newest), or raise `NotFoundError`."""
        table = self._opened()
        if table is None:
            raise NotFoundError("table", self.name)
        number = table.version() if number is None else number
        if number not in self._versions:
            self._versions[number] = _version(self._at(table, number))
            if len(self._versions) > _VERSIONS_KEPT:
                self._versions.popitem(last=False)
        return self._versions[number]

    def newest(self) -> int | None:
        """Return the newest version, or None when there is no such table."""
        table = self._opened()
        return None if table is None else int(table.version())

    def compact(self) -> int:
        """Merge small files into large ones; return the version that is newest then."""
        table = self._opened()
        if table is None:
            raise NotFoundError("table", self.name)
        before = table.version()
        for size in _TIERS:
            if _count_below(table, size) >= _MERGED_AT_ONCE:
                self._merge(table, size)
        if table.version() > before:
            self._sync_new_files(before)
            self._checkpoint(table)
        return int(table.version())

    def checkpoint(self) -> None:
        """Make opening the newest version cheap."""
        table = self._opened()
        if table is not None:
            self._checkpoint(table)

    def history(self) -> History:
        """Return which version needs which file, or raise `NotFoundError`."""
        self._log.refresh()
        if self._log.newest < 0:
            raise NotFoundError("table", self.name)
        return history_of(self._log.commits())

    def remove(self, is_gone: IsGone, key: str) -> tuple[int, int]:
        """Leave rows out in one commit; return the version without them, and how many they were."""
        for _ in range(MOST_TRIES):
            history, schema = self.history(), self._schema()
            if key in self._log.keys:
                return self._log.keys[key], 0
            if schema is None:
                break
            actions, rows = without(self.place, history, schema, is_gone)
            if not rows:
                return history.newest, 0
            version = self._committed(actions, key=key, rows=rows, operation="DELETE")
            if version is not None:
                return version, rows
        raise ConflictError(f"Table {self.name} is written by too many at once.", "Try again.")

    def restore(self, number: int, key: str) -> int:
        """Make the rows of an old version the newest ones, in one commit; return the version that has them."""
        for _ in range(MOST_TRIES):
            history = self.history()
            if not 0 <= number <= history.newest:
                raise NotFoundError("version", f"{self.name}@{number}", hint=f"The newest is {history.newest}.")
            actions = brought_back(history, number)
            if not actions:
                return history.newest
            version = self._committed(actions, key=key, rows=0, operation="RESTORE")
            if version is not None:
                return version
        raise ConflictError(f"Table {self.name} is written by too many at once.", "Try again.")

    def _committed(self, actions: list[dict[str, object]], *, key: str, rows: int, operation: str) -> int | None:
        """Commit the actions; when another writer was faster, return None."""
        with disk_errors(f"Writing table {self.name}"):
            return self._log.add(actions, key=key, rows=rows, operation=operation)

    def _merge(self, table: DeltaTable, size: int) -> None:
        with suppress(CommitFailedError):  # other writers were faster each time; the next compaction merges these files
            table.optimize.compact(
                target_size=size,
                writer_properties=_written_as(polars_schema(table.schema())),
                commit_properties=CommitProperties(max_commit_retries=100),
            )
        table.update_incremental()

    def _schema_for(self, rows: pl.DataFrame) -> pl.Schema:
        """Return the columns of the table, which has all of these rows' by then."""
        for _ in range(MOST_TRIES):
            schema = self._schema()
            if schema is None:
                self._create(rows)
            elif new := grown(schema, rows):
                self._grow(new)
            else:
                return schema
            self._log.refresh()
        raise ConflictError(f"Table {self.name} is written by too many at once.", "Try again.")

    def _schema(self) -> pl.Schema | None:
        """Return the columns as of the log that was read; opening the table anew only when they may have changed."""
        if self._log.shaped != self._shape[0]:
            table = self._opened()
            self._shape = (self._log.shaped, None if table is None else polars_schema(table.schema()))
        return self._shape[1]

    def _create(self, rows: pl.DataFrame) -> None:
        self.place.begin()
        with suppress(DeltaError):  # another writer made it in the meantime
            DeltaTable.create(
                self.place.uri, Schema(delta_fields(rows.schema)), mode="error", configuration=CONFIGURATION,
                storage_options=self.place.options,
            )  # fmt: skip
        self._sync_new_files(-1)

    def _grow(self, columns: dict[str, pl.DataType]) -> None:
        table = self._at_version(None)
        before = table.version()
        with suppress(DeltaError):  # another writer changed the table in the meantime
            table.alter.add_columns(delta_fields(columns))
        self._sync_new_files(before)

    def _opened(self) -> DeltaTable | None:
        """Return the table as it is now; None when there is none."""
        if self._table is None:
            if not self._log.is_begun():
                return None
            self._table = self._listed_anew()
            _check_protocol(self._table, self.name)
        else:
            self._table.update_incremental()
        return self._table

    def _at(self, newest: DeltaTable, number: int) -> DeltaTable:
        if number == newest.version():
            return newest
        if not 0 <= number < newest.version():
            raise NotFoundError("version", f"{self.name}@{number}", hint=f"The newest is {newest.version()}.")
        return self._at_version(number)

    def _at_version(self, number: int | None) -> DeltaTable:
        return DeltaTable(self.place.uri, version=number, storage_options=self.place.options)

    def _listed_anew(self) -> DeltaTable:
        """Return the table, listing its log anew when that looks broken: see `_LISTINGS`."""
        for _ in range(_LISTINGS - 1):
            with suppress(DeltaError):
                return self._at_version(None)
            time.sleep(0.01)
        return self._at_version(None)

    def _checkpoint_if_due(self, version: int) -> None:
        if version % CHECKPOINT_EVERY == 0 and version - self._last_checkpoint() >= CHECKPOINT_EVERY:
            self.checkpoint()

    def _last_checkpoint(self) -> int:
        """Return the version of the newest checkpoint: compaction writes one, so that appending rarely has to."""
        try:
            return int(json.loads(self.place.read(f"{FOLDER}/_last_checkpoint"))["version"])
        except FileNotFoundError:
            return 0

    def _checkpoint(self, table: DeltaTable) -> None:
        with suppress(DeltaError):  # the rows are committed; a checkpoint only makes reading them cheaper
            table.create_checkpoint()
        if not self.place.is_durable:
            names = [f"{FOLDER}/{file.name}" for file in self.place.listed(FOLDER)]
            own = (f"{FOLDER}/{table.version():020d}.checkpoint", f"{FOLDER}/_last_checkpoint")
            self.place.settle(name for name in names if name.startswith(own))

    def _sync_new_files(self, after: int) -> None:
        """Wait until what Delta itself wrote behind a version is on disk; what carries a key is there already."""
        if self.place.is_durable:
            return
        names: list[str] = []
        for number in range(after + 1, self._at_version(None).version() + 1):
            text = self.place.read(commit_name(number)).decode()
            if KEY not in text:
                lines = map(json.loads, text.splitlines())
                names += [line["add"]["path"] for line in lines if "add" in line] + [commit_name(number)]
        self.place.settle(names)


def _written_as(schema: pl.Schema) -> WriterProperties:
    """Return how merged files are written: with bounds of times alone, because the log keeps bounds for good.

    The least and greatest name of a column would outlive the erasure of whom it names.
    """
    bounds = ColumnProperties(statistics_enabled="CHUNK")
    times = {name: bounds for name, kind in schema.items() if kind == TIME}
    return WriterProperties(
        compression="ZSTD",
        max_row_group_size=ROWS_IN_GROUP,
        default_column_properties=ColumnProperties(statistics_enabled="NONE"),
        column_properties=times or None,
    )


def _count_below(table: DeltaTable, size: int) -> int:
    files = pl.DataFrame(table.get_add_actions(flatten=True))
    return files.filter(pl.col("size_bytes") < size).height


def _version(table: DeltaTable) -> Version:
    files = pl.DataFrame(table.get_add_actions(flatten=True)).sort("modification_time", "path")
    times = [name for name, kind in files.schema.items() if isinstance(kind, pl.Datetime)]
    kept = [name for name in times if name.startswith(("min.", "max."))]
    return Version(int(table.version()), polars_schema(table.schema()), files.select("path", *kept))


def _check_protocol(table: DeltaTable, name: str) -> None:
    protocol = table.protocol()
    features = set(protocol.writer_features or ())
    if protocol.min_writer_version > 2 and not features <= _WRITER_FEATURES:
        raise IntegrityError(
            f"Table {name} uses features of Delta that this version does not know: "
            f"{', '.join(sorted(features - _WRITER_FEATURES))}.",
            "Another program changed the table; copy its rows into a new one.",
        )

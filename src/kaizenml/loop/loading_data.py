"""From a source to the table of raw rows: each batch exactly once, whatever kills the process in between.

Two steps are durable: the commit to the table, which carries the batch's key (source, cursor and digest); then the
ledger and the event, together. A process that dies between them leaves a commit that the ledger does not know. The next
load of a source whose loads add up begins by noting it (`_adopt`), so that its cursor and its rows count before
anything is asked of the source; the key of a file or a whole load is its content, so appending it again adds nothing.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from kaizenml.core.digest import Digest
from kaizenml.core.event import Draft, Kind
from kaizenml.core.source import FilesSource, FrameSource, KafkaSource, PushSource, RawFile, Source, SqlSource
from kaizenml.data.frame_source import FrameReader
from kaizenml.data.incremental import Batch, Before, Reader, check_vanished, newest, retyped, stored
from kaizenml.data.kafka_source import KafkaReader
from kaizenml.data.object_source import Remote
from kaizenml.data.source import FilesReader
from kaizenml.data.sql_source import SqlReader
from kaizenml.errors import SourceError, UsageError
from kaizenml.loop.load_progress import Progress
from kaizenml.loop.wiring import House, Say
from kaizenml.project import Project

#: In the table of raw rows: which file or batch (by digest) a row is from.
FILE = "_file"
#: And where loads add up, the whole key of its batch.
BATCH = "__batch"
#: After this many commits a table that grows by small batches is compacted, so that reading it stays fast.
COMMITS_BETWEEN_COMPACTIONS = 50
#: A packed file of so many bytes holds about so many times more.
PACKED = 5


@dataclass(frozen=True, slots=True)
class Gathered:
    """The raw rows of a source as they are now, not yet read, and what they came in.

    ``marked`` has beside the columns of the source `FILE`: for each row the digest of what it came in. Where the rows
    are those of files, reading it in parts keeps the memory bounded.
    """

    marked: pl.LazyFrame
    files: tuple[RawFile, ...]

    @property
    def rows(self) -> pl.DataFrame:
        """The rows, read now."""
        return self.marked.drop(FILE).collect()

    @property
    def origin(self) -> pl.Series:
        """For each row the digest of what it came in, read now."""
        return self.marked.select(FILE).collect()[FILE]

    @property
    def size_bytes(self) -> int:
        """How large the files are; of compressed and Parquet files what they may be in memory, roughly."""
        return sum(file.size_bytes * (PACKED if is_packed(file.path) else 1) for file in self.files)


def is_packed(path: str) -> bool:
    """Say whether a file's rows are much larger than the file."""
    return path.lower().endswith((".gz", ".zst", ".parquet", ".pq", ".xlsx", ".xls"))


def raw_of(project: str) -> str:
    """Return the name of the table of a project's raw rows."""
    return f"raw-{project}"


def gather(project: Project, folder: Path, house: House, say: Say, *, cause: int | None) -> Gathered:
    """Load what is new, and return all rows that the source has now.

    Raises
    ------
    SourceError
        For whatever cannot be read; what was loaded before stays as it is.
    """
    progress = Progress(say)
    reader = reader_of(project, folder, house, progress)
    load = _Load(project, house, raw_of(project.name), reader, progress, cause)
    with alone(house.settings.home / f"loading-{project.name}.lock", say):
        return load.gathered()


@contextmanager
def alone(path: Path, say: Say) -> Iterator[None]:
    """Let one process at a time load a project's data: two would both find the same rows to be new.

    The lock is the system's own, so that it is gone with the process that held it.
    """
    with path.open("wb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("ingest: waiting for another load of this project")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def reader_of(project: Project, folder: Path, house: House, progress: Progress) -> Reader:
    """Return what reads the project's source."""
    source: Source = project.source
    match source:
        case FilesSource():
            with house.records.reading() as books:
                digests = {mark: str(digest) for mark, digest in books.notes.all("object").items()}
            return FilesReader(source, folder, os.environ, digests, lambda *seen: _note_object(house, *seen))
        case SqlSource():
            return SqlReader(source, folder, os.environ, progress.told)
        case FrameSource():
            return FrameReader(source)
        case PushSource():
            return PushReader(source)
        case KafkaSource():
            return KafkaReader(source, os.environ)


def settled_rows(project: Project, folder: Path, house: House, rows: pl.DataFrame) -> pl.DataFrame:
    """Return the rows that count of all that were loaded, such as the newest of each key."""
    return reader_of(project, folder, house, Progress(lambda _: None)).settled(rows)


@dataclass(frozen=True, slots=True)
class PushReader:
    """Rows that were sent: they are in the table already."""

    source: PushSource
    name: str = "rows that are pushed"
    stream: str = "push"

    def batches(self, before: Before) -> Iterator[Batch]:
        """Return nothing new, or say that nothing was ever sent."""
        if not any(key.startswith("push:") for key in before.keys):
            raise SourceError("No rows were pushed yet.", "Send some: POST /api/v1/projects/NAME/rows.")
        return iter(())

    def settled(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Return the newest row of each key."""
        return newest(rows, self.source.key)


@dataclass(slots=True)
class _Load:
    project: Project
    house: House
    table: str
    reader: Reader
    progress: Progress
    cause: int | None
    rows: pl.LazyFrame | None = None
    expected: list[str] | None = None

    def gathered(self) -> Gathered:
        ledger = self._ledger()
        if self.reader.stream:
            self._adopt(ledger)
            ledger = self._ledger()
        before = Before(ledger, lambda: self._known(self._mine(ledger)))
        found: dict[str, list[RawFile]] = {}
        for batch in self.reader.batches(before):
            if batch.key not in ledger:
                ledger = {**ledger, batch.key: self._load(batch, ledger, list(found))}
            found.setdefault(batch.key, []).append(RawFile(batch.name, batch.size_bytes, batch.digest))
        if not self.reader.stream:
            return self._gathered(found)
        self._compact()
        return self._gathered(self._whole_stream(ledger))

    def _compact(self) -> None:
        """Merge the files of many small batches, now and then; rows and keys stay as they are."""
        with self.house.records.reading() as books:
            last = books.notes.get("compacted", self.table)
        version = self.house.tables.version(self.table) or 0
        if version - (last if isinstance(last, int) else 0) >= COMMITS_BETWEEN_COMPACTIONS:
            self.house.tables.compact_aside(self.table)
            with self.house.records.writing() as books:
                books.notes.put("compacted", self.table, version)

    def _whole_stream(self, ledger: Mapping[str, int]) -> dict[str, list[RawFile]]:
        """Return every batch of the stream as a file."""
        with self.house.records.reading() as books:
            arrived = books.events.find(Kind.DATA_ARRIVED, f"source:{self.project.name}", project=self.project.name)
        sizes = {event.facts.get("digest"): event.facts.get("bytes") for event in arrived}
        files: dict[str, list[RawFile]] = {}
        for key in self._mine(ledger):
            digest, size = Digest(key.rpartition(":")[2]), sizes.get(key.rpartition(":")[2])
            files[key] = [RawFile(self.reader.name, size if isinstance(size, int) else 0, digest)]
        return files

    def _gathered(self, files: Mapping[str, Sequence[RawFile]]) -> Gathered:
        self._note_source(list(files))
        rows = self._rows_of(list(files))
        if rows is None:
            raise SourceError(f"The source ({self.reader.name}) has no rows yet.", "Put rows there, and run again.")
        marked = self.reader.settled(rows.collect()).lazy() if self.reader.stream else rows
        distinct = dict.fromkeys(file for each in files.values() for file in each)
        return Gathered(marked, tuple(distinct))

    def _is_mine(self, key: str) -> bool:
        return key.startswith(f"{self.reader.stream}:")

    def _mine(self, ledger: Mapping[str, int]) -> list[str]:
        """Return the batches of this stream, in the order in which they came."""
        return sorted((key for key in ledger if self._is_mine(key)), key=lambda key: ledger[key])

    def _ledger(self) -> Mapping[str, int]:
        with self.house.records.reading() as books:
            return books.snapshots.loaded(self.table)

    def _load(self, batch: Batch, ledger: Mapping[str, int], earlier: list[str]) -> int:
        try:
            version = self.house.tables.append_parts(self.table, self._parts(batch, ledger, earlier), key=batch.key)
        except SourceError:
            raise
        except UsageError as error:  # the rows do not fit the table
            raise SourceError(
                f"{batch.name}: {error.message}", error.hint, {"file": batch.name, **error.details}
            ) from None
        self.rows = None
        rows = self._count(version, batch)
        self._note(batch.key, version, batch.name, batch.size_bytes, batch.digest, rows, batch.facts)
        self.progress.loaded(batch, rows)
        return version

    def _count(self, version: int, batch: Batch) -> int:
        """Return how many rows of a batch are in the table."""
        mark, value = (BATCH, batch.key) if self.reader.stream else (FILE, batch.digest)
        mine = self.house.tables.scan(self.table, version=version).filter(pl.col(mark) == value)
        return int(mine.select(pl.len()).collect(engine="streaming").item())

    def _parts(self, batch: Batch, ledger: Mapping[str, int], earlier: list[str]) -> Iterator[pl.DataFrame]:
        """Return the rows of a batch part by part, in the types of those before, with their marks."""
        known, rows = self._table(), 0
        schema = None if known is None else known.collect_schema()
        if known is not None and self.expected is None:
            self.expected = self._expected(known, ledger, earlier)
        for part in batch.read():
            yield self._marked(self._fitting(batch, part.rows, schema, rows), batch)
            rows += len(part.rows)
            self.progress.told(rows, part.read_bytes, batch.size_bytes)

    def _marked(self, frame: pl.DataFrame, batch: Batch) -> pl.DataFrame:
        """Return the rows with the name of their batch beside them."""
        marks = [pl.lit(batch.digest).alias(FILE)] + ([pl.lit(batch.key).alias(BATCH)] if self.reader.stream else [])
        return frame.with_columns(marks)

    def _fitting(self, batch: Batch, frame: pl.DataFrame, schema: pl.Schema | None, before: int) -> pl.DataFrame:
        """Return the rows in the types of those before, or say which column is gone and which value does not fit."""
        frame = stored(frame, batch.name)
        if schema is None:
            return frame
        if not isinstance(self.project.source, KafkaSource):  # a message may leave a column out
            check_vanished(frame, self.expected or (), batch.name)
        return retyped(frame, schema, batch.name, before=before)

    def _expected(self, known: pl.LazyFrame, ledger: Mapping[str, int], earlier: list[str]) -> list[str]:
        """Return the columns that every batch has values in, of those that count today."""
        mine = self._mine(ledger) if self.reader.stream else self._same(ledger, earlier)
        rows = self._of(known, mine).group_by(FILE).agg(pl.all().is_not_null().any()).collect(engine="streaming")
        if rows.is_empty():
            return []
        has = rows.drop(FILE).select(pl.all().all()).row(0, named=True)
        return [name for name, is_everywhere in has.items() if is_everywhere and not name.startswith("__")]

    def _same(self, ledger: Mapping[str, int], earlier: list[str]) -> list[str]:
        """Return the batches to compare with: what this load found so far, and what the last one had."""
        with self.house.records.reading() as books:
            last = books.notes.get("source", self.project.name)
        before = last.get("keys", []) if isinstance(last, dict) else []
        source = self.project.source
        start = "" if isinstance(source, FilesSource) else f"{source.stream}:"
        there = {str(key) for key in before if str(key).startswith(start)}
        return sorted({*earlier, *there} & set(ledger))

    def _adopt(self, ledger: Mapping[str, int]) -> None:
        """Note the batches of this stream that are in the table and, because a process died, not in the ledger."""
        known = self._table()
        if known is None or BATCH not in known.collect_schema().names():
            return
        rows = known.collect()
        keys = rows[BATCH].drop_nulls().unique().to_list()
        for key in sorted(key for key in keys if self._is_mine(key) and key not in ledger):
            batch = rows.filter(pl.col(BATCH) == key)
            version = self.house.tables.append(self.table, batch, key=key)  # adds nothing: the key is there
            digest = Digest(key.rpartition(":")[2])
            self._note(
                key, version, self.reader.name, int(batch.estimated_size()), digest, len(batch), {"adopted": True}
            )

    def _note(
        self, key: str, version: int, name: str, size: int, digest: Digest, rows: int, more: Mapping[str, object]
    ) -> None:
        house, project = self.house, self.project.name
        with house.records.writing() as books:
            if key in books.snapshots.loaded(self.table):
                return
            books.snapshots.load(self.table, key, version)
            facts = {"file": name, "bytes": size, "digest": digest, "rows": rows, **more}
            draft = Draft(
                project, "system:loop", Kind.DATA_ARRIVED, f"source:{project}", self.cause, house.data_at(books), facts
            )
            books.events.append(draft, house.clock.now())

    def _note_source(self, keys: Sequence[str]) -> None:
        """Remember what kind of source the project has, and for whole loads what it held."""
        kind = type(self.project.source).__name__.removesuffix("Source").lower()
        value = {"kind": kind, "keys": [] if self.reader.stream else list(keys)}
        with self.house.records.reading() as books:
            if books.notes.get("source", self.project.name) == value:
                return
        with self.house.records.writing() as books:
            books.notes.put("source", self.project.name, value)

    def _table(self) -> pl.LazyFrame | None:
        """Return the table; of a source whose loads add up, which is read more than once, from memory."""
        if self.rows is None and self.house.tables.version(self.table) is not None:
            rows = self.house.tables.scan(self.table)
            self.rows = rows.collect().lazy() if self.reader.stream else rows
        return self.rows

    def _known(self, keys: Sequence[str]) -> pl.DataFrame | None:
        rows = self._rows_of(keys)
        return None if rows is None else rows.drop(FILE).collect()

    def _of(self, rows: pl.LazyFrame, keys: Sequence[str]) -> pl.LazyFrame:
        """Return the rows of these batches, where loads add up in the order of the batches."""
        if not self.reader.stream:
            return rows.filter(pl.col(FILE).is_in([key.rpartition(":")[2] for key in keys]))
        if BATCH not in rows.collect_schema().names():
            return rows.clear()
        place = pl.col(BATCH).replace_strict({key: at for at, key in enumerate(keys)}, default=None)
        return rows.filter(pl.col(BATCH).is_in(keys)).sort(place, maintain_order=True)

    def _rows_of(self, keys: Sequence[str]) -> pl.LazyFrame | None:
        """Return the rows of these batches, if any, without columns that only other batches have values in."""
        rows = self._table()
        if rows is None:
            return None
        current, names = self._of(rows, keys), rows.collect_schema().names()
        count, whole = (int(each.select(pl.len()).collect(engine="streaming").item()) for each in (current, rows))
        if not count:
            return None
        own = [name for name in names if name.startswith("__")]
        if count < whole:
            here, all_ = (each.select(pl.all().is_not_null().any()).collect(engine="streaming").row(0, named=True)
                          for each in (current, rows))  # fmt: skip
            own += [name for name in names if all_[name] and not here[name] and name not in own]
        return current.drop(own)


def _note_object(house: House, remote: Remote, digest: Digest) -> None:
    with house.records.writing() as books:
        books.notes.put("object", remote.mark, str(digest))

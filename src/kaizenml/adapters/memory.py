"""Blobs and tables that live as long as the process: for tests of what is built on the ports."""

from __future__ import annotations

import threading
from collections.abc import Collection, Generator, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime

import polars as pl

from kaizenml.adapters.frames import fitted, storable
from kaizenml.core.digest import Digest, digest_of_bytes, is_digest
from kaizenml.core.names import checked_name
from kaizenml.core.step import Ingredients, Kept
from kaizenml.core.stores import CHUNK_BYTES, BlobLine
from kaizenml.errors import NotFoundError, UsageError


class MemoryBlobs:
    """Blobs in a dict."""

    def __init__(self) -> None:
        self._contents: dict[str, bytes] = {}
        self._put_at: dict[str, datetime] = {}

    def put(self, content: bytes) -> Digest:
        """Keep the content; putting it again changes nothing."""
        digest = digest_of_bytes(content)
        self._contents[digest], self._put_at[digest] = bytes(content), datetime.now(UTC)
        return digest

    def get(self, digest: Digest) -> bytes:
        """Return the content, or raise `NotFoundError`."""
        if not self.has(digest):
            raise NotFoundError("blob", digest)
        return self._contents[digest]

    def has(self, digest: Digest) -> bool:
        """Say whether the content is kept here."""
        if not is_digest(digest):
            raise UsageError(f"{digest[:80]!r} is not a digest.", "A digest is 64 hexadecimal digits: a sha256.")
        return digest in self._contents

    def put_from(self, chunks: Iterable[bytes]) -> Digest:
        """Keep content that comes in chunks."""
        return self.put(b"".join(chunks))

    def open(self, digest: Digest) -> Generator[bytes]:
        """Return the content in chunks, or raise `NotFoundError`."""
        content = self.get(digest)
        return (content[at : at + CHUNK_BYTES] for at in range(0, max(len(content), 1), CHUNK_BYTES))

    def size(self, digest: Digest) -> int:
        """Return of how many bytes the content is, or raise `NotFoundError`."""
        return len(self.get(digest))

    def hold(self, digest: Digest) -> bool:
        """Say whether the content is kept here; if so, it counts as put now."""
        is_here = self.has(digest)
        if is_here:
            self._put_at[digest] = datetime.now(UTC)
        return is_here

    def listed(self) -> Iterator[BlobLine]:
        """Return every blob, by digest."""
        return iter([BlobLine(Digest(d), len(self._contents[d]), self._put_at[d]) for d in sorted(self._contents)])

    def remove(self, digest: Digest, *, unless_put_since: datetime) -> bool:
        """Delete a blob that nobody has put since a time, and say whether it went."""
        is_gone = self.has(digest) and self._put_at[digest] < unless_put_since
        if is_gone:
            del self._contents[digest], self._put_at[digest]
        return is_gone

    def settle(self, kept: Collection[Digest], *, since: datetime) -> None:
        """Do nothing: what was removed is gone, and what was kept was never removed."""


@dataclass(slots=True)
class _Rows:
    versions: list[pl.DataFrame]
    keys: dict[str, int] = field(default_factory=dict)


class MemoryTables:
    """Tables as one frame for each version."""

    def __init__(self) -> None:
        self._tables: dict[str, _Rows] = {}
        self._lock = threading.Lock()

    def append(self, table: str, rows: pl.DataFrame, *, key: str) -> int:
        """Add rows and return the version that has them; a key that was appended before adds nothing."""
        return self.append_parts(table, (rows,), key=key)

    def append_parts(self, table: str, parts: Iterable[pl.DataFrame], *, key: str) -> int:
        """Add rows that come in parts, all of them or none."""
        checked_name("table", table)
        if key and table in self._tables and key in self._tables[table].keys:
            return self._tables[table].keys[key]
        found = [storable(part) for part in parts]
        rows = pl.concat(found, how="diagonal") if found else pl.DataFrame()
        if not key or not rows.width:
            raise UsageError(f"A batch for table {table} has no key or no columns.", "Give it both.")
        with self._lock:
            kept = self._tables.get(table) or _Rows([rows.clear()])
            if key not in kept.keys:
                before = kept.versions[-1]
                after = pl.concat([before, fitted(rows, before.schema)], how="diagonal")
                kept.versions.append(after)
                kept.keys[key] = len(kept.versions) - 1
            self._tables[table] = kept
            return kept.keys[key]

    def scan(self, table: str, *, version: int | None = None) -> pl.LazyFrame:
        """Return the rows of a version (None: the newest) to be read later."""
        return self.read(table, version=version).lazy()

    def read(
        self,
        table: str,
        *,
        version: int | None = None,
        columns: Sequence[str] | None = None,
        between: tuple[str, datetime, datetime] | None = None,
    ) -> pl.DataFrame:
        """Return the rows of a version (None: the newest), with ``low <= column < high`` where asked."""
        newest = self.version(table)
        if newest is None:
            raise NotFoundError("table", table)
        if version is not None and not 0 <= version <= newest:
            raise NotFoundError("version", f"{table}@{version}", hint=f"The newest is {newest}.")
        rows = self._tables[table].versions[newest if version is None else version]
        for name in [*(columns or ()), *([between[0]] if between else ())]:
            if name not in rows.columns:
                raise NotFoundError("column", name, rows.columns)
        if between:
            rows = rows.filter(pl.col(between[0]).is_between(between[1], between[2], closed="left"))
        return rows.select(columns) if columns is not None else rows

    def version(self, table: str) -> int | None:
        """Return the newest version, or None when there is no such table."""
        checked_name("table", table)
        return len(self._tables[table].versions) - 1 if table in self._tables else None

    def compact(self, table: str) -> int:
        """Change nothing; return the newest version."""
        newest = self.version(table)
        if newest is None:
            raise NotFoundError("table", table)
        return newest

    def compact_aside(self, table: str) -> None:
        """Change nothing."""
        checked_name("table", table)


class MemoryStepCache:
    """Results of steps in dicts."""

    def __init__(self) -> None:
        self._blobs: dict[str, bytes] = {}
        self._kept: dict[str, list[Kept]] = {}
        self._last: dict[str, Ingredients] = {}

    def put(self, content: bytes) -> str:
        """Keep bytes, and return the name under which they can be had."""
        name = str(digest_of_bytes(content))
        self._blobs[name] = bytes(content)
        return name

    def get(self, blob: str) -> bytes | None:
        """Return bytes, or None where they are missing."""
        return self._blobs.get(blob)

    def find(self, *keys: str) -> list[Kept]:
        """Return the results under some keys, in the order of these, the newest of each first."""
        return [each for key in keys for each in self._kept.get(key, [])]

    def keep(self, key: str, kept: Kept) -> None:
        """Keep a result under a key, beside those that are there."""
        beside = [each for each in self.find(key) if (each.blob, each.observed) != (kept.blob, kept.observed)]
        self._kept[key] = [kept, *beside]

    def last(self, step: str) -> Ingredients | None:
        """Return what a step was made of when it last ran."""
        return self._last.get(step)

    def remember(self, step: str, ingredients: Ingredients) -> None:
        """Note what a step was made of."""
        self._last[step] = ingredients

    def together(self) -> AbstractContextManager[None]:
        """Change nothing: what is written is there at once."""
        return nullcontext()

"""A Delta table in a bucket, and how those who read, restore and delete its files keep out of each other's way there.

S3 has no lock that ends with its holder. What it has is enough: an object is made by exactly one writer, and whoever
looks after a write sees it. So who restores an old version first says so (a claim) and then looks at what is on its
way out; who deletes first writes that down and then looks for claims. Whichever comes second sees the other: one
refuses, or the other waits and looks anew at what is needed. A process that dies leaves a claim that counts for no more
than `_CLAIM_SECONDS`, or names of files that are there still and go with the next vacuum.
"""

from __future__ import annotations

import io
import re
import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import polars as pl

from kaizenml.adapters.delta_log import FOLDER
from kaizenml.adapters.delta_place import ROWS_IN_GROUP, Guard, Listed
from kaizenml.adapters.object_store import PIECE_BYTES, ObjectStore, polars_options, refused, storage_options
from kaizenml.core.place import Bucket, place_of
from kaizenml.errors import KaizenError, UnavailableError

_READERS, _GONE, _CLAIMS = "_readers", "_vacuumed", "_restoring"
#: A restore takes seconds; one that has said nothing for so long has died.
_CLAIM_SECONDS = 600.0
_LONGEST_WAIT_SECONDS = 60.0
_READ_AT_ONCE = 16
_OUT_OF_REACH = re.compile(
    r"NoSuchBucket|\b(40[13]|5\d\d) [A-Z]|AccessDenied|sending request|timed out|[Tt]imeout|[Cc]onnection|dns error"
)


class BucketPlace:
    """A table below a place in a bucket.

    Parameters
    ----------
    bucket
        The place of all tables.
    locks
        A folder of this machine for the lock of who compacts; two machines that compact at once are kept apart by
        Delta's log, and the slower one has worked in vain.
    """

    is_durable = True

    def __init__(self, bucket: Bucket, name: str, locks: Path, store: ObjectStore | None = None) -> None:
        self.name, self.locks = name, locks / name
        self.words: tuple[str, ...] = (bucket.url, name, str(locks))
        self._store = store or ObjectStore(bucket)
        place = self._store.place
        self.uri = f"s3://{place.name}/{place.below(name)}"
        self.options: dict[str, str] | None = storage_options(place)
        self.guard: Guard = BucketGuard(self)

    def begin(self) -> None:
        """Do nothing: a bucket has no folders."""

    def read(self, name: str) -> bytes:
        """Return a file's content, or raise `FileNotFoundError`."""
        return self._store.read(self._at(name))

    def read_all(self, names: Iterable[str]) -> Iterator[bytes]:
        """Return the content of many files, in their order, many at once."""
        with ThreadPoolExecutor(_READ_AT_ONCE) as threads:
            yield from threads.map(self.read, names)

    def is_there(self, name: str) -> bool:
        """Say whether there is such a file."""
        return self._store.find(self._at(name)) is not None

    def create(self, name: str, content: bytes) -> bool:
        """Make a file that must not exist; return whether it was this call that made it."""
        return self._store.create(self._at(name), content)

    def put(self, name: str, content: bytes) -> None:
        """Give a file this content, whatever it had before."""
        self._store.put(self._at(name), content)

    def add_rows(self, name: str, rows: pl.DataFrame) -> int:
        """Write rows to a new file; return how large it is."""
        file = io.BytesIO()
        rows.write_parquet(file, compression="zstd", row_group_size=ROWS_IN_GROUP)
        self._send(name, file)
        return len(file.getbuffer())

    def add(self, name: str, content: bytes) -> None:
        """Write a file of rows of which the content is known; nothing when it is there."""
        if not self.is_there(name):
            self._send(name, io.BytesIO(content))

    def sums(self) -> Mapping[str, str]:
        """Return nothing: a bucket notes no digests."""
        return {}

    def _send(self, name: str, file: io.BytesIO) -> None:
        size = len(file.getbuffer())
        if size > PIECE_BYTES:
            file.seek(0)
            self._store.upload(self._at(name), file, size)
        else:
            self._store.put(self._at(name), file.getvalue())

    def scan(self, names: Iterable[str], schema: pl.Schema) -> pl.LazyFrame:
        """Return the rows of files to be read later."""
        return pl.scan_parquet(
            [f"{self.uri}/{name}" for name in names], schema=schema, missing_columns="insert", glob=False,
            storage_options=polars_options(self._store.place), credential_provider=None,
        )  # fmt: skip

    def listed(self, folder: str = "") -> list[Listed]:
        """Return the files that lie directly in a folder, by name."""
        found = self._store.in_folder(self._at(folder).rstrip("/"))
        return sorted(Listed(each.path.rpartition("/")[2], each.size, each.changed.timestamp()) for each in found)

    def delete(self, names: Collection[str]) -> None:
        """Delete files; those that are not there are none."""
        self._store.delete([self._at(name) for name in names])

    def settle(self, names: Iterable[str]) -> None:
        """Do nothing: what is seen is durable."""

    def refusal(self, error: Exception) -> KaizenError | None:
        """Return what an error of Delta or Polars says of the store; None when it says something of the files."""
        said = str(error)
        return refused(self._store.place, f"Table {self.name}", said) if _OUT_OF_REACH.search(said) else None

    def _at(self, name: str) -> str:
        return f"{self.name}/{name}"


class BucketTables:
    """The tables below a place in a bucket, over one client: called with a name, it gives the place of that table."""

    def __init__(self, bucket: Bucket, locks: Path) -> None:
        self._bucket, self._locks, self._store = bucket, locks, ObjectStore(bucket)

    def __call__(self, name: str) -> BucketPlace:
        """Return the place of a table."""
        return BucketPlace(self._bucket, name, self._locks, self._store)

    def names(self) -> list[str]:
        """Return the names of the tables that are there."""
        found = (path.rpartition("/")[2] for path in self._store.folders(""))
        return sorted(name for name in found if self(name).listed(FOLDER))


class BucketGuard:
    """Marks, claims and lists of names, each an object of its own."""

    def __init__(self, place: BucketPlace) -> None:
        self._place = place

    def reading(self, version: int) -> None:
        """Say that somebody begins to read an old version, so that its files outlive a grace period from now."""
        self._place.put(f"{_READERS}/{version}", b"")

    def being_read(self, *, since: float) -> set[int]:
        """Return the versions of which a reading began since a time; older marks are taken away."""
        marks = self._place.listed(_READERS)
        self._place.delete([f"{_READERS}/{mark.name}" for mark in marks if mark.changed < since])
        return {int(mark.name) for mark in marks if mark.changed >= since}

    @contextmanager
    def restoring(self) -> Iterator[None]:
        """Let `deleting` know that something is being restored."""
        claim = f"{_CLAIMS}/{uuid4().hex}"
        self._place.put(claim, datetime.now(UTC).isoformat().encode())
        try:
            yield
        finally:
            self._place.delete([claim])

    @contextmanager
    def deleting(self) -> Iterator[BucketDeleting]:
        """Begin to delete files."""
        yield BucketDeleting(self._place, f"{_GONE}/{uuid4().hex}.txt")

    def gone(self) -> set[str]:
        """Return the names of the files that were deleted, or were about to be."""
        lists = [f"{_GONE}/{each.name}" for each in self._place.listed(_GONE)]
        return {name for content in self._place.read_all(lists) for name in content.decode().splitlines()}


class BucketDeleting:
    """Files on their way out, whose names are in one object."""

    def __init__(self, place: BucketPlace, name: str) -> None:
        self._place, self._name = place, name

    def note(self, names: Collection[str]) -> None:
        """Write down the names of all files that are about to go, in place of those before."""
        self._place.put(self._name, "".join(f"{name}\n" for name in names).encode())

    def await_others(self) -> bool:
        """Wait for those who began to restore before the names were written down; then all is to be looked at anew.

        Raises
        ------
        UnavailableError
            When somebody takes too long; nothing was deleted.
        """
        until = time.monotonic() + _LONGEST_WAIT_SECONDS
        while self._claims():
            if time.monotonic() > until:
                self._place.delete([self._name])
                raise UnavailableError(f"A version of table {self._place.name} is being restored.", "Try again later.")
            time.sleep(0.2)
        return True

    def _claims(self) -> list[Listed]:
        now = max((each.changed for each in self._place.listed(_GONE)), default=0.0)  # by the store's clock
        return [claim for claim in self._place.listed(_CLAIMS) if claim.changed > now - _CLAIM_SECONDS]


def place_from(words: Sequence[str]) -> BucketPlace:
    """Return the place that has these words."""
    url, name, locks = words
    bucket = place_of(url)
    if not isinstance(bucket, Bucket):
        raise TypeError(f"{url} is no place in a bucket")
    return BucketPlace(bucket, name, Path(locks))

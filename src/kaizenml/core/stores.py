"""What the core asks of the world for content: bytes by their digest, and rows in versions."""

from __future__ import annotations

from collections.abc import Collection, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from kaizenml.core.digest import Digest

if TYPE_CHECKING:
    import polars as pl

#: Content that is read in chunks comes in pieces of so many bytes.
CHUNK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class BlobLine:
    """A blob as lists show it: ``put_at`` is when somebody last put it, or asked that it be held."""

    digest: Digest
    size_bytes: int
    put_at: datetime


class Blobs(Protocol):
    """Bytes addressed by the digest of their content."""

    def put(self, content: bytes) -> Digest:
        """Keep the content durably; putting it again changes nothing."""
        ...

    def get(self, digest: Digest) -> bytes:
        """Return the content, checked against its digest; raise `NotFoundError` or `IntegrityError`."""
        ...

    def has(self, digest: Digest) -> bool:
        """Say whether the content is kept here."""
        ...

    def put_from(self, chunks: Iterable[bytes]) -> Digest:
        """Keep content that comes in chunks durably, however much it is: all of it, or nothing when they raise."""
        ...

    def open(self, digest: Digest) -> Generator[bytes]:
        """Return the content in chunks of at most `CHUNK_BYTES`, however much it is.

        The first chunk comes only once all of them have been checked against the digest: damaged content goes to
        nobody, and who wants to know only whether it is whole asks for the first chunk. Who wants no more closes it.
        Raises `NotFoundError` at once, `IntegrityError` in place of the first chunk.
        """
        ...

    def size(self, digest: Digest) -> int:
        """Return of how many bytes the content is, without reading it; raise `NotFoundError`."""
        ...

    def hold(self, digest: Digest) -> bool:
        """Say whether the content is kept here; if so, it counts as put now: for who names it without putting it."""
        ...

    def listed(self) -> Iterator[BlobLine]:
        """Return every blob, by digest, as they come."""
        ...

    def remove(self, digest: Digest, *, unless_put_since: datetime) -> bool:
        """Delete a blob that nobody has put since a time, and say whether it went; one that is put now stays."""
        ...

    def settle(self, kept: Collection[Digest], *, since: datetime) -> None:
        """Undo or make final what was removed: what is kept after all comes back, the rest of before a time is gone.

        A store that can remove a blob at once, whoever is putting it, has nothing to settle.
        """
        ...


class Tables(Protocol):
    """Versioned rows."""

    def append(self, table: str, rows: pl.DataFrame, *, key: str) -> int:
        """Add rows in one commit and return its version; a key that was appended before adds nothing."""
        ...

    def append_parts(self, table: str, parts: Iterable[pl.DataFrame], *, key: str) -> int:
        """Add rows that come in parts, in one commit: all of them, or none when the parts raise an error."""
        ...

    def scan(self, table: str, *, version: int | None = None) -> pl.LazyFrame:
        """Return the rows of a version (None: the newest) to be read later, in parts, in their order."""
        ...

    def read(
        self,
        table: str,
        *,
        version: int | None = None,
        columns: Sequence[str] | None = None,
        between: tuple[str, datetime, datetime] | None = None,
    ) -> pl.DataFrame:
        """Return the rows of a version (None: the newest), with ``low <= column < high`` where asked.

        Raises `NotFoundError` for a table or version that does not exist.
        """
        ...

    def version(self, table: str) -> int | None:
        """Return the newest version, or None when there is no such table."""
        ...

    def compact(self, table: str) -> int:
        """Merge small files into large ones without changing any row; return the version that is newest then."""
        ...

    def compact_aside(self, table: str) -> None:
        """Begin to do so, beside whatever else is done with the table, and return at once."""
        ...

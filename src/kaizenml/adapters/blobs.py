"""Bytes in a folder, each under the sha256 of its content."""

from __future__ import annotations

import fcntl
import hashlib
import os
import time
from collections.abc import Collection, Generator, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from kaizenml.adapters.durable import disk_errors, folder_made, replaced, synced, written_from
from kaizenml.core.digest import Digest, digest_of_bytes, is_digest
from kaizenml.core.stores import CHUNK_BYTES, BlobLine
from kaizenml.errors import IntegrityError, NotFoundError, UsageError


class DirectoryBlobs:
    """Blobs as files ``sha256/aa/bb/…`` below a folder; safe for many writers at once.

    Parameters
    ----------
    root
        The folder; made when it is not there. Damaged files are moved to its ``quarantine/``.
    """

    def __init__(self, root: Path | str) -> None:
        self._root = Path(root)

    def put(self, content: bytes) -> Digest:
        """Keep the content durably; putting it again changes nothing, but mends a damaged file."""
        digest = digest_of_bytes(content)
        path = self._path(digest)
        with disk_errors(f"Keeping blob {digest}"), self._held(alone=False):
            if self._holds(path, content):
                os.utime(path)  # whoever put it now will name it: it is not to be removed before
                synced(path)  # another writer may have put it there and not have waited for the disk yet
                synced(path.parent)
                return digest
            folder_made(path.parent)
            replaced(path, content)
        return digest

    def get(self, digest: Digest) -> bytes:
        """Return the content, checked against its digest.

        Raises
        ------
        NotFoundError
            When it is not kept here.
        IntegrityError
            When the file is damaged; it is then in quarantine, and the blob counts as missing.
        """
        path = self._path(digest)
        with disk_errors(f"Reading blob {digest}"):
            if not path.is_file():
                raise NotFoundError("blob", digest)
            content = path.read_bytes()
            if digest_of_bytes(content) != digest:
                self._quarantine(path, digest)
        return content

    def has(self, digest: Digest) -> bool:
        """Say whether the content is kept here."""
        return self._path(digest).is_file()

    def put_from(self, chunks: Iterable[bytes]) -> Digest:
        """Keep content that comes in chunks durably: all of it, or nothing when they raise.

        Raises
        ------
        KaizenError
            When the disk refuses; what had been written is gone then.
        """
        coming = self._root / "coming"
        with disk_errors("Keeping a blob"):
            folder_made(coming)
        temporary, found = written_from(coming, chunks)
        path = self._path(found)
        try:
            with disk_errors(f"Keeping blob {found}"), self._held(alone=False):
                folder_made(path.parent)
                os.replace(temporary, path)
                synced(path.parent)
        finally:
            temporary.unlink(missing_ok=True)
        return Digest(found)

    def open(self, digest: Digest) -> Generator[bytes]:
        """Return the content in chunks, the first of them only once all have been checked.

        So what is large is read twice, the second time from the memory of the system where it has room for it.

        Raises
        ------
        NotFoundError
            When it is not kept here.
        IntegrityError
            In place of the first chunk, when the file is damaged; it is then in quarantine. What is damaged while it
            is read breaks off before its last chunk.
        """
        path = self._path(digest)
        if not path.is_file():
            raise NotFoundError("blob", digest)
        return self._chunks(path, digest)

    def size(self, digest: Digest) -> int:
        """Return of how many bytes the content is, or raise `NotFoundError`."""
        try:
            return self._path(digest).stat().st_size
        except FileNotFoundError:
            raise NotFoundError("blob", digest) from None

    def hold(self, digest: Digest) -> bool:
        """Say whether the content is kept here; if so, it counts as put now."""
        path = self._path(digest)
        with disk_errors(f"Holding blob {digest}"), self._held(alone=False):
            try:
                os.utime(path)
            except FileNotFoundError:
                return False
        return True

    def listed(self) -> Iterator[BlobLine]:
        """Return every blob by digest; what is put or removed meanwhile may be among them, or not."""
        for path in sorted((self._root / "sha256").glob("*/*/*")):
            digest = "".join(path.parts[-3:])
            try:
                found = path.stat()
            except FileNotFoundError:
                continue
            if is_digest(digest):  # else it is the temporary file of somebody who is writing
                yield BlobLine(Digest(digest), found.st_size, datetime.fromtimestamp(found.st_mtime, UTC))

    def remove(self, digest: Digest, *, unless_put_since: datetime) -> bool:
        """Delete a blob that nobody has put since a time, and say whether it went."""
        path = self._path(digest)
        with disk_errors(f"Removing blob {digest}"), self._held(alone=True):
            try:
                is_gone = path.stat().st_mtime < unless_put_since.timestamp()
            except FileNotFoundError:
                return False
            if is_gone:
                path.unlink()
            return is_gone

    def settle(self, kept: Collection[Digest], *, since: datetime) -> None:
        """Do nothing: what was removed is gone, and what was kept was never removed."""

    @contextmanager
    def _held(self, *, alone: bool) -> Iterator[None]:
        """Hold all blobs while one is put or removed: many may put at once, and nobody while one is removed."""
        folder_made(self._root)
        with (self._root / "lock").open("ab") as file:
            fcntl.flock(file, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
            yield

    def _chunks(self, path: Path, digest: Digest) -> Generator[bytes]:
        found = hashlib.sha256()
        with disk_errors(f"Reading blob {digest}"), path.open("rb", buffering=0) as handle:
            if os.fstat(handle.fileno()).st_size > CHUNK_BYTES:
                if hashlib.file_digest(handle, hashlib.sha256).hexdigest() != digest:
                    self._quarantine(path, digest)
                handle.seek(0)
            held = handle.read(CHUNK_BYTES)
            found.update(held)
            while chunk := handle.read(CHUNK_BYTES):
                found.update(chunk)
                yield held
                held = chunk
        if found.hexdigest() != digest:
            self._quarantine(path, digest)
        yield held

    def _path(self, digest: str) -> Path:
        if not is_digest(digest):
            raise UsageError(f"{digest[:80]!r} is not a digest.", "A digest is 64 hexadecimal digits: a sha256.")
        return self._root / "sha256" / digest[:2] / digest[2:4] / digest[4:]

    def _holds(self, path: Path, content: bytes) -> bool:
        return path.is_file() and path.read_bytes() == content

    def _quarantine(self, path: Path, digest: str) -> None:
        folder = self._root / "quarantine"
        folder_made(folder)
        os.replace(path, folder / f"{digest}.{time.time_ns()}")
        raise IntegrityError(
            f"Blob {digest} is damaged: its bytes are not those that were stored.",
            f"It was moved to {folder.name}/; make it again, or restore it from a backup.",
            {"digest": digest},
        )

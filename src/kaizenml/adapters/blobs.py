"""Bytes in a folder, each under the sha256 of its content."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Generator, Iterable
from pathlib import Path

from kaizenml.adapters.durable import disk_errors, folder_made, replaced, synced, written_from
from kaizenml.core.digest import Digest, digest_of_bytes, is_digest
from kaizenml.core.stores import CHUNK_BYTES
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
        with disk_errors(f"Keeping blob {digest}"):
            if self._holds(path, content):
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
            with disk_errors(f"Keeping blob {found}"):
                folder_made(path.parent)
                os.replace(temporary, path)
                synced(path.parent)
        finally:
            temporary.unlink(missing_ok=True)
        return Digest(found)

    def open(self, digest: Digest) -> Generator[bytes]:
        """Return the content in chunks, the last of them only once all have been checked.

        Raises
        ------
        NotFoundError
            When it is not kept here.
        IntegrityError
            In place of the last chunk, when the file is damaged; it is then in quarantine.
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

    def _chunks(self, path: Path, digest: Digest) -> Generator[bytes]:
        found = hashlib.sha256()
        with disk_errors(f"Reading blob {digest}"), path.open("rb", buffering=0) as handle:
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

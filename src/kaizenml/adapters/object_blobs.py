"""Bytes in a bucket, each under the sha256 of its content."""

from __future__ import annotations

import hashlib
import io
import logging
import time
from collections.abc import Collection, Generator, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from tempfile import SpooledTemporaryFile
from typing import IO

from kaizenml.adapters.durable import disk_errors
from kaizenml.adapters.object_store import PIECE_BYTES, ObjectStore, Seen, login
from kaizenml.adapters.object_uploads import give_up_old
from kaizenml.core.digest import Digest, digest_of_bytes, is_digest
from kaizenml.core.stores import CHUNK_BYTES, BlobLine
from kaizenml.errors import IntegrityError, KaizenError, NotFoundError, UnavailableError, UsageError

#: Damaged content gives way to this, which is what its digest says only of no content at all.
_NOTHING = b""
_MOST_TRIES = 5
_REMOVED = "removed/"
_log = logging.getLogger(__name__)


class BucketBlobs:
    """Blobs as objects ``sha256/aa/bb/…``, as a folder of blobs has files; safe for many writers at once.

    Parameters
    ----------
    store
        The objects below a place that is for blobs alone. Damaged ones are copied to its ``quarantine/``, and an object
        of no bytes takes their place: so the blob counts as missing, and a writer that mends it is never undone.
        Removed ones wait in its ``removed/``, since a store has no lock that would keep a writer from finding a blob
        here just before it is removed: who asks for one, or names one, brings it back (`settle`).
    """

    def __init__(self, store: ObjectStore) -> None:
        self._store = store
        self._has_cleared_up = False

    def put(self, content: bytes) -> Digest:
        """Keep the content durably; putting it again changes nothing, but mends a damaged object."""
        digest = digest_of_bytes(content)
        self._keep(digest, io.BytesIO(content), len(content))
        return digest

    def get(self, digest: Digest) -> bytes:
        """Return the content, checked against its digest.

        Raises
        ------
        NotFoundError
            When it is not kept here.
        IntegrityError
            When the object is damaged; it is then in quarantine, and the blob counts as missing.
        """
        seen, pieces = self._opened(digest)
        content = b"".join(pieces)
        self._check(seen, digest_of_bytes(content), digest)
        return content

    def has(self, digest: Digest) -> bool:
        """Say whether the content is kept here."""
        return self._found(digest) is not None

    def put_from(self, chunks: Iterable[bytes]) -> Digest:
        """Keep content that comes in chunks durably: all of it, or nothing when they raise.

        The digest names the object, so the chunks are collected on this machine before any is sent.

        Raises
        ------
        KaizenError
            When the disk of this machine, or the store, refuses.
        """
        doing, found = "Collecting what comes in chunks", hashlib.sha256()
        with _temporary(doing) as file:
            for chunk in chunks:
                found.update(chunk)
                with disk_errors(doing):
                    file.write(chunk)
            digest, size = Digest(found.hexdigest()), file.tell()
            self._keep(digest, file, size)
        return digest

    def open(self, digest: Digest) -> Generator[bytes]:
        """Return the content in chunks, the first of them only once all have been checked.

        What is large waits on this machine's disk until it is all here.

        Raises
        ------
        NotFoundError
            When it is not kept here.
        IntegrityError
            In place of the first chunk, when the object is damaged; it is then in quarantine.
        """
        seen, pieces = self._opened(digest)
        return self._chunks(seen, pieces, digest)

    def _opened(self, digest: Digest) -> tuple[Seen, Iterator[bytes]]:
        try:
            seen, pieces = self._store.get(_path(digest))
        except FileNotFoundError:
            if self._brought_back(digest) is None:
                raise NotFoundError("blob", digest) from None
            seen, pieces = self._store.get(_path(digest))
        if _is_given_up(seen, digest):
            raise NotFoundError("blob", digest)
        return seen, pieces

    def size(self, digest: Digest) -> int:
        """Return of how many bytes the content is, or raise `NotFoundError`."""
        seen = self._found(digest)
        if seen is None:
            raise NotFoundError("blob", digest)
        return seen.size

    def hold(self, digest: Digest) -> bool:
        """Say whether the content is kept here; what is removed meanwhile waits, and comes back when it is named."""
        return self.has(digest)

    def listed(self) -> Iterator[BlobLine]:
        """Return every blob, those that wait in ``removed/`` too."""
        waiting = self._waiting()
        for seen in self._store.listed("sha256/"):
            digest = seen.path.removeprefix("sha256/").replace("/", "")
            if is_digest(digest) and not _is_given_up(seen, digest):
                waiting.pop(digest, None)
                yield BlobLine(Digest(digest), seen.size, seen.changed)
        for digest, seen in waiting.items():
            yield BlobLine(Digest(digest), seen.size, seen.changed)

    def remove(self, digest: Digest, *, unless_put_since: datetime) -> bool:
        """Put a blob that nobody has put since a time where it waits to be deleted, and say whether it went there."""
        seen = self._store.find(_path(digest))
        if seen is None or _is_given_up(seen, digest) or seen.changed >= unless_put_since:
            return False
        self._store.copy(seen, f"{_REMOVED}{digest}")
        self._store.delete([seen.path])
        return True

    def settle(self, kept: Collection[Digest], *, since: datetime) -> None:
        """Bring back the removed blobs that are kept after all; delete the others that were removed before a time."""
        for digest, seen in self._waiting().items():
            if digest in kept:
                self._brought_back(Digest(digest))
            elif seen.changed < since:
                self._store.delete([seen.path])

    def _waiting(self) -> dict[str, Seen]:
        return {seen.path.removeprefix(_REMOVED): seen for seen in self._store.listed(_REMOVED)}

    def _brought_back(self, digest: Digest) -> Seen | None:
        seen = self._store.find(f"{_REMOVED}{digest}")
        if seen is not None:
            self._store.copy(seen, _path(digest))
        return seen

    def _found(self, digest: Digest) -> Seen | None:
        seen = self._store.find(_path(digest)) or self._brought_back(digest)
        return None if seen is None or _is_given_up(seen, digest) else seen

    def _chunks(self, seen: Seen, pieces: Iterator[bytes], digest: Digest) -> Generator[bytes]:
        found, doing = hashlib.sha256(), f"Collecting blob {digest}"
        with _temporary(doing, in_memory=PIECE_BYTES) as file:
            for piece in pieces:
                found.update(piece)
                with disk_errors(doing):
                    file.write(piece)
            self._check(seen, found.hexdigest(), digest)
            file.seek(0)
            yield file.read(CHUNK_BYTES)
            while chunk := file.read(CHUNK_BYTES):
                yield chunk

    def _check(self, seen: Seen, found: str, digest: Digest) -> None:
        if found != digest:
            self._quarantine(seen, digest)

    def _keep(self, digest: Digest, file: IO[bytes], size: int) -> None:
        """Send the content, unless it is there and whole."""
        path = _path(digest)
        for _ in range(_MOST_TRIES):
            seen = self._store.find(path)
            if seen and seen.size == size and self._digest(seen) == digest:
                return
            if seen and not _is_given_up(seen, digest):
                self._set_aside(seen, digest)
            file.seek(0)
            if self._sent(path, seen, file, size):
                return
        raise UnavailableError(f"Blob {digest} is written by too many at once.", "Try again.")

    def _sent(self, path: str, seen: Seen | None, file: IO[bytes], size: int) -> bool:
        """Send the content; False when another writer was faster, whose object is to be looked at."""
        if size > PIECE_BYTES:
            self._clear_up()
            self._store.upload(path, file, size)  # whoever writes here writes the same bytes, and they appear at once
            return True
        content = file.read()
        return self._store.exchange(seen, content) if seen else self._store.create(path, content)

    def _digest(self, seen: Seen) -> str:
        found = hashlib.sha256()
        try:
            for piece in self._store.get(seen.path)[1]:
                found.update(piece)
        except FileNotFoundError:
            return ""
        return found.hexdigest()

    def _quarantine(self, seen: Seen, digest: Digest) -> None:
        if self._digest(seen) == digest:  # what is stored is whole, so it was damaged on its way here
            raise UnavailableError(f"Blob {digest} did not arrive as it is stored.", "Try again; check the network.")
        self._set_aside(seen, digest)
        self._store.exchange(seen, _NOTHING)
        raise IntegrityError(
            f"Blob {digest} is damaged: its bytes are not those that were stored.",
            "It was moved to quarantine/; make it again, or restore it from a backup.",
            {"digest": digest},
        )

    def _set_aside(self, seen: Seen, digest: Digest) -> None:
        self._store.copy(seen, f"quarantine/{digest}.{time.time_ns()}")

    def _clear_up(self) -> None:
        """Give up uploads that others have begun and never ended, once in the life of this process."""
        if self._has_cleared_up:
            return
        self._has_cleared_up = True
        try:
            give_up_old(self._store.place, login(), datetime.now(UTC))
        except KaizenError as error:
            _log.info("Uploads that were never ended may be left in the store: %s", error.message)


def _path(digest: str) -> str:
    if not is_digest(digest):
        raise UsageError(f"{digest[:80]!r} is not a digest.", "A digest is 64 hexadecimal digits: a sha256.")
    return f"sha256/{digest[:2]}/{digest[2:4]}/{digest[4:]}"


def _is_given_up(seen: Seen, digest: str) -> bool:
    return seen.size == 0 and digest != digest_of_bytes(_NOTHING)


@contextmanager
def _temporary(doing: str, *, in_memory: int = 1) -> Iterator[IO[bytes]]:
    """Give a file that is gone at the end of the block, or of the process; small ones are in memory alone."""
    with ExitStack() as held:
        with disk_errors(doing):
            file = held.enter_context(SpooledTemporaryFile(in_memory, prefix="kaizen-blob-"))
        yield file

"""The journal of a run: everything that is logged, one frame after another, in a file that only grows.

A frame is its length, its checksum and its content. What was written wholly is read again; a frame that was being
written when the process died ends the journal. Reading never depends on where the reader began, as long as it is
where a frame begins, so that pieces of a journal can be sent, and sent again.
"""

from __future__ import annotations

import fcntl
import os
import struct
import threading
import zlib
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from kaizenml.core.digest import Digest
from kaizenml.core.run import Run, RunState
from kaizenml.errors import IntegrityError, KaizenError

_HEADER = struct.Struct("<II")
#: No frame is larger: what is large belongs into an artefact.
MOST_FRAME_BYTES = 16_000_000


class Entry(msgspec.Struct, frozen=True, array_like=True, tag=True):
    """One thing that was logged."""


class Started(Entry, frozen=True):
    """The run began, as it was then."""

    run: Run


class Points(Entry, frozen=True):
    """Values of metrics at a step; ``at`` in microseconds since 1970 (UTC)."""

    at: int
    step: int
    values: dict[str, float]


class Words(Entry, frozen=True):
    """Parameters and tags."""

    parameters: dict[str, Any]
    tags: dict[str, str]


class Kept(Entry, frozen=True):
    """An artefact: its path and the blob that has it."""

    path: str
    digest: Digest


class Read(Entry, frozen=True):
    """A data set that was read: its name and digest."""

    name: str
    digest: str


class Wrote(Entry, frozen=True):
    """What the console had at the end: the blob, how much was written, and how much of it was left out."""

    content: Digest
    written: int
    left_out: int


class Ended(Entry, frozen=True):
    """The run is over."""

    state: RunState
    at: datetime
    error: str = ""
    hint: str = ""


Logged = Started | Points | Words | Kept | Read | Wrote | Ended
_decoder = msgspec.msgpack.Decoder(Logged)
_encode = msgspec.msgpack.Encoder().encode


def framed(entry: Entry) -> bytes:
    """Return an entry as a frame."""
    content = _encode(entry)
    return _HEADER.pack(len(content), zlib.crc32(content)) + content


def entries(content: bytes) -> tuple[list[Logged], int]:
    """Return the whole entries at the beginning of the bytes, and how many bytes they take.

    A frame that is cut off, or whose checksum is wrong, ends them.

    Raises
    ------
    IntegrityError
        When a frame is whole but holds no entry: another version of this package wrote it.
    """
    found: list[Logged] = []
    at, size = 0, len(content)
    unpack, header = _HEADER.unpack_from, _HEADER.size
    while at + header <= size:
        length, checksum = unpack(content, at)
        end = at + header + length
        if length > MOST_FRAME_BYTES or end > size:
            break
        frame = content[at + header : end]
        if zlib.crc32(frame) != checksum:
            break
        try:
            found.append(_decoder.decode(frame))
        except msgspec.DecodeError as error:
            raise IntegrityError(
                f"A journal holds what is not understood: {error}.", "Install the kaizenml that wrote it."
            ) from error
        at = end
    return found, at


class Journal:
    """The journal of one run, open to write; any thread, and any process that was forked from this one, may write.

    `append` returns once the operating system has the bytes: from then on a killed process loses nothing. `flush`
    returns once the disk has them: from then on a power loss does not, either.

    Parameters
    ----------
    folder
        Of this run alone. While it is open, ``alive`` in it is locked.
    """

    def __init__(self, folder: Path, *, waits: bool = True) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / "journal"
        self._alive = os.open(folder / "alive", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self._alive, fcntl.LOCK_EX | (0 if waits else fcntl.LOCK_NB))
        except OSError:
            os.close(self._alive)
            raise
        self._file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        self._lock = threading.Lock()

    def append(self, entry: Entry) -> None:
        """Write an entry.

        Raises
        ------
        KaizenError
            When the disk refuses; the journal is then as before.
        """
        content = _encode(entry)
        frame = _HEADER.pack(len(content), zlib.crc32(content)) + content
        with self._lock:
            try:
                written = os.write(self._file, frame)
            except OSError as error:
                raise _refused(error) from error
            if written != len(frame):
                self._cut(written)

    @property
    def size(self) -> int:
        """How many bytes were written."""
        return os.fstat(self._file).st_size

    def flush(self) -> None:
        """Return once everything that was written is on the disk."""
        try:
            os.fsync(self._file)
        except OSError as error:
            raise _refused(error) from error

    def close(self) -> None:
        """Close the file and let go of the lock."""
        with self._lock:
            file, self._file, alive, self._alive = self._file, -1, self._alive, -1
        os.close(file)
        os.close(alive)

    def forget_lock(self) -> None:
        """Called in a process that was forked: only the first one keeps the run alive."""
        self._lock = threading.Lock()
        if self._alive >= 0:
            os.close(self._alive)
            self._alive = -1

    def _cut(self, written: int) -> None:
        size = os.fstat(self._file).st_size
        os.ftruncate(self._file, size - written)
        raise _refused(OSError(28, "no space is left"))


def take_over(folder: Path) -> Journal | None:
    """Open the journal of a process that has died; None while it lives, or when somebody else has taken it over.

    What it was writing when it died is cut off.
    """
    try:
        journal = Journal(folder, waits=False)
    except BlockingIOError:
        return None
    size = whole_bytes(journal.path)
    if journal.path.stat().st_size > size:
        os.truncate(journal.path, size)
    return journal


def whole_bytes(path: Path) -> int:
    """Return how many bytes of a journal are whole frames."""
    at = 0
    with path.open("rb") as file:
        while True:
            header = file.read(_HEADER.size)
            if len(header) < _HEADER.size:
                return at
            length, checksum = _HEADER.unpack(header)
            content = file.read(length) if length <= MOST_FRAME_BYTES else b""
            if len(content) < length or zlib.crc32(content) != checksum:
                return at
            at += _HEADER.size + length


def piece(path: Path, start: int, most: int) -> bytes:
    """Return whole frames of a journal from a place on: about so many bytes, but one frame at the least."""
    with path.open("rb") as file:
        file.seek(start)
        content = file.read(most)
        end = _measured(content)
        if not end and len(content) >= _HEADER.size:
            length, _ = _HEADER.unpack_from(content)
            if length <= MOST_FRAME_BYTES:
                file.seek(start)
                content = file.read(_HEADER.size + length)
                end = _measured(content)
    return content[:end]


def _measured(content: bytes) -> int:
    """Return how many of the bytes are whole frames, going by their lengths."""
    at = 0
    while at + _HEADER.size <= len(content):
        length, _ = _HEADER.unpack_from(content, at)
        if length > MOST_FRAME_BYTES or at + _HEADER.size + length > len(content):
            break
        at += _HEADER.size + length
    return at


def _refused(error: OSError) -> KaizenError:
    return KaizenError(
        f"The journal of the run cannot be written: {error.strerror or error}.",
        "Check the disk: space, permissions, health. What was logged before is kept.",
    )

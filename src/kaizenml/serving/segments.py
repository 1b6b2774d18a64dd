"""Segments of the prediction log on disk: their names, how they are closed, how they are read.

A segment is ``predictions-<time>-<pid>.open`` (or ``feedback-…``) while its process writes to it, holding a lock on it,
and ``….ndjson`` from then on. A collector loads closed segments in order and deletes them.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from kaizenml.core.prediction import Answered, Feedback
from kaizenml.errors import IntegrityError

OPEN, CLOSED = ".open", ".ndjson"
PREDICTIONS, FEEDBACK = "predictions", "feedback"

_DECODERS: dict[str, msgspec.json.Decoder[Answered] | msgspec.json.Decoder[Feedback]] = {
    PREDICTIONS: msgspec.json.Decoder(Answered),
    FEEDBACK: msgspec.json.Decoder(Feedback),
}


def segment_name(kind: str, time_ns: int, pid: int) -> str:
    """Return the name of a segment that is being written; names sort by time."""
    return f"{kind}-{time_ns:020d}-{pid}{OPEN}"


def closed_segments(folder: Path) -> list[Path]:
    """Return the segments that nobody writes to any more, oldest first."""
    found = (path for path in folder.glob(f"*{CLOSED}") if path.name.partition("-")[0] in _DECODERS)
    return sorted(found, key=lambda path: (path.name.split("-")[1], path.name))


def read_segment(path: Path) -> list[Answered | Feedback]:
    """Return what a segment holds, in the order in which it was written.

    Raises
    ------
    IntegrityError
        When a line is not what was written.
    """
    decoder = _DECODERS[path.name.partition("-")[0]]
    return [_read_line(path, number, line, decoder) for number, line in enumerate(path.read_bytes().splitlines(), 1)]


def lines_so_far(folder: Path, kind: str) -> Iterator[bytes]:
    """Yield the whole lines of the segments of a kind, oldest first: closed, or open still.

    Nothing is closed, collected or checked. What is collected meanwhile may be missing.
    """
    found = [path for path in folder.glob(f"{kind}-*") if path.suffix in (OPEN, CLOSED)] if folder.is_dir() else []
    for path in sorted(found, key=lambda path: path.name):
        for known in (path, path.with_suffix(CLOSED)):  # an open one may be closed meanwhile
            try:
                content = known.read_bytes()
            except FileNotFoundError:
                continue
            yield from content[: content.rfind(b"\n") + 1].splitlines()
            break


def _read_line(
    path: Path, number: int, line: bytes, decoder: msgspec.json.Decoder[Answered] | msgspec.json.Decoder[Feedback]
) -> Answered | Feedback:
    try:
        return decoder.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise IntegrityError(
            f"Line {number} of {path.name} cannot be read: {error}.",
            "Move the file aside to go on without it; its other lines may be good.",
            {"file": str(path), "line": number},
        ) from None


def close_leftovers(folder: Path) -> list[Path]:
    """Close the segments of processes that died, and return them as they are called now.

    A last line without its newline was never acknowledged, and is dropped.
    """
    closed = []
    for path in sorted(folder.glob(f"*{OPEN}")):
        with _locked(path) as descriptor:
            if descriptor is not None:
                _drop_torn_line(descriptor)
                closed.append(close_segment(path, descriptor))
    return closed


def close_segment(path: Path, descriptor: int) -> Path:
    """Make a segment's bytes and its closed name durable."""
    os.fdatasync(descriptor)
    target = path.with_suffix(CLOSED)
    path.rename(target)
    sync_folder(path.parent)
    return target


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def lock(descriptor: int) -> bool:
    """Say whether this process now holds the segment; a lock ends with its process, however that ends."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextmanager
def _locked(path: Path) -> Iterator[int | None]:
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:  # its writer closed it meanwhile
        yield None
        return
    try:
        yield descriptor if lock(descriptor) and path.exists() else None
    finally:
        os.close(descriptor)


def _drop_torn_line(descriptor: int) -> None:
    size = os.fstat(descriptor).st_size
    end = size
    while end > 0:
        start = max(0, end - 65536)
        newline = os.pread(descriptor, end - start, start).rfind(b"\n")
        if newline >= 0:
            end = start + newline + 1
            break
        end = start
    if end != size:
        os.ftruncate(descriptor, end)

"""One segment at a time, written line by line."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path

from kaizenml.serving import segments


@dataclass(slots=True)
class OpenSegment:
    """A segment that this process writes to, and holds a lock on."""

    path: Path
    descriptor: int
    opened: float
    size_bytes: int = 0

    def append(self, lines: bytes) -> None:
        """Append whole lines with one write; a write that falls short is undone, and raises `OSError`."""
        written = os.write(self.descriptor, lines)
        if written != len(lines):
            os.ftruncate(self.descriptor, self.size_bytes)
            raise OSError(f"only {written} of {len(lines)} bytes fit")
        self.size_bytes += written

    def close(self) -> None:
        """Make it durable under its closed name."""
        try:
            segments.close_segment(self.path, self.descriptor)
        finally:
            os.close(self.descriptor)


class SegmentWriter:
    """Appends to a segment, and starts another when that one is old or large. Used by one thread at a time.

    Parameters
    ----------
    folder
        Where segments lie.
    kind
        ``predictions`` or ``feedback``.
    most_seconds, most_bytes
        The age and size at which a segment is due to be closed.
    """

    def __init__(self, folder: Path, kind: str, most_seconds: float, most_bytes: int) -> None:
        self._folder, self._kind = folder, kind
        self._most_seconds, self._most_bytes = most_seconds, most_bytes
        self._segment: OpenSegment | None = None
        self._due: list[OpenSegment] = []

    def append(self, lines: bytes) -> None:
        """Append whole lines: they outlive this process from here on, though not yet the machine."""
        segment = self._segment or self._open()
        segment.append(lines)
        if segment.size_bytes >= self._most_bytes:
            self._retire()

    def append_durably(self, lines: bytes) -> None:
        """Append whole lines so that they outlive the machine, too."""
        is_new = self._segment is None
        segment = self._segment or self._open()
        segment.append(lines)
        try:
            os.fdatasync(segment.descriptor)
            if is_new:
                segments.sync_folder(self._folder)
        except OSError:  # what is on the disk is unknown from here on: never acknowledge through this file again
            self._retire()
            raise

    def due(self, now: float) -> list[OpenSegment]:
        """Hand over the segments that should be closed at this monotonic time; the caller closes them."""
        if self._segment and now - self._segment.opened >= self._most_seconds:
            self._retire()
        due, self._due = self._due, []
        return due

    def _open(self) -> OpenSegment:
        while True:
            path = self._folder / segments.segment_name(self._kind, time.time_ns(), os.getpid())
            flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
            descriptor = os.open(path, flags, 0o600)
            if segments.lock(descriptor) and path.exists():  # else another process's start-up took it for a leftover
                self._segment = OpenSegment(path, descriptor, time.monotonic())
                return self._segment
            os.close(descriptor)

    def _retire(self) -> None:
        if self._segment:
            self._due.append(self._segment)
            self._segment = None

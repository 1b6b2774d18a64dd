"""Where raw rows come from, and what was found there."""

from __future__ import annotations

from dataclasses import dataclass

from kaizenml.core.digest import Digest


@dataclass(frozen=True, slots=True)
class FilesSource:
    """Files that match any of these patterns, such as ``data/*.csv``, seen from the project's folder."""

    patterns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RawFile:
    """A file as it was found: its path seen from the project's folder, its size, its content's digest."""

    path: str
    size_bytes: int
    digest: Digest

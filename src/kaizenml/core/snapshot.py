"""One immutable version of a data set."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from kaizenml.core.digest import Digest


@dataclass(frozen=True, slots=True)
class RawFile:
    """One file of a source: where it is (relative to the project), what is in it."""

    path: str
    size_bytes: int
    digest: Digest


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One immutable version of a data set: table version, digest, and what it passed.

    ``rows`` counts the good ones that ``version`` of ``table`` holds; ``quarantined`` those kept aside.
    ``oldest`` and ``newest`` bound the event times, where the project has a time column.
    """

    project: str
    number: int
    table: str
    version: int
    digest: Digest
    rows: int
    quarantined: int
    files: tuple[RawFile, ...]
    plan: Digest
    contract: Digest
    created_at: datetime
    oldest: datetime | None = None
    newest: datetime | None = None

    @property
    def name(self) -> str:
        """How people call it: ``flights@3``."""
        return f"{self.project}@{self.number}"

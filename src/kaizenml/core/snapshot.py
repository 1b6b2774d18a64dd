"""One immutable version of a data set."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from kaizenml.core.digest import Digest
from kaizenml.core.source import RawFile


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One immutable version of a data set: table version, digest, and what it passed.

    ``version`` of ``table`` holds the raw rows; ``pins`` the versions of the other tables it was made from (answered
    predictions and their labels). ``digest`` is that of the good rows; ``quarantined`` counts those kept aside.
    ``labels`` says what became of the labels that people gave (`loop/label_joining.py`). ``oldest`` and ``newest``
    bound the event times, where the project has a time column.
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
    pins: Mapping[str, int] = field(default_factory=dict)
    live_rows: int = 0
    labels: Mapping[str, int] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """How people call it: ``flights@3``."""
        return f"{self.project}@{self.number}"

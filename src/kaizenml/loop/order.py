"""What a run is asked to do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from kaizenml.core.job import Job


@dataclass(frozen=True, slots=True)
class Order:
    """What a run was asked to do, and by whom. ``job`` is the queue's, which a worker must still hold at the end."""

    id: str
    author: str
    parameters: Mapping[str, object]
    cause: int | None = None
    job: Job | None = None

"""Answered rows, and the truth that arrives later."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from kaizenml.core.signature import Cell


@dataclass(frozen=True, slots=True)
class Answered:
    """One request as the log keeps it: rows as received, and what a release said of them.

    ``role`` says what the answer was for: ``answer`` went to the caller, ``shadow`` was only kept to compare.
    ``at`` is when the data plane answered; ``data_at`` the time on the data's clock. ``beside`` is the other release
    that was to score the same rows: empty where none was, or where it was not loaded yet.
    """

    at: datetime
    data_at: datetime
    endpoint: str
    release: str
    role: str
    ids: tuple[str, ...]
    rows: tuple[Mapping[str, Cell], ...]
    values: tuple[Cell, ...]
    probabilities: tuple[tuple[float, ...], ...]
    seconds: float
    beside: str = ""


@dataclass(frozen=True, slots=True)
class Label:
    """The truth about one prediction, and when it became known."""

    id: str
    value: Cell
    at: datetime


@dataclass(frozen=True, slots=True)
class Feedback:
    """The labels of one request, as the log keeps them."""

    received_at: datetime
    endpoint: str
    labels: tuple[Label, ...]

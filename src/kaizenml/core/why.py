"""What made one prediction, as far as it can be told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from kaizenml.core.approval import Approval
from kaizenml.core.gate import Check


@dataclass(frozen=True, slots=True)
class Change:
    """What one step of the preparation made of one column; ``before`` is None for a column that was not there."""

    column: str
    before: Any
    after: Any
    how: str


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the preparation, with all that it changed; what is not named it left as it was."""

    name: str
    changes: tuple[Change, ...]


@dataclass(frozen=True, slots=True)
class Contribution:
    """What one column adds to the score, and its standard error: 0 where nothing was drawn at random."""

    column: str
    value: Any
    adds: float
    error: float = 0.0


@dataclass(frozen=True, slots=True)
class Attribution:
    """A score, shared out among the columns: ``base`` and what all of them add is ``score``.

    Parameters
    ----------
    method
        ``linear``, ``trees``, ``shapley`` or ``shapley, sampled``; ``source`` says in words what that is.
    of
        What is shared out, such as ``probability of yes``.
    background
        The rows that the row is held against, and how many they are.
    contributions
        Largest first, whatever their sign.
    """

    method: str
    source: str
    of: str
    base: float
    score: float
    background: str
    contributions: tuple[Contribution, ...]


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A training row near the one asked about: how far, what it is called, its truth, its columns as the model's."""

    distance: float
    id: Any
    target: Any
    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Maker:
    """What stood behind the answer: the release and all that it came of, who let it go out, and on what evidence."""

    release: str
    state: str
    digest: str
    author: str
    model: str = ""
    run: str = ""
    snapshot: str = ""
    commit: str = ""
    is_dirty: bool = False
    code: str = ""
    approved_by: str = ""
    approved_at: datetime | None = None
    approvals: tuple[Approval, ...] = ()
    evidence: tuple[Check, ...] = ()
    overridden_by: str = ""
    overridden_because: str = ""


@dataclass(frozen=True, slots=True)
class Why:
    """What made one prediction.

    Parameters
    ----------
    answers
        How often a row of this id was answered or scored in the shadow; this is the newest answer unless one was named.
    raw
        The row as it was asked.
    again
        By how much the release, asked again now, differs from what it answered; None where it could not be asked.
    missing
        What could not be told, and why.
    """

    prediction: str
    at: datetime
    data_at: datetime
    role: str
    answers: int
    raw: Mapping[str, Any]
    value: Any
    probabilities: Mapping[str, float]
    made_by: Maker
    label: Any = None
    label_at: datetime | None = None
    steps: tuple[Step, ...] = ()
    features: Mapping[str, Any] = field(default_factory=dict)
    again: float | None = None
    attribution: Attribution | None = None
    nearest: tuple[Neighbour, ...] = ()
    distance: str = ""
    missing: Mapping[str, str] = field(default_factory=dict)

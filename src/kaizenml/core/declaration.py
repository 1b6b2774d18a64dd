"""What a project declares, as plain values that the control plane can read without running the project."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from kaizenml.core import gate as gates
from kaizenml.core import monitor as watches
from kaizenml.core.approval import Review


@dataclass(frozen=True, slots=True)
class Delivery:
    """How a release reaches its users: canary steps in percent, and who approves.

    A canary step is left only after ``requests`` that the challenger answered in it. ``protected`` are aliases of its
    models, and stages, that move only with an approval, besides those that the home protects.
    """

    canary: tuple[int, ...] = (5, 25, 100)
    is_automatic: bool = True
    requests: int = 100
    review: Review = field(default_factory=Review)
    protected: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Retraining:
    """When a model may be trained anew by itself: at most ``most`` times in ``per_days``, ``cooldown_days`` apart."""

    cooldown_days: float = 14.0
    most: int = 6
    per_days: float = 90.0
    min_new_days: float = 7.0


@dataclass(frozen=True, slots=True)
class Polling:
    """How often the source is looked at for new rows, in seconds, and whether their arrival starts a run."""

    every_seconds: float
    runs: bool = False

    def turn(self, now: datetime) -> int:
        """Return the number of the interval that a time lies in, counted from 1970: one look is due in each."""
        return int(now.timestamp() // self.every_seconds)


@dataclass(frozen=True, slots=True)
class Declaration:
    """What `project.py` says, as values; ``gate`` and ``monitors`` as plain JSON, because a union has no other form."""

    project: str
    folder: str
    target: str
    id: str | None
    time: str | None
    gate: tuple[Mapping[str, object], ...]
    delivery: Delivery
    monitors: tuple[Mapping[str, object], ...]
    retraining: Retraining = Retraining()
    polling: Polling | None = None
    group: str | None = None

    @property
    def requirements(self) -> tuple[gates.Requirement, ...]:
        """What a model version must pass."""
        return tuple(gates.from_facts(facts) for facts in self.gate)

    @property
    def watched(self) -> tuple[watches.Monitor, ...]:
        """What is watched once a release serves."""
        return tuple(watches.from_facts(facts) for facts in self.monitors)

"""What a project declares, as plain values that the control plane can read without running the project."""

from __future__ import annotations

from dataclasses import dataclass

from kaizenml.core.gate import Requirement
from kaizenml.core.monitor import Monitor


@dataclass(frozen=True, slots=True)
class Delivery:
    """How a release reaches its users: canary steps in percent, and who approves.

    ``approval`` is ``policy`` (a release that its gate lets through is approved by the declared policy) or ``person``.
    """

    canary: tuple[int, ...] = (5, 25, 100)
    approval: str = "person"
    is_automatic: bool = True


@dataclass(frozen=True, slots=True)
class Retraining:
    """When a model may be trained anew by itself: at most ``most`` times in ``per_days``, ``cooldown_days`` apart."""

    cooldown_days: float = 14.0
    most: int = 6
    per_days: float = 90.0
    min_new_days: float = 7.0


@dataclass(frozen=True, slots=True)
class Declaration:
    """What `project.py` says, as values."""

    project: str
    folder: str
    target: str
    id: str | None
    time: str | None
    gate: tuple[Requirement, ...]
    delivery: Delivery
    monitors: tuple[Monitor, ...]
    retraining: Retraining = Retraining()

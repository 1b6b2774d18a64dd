"""A named part of a project's steps."""

from __future__ import annotations

from dataclasses import dataclass

#: The pipeline from the data to a gated release; every project has it.
TRAINING = "training"


@dataclass(frozen=True, slots=True)
class Pipeline:
    """What is run together: the steps that are wanted; what they need is run before."""

    name: str
    goals: tuple[str, ...]
